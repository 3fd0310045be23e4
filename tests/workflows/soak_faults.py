"""The faults that a soak injects into running scans, and their allowed cost.

A fault is a function of a running scan. It returns its target, or None if there is no target at
present, such as a running job or a result file.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condor.personal.processes import pool_processes
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from scans import RunningScan

#: The most fits that a fault may cost: none, the current one, those of a job, those of a
#: round (several jobs).
NONE, FIT, JOB, ROUND = "none", "a fit", "a job", "a round"


@dataclass(frozen=True)
class Fault:
    """A kind of fault.

    Attributes
    ----------
    do : callable
        Injects the fault into a scan.
    costs : str
        The fits that may have to be repeated.
    wants_resume : bool
        Whether the scan may end without its map, so that it must be resumed.
    weight : float
        How often it is chosen, relative to the others.
    """

    do: Callable[[RunningScan, Random], str | None]
    costs: str
    wants_resume: bool = False
    weight: float = 1.0


def kill_worker(scan: RunningScan, random: Random) -> str | None:
    return _kill(scan.processes("worker"), random)


def kill_supervisor(scan: RunningScan, random: Random) -> str | None:
    return _kill(scan.processes("reco"), random)


def kill_starter(scan: RunningScan, random: Random) -> str | None:
    # job.sh becomes the job's Python, so the starter is its parent
    parents = [_parent(pid) for pid in scan.processes("reco")]
    return _kill([pid for pid in parents if _name(pid) == "condor_starter"], random)


def kill_shadow(scan: RunningScan, random: Random) -> str | None:
    jobs = set(scan.running_jobs())
    return _kill([pid for pid in _daemons(scan, "condor_shadow") if jobs & _words(pid)], random)


def kill_dagman(scan: RunningScan, random: Random) -> str | None:
    """Kill the scan's DAGMan or that of a round."""
    return _kill([pid for pid, _ in dagmans(scan)], random)


def dagmans(scan: RunningScan) -> list[tuple[int, str]]:
    """Return the id of each DAGMan of a running scan, and the name of its DAG."""
    found = []
    for pid in _daemons(scan, "condor_dagman"):
        dags = [_cwd(pid) / word for word in _words(pid) if word.endswith(".dag")]
        found += [(pid, dag.name) for dag in dags if dag.parent == scan.folder.workflow]
    return found


def kill_schedd(scan: RunningScan, random: Random) -> str | None:
    return _kill(_daemons(scan, "condor_schedd"), random)


def vacate(scan: RunningScan, random: Random) -> str | None:
    return _on_a_job(scan, random, "condor_vacate_job")


def vacate_fast(scan: RunningScan, random: Random) -> str | None:
    return _on_a_job(scan, random, "condor_vacate_job", "-fast")


def remove_job(scan: RunningScan, random: Random) -> str | None:
    return _on_a_job(scan, random, "condor_rm")


def hold_and_release(scan: RunningScan, random: Random) -> str | None:
    job = _on_a_job(scan, random, "condor_hold")
    if job is None:
        return None
    time.sleep(2)
    while scan.pool.run("condor_release", job).returncode:  # it is held when it has ended
        gone = scan.pool.run("condor_q", job, "-af", "JobStatus")
        if gone.returncode == 0 and gone.stdout.strip() != "5":
            break
        time.sleep(1)
    return job


def remove_dag(scan: RunningScan, random: Random) -> str | None:  # noqa: ARG001
    mine = f'UserLog == "{scan.folder.workflow / "scan.dag.dagman.log"}"'
    queue = scan.pool.run("condor_q", "-allusers", "-const", mine, "-af", "ClusterId")
    if not queue.stdout.strip():
        return None
    cluster = queue.stdout.split()[0]
    return cluster if scan.pool.run("condor_rm", cluster).returncode == 0 else None


def delete_result(scan: RunningScan, random: Random) -> str | None:
    def delete(path: Path, _size: int) -> None:
        path.unlink()

    return _damage(scan, random, delete)


def truncate_result(scan: RunningScan, random: Random) -> str | None:
    return _damage(scan, random, lambda path, size: os.truncate(path, random.randrange(size)))


def flip_result(scan: RunningScan, random: Random) -> str | None:
    def flip(path: Path, size: int) -> None:
        with path.open("r+b") as file:
            place = random.randrange(size)
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes([byte ^ 1 << random.randrange(8)]))

    return _damage(scan, random, flip)


def cut_plan(scan: RunningScan, random: Random) -> str | None:
    """Cut one of the files that planning wrote, anywhere."""
    files = read_planned(scan.folder.scan_json).files
    path = scan.folder.path / random.choice(sorted(files))
    os.truncate(path, random.randrange(path.stat().st_size))
    return path.name


