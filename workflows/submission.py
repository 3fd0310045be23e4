"""Handing a scan to DAGMan, or to Pegasus before it, for the first time or again."""

from __future__ import annotations

import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from condor.dagman import log_of
from condor.queue import dagmans, job_folders
from skyscan.errors import WrongUsage
from skyscan.locks import locked
from workflows.checks import preflight
from workflows.code import check_code
from workflows.engines import engine_of
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


class AlreadyRuns(WrongUsage):
    """The scan is in the queue: a second DAGMan would run its pixels twice."""


def submit_line(folder: ScanFolder, pool: Pool | None) -> str:
    """Return the line that a user may paste: it works in any shell and folder."""
    return paste_line(engine_of(folder).command(folder), pool)


def paste_line(command: Sequence[str], pool: Pool | None) -> str:
    """Return a command as a line that finds the pool; a personal one is on nobody's PATH."""
    if pool is None or pool.config is None:
        return shlex.join(command)
    line = shlex.join(command)
    settings = f"CONDOR_CONFIG={shlex.quote(str(pool.config))}"
    if pool.is_users_own:
        return f"{settings} {line}"
    if "/" not in command[0]:
        line = shlex.join([str(pool.bin / command[0]), *command[1:]])
    path = ":".join(shlex.quote(str(it)) for it in (pool.bin, pool.sbin))
    return f'{settings} PATH={path}:"$PATH" {line}'


def submit(folder: ScanFolder, pool: Pool) -> None:
    """Hand the scan to its engine.

    Raises
    ------
    AlreadyRuns
        It is in the queue, or on its way there.
    WrongUsage, TryAgain
        It cannot run, or not now (`workflows.checks.preflight`), or the engine refuses.
    """
    scan = read_planned(folder.scan_json)
    check_code(folder, scan)
    with at_rest(folder, pool):
        preflight.check(folder.path, work_of(folder, scan), pool)
        for stale in (folder.report, folder.report_json):
            stale.unlink(missing_ok=True)
        engine_of(folder).submit(folder, pool)


def work_of(folder: ScanFolder, scan: Planned) -> preflight.Work:
    """Return what is to run of a scan."""
    return preflight.Work(scan, begun=any(folder.rounds.glob("*")))


@contextmanager
def only_one(described: Path, what: str) -> Iterator[None]:
    """Hold the file that describes a scan or a campaign; the lock goes with the process.

    Raises
    ------
    AlreadyRuns
        Another process holds it.
    """
    folder = described.parent

    def refuse() -> None:
        raise AlreadyRuns(
            f"Another process is already submitting the {what} in {folder} or changing "
            f"what it is to do; `skyscan status {shlex.quote(str(folder))}` shows what "
            f"became of it."
        )

    with locked(described, refuse, mode="rb"):
        yield


@contextmanager
def at_rest(folder: ScanFolder, pool: Pool) -> Iterator[None]:
    """Hold a scan that is not in the queue, so that no other process submits it meanwhile.

    The lock is on scan.json itself and goes with the process, however that ends.

    Raises
    ------
    AlreadyRuns
        It is in the queue, or another process holds it.
    """
    place = shlex.quote(str(folder.path))
    with only_one(folder.scan_json, "scan"):
        cluster = queued_cluster(folder, pool)
        if cluster is not None:
            raise AlreadyRuns(
                f"The scan in {folder.path} is already in the queue (job {cluster}); "
                f"`skyscan status {place}` shows how far it is, `skyscan abort {place}` "
                f"takes it out."
            )
        yield


def queued_cluster(folder: ScanFolder, pool: Pool) -> int | None:
    """Return the job id of the scan's DAGMan in the schedd's queue; None if it has none.

    Raises
    ------
    TryAgain
        The schedd does not answer: nobody knows.
    """
    # By its log, since ids begin anew in a new pool.
    engine = engine_of(folder)
    logs = {log_of(dag).resolve() for dag in engine.dags(folder)}
    state = engine.state(folder)
    for cluster, log in dagmans(pool):
        # A folder that was moved since keeps its log, and so the id; one that was copied does
        # too, but then the log that the queue names is still there.
        is_moved = state is not None and cluster == state.cluster
        if log in logs or (is_moved and not log.exists()):
            return cluster
    return None


def queued_jobs(folder: ScanFolder, pool: Pool) -> int:
    """Count what the schedd's queue has of a scan: its DAGMans and their jobs."""
    place, dagman = folder.path.resolve(), queued_cluster(folder, pool)
    # Pegasus' jobs work in folders of its runs
    below = sum(job.is_relative_to(place) for job in job_folders(pool))
    return below + (dagman is not None)


def open_scan(path: Path) -> ScanFolder:
    """Return the scan folder at ``path``; the folder above it will do if it holds one scan.

    Raises
    ------
    WrongUsage
        There is no scan, or there are several.
    """
    from skyscan.layout import SCAN_JSON, ScanFolder

    if (path / SCAN_JSON).exists():
        return ScanFolder(path.absolute())
    below = sorted(entry.parent for entry in path.glob(f"*/{SCAN_JSON}"))
    if len(below) == 1:
        return ScanFolder(below[0].absolute())
    which = f"it holds {len(below)} scans; name one" if below else "`skyscan plan` makes one"
    raise WrongUsage(f"{path} is no scan folder: {which}.")
