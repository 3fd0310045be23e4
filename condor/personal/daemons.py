"""The personal pool: its folder, and how its daemons are started, stopped and restarted.

All files of a pool are in one folder that only its user can enter. Only one process at a time
starts or stops a pool; it holds a lock, which is released when the process ends in any way.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from condor.contact import CONFIG_VARIABLE, Pool
from condor.errors import CondorError, PoolDoesNotAnswer, PoolDoesNotStart
from condor.find import HTCondor, find_htcondor
from condor.home import base_folder, explained
from condor.personal.account import pool_account
from condor.personal.place import CONFIG, LAUNCH_LOG, LOCK, check_place
from condor.personal.processes import (
    DAEMON_VARIABLE,
    MASTER,
    kill_all,
    pool_processes,
    running_pools,
    send,
    stopped_text,
)
from condor.personal.settings import pool_settings
from condor.personal.tokens import keep_private, renew
from condor.software.install import SUITE_VARIABLE, chosen_suite, install
from skyscan.locks import locked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condor.personal.account import Account
    from condor.personal.processes import Process

#: Commands: folder of the personal pool. Default: ``skyscan/pool-HOST`` in ``$XDG_DATA_HOME``
#: or ``~/.local/share``; with ``SKYSCAN_HTCONDOR_SUITE``, ``pool-HOST-SUITE``.
FOLDER_VARIABLE = "SKYSCAN_POOL_DIR"
#: Commands: parent folder of the personal pool's. Default: ``~/.local/share``.
DATA_HOME_VARIABLE = "XDG_DATA_HOME"
DAEMONS = frozenset(
    {MASTER, "condor_collector", "condor_negotiator", "condor_schedd", "condor_startd"}
)
NO_TOOLS = "HTCondor's programs are not found (XDG_CACHE_HOME may have changed)"
PATIENCE = 45.0  #: seconds in which running jobs may save their checkpoints and daemons end
# The part of the user's environment that daemons get; jobs get theirs by `getenv`.
KEPT = ("HOME", "LANG", "LC_ALL", "LOGNAME", "TMPDIR", "TZ", "USER")


def default_folder() -> Path:
    """Return the default folder of a personal pool.

    Each host has its own: hosts may share a home folder but not a job queue. Each suite has
    its own: an older schedd may not read the queue of a newer one. A pool that runs when its
    host gets another name keeps its folder: a second pool could run its scans again.
    """
    data = base_folder(DATA_HOME_VARIABLE, ".local/share")
    suite = chosen_suite()
    name = f"pool-{socket.gethostname()}{f'-{suite}' if suite else ''}"
    place = data.resolve() / "skyscan"
    running = running_pools(place, suite)
    only = running[0] if len(running) == 1 else None
    return place / name if only is None else only


def personal_pool(folder: Path) -> Pool | None:
    """Return the pool of a folder, running or not; None if it was never started."""
    htcondor = find_htcondor()
    if htcondor is None or not (folder / CONFIG).is_file():
        return None
    return _describe(htcondor, folder)


def is_whole(pool: Pool, folder: Path) -> bool:
    """Return whether all daemons run, the schedd answers and the pool has slots."""
    daemons = _daemons(folder)
    if {process.name for process in daemons} != DAEMONS or _stopped(daemons):
        return False
    return pool.answers() and pool.slots() > 0


def silence(folder: Path) -> str:
    """Return why a pool whose daemons all live does not answer; empty if some are missing."""
    daemons = _daemons(folder)
    if {process.name for process in daemons} != DAEMONS:
        return ""
    if stopped := _stopped(daemons):
        why = stopped_text(stopped)
    else:
        why = "the machine may be busy" if find_htcondor() else NO_TOOLS
    return f"all daemons of the pool in {folder} run, but it does not answer: {why}"


def start_personal(folder: Path) -> Pool:
    """Start the pool of a folder, whatever state it is in."""
    with explained(folder, FOLDER_VARIABLE), _alone(folder):
        htcondor = _have_htcondor()
        pool = _describe(htcondor, folder)
        account = pool_account()
        keep_private(folder)
        renew(pool, folder, account.identity)
        if _comes_back(pool, folder):
            return pool
        _refuse_to_kill(folder)
        _end(folder, PATIENCE)
        _clean(folder)
        _launch(htcondor, folder, account)
        if not _wait(lambda: is_whole(pool, folder), 60.0):
            raise PoolDoesNotStart(f"The pool in {folder} does not answer.{_log_ends(folder)}")
        return pool


def stop_personal(folder: Path, patience: float) -> bool:
    """Stop the pool of a folder; return whether it was running."""
    if not pool_processes(folder):
        return False
    with locked(folder / LOCK):
        _end(folder, patience)
    return True


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Make the folder of a pool, and keep others from starting or stopping that."""
    _make_private(folder)
    with locked(folder / LOCK):
        yield