def rename_folder(scan: RunningScan, random: Random) -> str | None:
    """Give a running scan's folder another name for a while; release what is held since."""
    path = scan.folder.path
    dagman = scan.pool.run(
        "condor_q", "-allusers", "-const", _of_dagmans(scan), "-af", "ClusterId"
    )
    if not dagman.stdout.strip():
        return None
    away = path.rename(path.with_name("away"))
    time.sleep(random.uniform(0, 10))
    with suppress(FileNotFoundError):  # HTCondor makes it anew for results that come home
        path.rename(path.with_name("made-anew"))
    away.rename(path)
    scan.pool.run("condor_release", "-const", f"{scan.is_mine()} || {_of_dagmans(scan)}")
    return away.name


def kill_pre_script(scan: RunningScan, random: Random) -> str | None:
    """Kill the PRE script that opens a round, or its Python."""
    return _kill(pre_scripts(scan, "next-round", *OPENERS), random)


OPENERS = ("./open-round.sh", "./open-batch.sh")


def pre_scripts(scan: RunningScan, *words: str) -> list[int]:
    """Return the processes of a scan's PRE scripts of rounds."""
    pids = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    chosen = set(words or OPENERS)
    return [pid for pid in pids if chosen & _words(pid) and _cwd(pid) == scan.folder.workflow]


def foreign_environment(scan: RunningScan, random: Random) -> str | None:
    """Run commands of a user whose variables are for another pool."""
    name, value = random.choice(
        (
            ("_CONDOR_COLLECTOR_HOST", "cm.example.invalid"),
            ("_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS", "KERBEROS"),
            ("_CONDOR_NETWORK_INTERFACE", "192.0.2.1"),
            ("PYTHONHOME", "/nowhere"),
        )
    )
    program = Path(sys.executable).with_name("skyscan")
    for words in (("pool", "start"), ("status", str(scan.folder.path))):
        subprocess.run(
            [program, *words], env={**os.environ, name: value}, capture_output=True, check=False
        )
    return name


FAULTS = {
    fault.do.__name__: fault
    for fault in (
        Fault(kill_worker, FIT),
        Fault(kill_supervisor, FIT),
        Fault(kill_starter, JOB),
        Fault(kill_shadow, JOB),
        Fault(kill_dagman, NONE),
        Fault(vacate, FIT),
        Fault(vacate_fast, JOB),
        Fault(remove_job, JOB),
        Fault(hold_and_release, JOB),
        Fault(remove_dag, ROUND, wants_resume=True),
        Fault(delete_result, JOB, wants_resume=True, weight=0.5),
        Fault(truncate_result, JOB, wants_resume=True, weight=0.5),
        Fault(flip_result, JOB, wants_resume=True, weight=0.5),
        Fault(cut_plan, ROUND, wants_resume=True, weight=0.5),
        Fault(rename_folder, ROUND, wants_resume=True, weight=0.5),
        Fault(kill_pre_script, NONE),
        Fault(foreign_environment, NONE, weight=0.5),
        # Of all running scans, rarely.
        Fault(kill_schedd, ROUND, weight=0.15),
    )
}


def _kill(pids: list[int], random: Random) -> str | None:
    if not pids:
        return None
    pid = random.choice(sorted(pids))
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return str(pid)
    return None


def _of_dagmans(scan: RunningScan) -> str:
    place = f"{scan.folder.workflow}/"
    return f'JobUniverse == 7 && substr(UserLog, 0, {len(place)}) == "{place}"'


def _on_a_job(scan: RunningScan, random: Random, *command: str) -> str | None:
    jobs = scan.running_jobs()
    if not jobs:
        return None
    job = random.choice(sorted(jobs))
    return job if scan.pool.run(*command, job).returncode == 0 else None


def _damage(scan: RunningScan, random: Random, do: Callable[[Path, int], object]) -> str | None:
    """Damage a result file of a round after which another one was chosen: it is not written."""
    for number in reversed(scan.folder.chosen_rounds()[:-1]):
        here = scan.folder.round(number)
        batches = sorted(here.path.glob("batches/*.npz"))
        files = [here.result(int(batch.stem)) for batch in batches]
        sizes = [(path, path.stat().st_size) for path in files if path.exists()]
        whole = [(path, size) for path, size in sizes if size]
        if whole:
            path, size = random.choice(whole)
            do(path, size)
            return str(path.relative_to(scan.folder.path))
    return None


def _daemons(scan: RunningScan, name: str) -> list[int]:
    if scan.pool.config is None:
        return []
    return [it.pid for it in pool_processes(scan.pool.config.parent) if it.name == name]


def _cwd(pid: int) -> Path:
    try:
        return Path(f"/proc/{pid}/cwd").readlink()
    except OSError:
        return Path("/")


def _words(pid: int) -> set[str]:
    try:
        return set(Path(f"/proc/{pid}/cmdline").read_text().split("\0"))
    except OSError:
        return set()


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""
