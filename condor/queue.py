"""The DAGMans and jobs in the schedd's queue."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condor.logs.dagman import dag_of, dagman_state, log_of
from skyscan.errors import TryAgain

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from condor.contact import Pool

#: Values of JobUniverse: of jobs on machines, and of DAGMan.
VANILLA, SCHEDULER = 5, 7
#: Value of JobStatus.
HELD = 5
_JOB = re.compile(r"(\d+) (\S+) (\d+) (\d+) (.*)", re.ASCII)
#: A DAGMan in the queue: its job id, and the log of its own job.
QueuedDagman = tuple[int, Path]


@dataclass(frozen=True)
class QueuedJob:
    """A job in the queue.

    Attributes
    ----------
    cluster : int
        Its job id.
    dagman : int or None
        The job id of the DAGMan that submitted it.
    universe, status : int
        Its JobUniverse and JobStatus.
    folder : Path
        The folder that it was submitted from.
    """

    cluster: int
    dagman: int | None
    universe: int
    status: int
    folder: Path


def dagmans(pool: Pool) -> list[QueuedDagman]:
    """Return the job id and the log of each DAGMan in the schedd's queue, of any user.

    Root's personal pool runs its jobs under another name.
    """
    lines = queue(pool, f"JobUniverse == {SCHEDULER}", "ClusterId", "UserLog")
    words = (line.partition(" ") for line in lines)
    # A path with a line break continues in a line that describes no job.
    return [
        (int(cluster), Path(log).resolve()) for cluster, _, log in words if cluster.isdigit()
    ]


def dagman_in_queue(dag: Path, in_queue: Sequence[QueuedDagman]) -> int | None:
    """Return the job id of the DAGMan of a DAG if it is in the queue, else None.

    It is found by its log, because a new pool starts again with job id 1. If its folder was
    moved, the log in the new place still has its id. A copied folder has such a log too, but
    then the DAG that the queue names still exists. The log that the queue names may exist in
    both cases: the schedd of 25.14 makes a missing folder for it.
    """
    log = log_of(dag).resolve()
    moved = set()
    for cluster, its_log in in_queue:
        if its_log == log:
            return cluster
        if _is_gone(dag_of(its_log)):
            moved.add(cluster)
    state = dagman_state(dag) if moved else None
    return state.cluster if state is not None and state.cluster in moved else None


def _is_gone(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False  # in a folder of another user
    return False


def jobs(pool: Pool) -> list[QueuedJob]:
    """Return all jobs in the schedd's queue."""
    words = ("ClusterId", "DAGManJobId", "JobUniverse", "JobStatus", "Iwd")
    found = map(_JOB.fullmatch, queue(pool, "Iwd =!= undefined", *words))
    lines = (line.groups() for line in found if line)
    return [
        QueuedJob(
            int(cluster),
            int(dagman) if dagman.isdigit() else None,
            int(universe),
            int(status),
            Path(folder).resolve(),
        )
        for cluster, dagman, universe, status, folder in lines
    ]


def with_their_jobs(dagmans: Iterable[int], jobs: Iterable[QueuedJob]) -> set[int]:
    """Return the ids of DAGMans, and of all jobs that they or DAGMans below them submitted."""
    found = set(dagmans)
    while more := {job.cluster for job in jobs if job.dagman in found} - found:
        found |= more
    return found


def cool_down(pool: Pool, constraint: str = "true") -> float | None:
    """Return when a DAGMan that the schedd keeps waiting is started again.

    From 25.10 on, a schedd does not start a DAGMan for a while (300 s) that exited with another
    code than 0, or that was stopped with the schedd.

    Parameters
    ----------
    pool : Pool
        The pool.
    constraint : str
        Which DAGMans, as an expression over their attributes.

    Returns
    -------
    float or None
        When the last of them is started again, seconds since 1970; None if none waits.

    Raises
    ------
    TryAgain
        The schedd does not answer.
    """
    waits = f"JobUniverse == {SCHEDULER} && JobStatus == 1 && JobCoolDownExpiration > time()"
    lines = queue(pool, f"{waits} && ({constraint})", "JobCoolDownExpiration")
    ends = [float(line) for line in lines if line.isdigit()]
    return max((end for end in ends if end > time.time()), default=None)


def queue(pool: Pool, constraint: str, *attributes: str) -> list[str]:
    """Return a line for each job of the schedd's queue with the given attributes.

    Raises
    ------
    TryAgain
        The schedd does not answer.
    """
    command = ("condor_q", "-allusers", "-constraint", constraint, "-af", *attributes)
    try:
        answer = pool.run(*command)
    except subprocess.TimeoutExpired as error:
        raise TryAgain("The schedd does not answer; try again when it does.") from error
    if answer.returncode != 0:
        error_text = " ".join(answer.stderr.split())
        raise TryAgain(f"The schedd's queue cannot be read: {error_text}. Try again.")
    return answer.stdout.splitlines()
