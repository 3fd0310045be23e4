"""Submit a scan to Pegasus: each time as a new run, which keeps earlier results."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

from condor.sites import recorded_site
from skyscan.errors import TryAgain
from skyscan.storage import write_text
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.planned import read_planned

if TYPE_CHECKING:
    from condor.contact import Pool
    from skyscan.layout import ScanFolder

PLAN = "pegasus-plan"
PLANNING_TIME = 900.0  # seconds; the top workflow, which is small, takes a few


class NoPegasus(TryAgain):
    """pegasus-plan is missing."""


class PlanningFailed(TryAgain):
    """pegasus-plan failed."""


def has_pegasus(pool: Pool | None = None) -> bool:
    """Return whether pegasus-plan is on PATH."""
    return shutil.which(PLAN, path=pool.environment()["PATH"] if pool else None) is not None


def submit(folder: ScanFolder, pool: Pool) -> None:
    """Plan a run of the scan and start it.

    The workflow and the catalogs are written again, because the scan folder may have been
    moved. Prep is left out if its output exists, and the first job does the same for rounds.

    Raises
    ------
    NoPegasus
        pegasus-plan is not on PATH.
    PlanningFailed
        pegasus-plan failed; the text has its errors.
    """
    from workflows.engines.pegasus.outer import write_plan
    from workflows.engines.pegasus.startup import drop_damaged

    pegasus = PegasusFolder(folder.path)
    if not has_pegasus(pool):
        raise NoPegasus(
            f"{PLAN} is not on PATH: install Pegasus 5.1 or newer (pegasus.isi.edu, it needs "
            f"Java), then submit again, or run `{pegasus.plan_sh} --submit` where it is. Else, "
            f"plan into another folder without --engine."
        )
    scan = read_planned(folder.scan_json)
    drop_damaged(folder, pegasus, scan)
    write_plan(folder, scan, recorded_site(scan.site, scan.site_values))
    log = folder.logs / f"{PLAN}.log"
    try:
        plan_it = (str(pegasus.plan_sh), "--submit")
        done = pool.run(*plan_it, timeout=PLANNING_TIME, folder=folder.path)
    except subprocess.TimeoutExpired as error:
        raise PlanningFailed(f"{PLAN} did not end within {PLANNING_TIME:g} s.") from error
    write_text(log, done.stdout + done.stderr)
    if done.returncode != 0:
        words = _words(done.stdout + done.stderr)
        raise PlanningFailed(f"{PLAN} exited with {done.returncode}, see {log}: {words}")


def _words(output: str) -> str:
    """Return the errors in the output of the planner, else its last lines."""
    lines = output.splitlines()
    errors = [line for line in lines if "ERROR" in line] or lines[-5:]
    return " ".join(" ".join(errors).split())[-1000:]
