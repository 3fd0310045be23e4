"""Forks of this process: whether it may have some, and a function that they compute."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Item = TypeVar("Item")
MOST_FORKS = 8
_LENGTH_BYTES = 8


def can_fork() -> bool:
    """Return whether this process has one thread; False if that is unknown.

    In a fork, a lock that another thread held would stay locked for ever.
    """
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208
    except OSError:
        return False


def in_forks(function: Callable[[Item], bytes], items: Sequence[Item]) -> Iterator[bytes]:
    """Return the results of a function in the order of its arguments, computed on many cores.

    The forks start at once; each computes the next result when the one before was taken. This
    process computes what a fork could not, so that exceptions are raised here.

    Parameters
    ----------
    function : callable
        Returns bytes, the same in any process.
    items : sequence
        Its arguments.
    """
    n_forks = min(len(os.sched_getaffinity(0)), MOST_FORKS, len(items))
    forks: list[_Fork] = []
    if n_forks > 1 and can_fork():
        with suppress(OSError):  # too many processes or open files
            forks.extend(_Fork(function, items[i::n_forks]) for i in range(n_forks))
    return _results(function, items, forks, n_forks)


def _results(
    function: Callable[[Item], bytes],
    items: Sequence[Item],
    forks: Sequence[_Fork],
    n_forks: int,
) -> Iterator[bytes]:
    try:
        for at, item in enumerate(items):
            result = forks[at % n_forks].take() if at % n_forks < len(forks) else None
            yield function(item) if result is None else result
    finally:
        for fork in forks:
            fork.end()


class _Fork:
    """A fork that writes the results of a function into a pipe, each after its length."""

    def __init__(self, function: Callable[[Item], bytes], items: Sequence[Item]) -> None:
        reading, writing = os.pipe()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(reading)
            os.close(writing)
            raise
        if self._pid == 0:
            os.close(reading)  # or it would wait for ever for this process, if that is killed
            _write_all(writing, function, items)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")

    def take(self) -> bytes | None:
        """Return the next result; None if the fork has ended without it."""
        start = self._pipe.read(_LENGTH_BYTES)
        if len(start) < _LENGTH_BYTES:
            return None
        length = int.from_bytes(start, "little")
        result = self._pipe.read(length)
        return result if len(result) == length else None

    def end(self) -> None:
        """End the process, whose further results nobody wants."""
        self._pipe.close()
        with suppress(OSError):  # its end was noticed elsewhere
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def _write_all(
    writing: int, function: Callable[[Item], bytes], items: Sequence[Item]
) -> NoReturn:
    """Write the results, and end this process: nothing else of the program may run in it."""
    with suppress(BaseException), os.fdopen(writing, "wb") as pipe:  # until nobody reads it
        for item in items:
            result = function(item)
            pipe.write(len(result).to_bytes(_LENGTH_BYTES, "little"))
            pipe.write(result)
    os._exit(0)
