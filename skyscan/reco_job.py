"""The reco job: one batch, pixel after pixel, each result on disk as soon as it is there.

A supervising process that runs no physics writes the result file; the fits run in a
worker process (`skyscan.worker`). When a fit raises, hangs or takes its process down, its
pixel is tried once more in another process and then recorded as NaN with the reason.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NoReturn

import numpy as np

from skyscan.batches import Batch, read_batch
from skyscan.clock import access_point_time
from skyscan.errors import BadInput, ExitCode, TryAgain
from skyscan.job_ad import place_of_output
from skyscan.protocol import ANSWER, FITS, REQUEST
from skyscan.records import FIT_DTYPE, REASON_BYTES, RECORD_DTYPE, sign
from skyscan.recos import reco_class
from skyscan.results import ResultFile, ResultWriter, read_results, write_results
from skyscan.startup import check_files, read_startup

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from numpy.typing import NDArray

ATTEMPTS = 2
#: How often a job checkpoints since its worker died: that may be the machine's fault, and the
#: supervisor its next victim; but each checkpoint costs a new start of the job.
DEATHS = 3
SETUP_TIME = 900.0  # seconds a worker may take to set up
OBITUARY_TIME = 10.0  # seconds a worker that closed its pipes may take to end
PROGRESS_INTERVAL = 2.0  # seconds


@dataclass(frozen=True)
class Chunk:
    """Pixels that go to the worker together, and which attempt at them this is."""

    pixels: NDArray[np.void]
    attempt: int = 1


@dataclass(frozen=True)
class Limits:
    """When a job ends although pixels are left.

    Attributes
    ----------
    until : float or None
        The scan's deadline, seconds since 1970 by the access point's clock: then the process
        ends with ``ExitCode.INCOMPLETE`` and leaves what is done.
    checkpoint_interval : float or None
        Seconds from its start after which it ends with ``ExitCode.CHECKPOINT``, to be
        started again, as it does when its worker has died. None: it does neither.
    time_budget : float
        Seconds that the fits of the batch may take, those of earlier starts included; then it
        ends well, and what is left over is the next round's. 0: it does not.
    """

    until: float | None = None
    checkpoint_interval: float | None = None
    time_budget: float = 0.0


NO_LIMITS = Limits()


class FitFailed(Exception):
    """The worker raised, hung or died; the text is the reason for the record."""


class WorkerDied(FitFailed):
    """The worker's process ended by itself, or by somebody's signal."""


class Worker:
    """A worker process that has been set up, and the pipes to it.

    Raises
    ------
    BadInput
        The reconstruction cannot be set up with this startup folder, on any machine.
    TryAgain
        It cannot be set up on this machine.
    """

    def __init__(self, startup_folder: Path) -> None:
        command = [sys.executable, "-m", "skyscan", "worker", str(startup_folder)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        try:
            self._receive(time.monotonic() + SETUP_TIME, "not set up in time")
        except FitFailed as failure:
            self.end()
            fatal = self._process.returncode in (ExitCode.BAD_INPUT, ExitCode.WRONG_USAGE)
            reason = f"The reconstruction cannot be set up: {failure}; see stderr above."
            raise (BadInput if fatal else TryAgain)(reason) from None
        except BaseException:  # SIGTERM: nobody else knows this process yet
            self.end()
            raise

    def reconstruct(self, chunk: Chunk, max_pixel_time: float) -> NDArray[np.void]:
        """Have one chunk fitted.

        Raises
        ------
        FitFailed
            The fit raised, took too long, or killed the process. In the last two cases
            the worker is gone.
        """
        request = REQUEST.pack(len(chunk.pixels), chunk.attempt) + chunk.pixels.tobytes()
        try:
            _pipe(self._process.stdin).write(request)
        except BrokenPipeError:
            raise WorkerDied(self._obituary()) from None
        # The same for a chunk as for one pixel: the pixels of a chunk that takes longer are
        # tried again one by one.
        deadline = time.monotonic() + max_pixel_time
        kind, content = self._receive(deadline, f"no result within {max_pixel_time:g} s")
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
                raise WorkerDied(self._obituary())
            parts += part
        return bytes(parts)

    def _obituary(self) -> str:
        try:
            code = self._process.wait(OBITUARY_TIME)
        except subprocess.TimeoutExpired:
            return "the process stopped answering as it ended"
        if code < 0:
            named = -code in set(signal.Signals)  # few of the real-time ones are
            name = f" ({signal.Signals(-code).name})" if named else ""
            return f"the process died by signal {-code}{name}"
        return f"the process ended with exit code {code}"


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise ValueError("the worker was started without pipes")
    return pipe


def run_batch(
    startup_folder: Path,
    batch_path: Path,
    result_path: Path,
    max_pixel_time: float,
    *,
    limits: Limits = NO_LIMITS,
    earlier_path: Path | None = None,
) -> None:
    """Reconstruct what the result file lacks of a batch.

    Parameters
    ----------
    startup_folder, batch_path, result_path : Path
        What prep left, what to do, and where what is done goes.
    max_pixel_time : float
        Seconds after which a fit is taken to hang.
    limits : Limits
        When to end before all is done.
    earlier_path : Path, optional
        Result file of an earlier start of the job; what it has is not done again.

    Raises
    ------
    DamagedFile
        The startup folder or the batch is damaged.
    BadInput
        They are of two scans.
    TryAgain
        No worker comes up on this machine.
    """
    began = time.monotonic()
    startup, batch = read_startup(startup_folder), read_batch(batch_path)
    check_files(startup_folder, startup)
    if startup.scan_id != batch.scan_id:
        raise BadInput(f"{batch_path} and {startup_folder} are of different scans.")
    result = read_results(result_path, batch)
    if earlier_path is not None:
        result = result.joined(read_results(earlier_path, batch))
    write_results(result_path, batch, result.records)
    todo = result.missing(batch)
    reco = reco_class(startup.reco)(startup.format_version)
    chunk_size = reco.chunk_size
    signal.signal(signal.SIGTERM, _leave)
    signal.signal(signal.SIGINT, _leave)
    if limits.until is not None:
        signal.signal(signal.SIGALRM, _leave)
        signal.setitimer(signal.ITIMER_REAL, max(limits.until - access_point_time(), 1e-3))
    if len(todo):
        reco.fetch(startup_folder)
    chunks = deque(Chunk(todo[i : i + chunk_size]) for i in range(0, len(todo), chunk_size))
    checkpoints = Checkpoints(began, limits.checkpoint_interval, deaths_in(result, chunk_size))
    budget = Budget(began, limits.time_budget, float(result.records["run_time"].sum()))
    results = ResultWriter(result_path)
    done = len(batch.pixels) - len(todo)
    try:
        _Supervisor(
            startup_folder,
            results,
            max_pixel_time,
            chunks,
            batch,
            done,
            checkpoints,
            budget,
            place_of_output(),
        ).run()
    finally:
        results.close()


def deaths_in(result: ResultFile, chunk_size: int) -> int:
    """Return how many chunks of a batch needed a second attempt, about.

    It is read from the results, since they alone follow a job from machine to machine.
    """
    return -(-int(np.count_nonzero(result.records["attempt"] > 1)) // chunk_size)


@dataclass(frozen=True)
class Budget:
    """The time that a batch may take.

    Attributes
    ----------
    began : float
        When the job started, by the monotonic clock.
    seconds : float
        The budget; 0: there is none.
    spent : float
        Seconds that the fits of earlier starts took.
    """

    began: float
    seconds: float
    spent: float

    def is_spent(self) -> bool:
        """Tell whether what is not begun yet is to be left over."""
        taken = self.spent + time.monotonic() - self.began
        return bool(self.seconds) and taken >= self.seconds


@dataclass
class Checkpoints:
    """When a job leaves, so that HTCondor takes its results home and starts it again.

    Attributes
    ----------
    began : float
        When the job started, by the monotonic clock.
    interval : float or None
        Seconds; None means that it never leaves by itself.
    deaths : int
        How often its worker has died so far.
    """

    began: float
    interval: float | None
    deaths: int = 0
    is_due: bool = False

    def worker_died(self) -> None:
        """Have the job leave when the pixels that the worker had in hand are settled."""
        self.deaths += 1
        self.is_due = self.is_due or self.deaths <= DEATHS

    def leave_if_due(self) -> None:
        """End the process with `ExitCode.CHECKPOINT` if it is time to."""
        if self.interval is None:
            return
        if self.is_due or time.monotonic() - self.began >= self.interval:
            why = "a worker's death" if self.is_due else f"{self.interval:g} s"
            print(f"skyscan: checkpoint after {why}", file=sys.stderr, flush=True)
            raise SystemExit(int(ExitCode.CHECKPOINT))


@dataclass
class _Supervisor:
    startup_folder: Path
    results: ResultWriter
    max_pixel_time: float
    chunks: deque[Chunk]
    batch: Batch
    done: int
    checkpoints: Checkpoints
    budget: Budget
    output: Path | None
    worker: Worker | None = None
    last_progress: float = 0.0

    def run(self) -> None:
        try:
            self._tell(now=True)
            while self.chunks:
                self._fit(self.chunks.popleft())
                # Not between the tries of a pixel: the second one would be a first again.
                if self.chunks and self.chunks[0].attempt == 1:
                    if self.budget.is_spent():
                        break
                    self.checkpoints.leave_if_due()
            self._tell(now=True)
        finally:
            if self.worker is not None:
                self.worker.end()

    def _fit(self, chunk: Chunk) -> None:
        if self.worker is None:
            self.worker = Worker(self.startup_folder)
        began = time.monotonic()
        try:
            self._keep(self.worker.reconstruct(chunk, self.max_pixel_time))
        except FitFailed as failure:
            self.worker.end()
            self.worker = None
            if isinstance(failure, WorkerDied):
                self.checkpoints.worker_died()
            self._again(chunk, str(failure), time.monotonic() - began)

    def _again(self, chunk: Chunk, reason: str, took: float) -> None:
        """Give each pixel of a failed chunk another process of its own, or up."""
        print(
            f"skyscan: {len(chunk.pixels)} pixels, attempt {chunk.attempt}: {reason}",
            file=sys.stderr,
            flush=True,
        )
        if chunk.attempt < ATTEMPTS:
            single = (chunk.pixels[i : i + 1] for i in range(len(chunk.pixels)))
            self.chunks.extendleft(Chunk(pixel, chunk.attempt + 1) for pixel in single)
        else:
            self._keep(failed_records(chunk, reason, took))

    def _keep(self, records: NDArray[np.void]) -> None:
        self.results.append(sign(records))
        self.done += len(records)
        self._tell()

    def _tell(self, *, now: bool = False) -> None:
        if now or time.monotonic() - self.last_progress > PROGRESS_INTERVAL:
            self.last_progress = time.monotonic()
            line = progress_line(self.done, len(self.batch.pixels))
            print(line, flush=True)
            if self.output is not None:
                with suppress(OSError), self.output.open("a") as file:
                    file.write(f"{line}\n")


def failed_records(chunk: Chunk, reason: str, took: float) -> NDArray[np.void]:
    """Return the records of pixels that no fit was found for: NaN, with the reason."""
    records = np.zeros(len(chunk.pixels), RECORD_DTYPE)
    for name in ("nside", "pixel", "variation"):
        records[name] = chunk.pixels[name]
    for name in FIT_DTYPE.names or ():
        records[name] = np.nan
    records["run_time"] = took
    records["attempt"] = chunk.attempt
    records["reason"] = reason.encode()[:REASON_BYTES]
    return records


def progress_line(done: int, n: int) -> str:
    """Return the line that a job prints as it goes on; `read_progress` reads it."""
    return f"pixels done: {done} of {n}"


def read_progress(text: str) -> int | None:
    """Return how many pixels the last progress line of a job's output says are done."""
    lines = [line for line in text.splitlines() if line.startswith("pixels done: ")]
    words = lines[-1].split() if lines else []
    return int(words[2]) if len(words) > 2 and words[2].isdecimal() else None  # noqa: PLR2004


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End: what is done is on disk, and on SIGTERM the job may go on from it elsewhere."""
    print(f"skyscan: leaving on {signal.Signals(number).name}", file=sys.stderr, flush=True)
    is_late = number == signal.SIGALRM
    raise SystemExit(int(ExitCode.INCOMPLETE if is_late else ExitCode.CHECKPOINT))
