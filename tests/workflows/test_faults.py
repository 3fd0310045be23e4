"""Faults during a scan: it ends with the map of the undisturbed scan.

All scans of this module run at the same time, because they mostly wait.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scans import Fit, RunningScan, environment, make_scan, wait_until

from condor.logs.dagman import dagman_state
from workflows.submission import AlreadyRuns
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = [pytest.mark.pool, pytest.mark.long]

OPTIONS = {
    # 48 pixels, then finer ones, in jobs of several seconds.
    "dummy": {"reco": "dummy", "progression": ((2, 0), (4, 4)), "jobs_per_round": 2},
    # The real fit: 768 pixels in chunks of 64, six chunks per job.
    "track": {"reco": "track", "progression": ((8, 0), (16, 4)), "jobs_per_round": 2},
}
DUMMY_COST = "0.5"
SECOND_NSIDE = {"dummy": 4, "track": 16}
#: Number of fits that a worker is doing, and loses when it is killed.
CHUNK = {"dummy": 1, "track": 64}
#: Number of fits after which a job has some done and some to do.
AMIDST = {"dummy": 10, "track": 193}

RECOS = pytest.mark.parametrize("reco", ["dummy", "track"])


class Ended(NamedTuple):
    """A scan that has ended; its fits, and the end of DAGMan, before it was resumed."""

    scan: RunningScan
    report: Report
    before: Counter[Fit] | None = None
    dagman: str = ""


def nothing(scan: RunningScan, _reco: str) -> Ended:
    return Ended(scan, scan.submit().finish())


def kill_worker(scan: RunningScan, reco: str) -> Ended:
    scan.submit().wait_for_fits(AMIDST[reco])
    scan.kill_a("worker")
    return Ended(scan, scan.finish())


def kill_job(scan: RunningScan, reco: str) -> Ended:
    scan.submit().wait_for_fits(AMIDST[reco])
    scan.kill_a("reco")
    return Ended(scan, scan.finish())


def vacate(scan: RunningScan, reco: str) -> Ended:
    scan.submit().wait_for_fits(1)
    job = scan.running_jobs()[0]
    scan.wait_for_fits(AMIDST[reco])
    scan.pool.run("condor_vacate_job", job)
    return Ended(scan, scan.finish())


def remove_and_resume(scan: RunningScan, reco: str) -> Ended:
    scan.submit().wait_for_fits(1)
    cluster = scan.dagman_cluster()
    scan.wait_for_fits(2, nside=SECOND_NSIDE[reco])  # the first round has ended
    scan.pool.run("condor_rm", cluster)
    wait_until(lambda: is_over(scan.folder), "the DAG to be removed")
    wait_until(lambda: not scan.processes("reco"), "its jobs to be gone")
    state = dagman_state(scan.folder.workflow / "scan.dag")
    before = scan.fits()
    return Ended(scan, scan.submit().finish(), before, state.state if state else "")


def delete_and_resume(scan: RunningScan, _reco: str) -> Ended:
    scan.submit().finish()
    scan.folder.round(1).result(0).unlink()
    for path in scan.folder.path.glob("run*"):
        path.unlink()
    before = scan.fits()
    return Ended(scan, scan.submit().finish(), before)


def resume_finished(scan: RunningScan, _reco: str) -> Ended:
    scan.submit().finish()
    before = scan.fits()
    return Ended(scan, scan.submit().finish(), before)


FAULTS: tuple[Callable[[RunningScan, str], Ended], ...] = (
    nothing,
    kill_worker,
    kill_job,
    vacate,
    remove_and_resume,
    delete_and_resume,
    resume_finished,
)


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str, str], Ended]]:
    """Run every fault on every reconstruction at once; return how one of them ended."""
    scans = {}
    for reco, options in OPTIONS.items():
        for fault in FAULTS:
            folder = Path(tempfile.mkdtemp(dir=session_folder, prefix=fault.__name__))
            with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
                scans[fault, reco] = make_scan(pool, folder, **options)
    with ThreadPoolExecutor(len(scans)) as threads:
        futures: dict[tuple[str, str], Future[Ended]] = {
            (fault.__name__, reco): threads.submit(fault, scan, reco)
            for (fault, reco), scan in scans.items()
        }
        yield lambda fault, reco: futures[fault, reco].result()


def redone(fits: Counter[Fit]) -> int:
    """Return how many fits were started more often than once."""
    return sum(n - 1 for n in fits.values())


def assert_undisturbed(it: Ended, undisturbed: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == undisturbed.scan.npz()
    assert set(it.scan.fits()) == set(undisturbed.scan.fits())


@RECOS
def test_an_undisturbed_scan_fits_every_pixel_once(ended, reco):
    it = ended("nothing", reco)
    assert it.report.outcome == "complete", it.report.text
    assert set(it.scan.fits().values()) == {1}
    assert set(it.scan.exits("round_000.dag")) == {0}


@RECOS
def test_a_killed_worker_process_costs_its_current_fits(ended, reco):
    it = ended("kill_worker", reco)
    assert_undisturbed(it, ended("nothing", reco))
    assert 1 <= redone(it.scan.fits()) <= CHUNK[reco]
    assert set(it.scan.exits("round_000.dag")) == {0}  # its job continued


@RECOS
def test_a_killed_job_continues_from_its_results(ended, reco):
    it = ended("kill_job", reco)
    assert_undisturbed(it, ended("nothing", reco))
    assert None in it.scan.exits("round_000.dag")  # by signal
    assert redone(it.scan.fits()) <= CHUNK[reco]


@RECOS
def test_a_vacated_job_keeps_its_results(ended, reco):
    it = ended("vacate", reco)
    assert_undisturbed(it, ended("nothing", reco))
    assert "JOB_EVICTED" in it.scan.events("round_000.dag")
    assert redone(it.scan.fits()) <= CHUNK[reco]


@RECOS
def test_a_removed_scan_is_resumed_without_repeating_finished_batches(ended, reco):
    it = ended("remove_and_resume", reco)
    assert_undisturbed(it, ended("nothing", reco))
    assert it.dagman == "removed"
    first = {fit: n for fit, n in it.scan.fits().items() if fit[0] != SECOND_NSIDE[reco]}
    assert set(first.values()) == {1}
    # the fits of removed jobs were lost
    assert redone(it.scan.fits()) <= it.before.total() - len(first)


@RECOS
def test_only_a_deleted_result_file_is_repeated(ended, reco):
    it = ended("delete_and_resume", reco)
    assert_undisturbed(it, ended("nothing", reco))
    again = it.scan.fits() - it.before
    assert 0 < len(again) < len(it.before)
    assert set(again.values()) == {1}


@RECOS
def test_resuming_a_finished_scan_runs_no_job(ended, reco):
    it = ended("resume_finished", reco)
    assert_undisturbed(it, ended("nothing", reco))
    assert it.scan.fits() == it.before


def test_a_running_scan_is_not_submitted_twice(pool, run_folder):
    with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
        scan = make_scan(pool, run_folder, **OPTIONS["dummy"]).submit()
    with pytest.raises(AlreadyRuns, match="already"):
        scan.submit()
    assert scan.finish().outcome == "complete"
    assert set(scan.fits().values()) == {1}
