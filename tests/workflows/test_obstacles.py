"""The status of a scan that waits, when HTCondor cannot be asked."""

import os
import re
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from plans_support import EVENT, options

from condor.personal.processes import DAEMON_VARIABLE
from condor.pool import PoolStatus
from workflows.obstacles import obstacles
from workflows.plan import plan

SILENT = PoolStatus(None, is_running=False, text="no pool runs; `skyscan pool start` starts it")

RUNNING = PoolStatus(SimpleNamespace(config=None, is_users_own=True), is_running=True, text="")


def test_a_pool_that_does_not_run_and_a_halted_dag_are_reported(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    assert obstacles(folder, SILENT) == [SILENT.text]
    halt = folder.workflow / "scan.dag.halt"
    halt.touch()
    assert obstacles(folder, SILENT) == [f"the DAG is halted; remove {halt}", SILENT.text]


def test_a_full_disk_is_reported(tmp_path, monkeypatch):
    folder = plan(EVENT, tmp_path, options())
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=4096))
    expected, _ = obstacles(folder, SILENT)
    assert expected == f"the disk of {folder.path} is full (4096 bytes free); free some space"


@pytest.mark.skipif(not os.geteuid(), reason="root may write anywhere")
def test_a_folder_without_write_permission_is_reported(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    folder.path.chmod(0o500)
    try:
        expected, _ = obstacles(folder, SILENT)
    finally:
        folder.path.chmod(0o700)
    assert expected == f"{folder.path} is not writable; make it writable"


def test_a_clock_that_was_set_back_is_reported(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    log = folder.workflow / "scan.dag.dagman.out"
    log.touch()
    assert obstacles(folder, SILENT) == [SILENT.text]
    later = time.time() + 3600
    os.utime(log, (later, later))
    found, _ = obstacles(folder, SILENT)
    assert found.startswith("the clock of this machine was set back")
    assert time.strftime("%H:%M:%S", time.localtime(later)) in found


def test_a_stopped_process_of_a_personal_pool_is_reported(tmp_path, monkeypatch):
    folder = plan(EVENT, tmp_path, options())
    program = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    place = {DAEMON_VARIABLE: str(tmp_path / "pool")}
    pool = SimpleNamespace(config=tmp_path / "pool" / "condor_config", is_users_own=False)
    monkeypatch.setattr("workflows.obstacles.queue", lambda *_: [])
    with subprocess.Popen(program, env={**os.environ, **place}, stdin=-1) as process:
        try:
            assert obstacles(folder, PoolStatus(pool, is_running=True, text="")) == []
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED)
            (found,) = obstacles(folder, PoolStatus(pool, is_running=True, text=""))
            assert f"({process.pid}) is stopped; `kill -CONT {process.pid}`" in found
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["2 7 10 undefined", "2 5 11 undefined", "1 5 12 undefined"], []),
        (["2 7 10 undefined", "1 5 11 undefined"], ["a job waits for a machine; "]),
        (["1 5 11 undefined", "1 5 12 undefined"], ["2 jobs wait for a machine; "]),
        (
            ["5 5 11 no such file", "(errno 2)", "1 5 12 undefined"],
            ["a job is held: no such file", "held jobs are released a few times"],
        ),
        (
            ["5 5 11 ", "5 7 10 by hand"],
            [
                "DAGMan (job 10) is held, and with it the scan: by hand; remove",
                "a job is held: ",
                "held jobs are released a few times",
            ],
        ),
        (
            ["5 5 11 on slot1_1", "5 5 12 on slot1_2"],
            ["2 jobs are held: on slot1_N", "held jobs are released a few times"],
        ),
    ],
)
def test_held_jobs_and_jobs_without_a_machine_are_reported(
    tmp_path, monkeypatch, lines, expected
):
    folder = plan(EVENT, tmp_path, options())
    monkeypatch.setattr("workflows.obstacles.queue", lambda *_: lines)
    found = obstacles(folder, RUNNING)
    assert len(found) == len(expected)
    for line, start in zip(found, expected, strict=True):
        assert line.startswith(start)


def test_the_damaged_file_because_of_which_jobs_are_held_is_named(tmp_path, monkeypatch):
    folder = plan(EVENT, tmp_path, options())
    (folder.workflow / "job.sh").write_text("#!/bin/sh")
    lines = ["5 5 11 Transfer output files failure"]
    monkeypatch.setattr("workflows.obstacles.queue", lambda *_: lines)
    found = obstacles(folder, RUNNING)
    assert "workflow/job.sh; jobs fail until `skyscan plan`" in found[0]
    assert "condor_release 11`" in found[-1]
    plan(EVENT, tmp_path, options())
    assert len(obstacles(folder, RUNNING)) == len(found) - 1


def test_the_status_shows_until_when_htcondor_keeps_a_dagman_waiting(tmp_path, monkeypatch):
    folder = plan(EVENT, tmp_path, options())
    answers = iter((["1 7 10 undefined"], [str(int(time.time()) + 290)]))
    queries = []

    def queue(_, constraint: str, *attributes: str) -> list[str]:
        queries.append((constraint, attributes))
        return next(answers)

    monkeypatch.setattr("workflows.obstacles.queue", queue)
    monkeypatch.setattr("condor.queue.queue", queue)
    (found,) = obstacles(folder, RUNNING)
    assert re.search(r"interrupted again only at \d\d:\d\d:\d\d", found)
    constraint, attributes = queries[1]
    assert attributes == ("JobCoolDownExpiration",)
    assert str(folder.workflow) in constraint
