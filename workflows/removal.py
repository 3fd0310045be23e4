"""Remove a scan or a campaign from the queue; its results are kept.

From HTCondor 25.8 on, what running jobs have computed is brought home first. Before, it is lost
with the jobs, back to their last checkpoint.
"""

from __future__ import annotations

import math
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from condor.logs.dagman import note_removal
from condor.queue import HELD, SCHEDULER, VANILLA, jobs, with_their_jobs
from condor.schedd import ask_schedd
from condor.versions import REMOVAL_WITH_TRANSFER, parse_version
from skyscan.errors import SkyscanError, TryAgain
from skyscan.rounds.arrived import take_results
from workflows.campaigns import run as campaign_run
from workflows.engines import engine_of
from workflows.engines.dagman.submission import locks
from workflows.model.place import submitted_in
from workflows.notify import LOG as NOTIFY_LOG
from workflows.notify import notify
from workflows.planned import read_planned
from workflows.reports.writing import last_report
from workflows.submission import queued_cluster, queued_jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from condor.contact import Pool
    from condor.queue import QueuedJob
    from skyscan.layout import ScanFolder
    from workflows.campaigns.folder import CampaignFolder

LOOK_EVERY = 0.5  # seconds
#: Seconds to wait for the next removed job to leave; each may take some to return its results.
PATIENCE = 120.0


class StillThere(TryAgain):
    """Jobs of the scan are still in the queue."""


def abort(folder: ScanFolder, pool: Pool, patience: float = PATIENCE) -> int | None:
    """Remove a scan's DAGMans and jobs from the queue; wait until all are gone.

    The report is written if DAGMan has not: one that is held when it is removed cannot, and one
    of HTCondor 23.9.6 whose round ends at that moment dies of a failed assertion.

    Returns
    -------
    int or None
        The job id that DAGMan had, or a job that outlived it; None if the scan was not in the
        queue.

    Raises
    ------
    StillThere
        The schedd refuses, or no job has left the queue for ``patience`` seconds.
    """
    found = queued_cluster(folder, pool)
    # Jobs may outlive a DAGMan: it was removed by force, or a removal has not ended.
    clusters = queued_jobs(folder, pool) if found is None else [found]
    if not clusters:
        return None
    cluster = clusters[0]
    _remove_all(pool, clusters, lambda: queued_jobs(folder, pool), patience)
    _unlock(folder.workflow)
    _note([cluster], engine_of(folder).dag(folder))
    if place := submitted_in(engine_of(folder).dag(folder), folder.path):
        take_results_from(Path(place), folder)
    _close(folder)
    return cluster


def _close(folder: ScanFolder) -> None:
    """Do what DAGMan's last step does at a removal, unless it has done so."""
    before = _written(folder.report_json)
    with suppress(SkyscanError, OSError):  # `skyscan result` tries again, and says why not
        last_report(folder)
        if _written(folder.report_json) != before:
            command = read_planned(folder.scan_json).notify
            notify(command, "removed", folder.path, folder.logs / NOTIFY_LOG)


def take_results_from(place: Path, folder: ScanFolder) -> None:
    """Take the results that jobs sent to where a scan was before its folder was moved."""
    arrived: dict[int, dict[int, list[Path]]] = {}
    for path in place.glob("rounds/*/results/*/*.rec"):
        of_round, batch = path.parents[2].name, path.stem
        if of_round.isdecimal() and batch.isdecimal():
            arrived.setdefault(int(of_round), {}).setdefault(int(batch), []).append(path)
    scan_id = read_planned(folder.scan_json).id
    for number, arriving in arrived.items():
        # A round that is damaged is written again by `resume`; a disk may be full.
        with suppress(SkyscanError, OSError):
            take_results(folder.round(number), scan_id, arriving)


def _written(path: Path) -> int:
    """Return when a file was written, in ns since 1970; 0 if there is none."""
    return path.stat().st_mtime_ns if path.exists() else 0


def abort_campaign(folder: CampaignFolder, pool: Pool, patience: float = PATIENCE) -> list[int]:
    """Remove a campaign's DAGMan and its scans from the queue; wait until all are gone.

    Returns
    -------
    list of int
        The job ids of its DAGMan and of its scans' DAGMans, in this order, or of jobs that
        outlived them; empty if none was in the queue.

    Raises
    ------
    StillThere
        The schedd refuses, or no job has left the queue for ``patience`` seconds.
    """
    clusters = campaign_run.queued_dagmans(folder, pool)
    clusters = clusters or campaign_run.queued_jobs(folder, pool)
    if clusters:
        _remove_all(pool, clusters, lambda: campaign_run.queued_jobs(folder, pool), patience)
        _unlock(folder.path, *(scan.workflow for scan in folder.scans))
        _note(clusters, folder.dag, *(engine_of(scan).dag(scan) for scan in folder.scans))
    return clusters


def _note(clusters: list[int], *dags: Path) -> None:
    """Record the removal of DAGs whose folder was moved while they were in the queue."""
    for dag in dags:
        with suppress(OSError):  # a full disk
            note_removal(dag, clusters)


def _unlock(*folders: Path) -> None:
    """Remove the locks of DAGMans that were removed while they were held."""
    for folder in folders:
        for lock in locks(folder):
            lock.unlink(missing_ok=True)


def _remove_all(
    pool: Pool, dagmans: list[int], queued: Callable[[], list[int]], patience: float
) -> None:
    """Remove DAGMans and all of their jobs, and wait until none is left."""
    everything = _Everything(pool, dagmans)
    if _can_transfer(pool):
        _bring_home(pool, everything, patience)
    # The outermost DAGMan first, or it would start the next scan or round when one ends. A
    # DAGMan takes its jobs along.
    for cluster in dagmans:
        _remove(pool, cluster)
    # Jobs may outlive the DAGMan by which they are found.
    _wait_until_gone(lambda: max(len(queued()), len(everything.left())), patience)


class _Everything:
    """DAGMans and all jobs below them, including those whose DAGMan has left the queue."""

    def __init__(self, pool: Pool, dagmans: Iterable[int]) -> None:
        self.pool = pool
        self.known = set(dagmans)

    def left(self, universe: int | None = None) -> list[QueuedJob]:
        """Return those that are in the queue, of one universe or of all."""
        found = jobs(self.pool)
        self.known = with_their_jobs(self.known, found)
        return [
            job
            for job in found
            if job.cluster in self.known and universe in (None, job.universe)
        ]


def _can_transfer(pool: Pool) -> bool:
    """Return whether both the tools and the schedd know ``condor_rm -transfer``."""
    schedd = ask_schedd(pool)
    known = (parse_version(pool.version), schedd and schedd.version)
    return all(version and version >= REMOVAL_WITH_TRANSFER for version in known)


def _bring_home(pool: Pool, everything: _Everything, patience: float) -> None:
    """Hold the DAGMans, and remove their jobs so that what they have written comes home.

    A DAGMan that runs would submit its removed jobs again. What cannot be held, or is not
    transferred in time, is removed with its DAGMan afterwards.
    """
    dagmans = {job.cluster for job in everything.left(SCHEDULER)}
    if dagmans:
        pool.run("condor_hold", "-reason", "skyscan abort", *map(str, sorted(dagmans)))
    if any(job.status != HELD for job in everything.left(SCHEDULER)):
        return
    running = {job.cluster for job in everything.left(VANILLA)}
    if running:
        pool.run("condor_rm", "-transfer", *map(str, sorted(running)))
    deadline = time.monotonic() + patience
    while everything.left(VANILLA) and time.monotonic() < deadline:
        time.sleep(LOOK_EVERY)


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
