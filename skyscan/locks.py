"""Locks between processes, by the kernel, which releases them when their holder ends.

Some network file systems have no locks. A file there is locked by another one in this machine's
folder of temporary files, which other machines do not see.
"""

from __future__ import annotations

import errno
import fcntl
import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import IO

#: The folder of temporary files for all processes: TMPDIR may be a job's or a session's own.
MACHINES = Path("/tmp")  # noqa: S108  its files are opened with O_NOFOLLOW
#: What `flock` says on a file system that has no locks, or whose lock server is away.
NO_LOCKS = frozenset({errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS})


@contextmanager
def locked(
    path: Path, busy: Callable[[], None] | None = None, mode: str = "a"
) -> Iterator[None]:
    """Hold an exclusive lock on a file; wait for it if necessary.

    Parameters
    ----------
    path : Path
        The file; by default it is created if it is missing.
    busy : callable, optional
        Called if another process holds the lock, before this one waits; it may raise to stop
        waiting.
    mode : str
        How the file is opened. Some shared file systems require a file that is open for
        writing.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    with path.open(mode) as file:
        try:
            _lock(file, busy)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        else:
            yield
            return
        with _stand_in(file) as stand_in:
            _lock(stand_in, busy)
            yield


def _lock(file: IO[str] | IO[bytes], busy: Callable[[], None] | None) -> None:
    if busy is not None and not _lock_now(file):
        busy()
    fcntl.flock(file, fcntl.LOCK_EX)


def _lock_now(file: IO[str] | IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _stand_in(file: IO[str] | IO[bytes]) -> IO[bytes]:
    """Open this machine's file that is locked in place of one without locks."""
    status = os.fstat(file.fileno())
    name = f"skyscan-{os.geteuid()}-{status.st_dev:x}-{status.st_ino:x}.lock"
    folder = MACHINES if os.access(MACHINES, os.W_OK) else Path(tempfile.gettempdir())
    # The folder is everyone's: no link of someone else is followed.
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    return os.fdopen(os.open(folder / name, flags, 0o600), "r+b")
