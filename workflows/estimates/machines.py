"""The slots of a pool: matches, starts, evictions, holds and failures of jobs."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from math import log
from typing import TYPE_CHECKING, NamedTuple

from condor.policy import RELEASES
from skyscan.errors import WrongUsage
from workflows.estimates.job import stretch

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from workflows.estimates.clock import Clock
    from workflows.estimates.job import Job, Stretch
    from workflows.estimates.setting import Behaviour, Setting

HOUR = 3600.0
#: Evictions of a job in a row without a result: after more, a scan is said not to end. Fits of
#: which one in 30 outlasts the evictions still come home.
MOST_IN_VAIN = 200


class NeverEnds(WrongUsage):
    """Jobs are evicted again and again before they have a result."""


@dataclass
class Count:
    """What happened on the machines.

    Attributes
    ----------
    slots, lost : float
        Seconds that slots were in use, and the part without a result.
    starts, evictions, holds, failures : int
        How often.
    """

    slots: float = 0.0
    lost: float = 0.0
    starts: int = 0
    evictions: int = 0
    holds: int = 0
    failures: int = 0


class _Run(NamedTuple):
    """A start of a job: on which machine, how it would go on, and how long it has fitted."""

    job: Job
    slowness: float
    whole: Stretch
    fitting: float = 0.0


class Machines:
    """A constant number of slots; one that is lost is replaced by that of another machine.

    A slot whose job has ended takes the next idle job at once, as a schedd reuses its claims; a
    claim without a job is kept for a while. Any other free slot waits for the next negotiation
    cycle.

    Parameters
    ----------
    clock : Clock
        The time.
    n_slots : int
        Number of slots.
    behaviour, setting : Behaviour, Setting
        Of the pool, and of the scan.
    speeds, faults : Generator
        For speeds of machines, and for what happens to jobs.
    """

    def __init__(
        self,
        clock: Clock,
        n_slots: int,
        *,
        behaviour: Behaviour,
        setting: Setting,
        speeds: np.random.Generator,
        faults: np.random.Generator,
    ) -> None:
        self.count = Count()
        self.idle: deque[Job] = deque()
        self._clock, self._behaviour, self._setting = clock, behaviour, setting
        self._speeds, self._faults = speeds, faults
        #: Slowness of each free slot, and until when it is claimed; the last one is freed last.
        self._given = cycle(behaviour.slowness)
        self._free = deque((self._machine(), 0.0) for _ in range(n_slots))
        self._is_due = False
        self._last_start = 0.0

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue; a slot that is still claimed takes it."""
        if self._free and self._free[-1][1] > self._clock.now:
            self._start_soon(job, self._free.pop()[0])
        else:
            self.idle.append(job)
            self._await_cycle()

    def _machine(self) -> float:
        """Return the slowness of another machine; the mean is 1."""
        if self._behaviour.slowness:
            return next(self._given)
        spread = self._behaviour.machine_spread
        return float(self._speeds.lognormal(-0.5 * spread**2, spread)) if spread else 1.0

    def _await_cycle(self) -> None:
        if self._is_due or not (self.idle and self._free):
            return
        # A part of the cycle is over: rounds do not know of the negotiator's.
        self._is_due = True
        self._clock.after(self._faults.uniform() * self._behaviour.match, self._match)

    def _match(self) -> None:
        self._is_due = False
        while self.idle and self._free:
            self._start_soon(self.idle.popleft(), self._free.pop()[0])

    def _start_soon(self, job: Job, slowness: float) -> None:
        """Start a job when the schedd comes to it."""
        when = max(self._clock.now, self._last_start + 1.0 / self._behaviour.starts_per_second)
        self._last_start = when
        self._clock.after(when - self._clock.now, partial(self._start, job, slowness))

    def _start(self, job: Job, slowness: float) -> None:
        now = self._behaviour
        self.count.starts += 1
        set_up = now.set_up * float(self._faults.lognormal(0.0, now.set_up_spread))
        held, failing, part, evicted = self._faults.random(4).tolist()
        whole = stretch(job, slowness)
        lasts = set_up + whole.seconds
        alive = -log(1.0 - evicted) * HOUR / (now.evictions_per_hour or 1e-12)
        run = _Run(job, slowness, whole)
        if held < now.held:
            self._stop(part * set_up, self._hold, run)
        elif alive < lasts:
            self._stop(alive, self._evict, run._replace(fitting=max(0.0, alive - set_up)))
        elif failing < now.failing:
            fitting = part * whole.seconds
            self._stop(set_up + fitting, self._fail, run._replace(fitting=fitting))
        else:
            self._stop(lasts, self._finish, run)

    def _stop(self, after: float, do: Callable[[_Run], None], run: _Run) -> None:
        self.count.slots += after
        self._clock.after(after, partial(do, run))

    def _finish(self, run: _Run) -> None:
        run.job.keep(len(run.whole.ends), run.whole.seconds)
        if run.whole.why == "checkpoint":
            self._start(run.job, run.slowness)
            return
        self._next(run.slowness)
        run.job.ended(True)  # noqa: FBT003

    def _evict(self, run: _Run) -> None:
        self.count.evictions += 1
        self._keep_part(run, is_kept=self._faults.uniform() < self._behaviour.kept)
        run.job.n_in_vain += 1
        if run.job.n_in_vain > MOST_IN_VAIN:
            raise NeverEnds(self._why_endless(run))
        self._free.appendleft((self._machine(), 0.0))
        self.idle.appendleft(run.job)
        self._await_cycle()

    def _why_endless(self, run: _Run) -> str:
        rate = self._behaviour.evictions_per_hour
        return (
            f"The scan does not end on such a pool: with {rate:.2g} evictions an hour, a job "
            f"was evicted {MOST_IN_VAIN} times in a row before its results came home, which "
            f"takes {run.whole.seconds / HOUR:.3g} h; the fits must be shorter "
            f"(--seconds-per-fit), or a shorter --checkpoint-interval."
        )

    def _hold(self, run: _Run) -> None:
        self.count.holds += 1
        job = run.job
        job.n_holds += 1
        self._next(run.slowness)
        if job.n_holds > RELEASES:
            self._clock.after(self._setting.held_too_long, partial(self._try_again, job))
        else:
            delay = self._setting.release_after * job.n_holds
            self._clock.after(delay, partial(self.submit, job))

    def _fail(self, run: _Run) -> None:
        self.count.failures += 1
        self._keep_part(run, is_kept=True)
        self._next(run.slowness)
        self._try_again(run.job)

    def _try_again(self, job: Job) -> None:
        """Start a failed job again: half of the retries are of the same submission."""
        job.n_failed += 1
        retries = self._setting.max_retries
        if job.n_failed > retries:
            job.ended(False)  # noqa: FBT003
        elif job.n_failed == retries // 2 + 1 or job.n_holds > RELEASES:
            job.n_holds = 0  # DAGMan submits it again
            now = self._behaviour
            self._clock.after(now.scan_interval + now.submit, partial(self.submit, job))
        else:
            self.submit(job)

    def _keep_part(self, run: _Run, *, is_kept: bool) -> None:
        n, seconds = run.whole.done_in(run.fitting) if is_kept else (0, 0.0)
        self.count.lost += run.fitting - seconds
        run.job.keep(n, seconds)

    def _next(self, slowness: float) -> None:
        if self.idle:
            self._start_soon(self.idle.popleft(), slowness)
        else:
            self._free.append((slowness, self._clock.now + self._behaviour.claim))
