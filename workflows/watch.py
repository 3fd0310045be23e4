"""Watch a running scan: print a line at each progress until DAGMan has ended."""

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
PRINT_EVERY = 10.0  # seconds between lines while only the number of pixels changes
STILL = 30.0  # seconds without progress after which the obstacles are printed


def watch(folder: ScanFolder) -> Report | None:
    """Print the progress of a submitted scan until it has ended.

    Returns
    -------
    Report or None
        None if DAGMan was removed or killed before it could write a report.
    """
    scan = read_planned(folder.scan_json)
    began, printed_at = time.time(), 0.0
    printed: RoundProgress | None = None
    first: dict[int, RoundProgress] = {}
    waiting = Waiting(folder)
    if not folder.startup_json.exists():
        print("prep: reading the event", flush=True)
    while True:
        over = is_over(folder)
        rounds = rounds_so_far(folder)
        now = current(rounds)
        is_new = now is not None and (printed is None or now.number != printed.number)
        is_due = now != printed and (over or time.time() - printed_at > PRINT_EVERY)
        if now is not None and (is_new or is_due):
            since = first.setdefault(now.number, now)
            text = line(folder, scan, rounds, since)
            print(f"{duration(time.time() - began)}  {text}", flush=True)
            printed, printed_at = now, time.time()
        if over:
            return last_report(folder)
        waiting.look(now)
        time.sleep(LOOK_EVERY)


@dataclass
class Waiting:
    """Prints what a scan without progress waits for, each obstacle once."""

    folder: ScanFolder
    seen: RoundProgress | None = None
    since: float = field(default_factory=time.monotonic)
    printed: list[str] = field(default_factory=list)

    def look(self, now: RoundProgress | None) -> None:
        """Record the progress; query HTCondor at intervals while there is none."""
        if now != self.seen:
            self.seen, self.since, self.printed = now, time.monotonic(), []
        elif time.monotonic() - self.since > STILL:
            found = obstacles(self.folder, pool_status())
            for obstacle in found:
                if obstacle not in self.printed:
                    print(f"waits: {obstacle}", flush=True)
            self.since, self.printed = time.monotonic(), found


def is_over(folder: ScanFolder) -> bool:
    """Return whether DAGMan has left the queue."""
    state = engine_of(folder).state(folder)
    return state is not None and state.is_over


def rounds_so_far(folder: ScanFolder) -> list[RoundProgress]:
    """Return the progress of each round; empty while a round is being written."""
    try:
        return scan_progress(folder)
    except BadInput:
        return []


def current(rounds: list[RoundProgress]) -> RoundProgress | None:
    """Return the current round: the first that is incomplete, else the last."""
    unfinished = (progress for progress in rounds if progress.n_done < progress.n_fits)
    return next(unfinished, rounds[-1] if rounds else None)


def line(
    folder: ScanFolder,
    scan: Planned,
    rounds: list[RoundProgress],
    since: RoundProgress | None = None,
    delay: float = 0.0,
) -> str:
    """Return the progress of the current round, its pace, and the remaining time of the scan.

    ``since`` is earlier progress of that round, from which the pace follows, and ``delay`` a
    number of seconds in which nothing will run.
    """
    now = current(rounds) or rounds[-1]
    fits_per_second = pace(now, since)
    if fits_per_second is None:
        return now.line()
    left = delay + fits_ahead(folder, scan, rounds) / fits_per_second
    return f"{now.line()}, {fits_per_second:.1f} a second, about {duration(left)} left"
