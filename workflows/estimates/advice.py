"""Which options make a scan faster: batches, time budget and predictive threshold, by trial."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING

from workflows.estimates.estimate import estimate
from workflows.estimates.machines import NeverEnds
from workflows.planning.values import usual_rounds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.estimates.setting import Behaviour, Setting

RUNS = 6  #: simulated scans for each choice
LEAST = 0.03  #: a smaller gain is not worth a change
JOBS_PER_SLOT = (0.5, 1.0, 2.0, 4.0)
BUDGETS = (0.0, 900.0, 1800.0, 2700.0)
THRESHOLDS = (1.0, 0.9, 0.8, 0.7, 0.5)


@dataclass(frozen=True)
class Advice:
    """The best setting that was found.

    Attributes
    ----------
    slots : int
        Number of slots for which it is.
    setting : Setting
        The setting; the given one if no other is better.
    seconds, before_seconds : float
        Median time to the map with it, and with the given setting.
    """

    slots: int
    setting: Setting
    seconds: float
    before_seconds: float

    @property
    def gain(self) -> float:
        """Return the part of the time that is saved."""
        return 1.0 - self.seconds / self.before_seconds if self.before_seconds else 0.0


def advise(setting: Setting, behaviour: Behaviour, n_slots: int, *, seed: int = 0) -> Advice:
    """Try a few choices of each option in turn, with the same random numbers.

    Parameters
    ----------
    setting, behaviour, n_slots, seed
        As for `estimate`.
    """

    def seconds(it: Setting) -> float:
        return estimate(it, behaviour, n_slots, runs=RUNS, seed=seed).seconds

    def seconds_or_never(it: Setting) -> float:
        try:
            return seconds(it)
        except NeverEnds:
            return inf

    best, before = setting, seconds(setting)
    least = before
    for kind in range(3):
        for choice in _choices(best, n_slots, kind):
            now = seconds_or_never(choice)
            if now < (1.0 - LEAST) * least:
                best, least = choice, now
    return Advice(n_slots, best, least, before)


def _choices(now: Setting, n_slots: int, kind: int) -> Iterator[Setting]:
    if kind == 0:
        for part in JOBS_PER_SLOT:
            jobs = max(1, round(part * n_slots))
            yield replace(now, batch_size=None, jobs_per_round=jobs)
    for budget in BUDGETS if kind == 1 else ():
        if budget != now.time_budget:
            yield _with_rounds(replace(now, time_budget=budget))
    for threshold in THRESHOLDS if kind == 2 else ():  # noqa: PLR2004
        if threshold != now.threshold:
            yield _with_rounds(replace(now, threshold=threshold))


def _with_rounds(it: Setting) -> Setting:
    """Return a setting with its usual rounds; with those of the user if these are more."""
    usual = usual_rounds(it.progression, it.time_budget, it.threshold)
    return replace(it, max_rounds=max(usual, it.max_rounds) if it.has_own_rounds else usual)
