import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dags_support import submit, wait, wait_until_runs, write_nested_dag

from condor.personal.daemons import DAEMONS
from condor.personal.processes import MASTER, Process, kill_all, pool_processes
from condor.pool import Pool, start, status, stop
from skyscan.errors import ExitCode

pytestmark = pytest.mark.pool
START = [sys.executable, "-c", "from condor.pool import start; start()"]


@pytest.fixture
def folder(session_folder, monkeypatch):
    """Return the folder of a pool that the tests may kill."""
    folder: Path = session_folder / "killed"
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(folder))
    yield folder
    kill_all(folder)


def kill(folder: Path, *names: str) -> list[Process]:
    killed = [it for it in pool_processes(folder) if not names or it.name in names]
    assert killed
    for process in killed:
        os.kill(process.pid, signal.SIGKILL)
    return killed


def wait_for_process(folder: Path, name: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not any(process.name == name for process in pool_processes(folder)):
        assert time.monotonic() < deadline, f"no {name} in {pool_processes(folder)}"
        time.sleep(0.1)


def assert_is_alone(folder: Path, old: list[Process]) -> None:
    """Assert that there is one of each daemon, and that none of the killed is left."""
    processes = pool_processes(folder)
    # A schedd forks itself to answer queries: those are no daemons of a master.
    masters = {it.pid for it in processes if it.name == MASTER}
    assert len(masters) == 1
    names = [it.name for it in processes if it.parent in masters]
    daemons = [name for name in names if name in {"condor_schedd", "condor_startd"}]
    assert sorted(daemons) == ["condor_schedd", "condor_startd"]
    assert not set(old) & set(processes)


def daemons_of(folder: Path) -> list[Process]:
    return [it for it in pool_processes(folder) if it.name in DAEMONS]


def skyscan(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command of skyscan in an environment with more variables."""
    environment = {**os.environ, **variables}
    command = [sys.executable, "-m", "workflows", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "daemons",
    [("condor_master",), ("condor_schedd",), ("condor_collector", "condor_startd")],
    ids=" ".join,
)
def test_a_pool_with_killed_daemons_is_restarted(folder, daemons):
    start()
    old = kill(folder, *daemons)
    assert start().answers()
    assert_is_alone(folder, old)


@pytest.mark.versions
def test_a_dag_continues_after_all_processes_were_killed(folder, run_folder):
    pool = start()
    write_nested_dag(run_folder, jobs=4, seconds=6)
    submit(pool, run_folder)
    wait_until_runs(pool)
    wait_for_process(folder, "sleep")  # the schedd knows a job before its process exists
    old = kill(folder)
    assert any(process.name == "condor_dagman" for process in old)
    assert any(process.name == "sleep" for process in old)
    start()
    assert_is_alone(folder, old)
    assert "return value 0" in wait(pool, run_folder, 240)
    assert len(list(run_folder.glob("result_*.txt"))) == 4
    assert (run_folder / "pre.txt").read_text() == "ran\n"


@pytest.mark.versions
def test_a_dag_continues_after_a_stop(folder, run_folder):
    pool = start()
    write_nested_dag(run_folder, jobs=2, seconds=5)
    submit(pool, run_folder)
    wait_until_runs(pool)
    assert stop()
    assert pool_processes(folder) == []
    assert not status().is_running
    assert not stop()
    assert start() == pool
    assert "return value 0" in wait(pool, run_folder, 240)
    assert len(list(run_folder.glob("result_*.txt"))) == 2


@pytest.mark.parametrize("seconds", [0.3, 0.9])
def test_a_start_succeeds_after_another_was_killed(folder, seconds):
    first = subprocess.Popen(START)
    time.sleep(seconds)
    first.kill()
    first.wait()
    assert start().answers()
    assert_is_alone(folder, [])


def test_two_concurrent_starts_make_one_pool(folder):
    with ThreadPoolExecutor() as executor:
        ends = list(executor.map(lambda _: subprocess.run(START, check=False), range(3)))
    assert [end.returncode for end in ends] == [0, 0, 0]
    assert_is_alone(folder, [])


#: What the shell of a user of another pool has, and the exit code of `skyscan pool start`.
FOREIGN = {
    "collector": ({"_CONDOR_COLLECTOR_HOST": "cm.example.invalid"}, 0),
    "collector of tools": ({"_CONDOR_TOOL.COLLECTOR_HOST": "cm.example.invalid"}, 0),
    "schedd": ({"_condor_schedd_host": "elsewhere.example.invalid"}, 0),
    "authentication": (
        {
            "_CONDOR_SEC_CLIENT_AUTHENTICATION_METHODS": "KERBEROS",
            "_CONDOR_SEC_DEFAULT_AUTHENTICATION": "REQUIRED",
            "_CONDOR_SEC_TOKEN_DIRECTORY": "/nonexistent",
        },
        0,
    ),
    "network": ({"_CONDOR_NETWORK_INTERFACE": "192.0.2.1"}, 0),
    "no IPv4": ({"_CONDOR_ENABLE_IPV4": "False"}, 0),
    "preload": ({"LD_PRELOAD": "/nonexistent/library.so"}, 0),
    "libraries": ({"LD_LIBRARY_PATH": "/nonexistent"}, 0),
    "no configuration": ({"CONDOR_CONFIG": "/nonexistent/condor_config"}, ExitCode.TRY_AGAIN),
}


def test_variables_of_the_caller_neither_end_a_pool_nor_hide_it(folder):
    start()
    before = daemons_of(folder)
    for name, (foreign, code) in FOREIGN.items():
        done = skyscan("pool", "start", **foreign)
        assert done.returncode == code, (name, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, name
        assert daemons_of(folder) == before, name


@pytest.mark.parametrize("daemon", ["condor_schedd", "condor_collector", "condor_master"])
def test_a_daemon_that_is_stopped_is_named_and_nothing_is_killed(folder, daemon):
    start()
    before = daemons_of(folder)
    (stopped,) = (it.pid for it in before if it.name == daemon)
    os.kill(stopped, signal.SIGSTOP)
    try:
        done = skyscan("pool", "start")
        assert done.returncode == ExitCode.TRY_AGAIN, (done.stdout, done.stderr)
        assert f"kill -CONT {stopped}" in done.stderr
        assert [it.pid for it in daemons_of(folder)] == [it.pid for it in before]
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert skyscan("pool", "start").returncode == ExitCode.DONE
    assert daemons_of(folder) == before


@pytest.mark.usefixtures("folder")
def test_stop_does_not_kill_other_processes():
    pool: Pool = start()
    environment = {**os.environ, **pool.environment()}
    with subprocess.Popen(["sleep", "60"], env=environment) as others:
        stop(patience=5)
        assert others.poll() is None
        others.kill()
