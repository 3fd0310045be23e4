"""Only files and folders: whoever opens a FIFO waits forever, and a device has no end."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISBLK, S_ISCHR, S_ISFIFO
from typing import TYPE_CHECKING

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator


def check_regular(folder: Path) -> None:
    """Check that a scan or campaign folder has nothing in it that cannot be read as a file.

    Links to files and folders may be there; what a linked folder holds is not looked at.

    Raises
    ------
    BadInput
        There is a FIFO or a device, or a link to one.
    """
    for path in special_files(folder):
        raise BadInput(
            f"{path} is a FIFO or a device, where skyscan expects a file. Remove it, "
            f"then run `skyscan doctor {folder}`, which says what is missing."
        )


def special_files(folder: Path) -> Iterator[Path]:
    """Yield the FIFOs and devices; folders that cannot be read are skipped."""
    for here, folders, files in os.walk(folder):
        del folders
        for name in files:
            path = os.path.join(here, name)  # noqa: PTH118 a Path costs ten times as much
            if _is_special(path):
                yield Path(path)


def _is_special(path: str) -> bool:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 as above
    except OSError:
        return False  # a dangling link, or removed meanwhile
    return S_ISFIFO(mode) or S_ISCHR(mode) or S_ISBLK(mode)
