"""Taking a scan or a campaign out of the queue: what was found stays."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from skyscan.errors import TryAgain
from workflows.campaigns import run as campaign_run
from workflows.submission import queued_cluster, queued_jobs

if TYPE_CHECKING:
    from collections.abc import Callable

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.campaigns.campaign import CampaignFolder

LOOK_EVERY = 0.5  # seconds
#: Seconds until the next of the jobs that were removed is gone: each has some to hand in what
#: it has.
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
        The schedd refuses, or none of its jobs has gone for ``patience`` seconds.
    """
    cluster = queued_cluster(folder, pool)
    if cluster is None:
        return None
    _remove(pool, cluster)
    _wait_until_gone(lambda: queued_jobs(folder, pool), patience)
    return cluster


def abort_campaign(folder: CampaignFolder, pool: Pool, patience: float = PATIENCE) -> list[int]:
    """Remove a campaign's DAGMan and its scans from the queue; wait until all are gone.

    Returns
    -------
    list of int
        The job ids that its DAGMan and its scans' had, in this order; empty when nothing of
        it was in the queue.

    Raises
    ------
    StillThere
        The schedd refuses, or none of its jobs has gone for ``patience`` seconds.
    """
    clusters = campaign_run.queued_dagmans(folder, pool)
    # Its own first, or it would begin the next scan in the place of one that ended. Jobs go
    # with their DAGMan.
    for cluster in clusters:
        _remove(pool, cluster)
    if clusters:
        _wait_until_gone(lambda: campaign_run.queued_jobs(folder, pool), patience)
    return clusters


def _remove(pool: Pool, cluster: int) -> None:
    removed = pool.run("condor_rm", str(cluster))
    if removed.returncode != 0 and not _is_going(pool, cluster):
        words = " ".join((removed.stdout + removed.stderr).split())
        raise StillThere(f"condor_rm {cluster} did not work: {words}")


def _wait_until_gone(count: Callable[[], int], patience: float) -> None:
    before, deadline = math.inf, math.inf
    while left := count():
        now = time.monotonic()
        if left < before:
            before, deadline = left, now + patience
        if now >= deadline:
            raise StillThere(
                f"{left} jobs are in the queue still, and none has gone for {patience:g} s; "
                f"`condor_q` shows them, and `skyscan abort` waits again."
            )
        time.sleep(LOOK_EVERY)


def _is_going(pool: Pool, cluster: int) -> bool:
    """Tell whether a job has left the queue or is being removed already."""
    status = pool.run("condor_q", "-allusers", str(cluster), "-af", "JobStatus")
    return status.returncode == 0 and status.stdout.strip() in ("", "3")
