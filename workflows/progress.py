"""The progress of a scan, from its files alone."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skyscan.batches import read_batch
from skyscan.errors import BadInput
from skyscan.job.progress import read_progress
from skyscan.layout import RoundFolder
from skyscan.results import count_records
from skyscan.rounds.description import LEFTOVER, read_description
from skyscan.rounds.leftover import leftover_depth
from skyscan.startup import read_startup
from workflows.engines import engine_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


@dataclass(frozen=True)
class RoundProgress:
    """Progress of one round; ``fits`` are pixel variations.

    Attributes
    ----------
    number : int
        Number of the round, from 0.
    nsides : tuple of int
        The nsides of its pixels.
    n_fits, n_done : int
        Number of its fits, and of those that have a result.
    n_batches, n_batches_done : int
        The same for its jobs.
    n_left_over : int
        Number of further fits that its jobs had no time for; the next round has them.
    depth : int
        0, or the number of the round in a row of rounds that do remaining fits.
    began, seen : float
        When the round was chosen, and when its progress was counted, seconds since 1970.
    """

    number: int
    nsides: tuple[int, ...]
    n_fits: int
    n_done: int
    n_batches: int
    n_batches_done: int
    began: float
    seen: float = field(compare=False)
    n_left_over: int = 0
    depth: int = 0

    def line(self) -> str:
        """Return the progress as one line of text."""
        nsides = ", ".join(map(str, self.nsides))
        what = ", remaining fits" if self.depth else ""
        more = f"; {self.n_left_over} left for the next round" if self.n_left_over else ""
        return (
            f"round {self.number}: nside {nsides}{what}: {self.n_done} of {self.n_fits} pixels "
            f"done, {self.n_batches_done} of {self.n_batches} jobs{more}"
        )


def round_progress(
    folder: RoundFolder,
    number: int,
    arriving: Mapping[int, list[Path]] | None = None,
    running_since: float = math.inf,
) -> RoundProgress:
    """Count what is done of a round; a running job counts as far as its output shows.

    Parameters
    ----------
    folder : RoundFolder
        The round.
    number : int
        Its number.
    arriving : mapping of int to list of Path, optional
        Result files that are not in the scan folder yet, by batch.
    running_since : float
        When the scan was submitted, if it is in the queue. What earlier jobs reported without
        bringing it home is lost.
    """
    description = read_description(folder)
    batches = description["batches"]
    done = []
    nsides: set[int] = set()
    for entry in batches:
        n = count_records(folder.result(entry["number"]))
        if n < entry["pixels"]:
            elsewhere = (arriving or {}).get(entry["number"], [])
            running = _reported(folder, entry["number"], running_since)
            n = max([n, running, *map(count_records, elsewhere)])
        done.append(min(n, entry["pixels"]))
        if not nsides:  # the first batch has every nside, as pixels are dealt like cards
            nsides = _nsides(folder.batch(entry["number"]))
    whole = sum(n == entry["pixels"] for n, entry in zip(done, batches, strict=True))
    left_over = _left_over(RoundFolder(folder.path.with_name(f"{number + 1:03d}")))
    n_fits = sum(entry["pixels"] for entry in batches) - left_over
    return RoundProgress(
        number=number,
        nsides=tuple(sorted(nsides)),
        n_fits=n_fits,
        n_done=min(sum(done), n_fits),
        n_batches=len(batches),
        n_batches_done=len(batches) if left_over else whole,
        n_left_over=left_over,
        depth=int(description.get(LEFTOVER, 0)),
        began=folder.description.stat().st_mtime,
        seen=time.time(),
    )


def _left_over(following: RoundFolder) -> int:
    """Return the number of fits that a round took over from the one before."""
    if not leftover_depth(following):
        return 0
    return sum(entry["pixels"] for entry in read_description(following)["batches"])


def scan_progress(folder: ScanFolder) -> list[RoundProgress]:
    """Return the progress of every round that has been chosen."""
    engine = engine_of(folder)
    arriving, state = engine.arriving(folder), engine.state(folder)
    since = math.inf if state is None or state.is_over else state.submitted
    return [
        round_progress(folder.round(n), n, arriving.get(n), since)
        for n in folder.chosen_rounds()
    ]


def fits_ahead(folder: ScanFolder, scan: Planned, rounds: list[RoundProgress]) -> int:
    """Estimate the number of fits that remain, including rounds that are not chosen yet.

    For the latter, as upstream does: the extension of each finer nside, times the number of
    its pixels in one coarser pixel.
    """
    try:
        n_variations = read_startup(folder.startup).n_variations
    except BadInput:
        n_variations = 1
    seen = {nside for progress in rounds for nside in progress.nsides}
    left = sum(progress.n_fits - progress.n_done for progress in rounds)
    before = None
    for nside, extension in scan.progression:
        if nside not in seen:
            pixels = 12 * nside**2 if before is None else extension * (nside // before) ** 2
            left += pixels * n_variations
        before = nside
    return left


def pace(progress: RoundProgress, since: RoundProgress | None = None) -> float | None:
    """Return the fits per second of a round; None if that is unknown.

    Counted from its earlier progress ``since``, if given (some fits may have been done long
    ago), else from when it was chosen.
    """
    done, began = (0, progress.began) if since is None else (since.n_done, since.seen)
    seconds = progress.seen - began
    return (
        (progress.n_done - done) / seconds if progress.n_done > done and seconds > 0 else None
    )


def _reported(folder: RoundFolder, batch: int, since: float) -> int:
    """Return how many fits the newest output of a batch reports, if it is from this run."""
    if since == math.inf:
        return 0
    times = {path: path.stat().st_mtime for path in folder.logs.glob(f"{batch:05d}.*.out")}
    newest = max(times, key=times.__getitem__, default=None)
    if newest is None or times[newest] < since:
        return 0
    return read_progress(newest.read_text(errors="replace")) or 0


def _nsides(batch: Path) -> set[int]:
    try:
        return {int(nside) for nside in np.unique(read_batch(batch).pixels["nside"])}
    except BadInput:
        return set()
