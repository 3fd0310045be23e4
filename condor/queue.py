"""The schedd's queue: which DAGMans and jobs are in it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import TryAgain

if TYPE_CHECKING:
    from condor.contact import Pool


def dagmans(pool: Pool) -> list[tuple[int, Path]]:
    """Return the job id and the log of each DAGMan in the schedd's queue, of any user.

    A root's personal pool runs its jobs under another name.
    """
    # 7 is the scheduler universe, which is DAGMan's.
    lines = queue(pool, "JobUniverse == 7", "ClusterId", "UserLog")
    words = (line.partition(" ") for line in lines)
    return [(int(cluster), Path(log).resolve()) for cluster, _, log in words]


def job_folders(pool: Pool) -> list[Path]:
    """Return the folder in which each job of the schedd's queue was submitted."""
    return [Path(line).resolve() for line in queue(pool, "Iwd =!= undefined", "Iwd")]


def queue(pool: Pool, constraint: str, *attributes: str) -> list[str]:
    """Return a line for each job of the schedd's queue, with these attributes of it.

    Raises
    ------
    TryAgain
        The schedd does not answer: nobody knows.
    """
    command = ("condor_q", "-allusers", "-constraint", constraint, "-af", *attributes)
    try:
        asked = pool.run(*command)
    except subprocess.TimeoutExpired as error:
        raise TryAgain("The schedd does not answer; try again when it does.") from error
    if asked.returncode != 0:
        words = " ".join(asked.stderr.split())
        raise TryAgain(f"The schedd does not say what is in its queue: {words}. Try again.")
    return asked.stdout.splitlines()
