"""Remove a scan or a campaign from the queue; its results are kept."""

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
#: Seconds to wait for the next removed job to leave; each may take some to return its results.
PATIENCE = 120.0


class StillThere(TryAgain):
    """Jobs of the scan are still in the queue."""


def abort(folder: ScanFolder, pool: Pool, patience: float = PATIENCE) -> int | None:
    """Remove a scan's DAGMan, and with it its jobs, from the queue; wait until all are gone.

    Returns
    -------
    int or None
        The job id that DAGMan had; None if the scan was not in the queue.

    Raises
    ------
    StillThere
        The schedd refuses, or no job has left the queue for ``patience`` seconds.
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
        The job ids of its DAGMan and of its scans' DAGMans, in this order; empty if none was
        in the queue.

    Raises
    ------
    StillThere
        The schedd refuses, or no job has left the queue for ``patience`` seconds.
    """
    clusters = campaign_run.queued_dagmans(folder, pool)
    # The campaign's DAGMan first, or it would start the next scan when one ends. A DAGMan
    # takes its jobs along.
    for cluster in clusters:
        _remove(pool, cluster)
    if clusters:
        _wait_until_gone(lambda: campaign_run.queued_jobs(folder, pool), patience)
    return clusters


def _remove(pool: Pool, cluster: int) -> None:
    removed = pool.run("condor_rm", str(cluster))
    if removed.returncode != 0 and not _is_going(pool, cluster):
        words = " ".join((removed.stdout + removed.stderr).split())
        raise StillThere(f"condor_rm {cluster} failed: {words}")


def _wait_until_gone(count: Callable[[], int], patience: float) -> None:
    before, deadline = math.inf, math.inf
    while left := count():
        now = time.monotonic()
        if left < before:
            before, deadline = left, now + patience
        if now >= deadline:
            raise StillThere(
                f"{left} jobs are still in the queue, and none has left for {patience:g} s; "
                f"`condor_q` shows them, and `skyscan abort` waits again."
            )
        time.sleep(LOOK_EVERY)


def _is_going(pool: Pool, cluster: int) -> bool:
    """Return whether a job has left the queue or is already being removed."""
    status = pool.run("condor_q", "-allusers", str(cluster), "-af", "JobStatus")
    return status.returncode == 0 and status.stdout.strip() in ("", "3")
