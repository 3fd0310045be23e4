"""A worker as a fork of its supervisor: it needs no second start of Python, and no imports.

Only a process with one thread is forked: a lock that another thread holds would stay locked in
the child forever. Libraries that start threads when they are imported therefore get a worker
that is a Python of its own (`skyscan.job.worker_process`).
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL = 0.01  # seconds
UNKNOWN = int(ExitCode.TRY_AGAIN)  # exit code of a process whose own is lost
#: Index of arg_start in /proc/self/stat after the name; arg_end follows (proc(5)).
_STAT_ARGUMENTS = 45


class Fork:
    """A child process that runs a function, with pipes to its stdin and stdout.

    It has the part of the interface of `subprocess.Popen` that a supervisor uses.

    Parameters
    ----------
    run : callable
        Returns the exit code of the child.
    name : sequence of str
        What `ps` shows in place of the last arguments of this process, from the first one that
        is ``instead_of``.
    """

    def __init__(self, run: Callable[[], int], instead_of: str, *name: str) -> None:
        # If it is ignored, as some parents leave it, no exit code can be read.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        requests, to_requests = os.pipe()
        from_answers, answers = os.pipe()
        _flush()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _become(run, (requests, answers), (to_requests, from_answers), instead_of, name)
        os.close(requests)
        os.close(answers)
        self.stdin = os.fdopen(to_requests, "wb", buffering=0)
        self.stdout = os.fdopen(from_answers, "rb", buffering=0)

    def kill(self) -> None:
        """Kill the process, unless its end is known."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit code, negative for a signal; wait for it.

        An exit code that was lost, such as to the handler of a signal, is `UNKNOWN`: not a
        success.

        Raises
        ------
        subprocess.TimeoutExpired
            The process has not ended within ``timeout`` seconds.
        """
        deadline = time.monotonic() + (timeout or 0.0)
        while self.returncode is None:
            try:
                pid, status = os.waitpid(self.pid, 0 if timeout is None else os.WNOHANG)
            except ChildProcessError:  # somebody else has read its exit code
                self.returncode = UNKNOWN
                break
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
            elif time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("worker", timeout or 0.0)
            else:
                time.sleep(_POLL)
        return self.returncode


def _become(
    run: Callable[[], int],
    ours: tuple[int, int],
    theirs: tuple[int, int],
    instead_of: str,
    name: tuple[str, ...],
) -> None:
    """Run the function in the child, and end it: nothing of the supervisor may run here."""
    code = 1
    try:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        for fd in theirs:  # with its own end of a pipe open, it would never see the other's end
            os.close(fd)
        for at, fd in enumerate(ours):
            if fd != at:  # as without a stdin
                os.dup2(fd, at)
                os.close(fd)
        with suppress(OSError, ValueError, IndexError):
            _rename(instead_of, name)
        code = run()
        _flush()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  as at the end of any Python
        traceback.print_exc()
    finally:
        os._exit(code)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as in a process that was started without
            stream.flush()


def _rename(instead_of: str, name: tuple[str, ...]) -> None:
    """Show other arguments in `ps`: they are where the process's own are in its memory."""
    words = Path("/proc/self/cmdline").read_bytes().split(b"\0")
    new = b"\0".join([*words[: words.index(os.fsencode(instead_of))], *map(os.fsencode, name)])
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    start, end = map(int, fields[_STAT_ARGUMENTS : _STAT_ARGUMENTS + 2])
    if len(new) < end - start:
        with open("/proc/self/mem", "r+b", buffering=0) as memory:  # noqa: PTH123
            memory.seek(start)
            memory.write(new.ljust(end - start, b"\0"))
