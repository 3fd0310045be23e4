"""DAGMan dies and is restarted: after skipped nodes, at the end, and with the schedd."""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from scans import RunningScan, accept_changes, environment, make_scan, wait_until
from soak_faults import dagmans, pre_scripts

from condor.logs.dagman import dagman_state
from skyscan.errors import ExitCode
from workflows.engines.dagman.dags import SCAN_DAG, SCRIPT_RETRIES
from workflows.engines.dagman.scripts import OPEN_BATCH_SH
from workflows.steps import ACCESS_POINT_SH
from workflows.submission import open_scan
from workflows.watch import is_over

pytestmark = pytest.mark.pool

OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
DUMMY_COST = "0.5"
#: Rounds whose jobs are nodes of the outer DAG, and rounds that are DAGs.
SHAPES = pytest.mark.parametrize(
    "shape", [{}, {"jobs_per_round": None, "batch_size": 6}], ids=["nodes", "dags"]
)


def kill_dagman(scan: RunningScan) -> None:
    """Kill the process that runs the scan's outer DAG."""
    pids = [pid for pid, dag in dagmans(scan) if dag == SCAN_DAG]
    os.kill(Random(0).choice(pids), signal.SIGKILL)


def starts(scan: RunningScan) -> int:
    state = dagman_state(scan.folder.workflow / SCAN_DAG)
    return 0 if state is None else state.starts


@pytest.mark.parametrize("threshold", [pytest.param(1.0, marks=pytest.mark.versions), 0.5])
def test_a_dagman_that_dies_after_skipped_nodes_continues_by_itself(
    pool, run_folder, threshold
):
    with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
        options = {**OPTIONS, "predictive_scanning_threshold": threshold}
        scan = make_scan(pool, run_folder, **options)
    assert scan.submit().finish().outcome == "complete"
    whole, before = scan.npz(), scan.fits()
    last = scan.folder.chosen_rounds()[-1]
    scan.folder.round(last).result(0).unlink()
    scan.submit()
    wait_until(lambda: scan.fits().total() > before.total(), "a fit to begin")
    assert "PRESKIP" in scan.events(SCAN_DAG)
    kill_dagman(scan)
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert scan.npz() == whole
    assert starts(scan) == 2
    assert set((scan.fits() - before).values()) == {1}
    after = scan.events(SCAN_DAG)
    assert after.count("PRESKIP") > 1 + last  # even after its death


@pytest.mark.versions
def test_a_dagman_that_died_after_its_final_node_ends(pool, run_folder):
    scan = make_scan(pool, run_folder, **OPTIONS)
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    lock = scan.folder.workflow / f"{SCAN_DAG}.lock"
    left = lock.read_bytes()
    scan.go_on()
    report = scan.finish()
    assert report.outcome == "complete", report.text
    events, fits = scan.events(SCAN_DAG), scan.fits()
    # The state when it is killed as its last script ends, and the schedd restarts it.
    lock.write_bytes(left)
    here = ("env", "-C", str(scan.folder.workflow))
    done = pool.run(*here, "condor_submit", f"{SCAN_DAG}.condor.sub")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: submissions(scan) == 2, "its second start")
    assert scan.finish() == report
    assert scan.events(SCAN_DAG) == events
    assert scan.fits() == fits
    assert not lock.exists()


def test_a_dagman_that_died_in_its_final_node_runs_that_again_at_the_end(pool, run_folder):
    # As with a full disk: round 1 cannot be opened, and then the report cannot be written.
    scan = make_scan(pool, run_folder, **OPTIONS)
    until = "[ -e go-on ]"
    fail = f"{until} || exit {ExitCode.TRY_AGAIN}"
    first_line(scan, OPEN_BATCH_SH, f'case "$1" in reco_001_*) {fail};; esac')
    wait = f"until {until}; do touch paused; sleep 0.1; done"
    first_line(scan, ACCESS_POINT_SH, f'[ "$2" != report ] || {until} || {{ {wait}; exit 1; }}')
    accept_changes(scan.folder)
    scan.submit().wait_until_paused()
    kill_dagman(scan)
    scan.go_on()
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert starts(scan) == 2
    assert set(scan.fits().values()) == {1}


def test_a_scan_outlives_the_folder_from_which_it_was_submitted(pool, run_folder, monkeypatch):
    scan = make_scan(pool, run_folder, **OPTIONS)
    scan.pause_at(1)
    here = run_folder / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    scan = replace(scan, folder=open_scan(Path("..", scan.folder.path.name)))
    scan.submit().wait_until_paused()
    monkeypatch.chdir(run_folder)
    here.rmdir()
    kill_dagman(scan)
    wait_until(lambda: starts(scan) == 2, "DAGMan to be started again")
    scan.go_on()
    assert scan.finish().outcome == "complete"
    assert set(scan.fits().values()) == {1}


