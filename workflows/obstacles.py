"""What a scan waits for, according to HTCondor; `skyscan status` prints it."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from typing import TYPE_CHECKING

from condor.contact import paste_line
from condor.logs.dagman import log_of
from condor.personal.processes import stopped_processes, stopped_text
from condor.queue import cool_down, queue
from skyscan.errors import BadInput, TryAgain, grouped, printable
from workflows.checks.digests import damaged_files
from workflows.engines import engine_of
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from condor.contact import Pool
    from condor.personal.processes import Process
    from condor.pool import PoolStatus
    from skyscan.layout import ScanFolder

IDLE, HELD = "1", "5"  # JobStatus
VANILLA, DAGMAN = "5", "7"  # JobUniverse of all jobs except DAGMan's own, and of DAGMan
_JOB = re.compile(r"(\d+) (\d+) (\d+) ?(.*)", re.ASCII)
OFF = 60.0  # seconds that a clock may be off
SHOWN = 5  # damaged files, ids of held jobs
LONGEST = 320  # characters of a hold reason
LITTLE = 1_000_000  # bytes; DAGMan does not start without space for its logs, see dagman.sh


def obstacles(folder: ScanFolder, pool: PoolStatus) -> list[str]:
    """Return a line for each obstacle that a scan in the queue waits for.

    Obstacles are a folder that cannot be written to, a halted DAG, a clock that was set back,
    a pool that does not run or answer, stopped processes of a personal pool, held jobs (also
    DAGMan's own) by reason, and a lack of machines if no job has one. The policy of held jobs
    releases or removes them where that helps; see docs/sites.md.
    """
    found = _here(folder)
    if pool.pool is None or not pool.is_running:
        return [*found, pool.text]
    if stopped := _stopped(pool.pool):
        found.append(stopped_text(stopped))
    words = ("JobStatus", "JobUniverse", "ClusterId", "HoldReason")
    try:
        lines = queue(pool.pool, _mine(folder), *words)
        until = cooling_until(folder, pool) if _has_idle_dagman(lines) else None
    except TryAgain as error:
        return [*found, str(error)]
    if until is not None:
        when = time.strftime("%H:%M:%S", time.localtime(until))
        found.append(f"HTCondor starts a DAGMan that was interrupted again only at {when}")
    of_jobs = _of_jobs(lines, pool.pool)
    if any(line.startswith(f"{HELD} {VANILLA} ") for line in lines):
        found += _damage(folder)  # then they cannot succeed, however often they are released
    return [*found, *of_jobs]


def _damage(folder: ScanFolder) -> list[str]:
    """Return what is damaged of the files with which jobs are started."""
    try:
        names = damaged_files(folder, read_planned(folder.scan_json))
    except BadInput as error:
        return [str(error)]
    if not names:
        return []
    more = len(names) - SHOWN
    shown = ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    remedy = "`skyscan plan` with the same event, options and --output-dir has run again"
    return [f"damaged or missing in {folder.path}: {shown}; jobs fail until {remedy}"]


def _here(folder: ScanFolder) -> list[str]:
    """Return the obstacles of the scan folder and of this machine."""
    found = []
    if not os.access(folder.path, os.W_OK):
        found.append(f"{folder.path} is not writable; make it writable")
    elif (free := shutil.disk_usage(folder.path).free) < LITTLE:
        found.append(f"the disk of {folder.path} is full ({free} bytes free); free some space")
    dags = engine_of(folder).dags(folder)
    halts = [halt for dag in dags if (halt := dag.with_name(f"{dag.name}.halt")).exists()]
    found += [f"the DAG is halted; remove {halt}" for halt in halts]
    if until := _set_back(dags):
        when = time.strftime("%H:%M:%S", time.localtime(until))
        found.append(
            f"the clock of this machine was set back: HTCondor may do nothing until {when}; "
            f"restart it (a personal pool: `skyscan pool stop`, then `skyscan pool start`)"
        )
    return found


def _of_jobs(lines: list[str], pool: Pool) -> list[str]:
    """Return the obstacles of jobs, given status, universe, id and hold reason of each."""
    found = []
    # A reason may be empty, or continue in lines that describe no job.
    jobs = [job.groups() for job in map(_JOB.match, lines) if job]
    held_jobs = [job for job in jobs if job[0] == HELD]
    for _, universe, job, reason in held_jobs:
        if universe == DAGMAN:
            release = paste_line(("condor_release", job), pool)
            text = f"DAGMan (job {job}) is held, and with it the scan: {reason[:LONGEST]}"
            found.append(printable(f"{text}; remove the cause, then `{release}`"))
    others = [(job, reason) for _, universe, job, reason in held_jobs if universe != DAGMAN]
    for alike in grouped(reason for _, reason in others):
        held = "a job is held" if alike.n == 1 else f"{alike.n} jobs are held"
        found.append(printable(f"{held}: {alike.text[:LONGEST]}"))
    if others:
        ids = [job for job, _ in others]
        which = ids if len(ids) <= SHOWN else ("-constraint", f"JobStatus == {HELD}")
        release = paste_line(("condor_release", *which), pool)
        how = "held jobs are released a few times if that may help; else remove the cause"
        found.append(f"{how}, then `{release}`")
    idle = [job for status, universe, job, _ in jobs if (status, universe) == (IDLE, VANILLA)]
    if idle and len(idle) == sum(universe == VANILLA for _, universe, _, _ in jobs):
        wait = "a job waits" if len(idle) == 1 else f"{len(idle)} jobs wait"
        command = paste_line(("condor_q", "-better-analyze", idle[0]), pool)
        how = f"`{command}` shows which machines match"
        found.append(f"{wait} for a machine; {how}")
    return found


def _set_back(dags: Iterable[Path]) -> float | None:
    """Return the time of a DAGMan's last message if it is in the future, seconds since 1970.

    HTCondor's timers depend on the time of day: if the clock is set back, they wait until that
    is as it was.
    """
    logs = [dag.with_name(f"{dag.name}.dagman.out") for dag in dags]
    last = max((log.stat().st_mtime for log in logs if log.exists()), default=0.0)
    return last if last > time.time() + OFF else None


def _stopped(pool: Pool) -> list[Process]:
    """Return the processes of a personal pool that are stopped, such as a DAGMan."""
    if pool.is_users_own or pool.config is None:
        return []
    return stopped_processes(pool.config.parent)


def n_on_machines(folder: ScanFolder, pool: Pool) -> int:
    """Return the number of a scan's jobs in the queue for machines, or on them.

    Raises
    ------
    TryAgain
        The schedd does not answer.
    """
    return len(queue(pool, f"JobUniverse == {VANILLA} && ({_mine(folder)})", "ClusterId"))


def cooling_until(folder: ScanFolder, pool: PoolStatus) -> float | None:
    """Return when HTCondor starts a DAGMan of the scan that it keeps waiting, or None.

    Raises
    ------
    TryAgain
        The schedd does not answer.
    """
    if pool.pool is None or not pool.is_running:
        return None
    return cool_down(pool.pool, _mine(folder))


def _mine(folder: ScanFolder) -> str:
    """Return the constraint for the DAGMans and jobs of a scan."""
    # `Iwd` of the DAGMans of rounds is the folder of the submit file, of jobs `initialdir`;
    # links are resolved in some of them.
    real = folder.workflow.resolve()
    places = {folder.path, folder.workflow, folder.workflow / "..", real, real / ".."}
    places.add(folder.path.resolve())
    mine = [
        *(f"Iwd == {_quoted(place)}" for place in places),
        *(f"UserLog == {_quoted(log_of(dag))}" for dag in engine_of(folder).dags(folder)),
    ]
    return " || ".join(mine)


def _has_idle_dagman(lines: list[str]) -> bool:
    return any(line.startswith(f"{IDLE} {DAGMAN} ") for line in lines)


def _quoted(path: Path) -> str:
    return json.dumps(str(path), ensure_ascii=False)
