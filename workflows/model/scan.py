"""The scan model, version 1: what `skyscan status --json` prints.

Times are seconds since 1970, durations seconds. A value of None is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from workflows.engines.engine import Failure

#: Incremented when a field is removed or changes its meaning; new fields do not count.
VERSION = 1

State = Literal[
    "planned", "queued", "running", "held", "removed", "ended", "elsewhere", "unknown"
]
Outcome = Literal["complete", "incomplete", "failed"]


@dataclass(frozen=True)
class Dagman:
    """DAGMan's job of the last submission.

    Attributes
    ----------
    cluster : int
        Its id in the schedd.
    state : str
        ``queued``, ``running``, ``held``, ``removed`` or ``ended``, by its log.
    submissions, starts : int
        How often the scan was submitted, and how often this job was started.
    submitted : float
        When it was submitted.
    ended : float or None
        When it left the queue.
    exit_code : int or None
        Its exit code, once it has ended.
    """

    cluster: int
    state: str
    submissions: int
    starts: int
    submitted: float
    ended: float | None = None
    exit_code: int | None = None


@dataclass(frozen=True)
class Jobs:
    """The number of jobs in each state.

    Attributes
    ----------
    waiting : int
        Of rounds that are chosen, not submitted yet.
    idle : int
        In the queue, never started.
    running : int
        On a machine.
    evicted : int
        In the queue again after a start.
    held : int
        Held.
    done : int
        All their fits have results.
    failed : int
        Ended, or removed, without that.
    """

    waiting: int = 0
    idle: int = 0
    running: int = 0
    evicted: int = 0
    held: int = 0
    done: int = 0
    failed: int = 0


@dataclass(frozen=True)
class Round:
    """One round; a fit is one variation of one pixel.

    Attributes
    ----------
    number : int
        From 0.
    nsides : tuple of int
        The nsides of its pixels.
    n_fits, n_done : int
        Number of its fits, and of those that have a result.
    n_jobs, n_jobs_done : int
        The same for its jobs.
    n_left_over : int
        Further fits that its jobs had no time for; the next round has them.
    depth : int
        0, or the number of the round in a row of rounds that do remaining fits.
    opened : float
        When its pixels were chosen.
    ended : float or None
        When the last of its jobs ended; None while there are others.
    jobs : Jobs
        Its jobs by state.
    """

    number: int
    nsides: tuple[int, ...]
    n_fits: int
    n_done: int
    n_jobs: int
    n_jobs_done: int
    n_left_over: int
    depth: int
    opened: float
    ended: float | None
    jobs: Jobs

    @property
    def is_done(self) -> bool:
        """Whether all its fits have results."""
        return self.n_done >= self.n_fits

    def line(self) -> str:
        """Return the progress as one line of text."""
        nsides = ", ".join(map(str, self.nsides)) or "unknown"  # a batch is damaged
        what = ", remaining fits" if self.depth else ""
        more = f"; {self.n_left_over} left for the next round" if self.n_left_over else ""
        return (
            f"round {self.number}: nside {nsides}{what}: {self.n_done} of {self.n_fits} pixels "
            f"done, {self.n_jobs_done} of {self.n_jobs} jobs{more}"
        )


@dataclass(frozen=True)
class Held:
    """Held jobs with reasons that differ only in numbers; ``example`` is one of them."""

    reason: str
    n: int
    example: str


@dataclass(frozen=True)
class NoFit:
    """Pixels without a fit (NaN), with reasons that differ only in numbers."""

    reason: str
    n: int
    example: str


@dataclass(frozen=True)
class Best:
    """The best fit so far: pixel, direction (degrees, J2000) and llh (-ln L).

    If ``frame`` is ``local`` and not ``icrs``, the direction is azimuth and elevation.
    """

    nside: int
    pixel: int
    ra_deg: float
    dec_deg: float
    llh: float
    frame: str = "icrs"


@dataclass(frozen=True)
class SlowFit:
    """A fit that took long, and the machine of its job's last start."""

    nside: int
    pixel: int
    variation: int
    seconds: float
    machine: str


@dataclass(frozen=True)
class Machine:
    """What the jobs did on one machine.

    Attributes
    ----------
    name : str
        Name of the machine, without that of the slot.
    running : int
        Number of jobs that run there now.
    n_good, n_failed, n_evicted : int
        Number of starts that succeeded, failed, and were evicted, held or removed.
    hours : float
        Hours of slots used there.
    n_fits : int
        Number of fits of the jobs that ended there.
    seconds_per_fit : float or None
        Mean duration of these fits.
    """

    name: str
    running: int
    n_good: int
    n_failed: int
    n_evicted: int
    hours: float
    n_fits: int
    seconds_per_fit: float | None


@dataclass(frozen=True)
class TimeLeft:
    """The remaining time of a scan.

    Attributes
    ----------
    likely, low, high : float
        The estimate and its range.
    work : float
        The part of ``likely`` in which jobs fit.
    waiting : float
        The rest: waits for machines, start-ups, DAGMan between rounds.
    more_rounds : float
        Number of rounds that are still expected to be chosen.
    """

    likely: float
    low: float
    high: float
    work: float
    waiting: float
    more_rounds: float


