"""Where the time of a scan went: waits, start-ups, fits, evictions, holds; by machine."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from workflows.model.results import NONE
from workflows.model.scan import Machine, Spent

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workflows.model.jobs import Job
    from workflows.model.results import BatchResults
    from workflows.model.scan import ScanModel

_LOST = {"failed": "failed", "evicted": "evicted", "removed": "evicted", "held": "held"}


@dataclass
class _OfMachine:
    running: int = 0
    good: int = 0
    failed: int = 0
    evicted: int = 0
    seconds: float = 0.0
    fits: int = 0
    fit_seconds: float = 0.0


@dataclass
class _Totals:
    slots: float = 0.0
    fits: float = 0.0
    starting: float = 0.0
    lost: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    in_hold: float = 0.0
    queued: float = 0.0


def usage(
    jobs: Sequence[Job],
    results: Mapping[int, BatchResults],
    submitted: float | None,
    until: float,
) -> tuple[tuple[Machine, ...], Spent]:
    """Return what was done on each machine, most hours first, and where the time went.

    Parameters
    ----------
    jobs : sequence of Job
        All jobs of the scan; those of the access point have no slot.
    results : mapping of int to BatchResults
        What has come home, by ``id`` of the job.
    submitted : float or None
        When the scan was submitted; nothing before counts.
    until : float
        When it ended, or now.
    """
    machines: dict[str, _OfMachine] = defaultdict(_OfMachine)
    total = _Totals()
    running: list[tuple[float, float]] = []
    waiting: list[tuple[float, float]] = []
    for job in jobs:
        starts = [it for it in job.starts if it.slot]
        if not starts and job.starts:
            continue  # on the access point: DAGMan, merge
        waiting += job.waited(until)
        total.queued += sum(end - begin for begin, end in job.waited(until))
        total.in_hold += sum(
            max(0.0, (until if it.ended is None else it.ended) - it.began) for it in job.holds
        )
        fits = results.get(id(job), NONE)
        good = here = 0.0
        for start in starts:
            seconds = start.seconds(until)
            here += seconds
            running.append((start.began, start.began + seconds))
            machine = machines[start.machine]
            machine.seconds += seconds
            machine.running += start.ended is None
            machine.good += start.how == "good"
            machine.failed += start.how == "failed"
            machine.evicted += start.how in ("evicted", "held", "removed")
            total.slots += seconds
            good += seconds if start.how in ("good", "running") else 0.0
        if starts and starts[-1].how == "good":
            machines[starts[-1].machine].fits += fits.n
            machines[starts[-1].machine].fit_seconds += fits.seconds
        # What the fits took beyond the good starts was kept from those that were lost.
        kept = max(0.0, fits.seconds - good)
        total.fits += min(fits.seconds, here)  # the others are of earlier submissions
        total.starting += max(0.0, good - fits.seconds)
        for start in starts:
            name = _LOST.get(start.how)
            if name is not None:
                lost = start.seconds(until)
                saved = min(lost, kept)
                kept -= saved
                total.lost[name] += lost - saved
    began = until if submitted is None else submitted
    in_run = _covered(running, began, until)
    in_either = _covered([*running, *waiting], began, until)
    spent = Spent(
        opening=max(0.0, until - began - in_either),
        waiting=in_either - in_run,
        running=in_run,
        slots=total.slots,
        fits=total.fits,
        starting=total.starting,
        failed=total.lost["failed"],
        evicted=total.lost["evicted"],
        held=total.lost["held"],
        in_hold=total.in_hold,
        queued=total.queued,
    )
    shown = (_machine(name, it) for name, it in machines.items())
    return tuple(sorted(shown, key=lambda it: (-it.hours, it.name))), spent


def _machine(name: str, of_it: _OfMachine) -> Machine:
    return Machine(
        name=name,
        running=of_it.running,
        n_good=of_it.good,
        n_failed=of_it.failed,
        n_evicted=of_it.evicted,
        hours=of_it.seconds / 3600.0,
        n_fits=of_it.fits,
        seconds_per_fit=of_it.fit_seconds / of_it.fits if of_it.fits else None,
    )


def _covered(intervals: Iterable[tuple[float, float]], begin: float, end: float) -> float:
    """Return how much of ``begin`` to ``end`` at least one interval covers."""
    covered, at = 0.0, begin
    for first, last in sorted(intervals):
        first, last = max(first, at), min(last, end)  # noqa: PLW2901
        if last > first:
            covered += last - first
            at = last
    return covered


def advice(model: ScanModel) -> list[str]:
    """Return what would make the scan faster, the largest gain first."""
    spent = model.spent
    whole = spent.opening + spent.waiting + spent.running
    if whole <= 0 or spent.slots <= 0:
        return []
    gains: list[tuple[float, str]] = []
    if spent.waiting > 0.2 * whole:
        text = (
            f"{spent.waiting / whole:.0%} of the time no job had a machine: require less "
            f"(--request-memory, --request-disk, requirements), or use --urgent"
        )
        gains.append((spent.waiting, text))
    if spent.starting > 0.3 * spent.slots:
        text = (
            f"{spent.starting / spent.slots:.0%} of the slots' time went into start-ups and "
            f"transfers: fewer, larger jobs (--batch-size, --jobs-per-round)"
        )
        gains.append((spent.starting, text))
    lost = spent.failed + spent.evicted + spent.held
    if lost > 0.1 * spent.slots:
        text = (
            f"{lost / spent.slots:.0%} of the slots' time was lost in starts that failed or "
            f"were evicted: a shorter --checkpoint-interval; `skyscan why` shows failures"
        )
        gains.append((lost, text))
    if spent.running and spent.opening > 0.3 * whole:  # it was not only merged
        text = (
            f"{spent.opening / whole:.0%} of the time DAGMan was between jobs: fewer --nsides "
            f"or a --predictive-scanning-threshold below 1"
        )
        gains.append((spent.opening, text))
    slow = _slow_machine(model)
    if slow:
        gains.append((0.0, slow))
    return [text for _, text in sorted(gains, reverse=True)]


def _slow_machine(model: ScanModel) -> str:
    paces = [(it.seconds_per_fit, it) for it in model.machines if it.seconds_per_fit]
    if len(paces) < 2:  # noqa: PLR2004
        return ""
    fastest = min(pace for pace, _ in paces)
    slowest, machine = max(paces, key=lambda it: it[0])
    if slowest < 2.0 * fastest:
        return ""
    return (
        f"{machine.name} takes {slowest / fastest:.1f} times as long for a fit as the fastest "
        f"machine: --time-budget, --urgent (smaller batches at the end), or requirements"
    )
