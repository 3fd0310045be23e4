"""The reco job: fit the pixels of one batch and write each result to disk at once.

Fits of an earlier start of the job are not repeated. A supervising process
(`skyscan.job.supervisor`) writes the result file; the fits run in a worker process
(`skyscan.job.worker`).
"""

from __future__ import annotations

import signal
import sys
import time
from collections import deque
from typing import TYPE_CHECKING, NoReturn

from skyscan.batches import read_batch
from skyscan.errors import BadInput, ExitCode
from skyscan.frames import begin_kept
from skyscan.job.ad import place_of_output
from skyscan.job.clock import access_point_time
from skyscan.job.limits import NO_LIMITS, Budget, Checkpoints, Limits, deaths_in
from skyscan.job.progress import Progress
from skyscan.job.supervisor import Supervisor
from skyscan.job.worker_process import Chunk
from skyscan.recos import reco_class
from skyscan.results import ResultWriter, read_results, write_results
from skyscan.startup import check_files, read_startup

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType


def run_batch(
    startup_folder: Path,
    batch_path: Path,
    result_path: Path,
    max_pixel_time: float,
    *,
    number: int | None = None,
    limits: Limits = NO_LIMITS,
    earlier_path: Path | None = None,
    frames_path: Path | None = None,
    earlier_frames: Path | None = None,
) -> None:
    """Reconstruct the pixels of a batch that are not in the result file.

    Parameters
    ----------
    startup_folder, batch_path, result_path : Path
        The folder that prep wrote, the file of the batch, and the result file.
    max_pixel_time : float
        Seconds after which a fit counts as hanging.
    number : int, optional
        The batch, if its file has several.
    limits : Limits
        Limits that end the job before all pixels are done.
    earlier_path : Path, optional
        Result file of an earlier start of the job, whose fits are not repeated.
    frames_path, earlier_frames : Path, optional
        The file of the fitted frames, and that of an earlier start of the job.

    Raises
    ------
    DamagedFile
        The startup folder or the batch is damaged.
    BadInput
        They belong to different scans.
    TryAgain
        The worker does not start on this machine.
    """
    began = time.monotonic()
    startup, batch = read_startup(startup_folder), read_batch(batch_path, number)
    check_files(startup_folder, startup)
    if startup.scan_id != batch.scan_id:
        raise BadInput(f"{batch_path} and {startup_folder} belong to different scans.")
    result = read_results(result_path, batch)
    if earlier_path is not None:
        result = result.joined(read_results(earlier_path, batch))
    write_results(result_path, batch, result.records)
    if frames_path is not None:
        begin_kept(frames_path, () if earlier_frames is None else (earlier_frames,))
    todo = result.missing(batch)
    reco = reco_class(startup.reco)(startup.format_version).using(startup.pulses)
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
    progress = Progress(len(batch.pixels), len(batch.pixels) - len(todo), place_of_output())
    results = ResultWriter(result_path)
    try:
        Supervisor(
            *(startup_folder, chunks, max_pixel_time, results, progress, checkpoints, budget),
            frames_path=frames_path,
        ).run()
    finally:
        results.close()


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    """End the process: results are on disk, and the job may continue on another machine."""
    print(f"skyscan: ending on {signal.Signals(number).name}", file=sys.stderr, flush=True)
    is_late = number == signal.SIGALRM
    raise SystemExit(int(ExitCode.INCOMPLETE if is_late else ExitCode.CHECKPOINT))
