"""A simulated scan: prep, rounds, gates, remaining fits, merge."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import ceil, inf
from typing import TYPE_CHECKING, cast

import numpy as np

from skyscan.batches import split
from workflows.estimates.clock import Clock
from workflows.estimates.job import Job
from workflows.estimates.machines import Machines
from workflows.estimates.sky import RuledSky

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from workflows.estimates.machines import Count
    from workflows.estimates.setting import Behaviour, Setting
    from workflows.estimates.sky import Sky


@dataclass(frozen=True)
class Outcome:
    """One simulated scan.

    Attributes
    ----------
    seconds : float
        From submission to the map.
    is_complete : bool
        Whether no job was given up.
    n_pixels, n_fits, n_jobs, n_rounds : int
        Their numbers.
    fit_seconds : float
        Sum of the durations of all fits on machines of mean speed.
    count : Count
        What happened on the machines.
    results : ndarray, shape (n_fits,)
        How often the result of each fit came home.
    """

    seconds: float
    is_complete: bool
    n_pixels: int
    n_fits: int
    n_jobs: int
    n_rounds: int
    fit_seconds: float
    count: Count
    results: NDArray[np.int64]


@dataclass
class _Round:
    fits: NDArray[np.int64]
    depth: int
    n_left: int
    waiting: list[Job]


def simulate(
    setting: Setting, behaviour: Behaviour, n_slots: int, seed: int, sky: Sky | None = None
) -> Outcome:
    """Run a scan once; the same arguments give the same outcome.

    Parameters
    ----------
    setting, behaviour : Setting, Behaviour
        The scan and its pool.
    n_slots : int
        Number of slots.
    seed : int
        Of all random numbers.
    sky : Sky, optional
        The rounds' fits; default: an event somewhere, and the scan's rule.
    """
    # Generator.spawn, which gives the same streams, needs numpy 1.25.
    where, fits, speeds, faults = map(
        np.random.default_rng, np.random.SeedSequence(seed).spawn(4)
    )
    rounds: Sky = sky or RuledSky(setting.progression, setting.n_variations, where)
    clock = Clock()
    machines = Machines(
        clock, n_slots, behaviour=behaviour, setting=setting, speeds=speeds, faults=faults
    )
    scan = _Workflow(clock, machines, rounds, setting=setting, behaviour=behaviour, random=fits)
    clock.after(behaviour.dagman, scan.begin)
    clock.run(lambda: scan.is_over)
    return scan.outcome()


class _Workflow:
    def __init__(
        self,
        clock: Clock,
        machines: Machines,
        sky: Sky,
        *,
        setting: Setting,
        behaviour: Behaviour,
        random: np.random.Generator,
    ) -> None:
        self._clock, self._machines, self._sky = clock, machines, sky
        self._setting, self._behaviour, self._random = setting, behaviour, random
        self._seconds = np.empty(0)
        self._results = np.empty(0, np.int64)
        self._rounds: list[_Round] = []
        self._n_jobs = 0
        self._has_failed = self._is_closing = False
        self._first_look = inf
        self._is_look_due = False
        self.is_over = False

    def outcome(self) -> Outcome:
        return Outcome(
            seconds=self._clock.now,
            is_complete=not self._has_failed,
            n_pixels=self._sky.n_pixels,
            n_fits=len(self._results),
            n_jobs=self._n_jobs,
            n_rounds=len(self._rounds),
            fit_seconds=float(self._seconds.sum()),
            count=self._machines.count,
            results=self._results,
        )

    def begin(self) -> None:
        """Prepare in a script, or submit prep, a job that has one piece of work."""
        ended, prep = partial(self._seen, self._prepared), self._behaviour.prep
        if self._behaviour.is_prepared_here:
            self._clock.after(self._behaviour.dagman + prep, partial(ended, is_good=True))
            return
        work = np.array([prep])
        self._machines.submit(Job(np.zeros(1, np.int64), work, lambda _: None, ended))

    def _seen(self, do: Callable[[], None], is_good: bool) -> None:  # noqa: FBT001
        """DAGMan reads in its log that a job has ended: half an interval later, on average."""
        self._has_failed |= not is_good
        delay = float(self._random.uniform()) * self._behaviour.scan_interval
        self._clock.after(delay, do)

    def _prepared(self) -> None:
        if self._has_failed:
            self._close()
            return
        self._clock.after(self._behaviour.script, self._continue)
        if self._setting.threshold < 1:
            self._first_look = self._clock.now + self._behaviour.script + self._behaviour.look

    def _continue(self) -> None:
        """Choose the next round, once all rounds so far have ended."""
        left = self._left_over(self._rounds[-1:])
        if not (len(left) and self._open(left, self._rounds[-1].depth + 1)):
            self._ask_or_close()

    def _left_over(self, rounds: list[_Round]) -> NDArray[np.int64]:
        """Return the fits of rounds that have ended without them."""
        is_left = np.zeros(len(self._results), bool)
        for it in rounds:
            is_left[it.fits] = it.n_left == 0
        for it in self._rounds:
            if it.n_left:
                is_left[it.fits] = False
        return np.flatnonzero(is_left & (self._results == 0))

    def _ask_or_close(self) -> None:
        if self._has_failed or not self._ask():
            self._close()

    def _ask(self) -> bool:
        """Open a round with the pixels that the rule asks for; whether there are any."""
        if len(self._rounds) >= self._setting.max_rounds:
            return False
        first = len(self._results)
        n = self._sky.ask(self._results > 0)
        self._results = np.append(self._results, np.zeros(n, np.int64))
        spread = self._behaviour.fit_spread
        each = self._random.lognormal(-0.5 * spread**2, spread, n)
        self._seconds = np.append(self._seconds, self._behaviour.seconds_per_fit * each)
        return n > 0 and self._open(np.arange(first, first + n), 0)

    def _open(self, fits: NDArray[np.int64], depth: int) -> bool:
        """Distribute fits to jobs as `skyscan.rounds` does."""
        setting = self._setting
        if len(self._rounds) >= setting.max_rounds:
            return False
        is_last = len(self._rounds) + 1 == setting.max_rounds
        budget = 0.0 if is_last else setting.time_budget * 2.0**depth
        here = _Round(fits, depth, 0, [])
        for batch in split(
            cast("NDArray[np.void]", fits),  # it takes any array
            batch_size=setting.batch_size,
            jobs_per_round=setting.jobs_per_round,
            halvings=setting.halvings,
        ):
            numbers = cast("NDArray[np.int64]", batch)
            here.waiting.append(
                Job(
                    numbers,
                    self._seconds[numbers],
                    self._arrived,
                    partial(self._job_ended, here),
                    budget,
                    setting.checkpoint_interval,
                )
            )
        here.n_left = len(here.waiting)
        here.waiting.reverse()
        self._rounds.append(here)
        self._n_jobs += here.n_left
        delay = self._behaviour.round_dag if setting.has_round_dags else 0.0
        self._clock.after(self._behaviour.dagman + delay, partial(self._submit, here))
        return True

    def _submit(self, here: _Round) -> None:
        """Submit as many jobs as DAGMan does between two looks at its log."""
        now = self._behaviour
        room = self._setting.max_idle - len(self._machines.idle)
        n = min(now.submits, room, len(here.waiting))
        for i in range(n):
            job = here.waiting.pop()
            self._clock.after(i * now.submit, partial(self._machines.submit, job))
        if here.waiting:
            delay = max(now.scan_interval, n * now.submit, 1e-3)
            self._clock.after(delay, partial(self._submit, here))

    def _arrived(self, fits: NDArray[np.int64]) -> None:
        self._results[fits] += 1
        if len(fits):
            self._tell()

    def _job_ended(self, here: _Round, is_good: bool) -> None:  # noqa: FBT001
        self._has_failed |= not is_good
        here.n_left -= 1
        if here.n_left == 0 and self._setting.threshold >= 1:
            delay = self._behaviour.script
            self._seen(lambda: self._clock.after(delay, self._continue), is_good)
        self._tell()

    def _tell(self) -> None:
        """Have the gate decide at its next look: looks without news change nothing."""
        if self._is_look_due or self._first_look == inf:
            return
        self._is_look_due = True
        every, since = self._behaviour.look, self._clock.now - self._first_look
        after = every * max(0, ceil(since / every)) - since
        self._clock.after(after, self._look)

    def _look(self) -> None:
        """Look at the results so far, as a gate (`skyscan.rounds.predictive.look`)."""
        self._is_look_due = False
        if not self._is_closing:
            self._decide()

    def _decide(self) -> None:
        are_over = all(it.n_left == 0 for it in self._rounds)
        over = [it for it in self._rounds if it.n_left == 0]
        left = self._left_over(over)
        if self._has_failed:
            if are_over:
                self._close()
        elif len(left):
            self._open(left, 1 + max(it.depth for it in over if np.isin(left, it.fits).any()))
        elif are_over:
            self._ask_or_close()
        elif len(self._rounds) + 1 < self._setting.max_rounds:
            n_in = np.count_nonzero(self._results)
            if n_in >= self._setting.threshold * len(self._results):
                self._ask()

    def _close(self) -> None:
        if self._is_closing:
            return
        self._is_closing = True
        now = self._behaviour
        spare = self._setting.n_skips(len(self._rounds))
        ending = now.merge + now.merge_pixel * self._sky.n_pixels
        self._clock.after(now.skip * spare + ending, self._end)

    def _end(self) -> None:
        self.is_over = True
