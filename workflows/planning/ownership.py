"""Whose a scan folder is: planning writes only to folders of the user, and through no links.

In a folder of another user, a link in the place of a file or a folder would make planning
overwrite files of whoever plans there.
"""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISDIR, S_ISLNK
from typing import TYPE_CHECKING

from skyscan.errors import WrongUsage
from skyscan.storage import make_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Pegasus' own folder: planning does not write to it.
OF_OTHER_PROGRAMS = ("pegasus",)


def make_own(path: Path) -> None:
    """Create a scan folder, or check the one that is there.

    Raises
    ------
    WrongUsage
        As for `check_own`.
    """
    make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        check_own(path)


def check_own(path: Path) -> None:
    """Check that a scan folder, if it exists, is a folder of this user and has no links in it.

    The folders above it may be links, and may belong to others.

    Raises
    ------
    WrongUsage
        It is not, or it has.
    """
    try:
        state = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise WrongUsage(f"{error}. Choose another --output-dir.") from error
    if S_ISLNK(state.st_mode):
        raise WrongUsage(
            f"{path} is a symbolic link; give the folder that it points into as --output-dir, "
            f"or choose another one."
        )
    if not S_ISDIR(state.st_mode):
        raise WrongUsage(
            f"{path} is in the way: it is not a folder. Choose another --output-dir."
        )
    if state.st_uid != os.geteuid():
        raise _foreign(path, state.st_uid)
    for entry in _entries(path):
        if entry.is_symlink():
            raise WrongUsage(
                f"{entry.path} is a symbolic link, which planning does not write through. "
                f"Remove it, or choose another --output-dir."
            )
        owner = entry.stat(follow_symlinks=False).st_uid
        if entry.is_dir(follow_symlinks=False) and owner != os.geteuid():
            raise _foreign(Path(entry.path), owner)


def _foreign(path: Path, owner: int) -> WrongUsage:
    return WrongUsage(
        f"{path} belongs to another user (uid {owner}). You can read the scan there; to "
        f"plan one, choose another --output-dir."
    )


def _entries(path: Path) -> Iterator[os.DirEntry[str]]:
    """Yield all files and folders below a folder."""
    left = [str(path)]
    while left:
        with os.scandir(left.pop()) as entries:
            for entry in entries:
                yield entry
                is_folder = entry.is_dir(follow_symlinks=False)
                if is_folder and entry.name not in OF_OTHER_PROGRAMS:
                    left.append(entry.path)
