"""The processes of one personal pool: daemons, DAGMans and jobs, and no others.

Read from /proc, because every command that asks a pool comes here: psutil, a compiled package,
takes 14 ms to import and twice the time for the same fields (17 instead of 9 ms for all
processes of a machine with a pool).
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from condor.contact import CONFIG_VARIABLE
from condor.errors import PoolDoesNotStart
from condor.software.install import SUITE_VARIABLE

#: Internal: folder of the personal pool, set in the environment of its daemons to identify
#: them.
DAEMON_VARIABLE = "SKYSCAN_POOL_DAEMON"
MASTER = "condor_master"
SCRATCH = "_CONDOR_SCRATCH_DIR"  # in the environment of jobs
PROC = Path("/proc")
KERNEL_NAME_LENGTH = 15  # longer names are truncated, TASK_COMM_LEN in proc(5)


@dataclass(frozen=True)
class Process:
    """A process; `started` (clock ticks since boot) distinguishes it from a later one.

    `is_stopped` is whether SIGSTOP, a terminal or a debugger stopped it: it lives, but does
    nothing until SIGCONT.
    """

    pid: int
    parent: int
    started: int
    name: str
    is_stopped: bool = False


def pool_processes(folder: Path) -> list[Process]:
    """Return all processes of the pool in a folder."""
    everything = {process.pid: process for process in _all_processes()}
    mine = {pid for pid in everything if _is_pools(pid, everything[pid].name, folder)}
    grown = True
    while grown:  # the children of a daemon or a DAGMan belong to the pool too
        children = {pid for pid, process in everything.items() if process.parent in mine} - mine
        mine |= children
        grown = bool(children)
    return [everything[pid] for pid in sorted(mine - {os.getpid()})]


def running_pools(place: Path, suite: str) -> list[Path]:
    """Return the folders below a folder whose pools run on this machine, of one suite.

    Those that an earlier version started do not say their suite, and are left out.
    """
    masters = (process.pid for process in _all_processes() if process.name == MASTER)
    found = {
        Path(environment.get(DAEMON_VARIABLE, ""))
        for environment in map(_environment, masters)
        if environment.get(SUITE_VARIABLE) == suite
    }
    return sorted(folder for folder in found if folder.parent == place)


def stopped_processes(folder: Path) -> list[Process]:
    """Return the processes of the pool in a folder that are stopped."""
    return [process for process in pool_processes(folder) if process.is_stopped]


def stopped_text(stopped: list[Process]) -> str:
    """Return which processes are stopped, and how they continue."""
    names = ", ".join(f"{process.name} ({process.pid})" for process in stopped)
    verb = "is" if len(stopped) == 1 else "are"
    pids = " ".join(str(process.pid) for process in stopped)
    return f"{names} {verb} stopped; `kill -CONT {pids}` lets {_THEM[verb]} continue"


_THEM = {"is": "it", "are": "them"}


def processes_from(programs: Path, *, except_of: Path) -> list[Process]:
    """Return the processes that run a program below a folder, but those of one pool."""
    place = programs.resolve()
    mine = {process.pid for process in pool_processes(except_of)} | {os.getpid()}
    return [
        process
        for process in _all_processes()
        if process.pid not in mine and _program(process.pid).is_relative_to(place)
    ]


def send(processes: list[Process], number: signal.Signals) -> None:
    """Send a signal to those processes that have not been replaced by others."""
    for process in processes:
        now = _read(process.pid)
        if now and now.started == process.started:
            with suppress(ProcessLookupError):
                os.kill(process.pid, number)


def kill_all(folder: Path, patience: float = 120.0) -> None:
    """Kill all processes of a pool, including those that start meanwhile.

    A killed process may end only when the disk has finished its writes, hence the patience.
    """
    deadline = time.monotonic() + patience
    while left := pool_processes(folder):
        if time.monotonic() > deadline:
            names = ", ".join(f"{process.name} ({process.pid})" for process in left)
            raise PoolDoesNotStart(f"Processes of the old pool do not end: {names}.")
        send(left, signal.SIGKILL)
        time.sleep(0.05)


def _is_pools(pid: int, name: str, folder: Path) -> bool:
    environment = _environment(pid)
    if environment.get(DAEMON_VARIABLE) == str(folder):
        return True
    if environment.get(SCRATCH, "").startswith(f"{folder}/execute/"):
        return True
    # DAGMan has the environment of the user who submitted it, and so has a user's condor_q.
    config = str(folder / "condor_config")
    return name == "condor_dagman" and environment.get(CONFIG_VARIABLE) == config


def _all_processes() -> list[Process]:
    pids = [int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit()]
    return [process for pid in pids if (process := _read(pid))]


def _read(pid: int) -> Process | None:
    try:
        # "pid (name) state ppid …": the name may hold spaces and brackets. See proc(5).
        text = (PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    name = text[text.index("(") + 1 : text.rindex(")")]
    fields = text[text.rindex(")") + 2 :].split()
    if fields[0] in "ZX":
        return None
    started, is_stopped = int(fields[19]), fields[0] in "Tt"
    return Process(pid, int(fields[1]), started, _full_name(pid, name), is_stopped)


def _program(pid: int) -> Path:
    try:
        return (PROC / str(pid) / "exe").readlink()
    except OSError:
        return Path()  # the process has ended, or belongs to another user


def _full_name(pid: int, name: str) -> str:
    if len(name) < KERNEL_NAME_LENGTH:
        return name
    try:
        return (PROC / str(pid) / "exe").readlink().name
    except OSError:
        return name


def _environment(pid: int) -> dict[str, str]:
    try:
        text = (PROC / str(pid) / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}  # the process has ended, or belongs to another user
    return dict(entry.split("=", 1) for entry in text.split("\0") if "=" in entry)
