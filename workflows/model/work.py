"""The work of a scan, done and left: what its remaining time follows from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skyscan.progression import Progression


@dataclass(frozen=True)
class BatchWork:
    """The work of one job.

    Attributes
    ----------
    n, done : int
        Its fits, and those that have a result.
    seconds : float
        Sum of the durations of fits with a result that has come home.
    began : float or None
        When its last start began; None if it has none, or waits for another one.
    ended : float or None
        When it ended with all its fits, or was given up.
    """

    n: int
    done: int = 0
    seconds: float = 0.0
    began: float | None = None
    ended: float | None = None


@dataclass(frozen=True)
class RoundWork:
    """The work of one round; ``opened`` is when its pixels were chosen."""

    nsides: tuple[int, ...]
    opened: float
    batches: tuple[BatchWork, ...]
    is_leftover: bool = False

    @property
    def ended(self) -> float | None:
        """When its last job ended; None while there are others."""
        ends = [it.ended for it in self.batches]
        known = [it for it in ends if it is not None]
        return max(known) if known and len(known) == len(ends) else None

    @property
    def began(self) -> float | None:
        """When the first of its jobs started."""
        return min((it.began for it in self.batches if it.began is not None), default=None)


@dataclass(frozen=True)
class Closing:
    """What has been seen of the end of a scan.

    Attributes
    ----------
    n_skipped : int
        Number of nodes after the last round that were skipped.
    skipped : float or None
        When the last of them was.
    merge_began, merge_ended : float or None
        When the job merge was submitted, if there was one, and when merge ended.
    """

    n_skipped: int = 0
    skipped: float | None = None
    merge_began: float | None = None
    merge_ended: float | None = None


@dataclass(frozen=True)
class Work:
    """The work of a scan as of ``now``.

    Attributes
    ----------
    now : float
        Seconds since 1970.
    ready : float or None
        When prep ended.
    rounds : sequence of RoundWork
        The rounds that have been chosen.
    progression : sequence of (nside, extension)
        Coarse to fine.
    n_variations : int
        Fits per pixel.
    batch_size, jobs_per_round : int or None
        How fits are distributed to jobs.
    max_rounds : int
        How many rounds there may be.
    n_skips : int or None
        How many nodes are skipped if no other round follows; None means one for each round.
    time_budget : float
        Seconds after which a job leaves its fits to the next round; 0 means no limit.
    closing : Closing
        What has been seen of its end.
    """

    now: float
    ready: float | None
    rounds: Sequence[RoundWork]
    progression: Progression
    n_variations: int = 1
    batch_size: int | None = None
    jobs_per_round: int | None = None
    max_rounds: int = 1
    n_skips: int | None = None
    time_budget: float = 0.0
    closing: Closing = Closing()
