"""Watch a running scan: print a line at each progress until DAGMan has ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from condor.pool import status as pool_status
from skyscan.errors import TryAgain
from workflows.engines import engine_of
from workflows.model.reading import NOT_ASKED, Answer, ScanReader, read_model
from workflows.model.text import duration, now_text
from workflows.obstacles import cooling_until, n_on_machines, obstacles
from workflows.reports.writing import last_report
from workflows.submission import queued_cluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from rich.console import Console

    from skyscan.layout import ScanFolder
    from workflows.model.scan import Round, ScanModel
    from workflows.reports.value import Report

LOOK_EVERY = 1.0  # seconds
PRINT_EVERY = 10.0  # seconds between lines while only the number of pixels changes
STILL = 30.0  # seconds without progress after which the obstacles are printed
SOON = 3.0  # seconds after which they are, if jobs are held


def model_now(folder: ScanFolder) -> ScanModel:
    """Return the model of a scan; the queue is asked about one that has not ended."""
    state = engine_of(folder).state(folder)
    is_asked = not state.is_over if state is not None else bool(folder.chosen_rounds())
    return read_model(folder, queue=ask(folder) if is_asked else NOT_ASKED)


def watch(folder: ScanFolder) -> Report | None:
    """Show the progress of a submitted scan until it has ended.

    In a terminal on one screen that is drawn again and again, else line by line.

    Returns
    -------
    Report or None
        None if the scan is not in the queue, although its log does not end.
    """
    model = _draw(folder) if _can_draw() else _print(folder)
    return None if model.state in ("elsewhere", "unknown") else last_report(folder)


def _can_draw() -> bool:
    """Return whether the output is a terminal that can be drawn on."""
    if not sys.stdout.isatty():
        return False
    from rich.console import Console

    return not Console().is_dumb_terminal


def _print(folder: ScanFolder) -> ScanModel:
    """Print a line at each progress; return the model when the scan is at rest."""
    began, printed_at = time.time(), 0.0
    printed: Round | None = None
    waiting = Waiting(folder)
    reader = ScanReader(folder)
    if not folder.startup_json.exists():
        print("prep: reading the event", flush=True)
    while True:
        model = waiting.read(reader)
        over = is_at_rest(model)
        now = model.current
        is_new = now is not None and (printed is None or now.number != printed.number)
        is_due = now != printed and (over or time.time() - printed_at > PRINT_EVERY)
        if now is not None and (is_new or is_due):
            text = line(model, now)
            print(f"{duration(time.time() - began)}  {text}", flush=True)
            printed, printed_at = now, time.time()
        if over:
            return model
        waiting.look(model)
        time.sleep(LOOK_EVERY)


def _draw(folder: ScanFolder) -> ScanModel:
    """Draw the scan on one screen; return the model when it is at rest."""
    from rich.console import Console
    from rich.live import Live

    from workflows.model.screen import screen

    waiting = Waiting(folder, is_silent=True)
    reader = ScanReader(folder)
    console = Console()
    live = Live(console=console, auto_refresh=False, transient=True)
    with live, cursor_at_stop(console):
        while True:
            model = waiting.read(reader)
            live.update(screen(model), refresh=True)
            if is_at_rest(model):
                return model
            waiting.look(model)
            time.sleep(LOOK_EVERY)


@contextmanager
def cursor_at_stop(console: Console) -> Iterator[None]:
    """Show the cursor, which rich hides, while Ctrl-Z has stopped the program."""

    def stop(number: int, _frame: FrameType | None) -> None:
        console.show_cursor(show=True)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)  # returns when the program continues
        signal.signal(number, stop)
        console.show_cursor(show=False)

    before = signal.signal(signal.SIGTSTP, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTSTP, before)


@dataclass
class Waiting:
    """Prints what a scan without progress waits for, each obstacle once.

    Attributes
    ----------
    folder : ScanFolder
        The scan.
    is_silent : bool
        Whether it prints nothing.
    answer : Answer
        The queue's last answer; it is asked when there has been no progress for a while.
    """

    folder: ScanFolder
    is_silent: bool = False
    answer: Answer = NOT_ASKED
    _seen: Round | None = None
    _since: float = field(default_factory=time.monotonic)
    _printed: list[str] = field(default_factory=list)

    def read(self, reader: ScanReader) -> ScanModel:
        """Return the model; if DAGMan's log is lost, only the queue knows whether it runs."""
        model = reader.read(queue=self.answer)
        if model.state == "unknown" and model.in_queue is None:
            self.answer = ask(self.folder)
            model = reader.read(queue=self.answer)
        return model

    def look(self, model: ScanModel) -> None:
        """Record the progress; query HTCondor at intervals while there is none."""
        now = model.current
        is_held_anew = bool(model.jobs.held) and self.answer is NOT_ASKED
        if now != self._seen:
            self._seen, self._since, self._printed = now, time.monotonic(), []
            self.answer = NOT_ASKED
        elif time.monotonic() - self._since > (SOON if is_held_anew else STILL):
            self.answer = ask(self.folder)
            found = list(self.answer.waits)
            for obstacle in found:
                if obstacle not in self._printed and not self.is_silent:
                    print(f"waits: {obstacle}", flush=True)
            self._since, self._printed = time.monotonic(), found


def ask(folder: ScanFolder) -> Answer:
    """Ask the queue about a scan that has not ended by its log."""
    pool = pool_status()
    is_queued, delay, n_jobs = None, 0.0, None
    if pool.pool is not None and pool.is_running:
        with suppress(TryAgain):  # the obstacles name it
            is_queued = queued_cluster(folder, pool.pool) is not None
            n_jobs = n_on_machines(folder, pool.pool)
            delay = max(0.0, (cooling_until(folder, pool) or 0.0) - time.time())
    return Answer(is_queued, tuple(obstacles(folder, pool)), delay, n_jobs)


def is_at_rest(model: ScanModel) -> bool:
    """Return whether a scan will not go on in its folder."""
    is_lost = model.state == "unknown" and model.in_queue is False
    return is_lost or model.state in ("ended", "removed", "elsewhere")


def is_over(folder: ScanFolder) -> bool:
    """Return whether DAGMan has left the queue."""
    state = engine_of(folder).state(folder)
    return state is not None and state.is_over


def line(model: ScanModel, now: Round) -> str:
    """Return the progress of the current round, and pace and remaining time of the scan."""
    known = model.rate or model.time_left
    return f"{now.line()}, {now_text(model)}" if known else now.line()
