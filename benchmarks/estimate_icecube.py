"""Simulate IceCube's case: time from an alert to its map against slots, by setting.

    .venv/bin/python benchmarks/estimate_icecube.py

`millipede_original` on the site `icecube`: 7 variations of about 3,200 pixels, 65 s each, with
evictions and holds as on the OSPool. Prints the tables of docs/estimate.md. It needs no pool.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from condor.sites import read_site
from workflows.estimates.advice import advise
from workflows.estimates.behaviours import behaviour_of
from workflows.estimates.estimate import estimate
from workflows.estimates.setting import Setting
from workflows.estimates.text import changes
from workflows.model.text import duration

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.estimates.setting import Behaviour

RUNS = 12
SLOTS = (100, 300, 1000, 3000)
PER_SLOT = (0.3, 1, 2, 3, 4)


def main() -> None:
    """Print the tables."""
    site = read_site("icecube", (), None, urgent=False)
    behaviour, _ = behaviour_of(site, "millipede_original", None)
    usual = Setting(
        n_variations=7,
        jobs_per_round=site.jobs_per_round,
        time_budget=float(site.time_budget),
        max_rounds=40,
    )
    print("\n".join(by_slots(usual, behaviour)))
    print()
    print("\n".join(by_jobs(usual, behaviour)))
    print()
    for n in SLOTS:
        best = advise(usual, behaviour, n)
        print(f"{n}: {' '.join(changes(best.setting, usual))}: {duration(best.seconds)}")


def by_slots(usual: Setting, behaviour: Behaviour) -> Iterator[str]:
    """Yield a table: the site's setting, and changes of it, by number of slots."""
    yield "| setting | " + " | ".join(f"{n} slots" for n in SLOTS) + " |"
    yield "| --- |" + " --- |" * len(SLOTS)
    for name, jobs, setting in _settings(usual):
        cells = []
        for n in SLOTS:
            now = replace(setting, jobs_per_round=round(jobs * n)) if jobs else setting
            cells.append(_cell(now, behaviour, n))
        yield f"| {name} | " + " | ".join(cells) + " |"


def by_jobs(usual: Setting, behaviour: Behaviour) -> Iterator[str]:
    """Yield a table for 1,000 slots: time and hours of slots by jobs per round."""
    yield "| jobs per round | wait for all | predictive, 0.9 | slot hours | predictive, 0.9 |"
    yield "| --- | --- | --- | --- | --- |"
    for part in PER_SLOT:
        now = replace(usual, jobs_per_round=round(1000 * part))
        both = [
            estimate(replace(now, threshold=it), behaviour, 1000, runs=RUNS)
            for it in (1.0, 0.9)
        ]
        cells = [duration(it.seconds) for it in both] + [f"{it.cpu_hours:.0f}" for it in both]
        yield f"| {now.jobs_per_round} | " + " | ".join(cells) + " |"


def _settings(usual: Setting) -> Iterator[tuple[str, int, Setting]]:
    """Yield the name of a setting, its jobs per slot (0: as it is), and the setting."""
    without = replace(usual, time_budget=0.0)
    for jobs, what in ((0, "300 jobs"), (2, "2 jobs a slot")):
        yield f"{what}, no time budget", jobs, without
        yield f"{what}, time budget 45 min", jobs, usual
        yield f"{what}, predictive 0.9", jobs, replace(without, threshold=0.9)
        yield f"{what}, both", jobs, replace(usual, threshold=0.9)
        yield f"{what}, both, 15 min", jobs, replace(usual, threshold=0.9, time_budget=900.0)


def _cell(setting: Setting, behaviour: Behaviour, n_slots: int) -> str:
    found = estimate(setting, behaviour, n_slots, runs=RUNS)
    minutes = (found.seconds, found.low_seconds, found.high_seconds)
    middle, low, high = (round(it / 60.0) for it in minutes)
    return f"{middle} min ({low} to {high})"


if __name__ == "__main__":
    main()
