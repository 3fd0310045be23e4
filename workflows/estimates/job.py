"""One job of a simulated scan, and how far a start of it gets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


@dataclass
class Job:
    """One batch.

    Attributes
    ----------
    fits : ndarray, shape (n,)
        Numbers of its fits.
    seconds : ndarray, shape (n,)
        Their durations on a machine of mean speed.
    arrived : callable
        Called with the numbers of fits whose results have come home.
    ended : callable
        Called once, with whether the job succeeded.
    time_budget, checkpoint_interval : float
        Seconds; 0 means no limit.
    n_done : int
        Number of its first fits that have results.
    spent : float
        Seconds that these took.
    n_failed, n_holds : int
        How often it has failed, and was held since it was last submitted.
    n_in_vain : int
        How often it was evicted since its last result.
    """

    fits: NDArray[np.int64]
    seconds: NDArray[np.float64]
    arrived: Callable[[NDArray[np.int64]], None]
    ended: Callable[[bool], None]
    time_budget: float = 0.0
    checkpoint_interval: float = 0.0
    n_done: int = field(default=0, init=False)
    spent: float = field(default=0.0, init=False)
    n_failed: int = field(default=0, init=False)
    n_holds: int = field(default=0, init=False)
    n_in_vain: int = field(default=0, init=False)

    def keep(self, n: int, seconds: float) -> None:
        """Bring home the results of the next ``n`` fits, which took ``seconds``."""
        now = self.fits[self.n_done : self.n_done + n]
        self.n_done += n
        self.spent += seconds
        self.n_in_vain = 0 if n else self.n_in_vain
        self.arrived(now)


class Stretch(NamedTuple):
    """How a start goes on if nothing disturbs it.

    Attributes
    ----------
    ends : ndarray, shape (n,)
        Seconds from the first fit to the end of each one that is done.
    why : str
        ``done``: all are; ``left``: the time budget is spent; ``checkpoint``.
    """

    ends: NDArray[np.float64]
    why: Literal["done", "left", "checkpoint"]

    @property
    def seconds(self) -> float:
        """Return how long it lasts."""
        return float(self.ends[-1]) if len(self.ends) else 0.0

    def done_in(self, seconds: float) -> tuple[int, float]:
        """Return how many fits are done in that time, and how long these take."""
        n = int(np.searchsorted(self.ends, seconds, side="right"))
        return n, float(self.ends[n - 1]) if n else 0.0


def stretch(job: Job, slowness: float) -> Stretch:
    """Return how a start of a job goes on; limits end it between two fits."""
    ends = job.seconds[job.n_done :].cumsum() * slowness
    if job.time_budget and job.spent >= job.time_budget:
        return Stretch(ends[:0], "left")
    n_budget = _n_until(ends, job.time_budget - job.spent if job.time_budget else 0.0)
    n_checkpoint = _n_until(ends, job.checkpoint_interval)
    n = min(n_budget, n_checkpoint)
    if n >= len(ends):
        return Stretch(ends, "done")
    return Stretch(ends[:n], "left" if n == n_budget else "checkpoint")


def _n_until(ends: NDArray[np.float64], limit: float) -> int:
    """Return the number of fits that begin before a limit; 0 is none."""
    return int(ends.searchsorted(limit)) + 1 if limit else len(ends)
