"""Locks between processes, by the kernel: they end with their holder, however that ends."""

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
    """Hold a file that nobody else holds then; wait for it if need be.

    Parameters
    ----------
    path : Path
        The file; by default it is made if it is not there.
    busy : callable, optional
        Called when another process holds the file, before this one waits; what it raises
        is raised instead.
    mode : str
        How the file is opened. To be locked alone, some shared file systems want it open
        for writing.

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
