"""Submit a scan to DAGMan, directly or by Pegasus, for the first time or again."""

from __future__ import annotations

import shlex
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from condor.contact import paste_line
from condor.queue import dagman_in_queue, dagmans, jobs, with_their_jobs
from skyscan.errors import WrongUsage
from skyscan.locks import locked
from workflows import history
from workflows.checks import preflight
from workflows.checks.digests import NO_DIGESTS, check_plan
from workflows.checks.regular import check_regular
from workflows.engines import engine_of
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


class AlreadyRuns(WrongUsage):
    """The scan is in the queue: a second DAGMan would run its pixels twice."""


def submit_line(folder: ScanFolder, pool: Pool | None) -> str:
    """Return a command line to paste, which works in any shell and folder."""
    return paste_line(engine_of(folder).command(folder), pool)


def submit(folder: ScanFolder, pool: Pool) -> None:
    """Submit the scan by its engine.

    Raises
    ------
    AlreadyRuns
        The scan is in the queue, or another process is submitting it.
    WrongUsage, TryAgain
        The scan cannot run, or not now (`workflows.checks.preflight`), or the engine refuses.
    """
    scan = read_planned(folder.scan_json)
    check_plan(folder, scan)
    if not scan.files:
        print(f"skyscan: note: {NO_DIGESTS}.", file=sys.stderr)
    with at_rest(folder, pool):
        preflight.check(folder.path, work_of(folder, scan), pool)
        for stale in (folder.report, folder.report_json, folder.page):
            stale.unlink(missing_ok=True)
        history.record(folder)
        engine_of(folder).submit(folder, pool)


def work_of(folder: ScanFolder, scan: Planned) -> preflight.Work:
    """Return what a scan is to run."""
    return preflight.Work(scan, begun=any(folder.rounds.glob("*")))


@contextmanager
def only_one(described: Path, what: str) -> Iterator[None]:
    """Lock the file that describes a scan or a campaign; the lock ends with the process.

    Raises
    ------
    AlreadyRuns
        Another process holds the lock.
    """
    folder = described.parent

    def refuse() -> None:
        raise AlreadyRuns(
            f"Another process is already submitting the {what} in {folder} or changing its "
            f"options; `skyscan status {shlex.quote(str(folder))}` shows the outcome."
        )

    with locked(described, refuse, mode="rb"):
        yield


@contextmanager
def at_rest(folder: ScanFolder, pool: Pool) -> Iterator[None]:
    """Lock a scan that is not in the queue, so that no other process submits it meanwhile.

    The lock is on scan.json itself and ends with the process, however that ends.

    Raises
    ------
    AlreadyRuns
        The scan is in the queue, or another process holds the lock.
    """
    place = shlex.quote(str(folder.path))
    with only_one(folder.scan_json, "scan"):
        cluster = queued_cluster(folder, pool)
        if cluster is not None:
            raise AlreadyRuns(
                f"The scan in {folder.path} is already in the queue (job {cluster}); "
                f"`skyscan status {place}` shows its progress, `skyscan abort {place}` "
                f"removes it."
            )
        yield


def queued_cluster(folder: ScanFolder, pool: Pool) -> int | None:
    """Return the job id of the scan's DAGMan in the schedd's queue, or None.

    Raises
    ------
    TryAgain
        The schedd does not answer.
    """
    in_queue = dagmans(pool)
    found = (dagman_in_queue(dag, in_queue) for dag in engine_of(folder).dags(folder))
    return next((cluster for cluster in found if cluster is not None), None)


def queued_jobs(folder: ScanFolder, pool: Pool) -> list[int]:
    """Return the ids of the DAGMans and jobs of a scan in the schedd's queue."""
    place, dagman = folder.path.resolve(), queued_cluster(folder, pool)
    found = jobs(pool)
    # Jobs of Pegasus run in folders below it. In a folder that was moved, none do.
    below = {job.cluster for job in found if job.folder.is_relative_to(place)}
    mine = with_their_jobs([dagman] if dagman else [], found)
    return [job.cluster for job in found if job.cluster in below | mine]


def open_scan(path: Path) -> ScanFolder:
    """Return the scan folder at ``path``, or the only one directly below it.

    Raises
    ------
    WrongUsage
        There is no scan, or more than one.
    BadInput
        There is a FIFO or a device in it.
    """
    from skyscan.layout import SCAN_JSON, ScanFolder, fixed

    below = sorted(entry.parent for entry in path.glob(f"*/{SCAN_JSON}"))
    here = [path] if (path / SCAN_JSON).exists() else below
    if len(here) == 1:
        check_regular(here[0])
        return ScanFolder(fixed(here[0]))
    place = shlex.quote(str(path))
    if below:
        which = f"it holds {len(below)} scans; name one, `skyscan list {place}` lists them"
    elif not path.is_dir():
        what = "it is a file" if path.exists() else "it does not exist"
        which = f"{what}; `skyscan list` lists the scans below the current folder"
    else:
        which = f"`skyscan list {place}` lists the scans below it, `skyscan plan` makes one"
    raise WrongUsage(f"{path} is not a scan folder: {which}.")
