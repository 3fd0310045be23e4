"""The chosen rounds of a scan: their batches, the jobs of these, and what has come home."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workflows.model.scan import Jobs, Round
from workflows.model.work import BatchWork, Closing, RoundWork, Work
from workflows.steps import MORE_ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from skyscan.layout import RoundFolder
    from workflows.model.jobs import Job, Nodes
    from workflows.model.outputs import Outputs
    from workflows.model.results import BatchResults
    from workflows.planned import Planned


@dataclass
class Batch:
    """A batch of a round, its job, and what has come home of it."""

    round: int
    number: int
    n: int
    job: Job | None
    results: BatchResults
    done: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether all its fits have results."""
        return self.done >= self.n


@dataclass
class ChosenRound:
    """What is known of a chosen round."""

    number: int
    folder: RoundFolder
    opened: float
    depth: int
    nsides: tuple[int, ...]
    batches: list[Batch]
    outputs: Outputs


def left_over(rounds: Iterable[ChosenRound]) -> dict[int, int]:
    """Return the number of fits that rounds left to the next one, by round."""
    return {it.number - 1: sum(b.n for b in it.batches) for it in rounds if it.depth}


def as_round(here: ChosenRound, left_over: int, *, is_live: bool) -> Round:
    """Return a round for the model; ``left_over`` are its fits that the next round has."""
    n_fits = sum(batch.n for batch in here.batches) - left_over
    whole = sum(batch.is_whole for batch in here.batches)
    jobs = Counter(_state_of(batch, is_live=is_live) for batch in here.batches)
    if left_over:
        jobs["done"] += jobs.pop("failed", 0)
    jobs_here = (batch.job for batch in here.batches)
    ends = [job.changed for job in jobs_here if job is not None and not job.is_in_queue]
    is_over = left_over or whole == len(here.batches)
    return Round(
        number=here.number,
        nsides=here.nsides,
        n_fits=n_fits,
        n_done=min(sum(batch.done for batch in here.batches), n_fits),
        n_jobs=len(here.batches),
        n_jobs_done=len(here.batches) if left_over else whole,
        n_left_over=left_over,
        depth=here.depth,
        opened=here.opened,
        ended=max(ends, default=here.opened) if is_over else None,
        jobs=Jobs(**jobs),
    )


def _has_ended(job: Job | None) -> bool:
    return job is not None and not job.is_in_queue


def _state_of(batch: Batch, *, is_live: bool) -> str:
    """Return the name of the field of `Jobs` in which a batch's job counts."""
    job = batch.job
    if batch.is_whole:
        return "done"
    if not is_live or _has_ended(job):
        return "failed"
    if job is None:
        return "waiting"
    return "idle" if job.state == "idle" else job.state


def added(each: Iterable[Jobs]) -> Jobs:
    """Return the sum of the jobs of all rounds."""
    total: Counter[str] = Counter()
    for jobs in each:
        total.update(vars(jobs))
    return Jobs(**total)


def _work_of(batch: Batch, *, gave_up: bool) -> BatchWork:
    job = batch.job
    began = ended = None
    if job is not None:
        running = job.state == "running"
        if job.starts and (running or _has_ended(job)):
            began = job.starts[-1].began
        # A job that failed is submitted again, unless its round gave its fits to the next.
        if _has_ended(job) and (batch.is_whole or job.has_succeeded or gave_up):
            ended = job.changed
    if ended is None and (batch.is_whole or gave_up) and (job is None or not job.is_in_queue):
        ended = began = batch.results.written or 0.0
    if ended is None and job is not None and not job.is_in_queue:
        began = None
    return BatchWork(batch.n, batch.done, batch.results.seconds, began, ended)


def work_of(
    scan: Planned,
    rounds: Sequence[ChosenRound],
    now: float,
    *,
    outer: Nodes,
    n_variations: int,
    n_skips: int | None = None,
) -> Work:
    """Return the work of a scan, from which its remaining time follows.

    Parameters
    ----------
    scan : Planned
        The scan.
    rounds : sequence of ChosenRound
        Its rounds so far.
    now : float
        The time, seconds since 1970.
    outer : Nodes
        The jobs of the outer DAG.
    n_variations : int
        Fits per pixel.
    n_skips : int, optional
        How many nodes are skipped if no other round follows; default: one for each round.
    """
    prep = outer.jobs.get("prep")
    ready = prep.changed if prep and prep.has_succeeded else outer.skipped.get("prep")
    if ready is None and rounds:
        ready = rounds[0].opened
    gave_up = left_over(rounds)
    return Work(
        now=now,
        ready=ready,
        rounds=[
            RoundWork(
                it.nsides,
                it.opened,
                tuple(_work_of(batch, gave_up=it.number in gave_up) for batch in it.batches),
                is_leftover=bool(it.depth),
            )
            for it in rounds
        ],
        progression=scan.progression,
        n_variations=n_variations,
        batch_size=scan.batch_size,
        jobs_per_round=scan.jobs_per_round,
        max_rounds=scan.max_rounds,
        n_skips=n_skips,
        time_budget=scan.time_budget,
        closing=closing_of(outer, len(rounds)),
    )


def closing_of(outer: Nodes, n_rounds: int) -> Closing:
    """Return what has been seen of the end of a scan, after ``n_rounds`` rounds."""
    last = f"round_{n_rounds - 1:03d}"
    skipped = [
        when
        for node, when in outer.skipped.items()
        if node == MORE_ROUNDS or (node.startswith("round_") and node > last)
    ]
    merge = outer.jobs.get("merge")
    ended = merge.changed if merge and not merge.is_in_queue else None
    return Closing(
        n_skipped=len(skipped),
        skipped=max(skipped, default=None),
        merge_began=merge.submitted if merge else None,
        merge_ended=ended if merge else outer.skipped.get("merge"),
    )
