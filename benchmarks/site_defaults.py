"""Simulate what the defaults of the sites `icecube` and `ospool` should be: jobs per round.

    .venv/bin/python benchmarks/site_defaults.py

Fits of 65 s, one and seven variations (`millipede_wilks` and `millipede_original`), on several
numbers of slots, with the evictions of the OSPool and six times as many. Prints the tables of
docs/estimate.md, "The defaults of the sites". It needs no pool.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from condor.sites import read_site
from workflows.estimates.behaviours import behaviour_of
from workflows.estimates.estimate import estimate
from workflows.estimates.setting import Setting
from workflows.planning.values import usual_rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.estimates.estimate import Estimate
    from workflows.estimates.setting import Behaviour

RUNS = 5
SLOTS = (100, 300, 1000, 3000)
JOBS = (300, 600, 1000, 1500, 2000)
THRESHOLDS = (1.0, 0.9)
EVICTIONS = (1.0, 6.0)  #: times the usual rate
RECOS = ("millipede_wilks", "millipede_original")
VARIATIONS = (1, 7)


def main() -> None:
    """Print a table for each reconstruction and rate of evictions."""
    site = read_site("icecube", (), None, urgent=False)
    for reco, variations in zip(RECOS, VARIATIONS, strict=True):
        usual, _ = behaviour_of(site, reco, None)
        for factor in EVICTIONS:
            rate = factor * usual.evictions_per_hour
            pool = replace(usual, evictions_per_hour=rate)
            print(f"\n{reco}, {rate:.2f} evictions an hour: minutes (slot hours)\n")
            print("\n".join(table(pool, variations, float(site.time_budget))), flush=True)


def table(pool: Behaviour, variations: int, budget: float) -> Iterator[str]:
    """Yield a table: time to the map and hours of slots, by jobs per round and slots."""
    yield "| jobs per round, threshold | " + " | ".join(f"{n} slots" for n in SLOTS) + " |"
    yield "| --- |" + " --- |" * len(SLOTS)
    setting = Setting(n_variations=variations, time_budget=budget)
    for threshold in THRESHOLDS:
        for jobs in JOBS:
            rounds = usual_rounds(setting.progression, budget, threshold)
            now = replace(setting, jobs_per_round=jobs, threshold=threshold, max_rounds=rounds)
            cells = [_cell(estimate(now, pool, n, runs=RUNS)) for n in SLOTS]
            yield f"| {jobs}, {threshold:g} | " + " | ".join(cells) + " |"


def _cell(found: Estimate) -> str:
    return f"{found.seconds / 60.0:.0f} ({found.cpu_hours:.0f})"


if __name__ == "__main__":
    main()
