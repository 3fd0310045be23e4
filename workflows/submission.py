"""Handing a scan to DAGMan, for the first time or again."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from condor.dagman import dagman_state
from condor.sites import recorded_site
from skyscan.errors import TryAgain, WrongUsage
from skyscan.scan import read_scan
from workflows.dagman import SCAN_DAG

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool
    from skyscan.layout import ScanFolder


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
    # DAGMAN_MAX_JOBS_IDLE of the DAG's own configuration alone is ignored before 23.10.25.
    max_idle = str(recorded_site(scan.site, scan.site_values).max_idle)
    resubmit = ["-update_submit", "-AutoRescue", "0"] if again else []
    return [
        *("condor_submit_dag", "-usedagdir", "-maxidle", max_idle, "-batch-name", scan.name),
        *resubmit,
        str(folder.path / SCAN_DAG),
    ]


def submit_line(folder: ScanFolder, pool: Pool | None) -> str:
    """Return the line that a user may paste: it works in any shell and folder."""
    command = submit_command(folder, again=was_submitted(folder))
    if pool is None or pool.config is None:
        return shlex.join(command)
    # A personal pool is on nobody's PATH.
    prefix = [f"CONDOR_CONFIG={pool.config}"]
    if not pool.is_users_own:
        prefix.append(f'PATH={pool.bin}:{pool.sbin}:"$PATH"')
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
    """Hand the scan to DAGMan.

    Raises
    ------
    AlreadyRuns
        It is in the queue.
    SubmitFailed
        condor_submit_dag refused; the text has its words.
    """
    if folder.path.resolve().is_relative_to("/tmp"):  # noqa: S108  (refused, not used)
        raise WrongUsage(
            f"DAGMan refuses to keep its logs below /tmp, and {folder.path} is there. Move the "
            f"scan folder, or plan with another --output-dir."
        )
    state = dagman_state(folder.path / SCAN_DAG)
    if state is not None and not state.is_over and is_queued(pool, state.cluster, folder):
        raise AlreadyRuns(
            f"The scan in {folder.path} is already {state.state} (job {state.cluster}); "
            f"`skyscan status {shlex.quote(str(folder.path))}` shows how far it is."
        )
    for stale in (folder.report, folder.report_json):
        stale.unlink(missing_ok=True)
    done = pool.run(*submit_command(folder, again=was_submitted(folder)))
    if done.returncode != 0:
        words = " ".join((done.stdout + done.stderr).split())
        raise SubmitFailed(f"condor_submit_dag refused {folder.path / SCAN_DAG}: {words}")


def is_queued(pool: Pool, cluster: int, folder: ScanFolder) -> bool:
    """Tell whether the schedd has this DAGMan job (ids begin anew in a new pool)."""
    # All users: a root's personal pool runs its jobs under another name.
    found = pool.run("condor_q", "-allusers", str(cluster), "-af", "UserLog").stdout
    return str(folder.path / f"{SCAN_DAG}.dagman.log") in found.split("\n")


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
