"""The supervisor's side of the worker process: requests, answers and failures."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib import import_module
from typing import IO, TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput, ExitCode, TryAgain
from skyscan.forks import can_fork
from skyscan.job.fork import Fork
from skyscan.job.protocol import ANSWER, FITS, FRAMES, REQUEST
from skyscan.records import RECORD_DTYPE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SETUP_TIME = 900.0  # seconds a worker may take to set up
END_TIME = 10.0  # seconds a worker that closed its pipes may take to end


@dataclass(frozen=True)
class Chunk:
    """Pixels that go to the worker together, and the number of the attempt."""

    pixels: NDArray[np.void]
    attempt: int = 1


class FitFailed(Exception):
    """The worker raised, hung or died; the message is the reason for the record."""


class WorkerDied(FitFailed):
    """The worker's process ended by itself or by a signal."""


class WorkerProcess:
    """A worker process, set up, and the pipes to it.

    Attributes
    ----------
    frames : bytes
        The frames of the last answer, if the scan keeps them.

    Raises
    ------
    BadInput
        The reconstruction cannot be set up with this startup folder, on any machine.
    TryAgain
        It cannot be set up on this machine.
    """

    def __init__(self, startup_folder: Path) -> None:
        self.frames = b""
        self._process = _started("worker", str(startup_folder))
        try:
            self._receive(time.monotonic() + SETUP_TIME, "set-up takes too long")
        except FitFailed as failure:
            self.end()
            fatal = self._process.returncode in (ExitCode.BAD_INPUT, ExitCode.WRONG_USAGE)
            reason = f"The reconstruction cannot be set up: {failure}; see stderr above."
            raise (BadInput if fatal else TryAgain)(reason) from None
        except BaseException:  # SIGTERM: no other code knows this process yet
            self.end()
            raise

    def reconstruct(self, chunk: Chunk, max_pixel_time: float) -> NDArray[np.void]:
        """Fit one chunk in the worker.

        Raises
        ------
        FitFailed
            The fit raised, took too long, or killed the process. In the last two cases
            the worker cannot be used again.
        """
        request = REQUEST.pack(len(chunk.pixels), chunk.attempt) + chunk.pixels.tobytes()
        try:
            _pipe(self._process.stdin).write(request)
        except BrokenPipeError:
            raise WorkerDied(self._cause_of_end()) from None
        # A chunk has as much time as one pixel: if it takes longer, its pixels are tried again
        # one by one.
        deadline = time.monotonic() + max_pixel_time
        too_late = f"no result within {max_pixel_time:g} s"
        kind, content = self._receive(deadline, too_late)
        self.frames = b""
        if kind == FRAMES:
            self.frames = content
            kind, content = self._receive(deadline, too_late)
        if kind != FITS:
            raise FitFailed(content.decode(errors="replace"))
        return np.frombuffer(content, RECORD_DTYPE)

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        _pipe(self._process.stdin).close()
        _pipe(self._process.stdout).close()

    def _receive(self, deadline: float, too_late: str) -> tuple[bytes, bytes]:
        kind, size = ANSWER.unpack(self._read(ANSWER.size, deadline, too_late))
        return kind, self._read(size, deadline, too_late)

    def _read(self, size: int, deadline: float, too_late: str) -> bytes:
        answers = _pipe(self._process.stdout)
        parts = bytearray()
        while len(parts) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([answers], [], [], left)[0]:
                raise FitFailed(too_late)
            part = os.read(answers.fileno(), size - len(parts))
            if not part:
                raise WorkerDied(self._cause_of_end())
            parts += part
        return bytes(parts)

    def _cause_of_end(self) -> str:
        try:
            code = self._process.wait(END_TIME)
        except subprocess.TimeoutExpired:
            return "the process closed its output but did not end"
        if code < 0:
            named = -code in set(signal.Signals)  # most real-time signals have no name
            name = f" ({signal.Signals(-code).name})" if named else ""
            return f"the process was killed by signal {-code}{name}"
        return f"the process ended with exit code {code}"


def _started(*arguments: str) -> Fork | subprocess.Popen[bytes]:
    """Start ``python -m skyscan`` with arguments: as a fork of this process if it can be."""
    if can_fork():
        main = import_module("skyscan.__main__").main
        return Fork(lambda: int(main(arguments)), "reco", *arguments)
    command = [sys.executable, "-m", "skyscan", *arguments]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the worker has no pipes")
    return pipe