@dataclass(frozen=True)
class Spent:
    """Where the time of the jobs' slots and of the scan went, in seconds.

    Attributes
    ----------
    opening : float
        Nothing was in the queue: prep, DAGMan and its scripts, merge.
    waiting : float
        Jobs were in the queue, and none was on a machine.
    running : float
        At least one job was on a machine.
    slots : float
        Slots in use, summed over all jobs; the following are parts of it.
    fits : float
        In fits whose results count.
    starting : float
        Start-up, transfer and end of starts that succeeded.
    failed, evicted, held : float
        Lost in starts that failed, were evicted or removed, or were held.
    in_hold : float
        Time that jobs were held, summed over all jobs.
    queued : float
        Time that jobs waited for a machine, summed over all jobs.
    """

    opening: float = 0.0
    waiting: float = 0.0
    running: float = 0.0
    slots: float = 0.0
    fits: float = 0.0
    starting: float = 0.0
    failed: float = 0.0
    evicted: float = 0.0
    held: float = 0.0
    in_hold: float = 0.0
    queued: float = 0.0


@dataclass(frozen=True)
class ScanModel:
    """All that is known of a scan.

    Attributes
    ----------
    version : int
        `VERSION`.
    name, reco, site, engine, runtime : str
        Of the scan, as planned.
    kernel : str
        What computes the likelihoods, ``compiled`` or ``numpy``; empty if the reconstruction
        has one way only.
    folder : str
        Absolute path of the scan folder.
    made : float
        When the model was made.
    news : float or None
        When its newest event or result was written; None if there is none.
    state : str
        ``planned`` (never submitted), ``queued``, ``running``, ``held``, ``removed`` or
        ``ended``; ``elsewhere`` if the scan was submitted from another folder, of which this
        one is a copy; ``unknown`` if the queue no longer has the job, or if DAGMan's log is
        lost and the queue does not have it either, or was not asked.
    in_queue : bool or None
        Whether the queue has DAGMan; None if it was not asked or does not answer: then a state
        before the end is only that of the log.
    n_queued : int or None
        Number of its jobs in the queue, apart from DAGMan; None like ``in_queue``.
    outcome : str or None
        Of a scan that has ended: ``complete``, ``incomplete`` or ``failed``.
    submitted_in : str
        The folder from which it was submitted, if that is another one; else empty.
    dagman : Dagman or None
        DAGMan's job; None if the scan was never submitted.
    rounds : tuple of Round
        The rounds that have been chosen.
    max_rounds : int
        How many rounds the scan may have.
    jobs : Jobs
        The jobs of all rounds by state.
    held : tuple of Held
        Reasons of the held jobs, most frequent first.
    n_pixels : dict of str to int
        Number of pixels with a result, by nside.
    no_fit : tuple of NoFit
        Pixels without a fit, by reason, most frequent first.
    best : Best or None
        The best fit so far.
    slowest : tuple of SlowFit
        The slowest fits.
    rate : float or None
        Fits per second over the last while; None while there are none.
    machines : tuple of Machine
        The machines of the jobs, those with most hours first.
    bad_machines : tuple of str
        A line for each machine on which every job failed at once.
    repairs : tuple of str
        What ``dagman.sh`` did to work around faults of DAGMan, apart from other numbers for
        skipped nodes, which every ``resume`` may need.
    spent : Spent
        Where the time went.
    cpu_hours, cpu_hours_wasted : float
        Hours of slots used, and those of starts that failed or were evicted, without what
        their fits kept.
    time_left : TimeLeft or None
        Of a scan that is in the queue; None while nothing is known yet.
    waits : tuple of str
        What the scan waits for, with the command that shows more.
    failures : tuple of Failure
        What failed, the first cause first.
    """

    version: int
    name: str
    reco: str
    site: str
    engine: str
    runtime: str
    folder: str
    made: float
    news: float | None
    state: State
    outcome: Outcome | None
    submitted_in: str
    dagman: Dagman | None
    rounds: tuple[Round, ...]
    max_rounds: int
    jobs: Jobs = field(default_factory=Jobs)
    held: tuple[Held, ...] = ()
    n_pixels: dict[str, int] = field(default_factory=dict)
    no_fit: tuple[NoFit, ...] = ()
    best: Best | None = None
    slowest: tuple[SlowFit, ...] = ()
    rate: float | None = None
    machines: tuple[Machine, ...] = ()
    bad_machines: tuple[str, ...] = ()
    repairs: tuple[str, ...] = ()
    spent: Spent = field(default_factory=Spent)
    cpu_hours: float = 0.0
    cpu_hours_wasted: float = 0.0
    time_left: TimeLeft | None = None
    waits: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    kernel: str = ""
    in_queue: bool | None = None
    n_queued: int | None = None

    @property
    def current(self) -> Round | None:
        """The current round: the first that is incomplete, else the last."""
        unfinished = (it for it in self.rounds if not it.is_done)
        return next(unfinished, self.rounds[-1] if self.rounds else None)

    @property
    def age(self) -> float | None:
        """Seconds since the newest event or result."""
        return None if self.news is None else max(0.0, self.made - self.news)
