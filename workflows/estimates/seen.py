"""How a pool behaved towards a scan, from the scan's own logs."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from math import inf, log
from statistics import fmean, median, pstdev
from typing import TYPE_CHECKING

from workflows.model.time_left import merge_and_report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workflows.estimates.setting import Behaviour
    from workflows.model.jobs import Job
    from workflows.model.rounds import Batch, ChosenRound

RESOLUTION = 1.0  # seconds, of the times in HTCondor's logs

#: The usual rate of evictions counts as if it had been seen for this long: a few evictions in
#: the first minutes of a scan say little about the rate for fits of hours.
USUAL_HOURS = 1.0


def seen_behaviour(
    usual: Behaviour, rounds: Sequence[ChosenRound], prep: Job | None = None
) -> Behaviour:
    """Return the usual behaviour with what was seen of it; unchanged if nothing was.

    Parameters
    ----------
    usual : Behaviour
        What holds where nothing was seen.
    rounds : sequence of ChosenRound
        The rounds of the scan, with their jobs and results.
    prep : Job, optional
        The job before them, if there was one.
    """
    timed = [it for each in rounds for it in each.batches if it.results.n]
    if not timed:
        return usual
    usual = _at_pace_of(timed, usual)
    jobs = _jobs(rounds)
    starts = [start for job in jobs for start in job.starts]
    if not starts:
        return usual
    hours = sum((it.ended or it.began) - it.began for it in starts) / 3600.0
    n_evicted = sum(it.how == "evicted" and it.exit_code is None for it in starts)
    waits = _waits(rounds)
    if prep is not None and prep.starts:
        waits.append(prep.starts[0].began - prep.submitted)
    gaps = _gaps(rounds)
    submissions = [delay for _, delay in _openings(rounds)]
    return replace(
        usual,
        set_up=median(_set_ups(timed) or [usual.set_up]),
        match=2.0 * fmean(waits),  # a cycle is half over, on average
        claim=0.0,
        evictions_per_hour=(n_evicted + USUAL_HOURS * usual.evictions_per_hour)
        / (hours + USUAL_HOURS),
        held=sum(len(job.holds) for job in jobs) / len(starts),
        failing=sum(it.how == "failed" for it in starts) / len(starts),
        is_prepared_here=usual.is_prepared_here and prep is None,
        dagman=fmean(submissions or [usual.dagman]),
        round_dag=0.0 if submissions else usual.round_dag,
        script=max(0.0, median(gaps) - 0.5 * usual.scan_interval) if gaps else usual.script,
        # Scripts of the access point, too: they take longer where these do.
        merge=sum(merge_and_report(median(gaps))) if gaps else usual.merge,
    )


def has_starts(rounds: Iterable[ChosenRound]) -> bool:
    """Return whether the logs have any start of a job."""
    return any(job.starts for job in _jobs(rounds))


def _jobs(rounds: Iterable[ChosenRound]) -> list[Job]:
    return [it.job for each in rounds for it in each.batches if it.job is not None]


def _at_pace_of(timed: Sequence[Batch], usual: Behaviour) -> Behaviour:
    """Return a behaviour with the duration of the fits that have come home, of any job."""
    paces = [it.results.seconds / it.results.n for it in timed if it.results.seconds > 0]
    return replace(
        usual,
        seconds_per_fit=sum(it.results.seconds for it in timed)
        / sum(it.results.n for it in timed),
        fit_spread=0.0,  # it is in the paces of the jobs
        machine_spread=pstdev(map(log, paces)) if len(paces) > 1 else usual.machine_spread,
    )


def most_slots(rounds: Iterable[ChosenRound]) -> int:
    """Return how many jobs of a scan were on machines at once, at most; at least 1."""
    changes = []
    for job in _jobs(rounds):
        for start in job.starts:
            # A job that still runs does so to the end. One that ended as it began was there,
            # but a slot may also take a job at the very time at which it lost one.
            ended = inf if start.ended is None else start.ended
            changes += [(start.began, 1), (max(ended, start.began + 0.5 * RESOLUTION), -1)]
    most, now = 1, 0
    for _, change in sorted(changes):
        now += change
        most = max(most, now)
    return most


def _set_ups(timed: Iterable[Batch]) -> list[float]:
    """Return what successful starts took besides fits, of jobs that had only one start."""
    return [
        max(0.0, it.job.starts[0].seconds(0.0) - it.results.seconds)
        for it in timed
        if it.job is not None and it.job.has_succeeded and len(it.job.starts) == 1
    ]


def _started_jobs(here: ChosenRound) -> list[Job]:
    return [it.job for it in here.batches if it.job is not None and it.job.starts]


def _waits(rounds: Iterable[ChosenRound]) -> list[float]:
    """Return the seconds from the first submission of each round to its first start."""
    found = []
    for jobs in filter(None, map(_started_jobs, rounds)):
        submitted = min(it.submitted for it in jobs)
        found.append(max(0.0, min(it.starts[0].began for it in jobs) - submitted))
    return found


def _openings(rounds: Iterable[ChosenRound]) -> list[tuple[float, float]]:
    """Return when rounds were chosen, and from then the seconds to their first submission.

    The time of a choice is that of a file: if the folder was copied, it is later than the jobs
    and says nothing.
    """
    found = []
    for here in rounds:
        jobs = _started_jobs(here)
        submitted = min((it.submitted for it in jobs), default=0.0)
        if here.opened <= submitted + RESOLUTION:
            found.append((here.opened, max(0.0, submitted - here.opened)))
    return found


def _gaps(rounds: Sequence[ChosenRound]) -> list[float]:
    """Return the seconds from the end of a round to the choice of the next."""
    known = {opened for opened, _ in _openings(rounds)}
    found = []
    for before, after in pairwise(rounds):
        ends = [it.job.changed for it in before.batches if it.job is not None]
        # A round that was chosen before the end was chosen ahead.
        if ends and after.opened in known and after.opened > max(ends):
            found.append(after.opened - max(ends))
    return found
