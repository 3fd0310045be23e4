"""Watching a scan run: a line whenever something has moved, until DAGMan has ended."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condor.pool import status as pool_status
from skyscan.errors import BadInput
from workflows.engines import engine_of
from workflows.obstacles import obstacles
from workflows.planned import read_planned
from workflows.progress import RoundProgress, fits_ahead, pace, scan_progress
from workflows.report import Report, duration, last_report

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

LOOK_EVERY = 1.0  # seconds
SAY_EVERY = 10.0  # seconds between lines while only the count of pixels moves
STILL = 30.0  # seconds in which nothing moved, after which what a scan waits for is told


def watch(folder: ScanFolder) -> Report | None:
    """Print the progress of a submitted scan until it is over.

    Returns
    -------
    Report or None
        None when DAGMan was removed or killed before it could write one.
    """
    scan = read_planned(folder.scan_json)
    began, said_at = time.time(), 0.0
    said: RoundProgress | None = None
    first: dict[int, RoundProgress] = {}
    waiting = Waiting(folder)
    if not folder.startup_json.exists():
        print("prep: reading the event", flush=True)
    while True:
        over = is_over(folder)
        rounds = rounds_so_far(folder)
        now = current(rounds)
        is_new = now is not None and (said is None or now.number != said.number)
        is_due = now != said and (over or time.time() - said_at > SAY_EVERY)
        if now is not None and (is_new or is_due):
            since = first.setdefault(now.number, now)
            text = line(folder, scan, rounds, since)
            print(f"{duration(time.time() - began)}  {text}", flush=True)
            said, said_at = now, time.time()
        if over:
            return last_report(folder)
        waiting.look(now)
        time.sleep(LOOK_EVERY)


@dataclass
class Waiting:
    """Tells what a scan waits for while nothing moves: each thing once, when it comes up."""

    folder: ScanFolder
    seen: RoundProgress | None = None
    since: float = field(default_factory=time.monotonic)
    told: list[str] = field(default_factory=list)

    def look(self, now: RoundProgress | None) -> None:
        """Take note of the progress, and ask HTCondor now and then when there is none."""
        if now != self.seen:
            self.seen, self.since, self.told = now, time.monotonic(), []
        elif time.monotonic() - self.since > STILL:
            found = obstacles(self.folder, pool_status())
            for obstacle in found:
                if obstacle not in self.told:
                    print(f"waits: {obstacle}", flush=True)
            self.since, self.told = time.monotonic(), found


def is_over(folder: ScanFolder) -> bool:
    """Tell whether DAGMan has left the queue."""
    state = engine_of(folder).state(folder)
    return state is not None and state.is_over


def rounds_so_far(folder: ScanFolder) -> list[RoundProgress]:
    """Return the progress of each round; none while a round is just being written."""
    try:
        return scan_progress(folder)
    except BadInput:
        return []


def current(rounds: list[RoundProgress]) -> RoundProgress | None:
    """Return the round that is at work: the first that is not whole, else the last."""
    unfinished = (progress for progress in rounds if progress.n_done < progress.n_fits)
    return next(unfinished, rounds[-1] if rounds else None)


def line(
    folder: ScanFolder,
    scan: Planned,
    rounds: list[RoundProgress],
    since: RoundProgress | None = None,
) -> str:
    """Return how far the round at work is, its pace, and the time that the scan still takes.

    ``since`` is an earlier look at that round, to tell the pace by.
    """
    now = current(rounds) or rounds[-1]
    fits_per_second = pace(now, since)
    if fits_per_second is None:
        return now.line()
    left = fits_ahead(folder, scan, rounds) / fits_per_second
    return f"{now.line()}, {fits_per_second:.1f} a second, about {duration(left)} left"
