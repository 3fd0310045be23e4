"""Locks between processes, by the kernel, which releases them when their holder ends."""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import IO


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
        The file cannot be opened, or its file system has no locks.
    """
    with path.open(mode) as file:
        if busy is not None and not _lock_now(file):
            busy()
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lock_now(file: IO[str] | IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
