"""Handing a scan to DAGMan, or to Pegasus before it, for the first time or again."""

from __future__ import annotations

import fcntl
import shlex
from contextlib import contextmanager
from typing import TYPE_CHECKING

from condor.dagman import dagman_state
from condor.queue import dagmans, job_folders
from condor.sites import recorded_site
from skyscan.errors import TryAgain, WrongUsage
from skyscan.layout import DAGMAN_SH
from skyscan.scan import read_scan
from workflows.checks import preflight
from workflows.code import check_code
from workflows.engines.dagman import SCAN_DAG
from workflows.engines.engine import Engine, dag_of, dags_of, engine_of
from workflows.engines.pegasus import submission as pegasus
from workflows.engines.pegasus.folder import PegasusFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from condor.contact import Pool
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from skyscan.scan import Scan


class AlreadyRuns(WrongUsage):
    """The scan is in the queue: a second DAGMan would run its pixels twice."""


class SubmitFailed(TryAgain):
    """condor_submit_dag said no."""


def submit_command(folder: ScanFolder, *, again: bool = False) -> list[str]:
    """Return the command that hands the scan to DAGMan.

    ``again``: the DAG was submitted before. It starts from its beginning; what its PRE
    scripts find done is skipped, so the results and not a rescue file say what is left.
    """
    scan = read_scan(folder.scan_json)
    site = recorded_site(scan.site, scan.site_values)
    # DAGMAN_MAX_JOBS_IDLE of the DAG's own configuration alone is ignored before 23.10.25.
    max_idle = str(site.max_idle)
    resubmit = ["-update_submit", "-AutoRescue", "0"] if again else []
    return [
        *("condor_submit_dag", "-usedagdir", "-maxidle", max_idle, "-batch-name", scan.name),
        *("-dagman", str(folder.path / DAGMAN_SH)),
        *(priority(site) if scan.urgent else ()),
        *resubmit,
        str(folder.path / SCAN_DAG),
    ]


def priority(site: Site) -> tuple[str, ...]:
    """Return the options that put an urgent DAG before others.

    The first is for its jobs and the DAGs in it, the second for its DAGMan.
    """
    value = site.submit["priority"]
    return "-priority", value, "-append", f"priority = {value}"


def submit_line(folder: ScanFolder, pool: Pool | None) -> str:
    """Return the line that a user may paste: it works in any shell and folder."""
    if engine_of(folder) == Engine.PEGASUS:
        command = [str(PegasusFolder(folder.path).plan_sh), "--submit"]
    else:
        command = submit_command(folder, again=was_submitted(folder))
    if pool is None or pool.config is None:
        return shlex.join(command)
    # A personal pool is on nobody's PATH.
    prefix = [f"CONDOR_CONFIG={pool.config}"]
    if not pool.is_users_own:
        prefix.append(f'PATH={pool.bin}:{pool.sbin}:"$PATH"')
        if engine_of(folder) == Engine.DAGMAN:
            command[0] = str(pool.bin / command[0])
    shown = [f"{a.partition('=')[0]}={_value(a)}" for a in prefix]
    return " ".join([*shown, shlex.join(command)])


def _value(assignment: str) -> str:
    value = assignment.partition("=")[2]
    return value if value.endswith('"$PATH"') else shlex.quote(value)


def was_submitted(folder: ScanFolder) -> bool:
    """Tell whether DAGMan had this scan before."""
    return (folder.path / f"{SCAN_DAG}.condor.sub").exists()


def submit(folder: ScanFolder, pool: Pool) -> None:
    """Hand the scan to its engine.

    Raises
    ------
    AlreadyRuns
        It is in the queue, or on its way there.
    WrongUsage, TryAgain
        It cannot run, or not now (`workflows.checks.preflight`).
    SubmitFailed
        condor_submit_dag refused; the text has its words.
    NoPegasus, PlanningFailed
        There is no pegasus-plan, or it refused.
    """
    scan = read_scan(folder.scan_json)
    check_code(folder, scan)
    with at_rest(folder, pool):
        preflight.check(folder.path, work_of(folder, scan), pool)
        # Who submits it wants it to go on, also after a halt.
        halts = folder.path.glob("*.dag.halt")
        for stale in (folder.report, folder.report_json, *locks(folder.path), *halts):
            stale.unlink(missing_ok=True)
        if engine_of(folder) == Engine.PEGASUS:
            pegasus.submit(folder, pool)
            return
        done = pool.run(*submit_command(folder, again=was_submitted(folder)))
    if done.returncode != 0:
        words = " ".join((done.stdout + done.stderr).split())
        raise SubmitFailed(f"condor_submit_dag refused {folder.path / SCAN_DAG}: {words}")


def work_of(folder: ScanFolder, scan: Scan) -> preflight.Work:
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
    with described.open("rb") as file:
        try:
            # Shared file systems may want a file open for writing to lock it alone; then
            # this is an error of theirs and not a lock of another's.
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRuns(
                f"Another process is already submitting the {what} in {folder} or changing "
                f"what it is to do; `skyscan status {shlex.quote(str(folder))}` shows what "
                f"became of it."
            ) from None
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
    logs = {dag.with_name(f"{dag.name}.dagman.log").resolve() for dag in dags_of(folder)}
    state = dagman_state(dag_of(folder))
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


def locks(path: Path) -> list[Path]:
    """Return the locks of DAGMans in a folder; stale if none of them is in the queue.

    One that was on hold when it was removed leaves its own. The next would go on from the old
    job log, and take the jobs that were removed for jobs that failed.
    """
    return sorted(path.glob("*.dag.lock"))


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