def test_a_scan_is_submitted_from_a_folder_that_is_gone(pool, run_folder, monkeypatch):
    scan = make_scan(pool, run_folder, **OPTIONS)
    (run_folder / "gone").mkdir()
    monkeypatch.chdir(run_folder / "gone")
    (run_folder / "gone").rmdir()
    assert scan.submit().finish().outcome == "complete"


def first_line(scan: RunningScan, script: str, line: str) -> None:
    """Let a script of the access point run another line first."""
    path = scan.folder.workflow / script
    shebang, *lines = path.read_text().splitlines()
    path.write_text("\n".join([shebang, line, *lines, ""]))


def test_a_job_that_its_schedd_ran_twice_does_not_matter(pool, run_folder):
    # As a schedd that is killed after it wrote a job's end to the log, but did not record it.
    # In another Python than that of the plan, prep is a job.
    scan = make_scan(pool, run_folder, runtime=f"host:{sys.executable}", **OPTIONS)
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    log = scan.folder.workflow / f"{SCAN_DAG}.nodes.log"
    events = [f"{event}...\n" for event in log.read_text().split("...\n")]
    prep = events[0].split()[1]
    (began,) = [event for event in events if event.startswith(f"001 {prep}")]
    (ended,) = [event for event in events if event.startswith(f"005 {prep}")]
    append(log, began)
    kill_dagman(scan)
    wait_until(lambda: starts(scan) == 2, "DAGMan to be started again")
    append(log, ended)
    scan.go_on()
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert starts(scan) == 2


@pytest.mark.versions
@SHAPES
def test_a_dagman_that_missed_the_end_of_an_event_is_restarted(pool, run_folder, shape):
    # As a disk that was full for a while leaves it.
    with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
        scan = make_scan(pool, run_folder, **{**OPTIONS, **shape})
    log = scan.folder.workflow / f"{SCAN_DAG}.nodes.log"
    scan.submit().wait_for_fits(1)
    n_jobs = 1 if shape else 2  # the next event is that of an end
    wait_until(lambda: scan.events(SCAN_DAG).count("EXECUTE") == n_jobs, "all to run")
    event = log.read_text().split("...\n")[-2]
    append(log, event[: len(event) // 2])
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert starts(scan) == 2
    assert set(scan.fits().values()) == {1}


def append(log: Path, event: str) -> None:
    with log.open("a") as file:
        file.write(event)


def submissions(scan: RunningScan) -> int:
    state = dagman_state(scan.folder.workflow / SCAN_DAG)
    return 0 if state is None else state.submissions


@SHAPES
def test_a_script_that_is_killed_once_is_run_again(pool, run_folder, shape):
    scan = make_scan(pool, run_folder, **{**OPTIONS, **shape})
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    os.kill(pre_scripts(scan)[0], signal.SIGKILL)
    scan.go_on()
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert set(scan.fits().values()) == {1}


@SHAPES
def test_a_script_that_is_killed_each_time_is_named_and_the_scan_can_go_on(
    pool, run_folder, shape
):
    scan = make_scan(pool, run_folder, **{**OPTIONS, **shape})
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    killed: set[int] = set()

    def kill_all() -> bool:
        for pid in set(pre_scripts(scan)) - killed:
            os.kill(pid, signal.SIGKILL)
            killed.add(pid)
        return is_over(scan.folder)

    wait_until(kill_all, "the scan to give up")
    report = scan.finish()
    assert len(killed) == (1 + SCRIPT_RETRIES) * (1 if shape else 2)
    assert report.exit_code == ExitCode.TRY_AGAIN, report.text
    (failure,) = report.failures
    assert (failure.step, failure.cause) == ("opening round_001", "killed")
    assert "killed by signal 9 (SIGKILL)" in failure.text
    scan.go_on()
    assert scan.submit().finish().outcome == "complete"
    assert set(scan.fits().values()) == {1}


def test_a_merge_script_that_is_killed_leaves_the_map_to_a_job(pool, run_folder):
    scan = make_scan(pool, run_folder, **OPTIONS)
    wait = f"until [ -e {scan.go_on_file} ]; do touch paused; sleep 0.1; done"
    first_line(scan, ACCESS_POINT_SH, f'[ "$2" != merge ] || {{ {wait}; }}')
    accept_changes(scan.folder)
    scan.submit().wait_until_paused()
    (pid,) = pre_scripts(scan, f"./{ACCESS_POINT_SH}")
    os.kill(pid, signal.SIGKILL)
    scan.go_on()
    report = scan.finish()
    assert report.outcome == "complete", report.text
    assert scan.events(SCAN_DAG)[-2:] == ["JOB_TERMINATED", "PRESKIP"]  # of merge, report
    assert set(scan.fits().values()) == {1}
