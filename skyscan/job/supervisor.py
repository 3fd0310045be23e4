"""The supervising process of a reco job: it sends fits to a worker and keeps the results.

It runs no physics itself. If a fit raises, hangs or kills its process, its pixel is tried once
more in another process and then recorded as NaN with the reason.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.frames import append_kept
from skyscan.job.worker_process import Chunk, FitFailed, WorkerDied, WorkerProcess
from skyscan.records import FIT_DTYPE, IDS, REASON_BYTES, RECORD_DTYPE, sign

if TYPE_CHECKING:
    from collections import deque
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.job.limits import Budget, Checkpoints
    from skyscan.job.progress import Progress
    from skyscan.results import ResultWriter

ATTEMPTS = 2


@dataclass
class Supervisor:
    """The remaining chunks of a batch, the worker that fits them, and their result file."""

    startup_folder: Path
    chunks: deque[Chunk]
    max_pixel_time: float
    results: ResultWriter
    progress: Progress
    checkpoints: Checkpoints
    budget: Budget
    frames_path: Path | None = None
    worker: WorkerProcess | None = None

    def run(self) -> None:
        """Fit all chunks, or as many as the limits allow."""
        try:
            self.progress.print_line()
            while self.chunks:
                self._fit(self.chunks.popleft())
                # Not between the attempts of a pixel: the second would count as a first.
                if self.chunks and self.chunks[0].attempt == 1:
                    if self.budget.is_spent():
                        break
                    self.checkpoints.leave_if_due()
            self.progress.print_line()
        finally:
            if self.worker is not None:
                self.worker.end()

    def _fit(self, chunk: Chunk) -> None:
        if self.worker is None:
            self.worker = WorkerProcess(self.startup_folder)
        began = time.monotonic()
        try:
            records = self.worker.reconstruct(chunk, self.max_pixel_time)
            if self.frames_path is not None:  # before the record: a fit that has one is done
                append_kept(self.frames_path, self.worker.frames)
            self._keep(records)
        except FitFailed as failure:
            self.worker.end()
            self.worker = None
            if isinstance(failure, WorkerDied):
                self.checkpoints.worker_died()
            self._again(chunk, str(failure), time.monotonic() - began)

    def _again(self, chunk: Chunk, reason: str, took: float) -> None:
        """Queue each pixel of a failed chunk for another attempt, or record the failure."""
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
        self.progress.add(len(records))


def failed_records(chunk: Chunk, reason: str, took: float) -> NDArray[np.void]:
    """Return the records of pixels without a fit: NaN, with the reason."""
    records = np.zeros(len(chunk.pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = chunk.pixels[name]
    for name in FIT_DTYPE.names or ():
        records[name] = np.nan
    records["run_time"] = took
    records["attempt"] = chunk.attempt
    records["reason"] = reason.encode()[:REASON_BYTES]
    return records
