"""Open files that users name: a FIFO may have no beginning, and a device no end."""

from __future__ import annotations

import errno
import os
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from io import BufferedReader
    from pathlib import Path
    from typing import TextIO

#: What an error of `open_regular` says.
NO_FILE = "it is a FIFO or a device, not a file"
NO_END = "it has no end"
_BLOCK = 1 << 20  # bytes


def open_regular(path: str | os.PathLike[str]) -> BufferedReader:
    """Open a file for reading, without waiting for it.

    Raises
    ------
    OSError
        It cannot be opened, or is a FIFO, a device, a socket or a folder, or has no end.
    ValueError
        No file can have this name.
    """
    file = open(path, "rb", opener=_without_waiting)  # noqa: SIM115  (Path has no opener)
    status = os.fstat(file.fileno())
    mode = status.st_mode
    if not S_ISREG(mode):
        file.close()
        code = errno.EISDIR if S_ISDIR(mode) else errno.EINVAL
        raise OSError(code, os.strerror(code) if S_ISDIR(mode) else NO_FILE, os.fspath(path))
    if not status.st_size:
        _check_end(file)
    return file


def _check_end(file: BufferedReader) -> None:
    """Refuse a file of /proc that has no end, such as kmsg: it has a next line later."""
    try:
        os.pread(file.fileno(), 1, 0)
    except OSError as error:
        file.close()
        if error.errno in (errno.EAGAIN, errno.ESPIPE):
            raise OSError(errno.EINVAL, NO_END, file.name) from error
        raise


def read_regular(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the content of a file that has no more than ``most`` bytes.

    Raises
    ------
    OSError, ValueError
        As `open_regular`; or the file is larger.
    """
    with open_regular(path) as file:
        _check_size(file, most)
        content = bytearray()
        while block := file.read(_BLOCK):  # files of /proc do not say their size
            content += block
            if len(content) > most:
                raise _too_large(path, most)
    return bytes(content)


def open_to_append(path: Path) -> TextIO:
    """Open a log to add text; a link in its place is replaced, not followed.

    Raises
    ------
    OSError
        It cannot be opened.
    """
    if path.is_symlink():
        path.unlink()
    return open(path, "a", encoding="utf-8", opener=_without_links)


def read_tail(path: str | os.PathLike[str], most: int = 64 * 1024**2) -> str:
    """Return the last ``most`` bytes of a log, or all if it has fewer, as text.

    Raises
    ------
    OSError, ValueError
        As `open_regular`.
    """
    with open_regular(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - most))
        return file.read(most).decode(errors="replace")


def check_size(path: str | os.PathLike[str], most: int) -> None:
    """Check that a file which another program reads is one, and how large it is.

    Raises
    ------
    OSError, ValueError
        As `read_regular`.
    """
    with open_regular(path) as file:
        _check_size(file, most)


def _check_size(file: BufferedReader, most: int) -> None:
    if os.fstat(file.fileno()).st_size > most:
        raise _too_large(file.name, most)


def _too_large(path: str | os.PathLike[str], most: int) -> OSError:
    return OSError(errno.EFBIG, f"it has more than {most} bytes", os.fspath(path))


def _without_waiting(path: str, flags: int) -> int:
    # Whoever opens a FIFO otherwise waits for its writer, and who opens a terminal may get it.
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _without_links(path: str, flags: int) -> int:
    # A FIFO without a reader is refused, too.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY, 0o666)
