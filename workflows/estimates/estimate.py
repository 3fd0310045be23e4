"""The estimate of a scan: the distribution of many simulated ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from workflows.estimates.workflow import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from workflows.estimates.setting import Behaviour, Setting
    from workflows.estimates.sky import Sky

RUNS = 20  #: simulated scans of an estimate
LOW, HIGH = 10, 90  #: percentiles of the range


@dataclass(frozen=True)
class Estimate:
    """What a scan will take on a number of slots.

    Attributes
    ----------
    slots : int
        Number of slots.
    seconds, low_seconds, high_seconds : float
        Time from submission to the map: median, and the range of four in five scans.
    pixels, fits, jobs, rounds : float
        Their mean numbers.
    cpu_hours, fit_hours, lost_hours : float
        Mean hours of slots; of the fits, on machines of mean speed; and of what evictions and
        failures lose.
    evictions, holds, failures : float
        Their mean numbers.
    complete : float
        Part of the scans in which no job was given up.
    """

    slots: int
    seconds: float
    low_seconds: float
    high_seconds: float
    pixels: float
    fits: float
    jobs: float
    rounds: float
    cpu_hours: float
    fit_hours: float
    lost_hours: float
    evictions: float
    holds: float
    failures: float
    complete: float


def estimate(
    setting: Setting,
    behaviour: Behaviour,
    n_slots: int,
    *,
    runs: int = RUNS,
    seed: int = 0,
    sky: Callable[[], Sky] | None = None,
) -> Estimate:
    """Simulate a scan many times; the same arguments give the same estimate.

    Parameters
    ----------
    setting, behaviour, n_slots : Setting, Behaviour, int
        As for `simulate`.
    runs, seed : int
        How often, and the seed of the first; the others follow.
    sky : callable, optional
        Makes the sky of a simulation.
    """
    outcomes = [
        simulate(setting, behaviour, n_slots, seed + n, sky() if sky else None)
        for n in range(runs)
    ]
    counts = [it.count for it in outcomes]
    low, middle, high = np.percentile([it.seconds for it in outcomes], [LOW, 50, HIGH])
    return Estimate(
        slots=n_slots,
        seconds=float(middle),
        low_seconds=float(low),
        high_seconds=float(high),
        pixels=_mean(it.n_pixels for it in outcomes),
        fits=_mean(it.n_fits for it in outcomes),
        jobs=_mean(it.n_jobs for it in outcomes),
        rounds=_mean(it.n_rounds for it in outcomes),
        cpu_hours=_mean(it.slots for it in counts) / 3600.0,
        fit_hours=_mean(it.fit_seconds for it in outcomes) / 3600.0,
        lost_hours=_mean(it.lost for it in counts) / 3600.0,
        evictions=_mean(it.evictions for it in counts),
        holds=_mean(it.holds for it in counts),
        failures=_mean(it.failures for it in counts),
        complete=_mean(it.is_complete for it in outcomes),
    )


def _mean(values: Iterable[float]) -> float:
    return float(np.mean(list(values)))
