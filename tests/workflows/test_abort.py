"""`skyscan abort`, and two submissions of one scan at once, on a real pool."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from plans_support import EVENT
from scans import environment, make_scan, wait_until

from condor.logs.dagman import dagman_state
from condor.versions import REMOVAL_WITH_TRANSFER, parse_version
from skyscan.errors import ExitCode
from skyscan.layout import ScanFolder
from skyscan.results import count_records
from workflows.cli import main
from workflows.model.reading import read_model
from workflows.removal import StillThere, abort
from workflows.reports.stored import read_report
from workflows.submission import queued_cluster, queued_jobs

pytestmark = pytest.mark.pool

SLOW = {"reco": "dummy", "progression": ((2, 0), (4, 4)), "jobs_per_round": 2}
SMALL = {"reco": "dummy", "progression": ((1, 0),), "jobs_per_round": 1}


def n_records(folder):
    """Return how many fits the result files of the first round hold."""
    results = folder.round(0).path.glob("results/*/*.rec")
    return sum(map(count_records, results))


def submitted(folder):
    command = [sys.executable, "-m", "workflows", "submit", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.versions
def test_an_aborted_scan_leaves_the_queue_and_is_resumed_to_the_same_map(
    pool, run_folder, capsys
):
    (run_folder / "whole").mkdir()
    whole = make_scan(pool, run_folder / "whole", **SLOW).submit()
    # A folder name with special characters, and a link to the folder.
    odd = run_folder / 'it\'s "a" scan'
    odd.mkdir()
    with environment(SKYSCAN_DUMMY_COST="0.5"):
        scan = make_scan(pool, odd, **SLOW).submit()
    (run_folder / "link").symlink_to(odd)
    scan.wait_for_fits(4)
    assert main(["abort", str(run_folder / "link")]) == ExitCode.DONE
    assert "skyscan resume" in capsys.readouterr().out
    assert not queued_jobs(scan.folder, pool)
    assert not scan.processes("reco")
    assert dagman_state(scan.folder.workflow / "scan.dag").state == "removed"
    # With 25.8 and later, what the jobs had done is brought home.
    (progress,) = read_model(scan.folder).rounds
    can_transfer = parse_version(pool.version) >= REMOVAL_WITH_TRANSFER
    assert (progress.n_done > 0) == can_transfer
    assert progress.n_done == n_records(scan.folder)
    before = scan.fits()

    assert main(["abort", str(odd)]) == ExitCode.DONE
    assert "not in the queue" in capsys.readouterr().out
    assert main(["resume", str(odd), "--no-watch"]) == ExitCode.DONE
    assert scan.finish().outcome == "complete"
    assert whole.finish().outcome == "complete"
    assert scan.npz() == whole.npz()
    if can_transfer:
        assert sum((scan.fits() - before).values()) <= whole.fits().total() - progress.n_done


def test_a_scan_need_not_be_watched(pool, run_folder, capsys):  # noqa: ARG001
    words = ["scan", str(EVENT), "--simulated-event", "--reco-algo", "dummy", "--nsides", "1:0"]
    with environment(SKYSCAN_DUMMY_COST="1"):
        assert main([*words, "--output-dir", str(run_folder), "--no-watch"]) == ExitCode.DONE
    assert "Submitted." in capsys.readouterr().out
    (folder,) = run_folder.glob("run*")
    assert main(["resume", str(folder), "--no-watch"]) == ExitCode.WRONG_USAGE  # it runs
    assert main(["resume", str(folder)]) == ExitCode.DONE
    assert "complete" in capsys.readouterr().out


def test_a_scan_that_was_on_hold_when_it_was_aborted_continues(pool, run_folder):
    told = run_folder / "told"
    notify = ("/bin/sh", "-c", f'echo "$1" >>{shlex.quote(str(told))}', "sh")
    with environment(SKYSCAN_DUMMY_COST="0.5"):
        scan = make_scan(pool, run_folder, notify=notify, **SMALL).submit()
    scan.wait_for_fits(2)
    dag = scan.folder.workflow / "scan.dag"
    assert pool.run("condor_hold", scan.dagman_cluster()).returncode == 0
    wait_until(lambda: dagman_state(dag).state == "held", "DAGMan to be held")
    assert main(["abort", str(scan.folder.path)]) == ExitCode.DONE
    assert not queued_jobs(scan.folder, pool)
    assert not dag.with_name("scan.dag.lock").exists()  # it would mislead the next DAGMan
    # Its DAGMan could not do its last step any more.
    assert {it.cause for it in read_report(scan.folder).failures} == {"removed"}
    assert told.read_text() == "removed\n"
    assert scan.submit().finish().outcome == "complete"
    assert set(scan.fits().values()) <= {1, 2}


def test_a_scan_that_was_not_submitted_is_not_aborted(pool, run_folder, capsys):
    scan = make_scan(pool, run_folder, **SMALL)
    assert main(["abort", str(scan.folder.path)]) == ExitCode.DONE
    assert "not in the queue" in capsys.readouterr().out


def test_a_job_that_is_not_removed_is_reported(pool, run_folder):
    with environment(SKYSCAN_DUMMY_COST="5"):
        scan = make_scan(pool, run_folder, **SMALL).submit()
    scan.wait_for_fits(1)
    processes = scan.processes("reco")
    for it in processes:  # which then does not end when it is asked to
        os.kill(it, signal.SIGSTOP)
    with pytest.raises(StillThere, match="condor_q"):
        abort(scan.folder, pool, patience=0)
    for it in processes:
        os.kill(it, signal.SIGCONT)
    abort(scan.folder, pool)  # while the first removal is running
    assert not queued_jobs(scan.folder, pool)


def test_without_a_pool_abort_says_that_the_state_is_unknown(
    pool, run_folder, monkeypatch, capsys
):
    scan = make_scan(pool, run_folder, **SMALL)
    monkeypatch.delenv("CONDOR_CONFIG", raising=False)
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(run_folder / "no pool"))
    assert main(["abort", str(scan.folder.path)]) == ExitCode.TRY_AGAIN
    assert "skyscan pool start" in capsys.readouterr().err


def test_of_two_concurrent_submissions_one_is_refused(pool, run_folder):
    with environment(SKYSCAN_DUMMY_COST="0.5"):
        scan = make_scan(pool, run_folder, **SMALL)
    with ThreadPoolExecutor(4) as threads:
        tries = list(threads.map(submitted, [scan.folder.path] * 4))
    codes = sorted(done.returncode for done in tries)
    assert codes == [0, 64, 64, 64], [done.stderr for done in tries]
    assert all("already" in done.stderr for done in tries if done.returncode)
    assert scan.finish().outcome == "complete"
    assert dagman_state(scan.folder.workflow / "scan.dag").submissions == 1
    assert set(scan.fits().values()) == {1}


def test_a_copy_of_a_running_scan_is_another_scan(pool, run_folder):
    with environment(SKYSCAN_DUMMY_COST="2"):
        scan = make_scan(pool, run_folder, **SMALL).submit()
    copy = ScanFolder(run_folder / "copy")
    shutil.copytree(scan.folder.path, copy.path)
    assert queued_cluster(scan.folder, pool) == int(scan.dagman_cluster())
    assert queued_cluster(copy, pool) is None
    assert scan.finish().outcome == "complete"


@pytest.mark.versions
def test_what_jobs_had_done_comes_to_where_a_scan_was_moved_while_it_ran(pool, run_folder):
    with environment(SKYSCAN_DUMMY_COST="0.5"):
        scan = make_scan(pool, run_folder, **SLOW).submit()
    scan.wait_for_fits(4)
    here = ScanFolder(run_folder / "moved")
    scan.folder.path.rename(here.path)
    assert abort(here, pool) is not None
    assert not queued_jobs(here, pool)
    can_transfer = parse_version(pool.version) >= REMOVAL_WITH_TRANSFER
    assert (read_model(here).rounds[0].n_done > 0) == can_transfer
