"""Files where files belong: whoever opens a FIFO waits forever, and a device has no end.

Nearly so a sparse file that claims terabytes, which take no space on the disk.
"""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator


#: How the names of files end that skyscan, or HTCondor for it, opens in a scan.
OF_FILES = (
    *(".json", ".npz", ".rec", ".frames", ".so", ".zip", ".sub", ".dag", ".sh", ".config"),
    *(".log", ".out", ".err", ".txt", ".html", ".fits", ".csv", ".reg", ".lock"),
    *(".opened", ".opening", ".starts", ".tried", ".metrics"),
)
#: How the names of those end of which only as much is read as can be of use, or nothing.
READ_IN_PART = (".rec", ".frames", ".out", ".err", ".txt", ".html", ".i3", ".pdf", ".png")
MAX_BYTES = 2 * 1024**3  #: of any other file, which is read as a whole
#: Folders of a round and of a scan.
IN_ROUNDS, IN_SCANS = ("batches", "results"), ("rounds", "startup")


def check_regular(folder: Path) -> None:
    """Check that a scan or campaign folder has nothing in it that cannot be read as a file.

    Links to files and folders may be there; what a linked folder holds is not looked at.

    Raises
    ------
    BadInput
        There is a FIFO or a device, or a link to one; a folder in the place of a file, or the
        other way round; or a file that is far too large.
    """
    for path, what in special_files(folder):
        raise BadInput(
            f"{path} is a {what}. Remove it, "
            f"then run `skyscan doctor {folder}`, which says what is missing."
        )


def special_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield what cannot be read as a file, each with what it is."""
    for here, folders, files in os.walk(folder):
        is_round = os.path.basename(here).isdecimal()  # noqa: PTH119 as below
        of_folders = IN_ROUNDS if is_round else IN_SCANS if "scan.json" in files else ()
        for name in folders:
            if name.endswith(OF_FILES):
                yield Path(here, name), "folder, where skyscan expects a file"
        for name in files:
            if name in of_folders:
                yield Path(here, name), "file, where skyscan expects a folder"
            path = os.path.join(here, name)  # noqa: PTH118 a Path costs ten times as much
            if what := _fault(path):
                yield Path(path), what


def _fault(path: str) -> str:
    """Return why something that is no folder cannot be read; empty if it can."""
    try:
        state = os.stat(path)  # noqa: PTH116 as above
    except OSError:
        return ""  # a dangling link, or removed meanwhile
    if not S_ISREG(state.st_mode):
        return (
            "" if S_ISDIR(state.st_mode) else "FIFO or a device, where skyscan expects a file"
        )
    is_huge = state.st_size > MAX_BYTES and not path.endswith(READ_IN_PART)
    return f"file of {state.st_size} bytes, far more than it can have" if is_huge else ""
