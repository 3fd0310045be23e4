"""The scan model as a screen of a terminal, drawn with rich."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from workflows.model.text import best_text, duration, heading, jobs_text, left_text, n_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from workflows.model.scan import ScanModel

SHOWN_ROUNDS, SHOWN_MACHINES, SHOWN_REASONS, SHOWN_SLOW = 8, 5, 4, 3
BAR = 24  # columns


def screen(model: ScanModel) -> RenderableType:
    """Return what a terminal shows of a scan."""
    return Group(Text(heading(model), style="bold"), _rounds(model), _facts(model))


def _rounds(model: ScanModel) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("round", "nside", "", "pixels", "jobs"):
        table.add_column(name, justify="right" if name in ("pixels", "jobs") else "left")
    hidden = len(model.rounds) - SHOWN_ROUNDS
    for it in model.rounds[max(0, hidden) :]:
        table.add_row(
            str(it.number),
            ", ".join(map(str, it.nsides)) + (" remaining fits" if it.depth else ""),
            ProgressBar(total=max(1, it.n_fits), completed=it.n_done, width=BAR),
            f"{it.n_done} of {it.n_fits}",
            f"{it.n_jobs_done} of {it.n_jobs}",
        )
    return table


def _facts(model: ScanModel) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", min_width=8)
    table.add_column(overflow="fold")
    for name, text, style in _lines(model):
        table.add_row(name, Text(text, style=style))
    return table


def _lines(model: ScanModel) -> Iterator[tuple[str, str, str]]:
    """Yield name, text and style of each line."""
    yield "rounds", _rounds_text(model), ""
    yield "jobs", jobs_text(model.jobs), ""
    yield from (("held", f"{it.n} x {it.reason}", "red") for it in model.held[:SHOWN_REASONS])
    yield from _pace(model)
    yield from _machines(model)
    yield from _fits(model)
    yield from (("warning", text, "yellow") for text in model.bad_machines)
    yield from (("waits", text, "yellow") for text in model.waits)
    if model.failures:
        yield "failed", f"{n_steps(model)}; `skyscan why` says why", "red"
    if model.age is not None:
        yield "news", f"{duration(model.age)} old, seen {time.strftime('%H:%M:%S')}", "dim"


def _pace(model: ScanModel) -> Iterator[tuple[str, str, str]]:
    if model.rate:
        yield "rate", f"{model.rate:.1f} fits a second", ""
    if model.time_left is not None:
        yield "left", left_text(model.time_left), "bold"


def _machines(model: ScanModel) -> Iterator[tuple[str, str, str]]:
    for machine in model.machines[:SHOWN_MACHINES]:
        lost = machine.n_failed + machine.n_evicted
        text = f"{machine.name}: {machine.running} running, {machine.n_good} done, {lost} lost"
        yield "machine", text, ""
    if len(model.machines) > SHOWN_MACHINES:
        yield "", f"and {len(model.machines) - SHOWN_MACHINES} more", ""
    yield "hours", f"{model.cpu_hours:.2f} used, {model.cpu_hours_wasted:.2f} wasted", ""


def _fits(model: ScanModel) -> Iterator[tuple[str, str, str]]:
    for slow in model.slowest[:SHOWN_SLOW]:
        text = f"nside {slow.nside}, pixel {slow.pixel}: {slow.seconds:.1f} s"
        yield "slowest", f"{text} on {slow.machine}" if slow.machine else text, ""
    if model.best is not None:
        yield "best fit", f"{best_text(model)} so far", "green"
    for it in model.no_fit[:SHOWN_REASONS]:
        yield "no fit", f"{it.n} x {it.reason}", "yellow"


def _rounds_text(model: ScanModel) -> str:
    done = sum(it.is_done for it in model.rounds)
    text = f"{done} done of {len(model.rounds)} chosen"
    if model.time_left is not None:
        text += f", about {len(model.rounds) + model.time_left.more_rounds:.1f} expected"
    return f"{text}, at most {model.max_rounds}"
