"""Open files that users name: a FIFO may have no beginning, and a device no end."""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BufferedReader

#: What an error of `open_regular` says.
NO_FILE = "it is a FIFO or a device, not a file"


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading, without waiting for it.

    Raises
    ------
    OSError
        It cannot be opened, or is a FIFO, a device, a socket or a folder.
    ValueError
        No file can have this name.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  (Path has no opener)
    mode = os.fstat(file.fileno()).st_mode
    if not S_ISREG(mode):
        file.close()
        code = errno.EISDIR if S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, os.strerror(code) if S_ISDIR(mode) else NO_FILE, os.fspath(path))
    return file


def _without_waiting(path: str, flags: int) -> int:
    # Whoever opens a FIFO otherwise waits for its writer, and who opens a terminal may get it.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
