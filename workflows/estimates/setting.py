"""The input of a simulation: the options of the scan, and how its pool behaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from skyscan.progression import DEFAULT_PROGRESSION
from workflows.steps import jobs_at_the_top, n_skips, rounds_at_the_top

if TYPE_CHECKING:
    from skyscan.progression import Progression


@dataclass(frozen=True)
class Setting:
    """The options of a scan that decide how long it takes.

    Attributes
    ----------
    progression : sequence of (nside, extension)
        Coarse to fine.
    n_variations : int
        Fits per pixel.
    batch_size, jobs_per_round : int or None
        How fits are distributed to jobs; one of them is given.
    halvings : int
        How often batches are halved towards the end of a round.
    max_rounds : int
        How many rounds there may be.
    has_own_rounds : bool
        Whether that is from ``--max-rounds`` and not what follows from the other options.
    time_budget : float
        Seconds after which a job leaves its fits to the next round; 0 means no limit.
    threshold : float
        The predictive scanning threshold; 1 means that rounds wait for all results.
    checkpoint_interval : float
        Seconds after which a job returns its results and starts again.
    max_retries : int
        Number of retries of a failed job.
    max_idle : int
        How many jobs of a round may wait in the queue.
    release_after, held_too_long : float
        Seconds until a held job is released, and until it is removed.
    """

    progression: Progression = DEFAULT_PROGRESSION
    n_variations: int = 1
    batch_size: int | None = None
    jobs_per_round: int | None = 300
    halvings: int = 0
    max_rounds: int = 9
    has_own_rounds: bool = False
    time_budget: float = 0.0
    threshold: float = 1.0
    checkpoint_interval: float = 1800.0
    max_retries: int = 3
    max_idle: int = 1000
    release_after: float = 60.0
    held_too_long: float = 1800.0

    @property
    def has_round_dags(self) -> bool:
        """Whether each round is a DAG of its own."""
        return not jobs_at_the_top(
            batch_size=self.batch_size,
            jobs_per_round=self.jobs_per_round,
            halvings=self.halvings,
            time_budget=self.time_budget,
            threshold=self.threshold,
        )

    def n_skips(self, n_rounds: int) -> int:
        """Return how many nodes DAGMan skips after the last of ``n_rounds`` rounds."""
        has_gates = self.threshold < 1
        top = rounds_at_the_top(len(self.progression), self.max_rounds, has_gates=has_gates)
        return n_skips(top, self.max_rounds, n_rounds)


@dataclass(frozen=True)
class Behaviour:
    """How a pool and its jobs behave. Spreads are standard deviations of the logarithm.

    Attributes
    ----------
    seconds_per_fit, fit_spread : float
        The mean duration of a fit on a machine of mean speed, and its spread.
    machine_spread : float
        Spread of the speed of machines.
    slowness : tuple of float
        Relative duration of fits on the machines, in turn; if empty, the spread decides.
    set_up, set_up_spread : float
        Median seconds from the start of a job to its first fit, and their spread.
    match : float
        Seconds between the negotiation cycles that give free slots to idle jobs.
    claim : float
        Seconds for which a slot without a job stays claimed.
    starts_per_second : float
        How many jobs the schedd starts in a second.
    evictions_per_hour : float
        How often a job that runs is evicted, per hour of its slot.
    kept : float
        Chance that an evicted job has time to send its results home.
    held, failing : float
        Chances that a start ends in a hold, or with an error.
    scan_interval : float
        Seconds between DAGMan's looks at its log.
    submits : int
        How many jobs DAGMan submits between two looks.
    submit : float
        Seconds that it needs for one.
    dagman, script, skip, look : float
        Seconds: from the choice of a round to its first submission; from the end of a round to
        the choice of the next; for each node that is skipped; between two looks of a gate.
    round_dag : float
        Seconds that a round takes in addition if it is a DAG of its own.
    prep, merge, merge_pixel : float
        Seconds: of prep's work; of merge and report; of both for each pixel.
    is_prepared_here : bool
        Whether prep's script does that work, without a job.
    """

    seconds_per_fit: float
    fit_spread: float = 0.0
    machine_spread: float = 0.0
    slowness: tuple[float, ...] = ()
    set_up: float = 0.0
    set_up_spread: float = 0.0
    match: float = 0.0
    claim: float = 0.0
    starts_per_second: float = 1e9
    evictions_per_hour: float = 0.0
    kept: float = 0.0
    held: float = 0.0
    failing: float = 0.0
    scan_interval: float = 0.0
    submits: int = 500
    submit: float = 0.0
    dagman: float = 0.0
    script: float = 0.0
    skip: float = 0.0
    round_dag: float = 0.0
    look: float = 30.0
    prep: float = 0.0
    merge: float = 0.0
    merge_pixel: float = 0.0
    is_prepared_here: bool = False
