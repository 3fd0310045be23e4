"""Submit the DAG of a scan or a campaign to DAGMan."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from condor.sites import recorded_site
from skyscan.errors import BadInput, TryAgain
from skyscan.layout import DAGMAN_SH
from workflows.engines.dagman.dags import SCAN_DAG
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condor.contact import Pool
    from condor.sites import Site
    from skyscan.layout import ScanFolder


CHECKER = "condor_dag_checker"


class SubmitFailed(TryAgain):
    """condor_submit_dag failed."""


class DamagedDag(BadInput):
    """DAGMan would not run the DAG."""


def submit_command(folder: ScanFolder, *, again: bool = False) -> list[str]:
    """Return the command that submits a scan to DAGMan.

    ``again`` means that the DAG was submitted before. It starts from the beginning, and its PRE
    scripts skip what is done: the results, not a rescue file, determine what is left.
    """
    scan = read_planned(folder.scan_json)
    site = recorded_site(scan.site, scan.site_values)
    # Before 23.10.25 DAGMAN_MAX_JOBS_IDLE in the configuration of the DAG alone is ignored.
    max_idle = str(site.max_idle)
    resubmit = ["-update_submit", "-AutoRescue", "0"] if again else []
    return [
        *("condor_submit_dag", "-usedagdir", "-maxidle", max_idle, "-batch-name", scan.name),
        *guard(site, folder.workflow),
        *(priority(site) if scan.urgent else ()),
        *resubmit,
        str(folder.workflow / SCAN_DAG),
    ]


def guard(site: Site, folder: Path) -> tuple[str, ...]:
    """Return the options that start DAGMan through the script ``dagman.sh`` of a folder."""
    return ("-dagman", str(folder / DAGMAN_SH)) if site.dagman_guard else ()


def priority(site: Site) -> tuple[str, ...]:
    """Return the options that put an urgent DAG before others.

    The first applies to its jobs and sub-DAGs, the second to its DAGMan.
    """
    value = site.submit["priority"]
    return "-priority", value, "-append", f"priority = {value}"


def was_submitted(folder: ScanFolder) -> bool:
    """Return whether the scan was submitted before."""
    return (folder.workflow / f"{SCAN_DAG}.condor.sub").exists()


def submit(folder: ScanFolder, pool: Pool) -> None:
    """Submit a scan that is not in the queue to DAGMan.

    Raises
    ------
    SubmitFailed
        condor_submit_dag failed; the text has its output.
    """
    # Submitting a halted DAG also ends the halt.
    for stale in (*locks(folder.workflow), *folder.workflow.glob("*.dag.halt")):
        stale.unlink(missing_ok=True)
    command = submit_command(folder, again=was_submitted(folder))
    run_submit_dag(command, folder.workflow / SCAN_DAG, pool)


def run_submit_dag(command: Sequence[str], dag: Path, pool: Pool) -> None:
    """Check a DAG where HTCondor can, and run condor_submit_dag.

    Raises
    ------
    DamagedDag
        DAGMan would not run the DAG.
    SubmitFailed
        condor_submit_dag failed; the text has its output.
    """
    check_dag(dag, pool)
    # DAGMan is started again, after a reboot for example, in the folder from which it was
    # submitted: the user's current folder may be gone by then.
    done = pool.run(*command, folder=dag.parent)
    if done.returncode != 0:
        words = " ".join((done.stdout + done.stderr).split())
        raise SubmitFailed(f"condor_submit_dag failed for {dag}: {words}")


def check_dag(dag: Path, pool: Pool) -> None:
    """Check the syntax, the nodes and the order of a DAG, if HTCondor has a tool for that.

    HTCondor 23.9 has none; DAGMan itself reads the DAG only when it has been started.

    Raises
    ------
    DamagedDag
        DAGMan would not run the DAG; the text has the output of the tool.
    """
    if shutil.which(CHECKER, path=pool.environment()["PATH"]) is None:
        return
    # Without a folder in the path, the tool checks nothing (seen with 25.14.1). It takes the
    # arguments of a script for part of its name, and submit files to be without their VARS.
    done = pool.run(CHECKER, "-UseDagDir", str(dag.absolute()), folder=dag.parent)
    if done.returncode != 0:
        words = " ".join((done.stdout + done.stderr).split())
        raise DamagedDag(f"{dag} is damaged: {words}. Plan again into the same folder.")


def locks(path: Path) -> list[Path]:
    """Return the lock files of DAGMans in a folder, stale if no DAGMan is in the queue.

    A DAGMan that is removed while it is held leaves its lock. The next one would continue from
    the old job log, and take the removed jobs for failed ones.
    """
    return sorted(path.glob("*.dag.lock"))
