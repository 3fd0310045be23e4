"""Watching a scan run: a line whenever something has moved, until DAGMan has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from condor.dagman import dagman_state
from skyscan.errors import BadInput
from skyscan.scan import read_scan
from workflows.dagman import SCAN_DAG
from workflows.progress import RoundProgress, fits_ahead, pace, scan_progress, time_left
from workflows.report import Report, duration, read_report

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder
    from skyscan.scan import Scan

LOOK_EVERY = 1.0  # seconds
SAY_EVERY = 10.0  # seconds between lines while only the count of pixels moves


def watch(folder: ScanFolder) -> Report | None:
    """Print the progress of a submitted scan until it is over.

    Returns
    -------
    Report or None
        None when DAGMan was removed or killed before it could write one.
    """
    scan = read_scan(folder.scan_json)
    began, said_at = time.time(), 0.0
    said: RoundProgress | None = None
    print("prep: reading the event", flush=True)
    was_held = False
    while True:
        over = is_over(folder)
        held = is_held(folder)
        if held and not was_held:
            print("DAGMan is on hold; `condor_q -hold` says why.", flush=True)
        was_held = held
        rounds = rounds_so_far(folder)
        now = rounds[-1] if rounds else None
        is_new = now is not None and (said is None or now.number != said.number)
        is_due = now != said and (over or time.time() - said_at > SAY_EVERY)
        if now is not None and (is_new or is_due):
            print(f"{duration(time.time() - began)}  {line(folder, scan, rounds)}", flush=True)
            said, said_at = now, time.time()
        if over:
            return read_report(folder)
        time.sleep(LOOK_EVERY)


def is_over(folder: ScanFolder) -> bool:
    """Tell whether DAGMan has left the queue."""
    state = dagman_state(folder.path / SCAN_DAG)
    return state is not None and state.is_over


def is_held(folder: ScanFolder) -> bool:
    """Tell whether DAGMan itself is on hold, so that nothing goes on."""
    state = dagman_state(folder.path / SCAN_DAG)
    return state is not None and state.state == "held"


def rounds_so_far(folder: ScanFolder) -> list[RoundProgress]:
    """Return the progress of each round; none while a round is just being written."""
    try:
        return scan_progress(folder)
    except BadInput:
        return []


def line(folder: ScanFolder, scan: Scan, rounds: list[RoundProgress]) -> str:
    """Return how far the last round is, its pace, and the time that the scan still takes."""
    now = rounds[-1]
    left = time_left(rounds, fits_ahead(folder, scan, rounds))
    if left is None:
        return now.line()
    return f"{now.line()}, {pace(now):.1f} a second, about {duration(left)} left"
