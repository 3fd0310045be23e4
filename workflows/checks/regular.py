"""Files where files belong: whoever opens a FIFO waits forever, and a device has no end."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISBLK, S_ISCHR, S_ISFIFO
from typing import TYPE_CHECKING

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator


#: How the names of files end that skyscan, or HTCondor for it, opens in a scan.
OF_FILES = (
    *(".json", ".npz", ".rec", ".frames", ".so", ".zip", ".sub", ".dag", ".sh", ".config"),
    *(".log", ".out", ".err", ".txt", ".html", ".fits"),
)
#: Folders of a round and of a scan.
IN_ROUNDS, IN_SCANS = ("batches", "results"), ("rounds", "startup")


def check_regular(folder: Path) -> None:
    """Check that a scan or campaign folder has nothing in it that cannot be read as a file.

    Links to files and folders may be there; what a linked folder holds is not looked at.

    Raises
    ------
    BadInput
        There is a FIFO or a device, or a link to one; or a folder in the place of a file,
        or the other way round.
    """
    for path in special_files(folder):
        raise BadInput(
            f"{path} is a {_kind(path)}. Remove it, "
            f"then run `skyscan doctor {folder}`, which says what is missing."
        )


def special_files(folder: Path) -> Iterator[Path]:
    """Yield FIFOs, devices, and folders in the place of files or the other way round."""
    for here, folders, files in os.walk(folder):
        is_round = os.path.basename(here).isdecimal()  # noqa: PTH119 as below
        of_folders = IN_ROUNDS if is_round else IN_SCANS if "scan.json" in files else ()
        for name in folders:
            if name.endswith(OF_FILES):
                yield Path(here, name)
        for name in files:
            if name in of_folders:
                yield Path(here, name)
            path = os.path.join(here, name)  # noqa: PTH118 a Path costs ten times as much
            if _is_special(path):
                yield Path(path)


def _kind(path: Path) -> str:
    if path.is_dir():
        return "folder, where skyscan expects a file"
    if path.is_file():
        return "file, where skyscan expects a folder"
    return "FIFO or a device, where skyscan expects a file"


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 as above
    except OSError:
        return False  # a dangling link, or removed meanwhile
    return S_ISFIFO(mode) or S_ISCHR(mode) or S_ISBLK(mode)