def _end(folder: Path, patience: float) -> None:
    """End what runs of a pool.

    Jobs may first save their checkpoints; then daemons stop fast, and the rest is killed. What
    is stopped continues, since it could not react.
    """
    send(_stopped(pool_processes(folder)), signal.SIGCONT)
    for number, seconds in ((signal.SIGTERM, patience), (signal.SIGQUIT, 10.0)):
        send(_heads(folder), number)
        _wait(lambda: not _heads(folder), seconds)
    kill_all(folder)


def _heads(folder: Path) -> list[Process]:
    """Return the master, or, of a pool whose master died, the daemons that it left."""
    running = pool_processes(folder)
    masters = [process for process in running if process.name == MASTER]
    return masters or [process for process in running if process.name in DAEMONS]


def _daemons(folder: Path) -> list[Process]:
    return [process for process in pool_processes(folder) if process.name in DAEMONS]


def _stopped(processes: list[Process]) -> list[Process]:
    return [process for process in processes if process.is_stopped]


def _refuse_to_kill(folder: Path) -> None:
    """Refuse to end a pool that lives: its daemons may be busy, or stopped for a while.

    Raises
    ------
    PoolDoesNotAnswer
        All its daemons run.
    """
    if why := silence(folder):
        raise PoolDoesNotAnswer(
            f"{why[0].upper()}{why[1:]}. Try again later, or run `skyscan pool stop`, which "
            f"lets jobs save what they have computed; then start the pool again."
        )


def _have_htcondor() -> HTCondor:
    found = find_htcondor()
    if found is None:
        install()
        found = find_htcondor()
    if found is None:
        raise CondorError("HTCondor was set up but does not run; see `skyscan doctor`.")
    return found


def _comes_back(pool: Pool, folder: Path) -> bool:
    """Wait for a master that is still starting, or restarting a daemon that died."""
    if _has_master(folder) and not _stopped(_daemons(folder)):
        _wait(lambda: is_whole(pool, folder) or not _has_master(folder), 30.0)
    return is_whole(pool, folder)


def _describe(htcondor: HTCondor, folder: Path) -> Pool:
    version = htcondor.version_text
    return Pool(folder / CONFIG, htcondor.bin, htcondor.sbin, version, is_users_own=False)


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.geteuid():
        raise CondorError(
            f"The pool folder {folder} belongs to another user. "
            f"Set {FOLDER_VARIABLE} to a folder of your own."
        )
    check_place(folder)
    folder.chmod(0o700)


def _clean(folder: Path) -> None:
    """Remove the leftovers of dead daemons; keep the job queue and the logs."""
    for name in ("execute", "lock", "run"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in (".*_address*", "procd_*", "InstanceLock"):
        for path in (folder / "log").glob(pattern):
            path.unlink(missing_ok=True)


def _launch(htcondor: HTCondor, folder: Path, account: Account) -> None:
    request = {
        "folder": str(folder),
        "identity": account.identity,
        "settings": pool_settings(htcondor, folder, account),
    }
    log = folder / LAUNCH_LOG
    with log.open("w") as output:
        # A session of its own: Ctrl-C in the terminal does not reach the daemons.
        done = subprocess.run(
            [*account.prefix, sys.executable, "-P", "-m", "condor.personal.launch"],
            input=json.dumps(request),
            env=_launch_environment(htcondor, folder),
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
    if done.returncode:
        raise PoolDoesNotStart(f"The pool in {folder} does not start.{_log_ends(folder)}")


def _launch_environment(htcondor: HTCondor, folder: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    path = os.environ.get("PATH", os.defpath)
    return {
        **kept,
        DAEMON_VARIABLE: str(folder),
        SUITE_VARIABLE: chosen_suite(),
        # Do not read the user's HTCondor configuration; the pool's own is not written yet.
        CONFIG_VARIABLE: "/dev/null",
        # DAGMan runs condor_submit_dag for a SUBDAG EXTERNAL.
        "PATH": os.pathsep.join((str(htcondor.bin), str(htcondor.sbin), path)),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
    }


def _log_ends(folder: Path) -> str:
    lines = []
    for log in (folder / LAUNCH_LOG, folder / "log/MasterLog"):
        if log.is_file():
            lines += [f"  {line}" for line in log.read_text(errors="replace").splitlines()[-8:]]
    return "\n".join([f" Its logs are in {folder / 'log'}:", *lines])


def _has_master(folder: Path) -> bool:
    return any(process.name == MASTER for process in pool_processes(folder))


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
