"""Taking a scan out of the queue: what it found stays."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from skyscan.errors import TryAgain
from workflows.submission import queued_cluster, queued_jobs

if TYPE_CHECKING:
    from condor.contact import Pool
    from skyscan.layout import ScanFolder

LOOK_EVERY = 0.5  # seconds
#: Seconds until a job that was removed is gone: it has some to hand in what it has.
PATIENCE = 120.0


class StillThere(TryAgain):
    """The schedd has not let go of the scan."""


def abort(folder: ScanFolder, pool: Pool, patience: float = PATIENCE) -> int | None:
    """Remove a scan's DAGMan, and so its jobs, from the queue; wait until all are gone.

    Returns
    -------
    int or None
        The job id that DAGMan had; None when the scan was not in the queue.

    Raises
    ------
    StillThere
        The schedd refuses, or jobs are there still after ``patience`` seconds.
    """
    cluster = queued_cluster(folder, pool)
    if cluster is None:
        return None
    removed = pool.run("condor_rm", str(cluster))
    if removed.returncode != 0 and not _is_going(pool, cluster):
        words = " ".join((removed.stdout + removed.stderr).split())
        raise StillThere(f"condor_rm {cluster} did not work: {words}")
    deadline = time.monotonic() + patience
    while left := queued_jobs(folder, pool):
        if time.monotonic() > deadline:
            raise StillThere(
                f"{left} jobs of the scan are in the queue still, {patience:g} s after "
                f"condor_rm {cluster}; `condor_q` shows them, and `skyscan abort` waits again."
            )
        time.sleep(LOOK_EVERY)
    return cluster


def _is_going(pool: Pool, cluster: int) -> bool:
    """Tell whether a job has left the queue or is being removed already."""
    status = pool.run("condor_q", "-allusers", str(cluster), "-af", "JobStatus")
    return status.returncode == 0 and status.stdout.strip() in ("", "3")
