"""Handing a DAG to DAGMan: a scan's, or a campaign's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.sites import recorded_site
from skyscan.errors import TryAgain
from skyscan.layout import DAGMAN_SH
from workflows.engines.dagman.dags import SCAN_DAG
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from condor.contact import Pool
    from condor.sites import Site
    from skyscan.layout import ScanFolder


class SubmitFailed(TryAgain):
    """condor_submit_dag said no."""


def submit_command(folder: ScanFolder, *, again: bool = False) -> list[str]:
    """Return the command that hands a scan to DAGMan.

    ``again``: the DAG was submitted before. It starts from its beginning; what its PRE
    scripts find done is skipped, so the results and not a rescue file say what is left.
    """
    scan = read_planned(folder.scan_json)
    site = recorded_site(scan.site, scan.site_values)
    # DAGMAN_MAX_JOBS_IDLE of the DAG's own configuration alone is ignored before 23.10.25.
    max_idle = str(site.max_idle)
    resubmit = ["-update_submit", "-AutoRescue", "0"] if again else []
    return [
        *("condor_submit_dag", "-usedagdir", "-maxidle", max_idle, "-batch-name", scan.name),
        *("-dagman", str(folder.workflow / DAGMAN_SH)),
        *(priority(site) if scan.urgent else ()),
        *resubmit,
        str(folder.workflow / SCAN_DAG),
    ]


def priority(site: Site) -> tuple[str, ...]:
    """Return the options that put an urgent DAG before others.

    The first is for its jobs and the DAGs in it, the second for its DAGMan.
    """
    value = site.submit["priority"]
    return "-priority", value, "-append", f"priority = {value}"


def was_submitted(folder: ScanFolder) -> bool:
    """Tell whether DAGMan had this scan before."""
    return (folder.workflow / f"{SCAN_DAG}.condor.sub").exists()


def submit(folder: ScanFolder, pool: Pool) -> None:
    """Hand a scan that is not in the queue to DAGMan.

    Raises
    ------
    SubmitFailed
        condor_submit_dag refused; the text has its words.
    """
    # Who submits it wants it to go on, also after a halt.
    for stale in (*locks(folder.workflow), *folder.workflow.glob("*.dag.halt")):
        stale.unlink(missing_ok=True)
    command = submit_command(folder, again=was_submitted(folder))
    run_submit_dag(command, folder.workflow / SCAN_DAG, pool)


def run_submit_dag(command: Sequence[str], dag: Path, pool: Pool) -> None:
    """Run condor_submit_dag.

    Raises
    ------
    SubmitFailed
        It refused; the text has its words.
    """
    done = pool.run(*command)
    if done.returncode != 0:
        words = " ".join((done.stdout + done.stderr).split())
        raise SubmitFailed(f"condor_submit_dag refused {dag}: {words}")


def locks(path: Path) -> list[Path]:
    """Return the locks of DAGMans in a folder; stale if none of them is in the queue.

    One that was on hold when it was removed leaves its own. The next would go on from the old
    job log, and take the jobs that were removed for jobs that failed.
    """
    return sorted(path.glob("*.dag.lock"))
