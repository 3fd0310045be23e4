"""The user's folders for data and caches, as the XDG specification has them."""

from __future__ import annotations

import errno
import os
import pwd
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from condor.errors import NoPlace

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Errors of a folder for which another one may do.
_OF_THE_PLACE = frozenset(
    (
        *(errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT),
        *(errno.EIO, errno.ESTALE, errno.ENOTDIR),
    )
)


def base_folder(variable: str, below_home: str) -> Path:
    """Return the folder that a variable names, or the one below the user's home.

    A path that is not absolute is ignored, as the specification demands: it would be another
    folder for each command that is run elsewhere.

    Raises
    ------
    NoPlace
        The variable has no folder, and the user has no home.
    """
    chosen = Path(os.environ.get(variable, ""))
    return chosen if chosen.is_absolute() else _home(variable) / below_home


def _home(variable: str) -> Path:
    home = Path(os.environ.get("HOME", ""))
    if home.is_absolute():
        return home
    try:
        return Path(pwd.getpwuid(os.geteuid()).pw_dir)
    except KeyError:
        raise NoPlace(f"You have no home folder here: set {variable} or HOME.") from None


@contextmanager
def explained(folder: Path, variable: str) -> Iterator[None]:
    """Say of an error of the file system what to do about a folder.

    Raises
    ------
    NoPlace
        The folder cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _OF_THE_PLACE:
            raise
        raise NoPlace(
            f"{folder} cannot be written: {error}. Free some space, or set {variable} to a "
            f"folder on a local disk."
        ) from error
