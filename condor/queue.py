"""The DAGMans and jobs in the schedd's queue."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import TryAgain

if TYPE_CHECKING:
    from condor.contact import Pool


def dagmans(pool: Pool) -> list[tuple[int, Path]]:
    """Return the job id and the log of each DAGMan in the schedd's queue, of any user.

    Root's personal pool runs its jobs under another name.
    """
    # 7 is the scheduler universe, which is DAGMan's.
    lines = queue(pool, "JobUniverse == 7", "ClusterId", "UserLog")
    words = (line.partition(" ") for line in lines)
    return [(int(cluster), Path(log).resolve()) for cluster, _, log in words]


def job_folders(pool: Pool) -> list[Path]:
    """Return the folders that the jobs of the schedd's queue were submitted from."""
    return [Path(line).resolve() for line in queue(pool, "Iwd =!= undefined", "Iwd")]


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
