"""Checkpoints on a real pool: fits that a job has returned are not repeated.

All scans of this module run at the same time.
"""

from __future__ import annotations

import os
import signal
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scans import RunningScan, environment, make_scan, wait_until

from condor.logs.dagman import log_events
from skyscan.records import IDS
from skyscan.results import read_results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = pytest.mark.pool

#: 12 pixels of a second each in one job, then finer ones.
OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 1}
DUMMY_COST = "1"
INTERVAL = 4.0


class Ended(NamedTuple):
    """A scan that has ended, and the fits that had been returned when it was disturbed."""

    scan: RunningScan
    report: Report
    at_home: frozenset[tuple[int, ...]] = frozenset()
    begun: int = 0


def nothing(scan: RunningScan) -> Ended:
    return Ended(scan, scan.submit().finish())


def vacate_hard(scan: RunningScan) -> Ended:
    job, at_home, begun = after_a_checkpoint(scan.submit())
    scan.pool.run("condor_vacate_job", "-fast", job)
    return Ended(scan, scan.finish(), at_home, begun)


def kill_all(scan: RunningScan) -> Ended:
    _, at_home, begun = after_a_checkpoint(scan.submit())
    for step in ("reco", "worker"):
        for pid in scan.processes(step):
            os.kill(pid, signal.SIGKILL)
    return Ended(scan, scan.finish(), at_home, begun)


def kill_worker(scan: RunningScan) -> Ended:
    scan.submit().wait_for_fits(2)
    scan.kill_a("worker")
    return Ended(scan, scan.finish())


def after_a_checkpoint(scan: RunningScan) -> tuple[str, frozenset[tuple[int, ...]], int]:
    """Wait until the job has been restarted and has done some more fits.

    Return its id, the fits that the schedd keeps, and how many have started.
    """
    wait_until(lambda: bool(kept(scan)), "a checkpoint")
    scan.wait_for_fits(len(kept(scan)) + 3)
    (job,) = scan.running_jobs()
    return job, kept(scan), scan.fits().total()


def kept(scan: RunningScan) -> frozenset[tuple[int, ...]]:
    """Return the fits in the checkpoint of the first round's job."""
    from skyscan.batches import read_batch

    spool = Path(scan.pool.run("condor_config_val", "SPOOL").stdout.strip())
    batch = scan.folder.round(0).batch(0)
    for path in spool.glob("*/*/cluster*.subproc0/*.new.rec"):
        found = read_results(path, read_batch(batch)).records if batch.exists() else []
        if len(found):  # otherwise it belongs to another scan
            return frozenset(record.item() for record in found[list(IDS)])
    return frozenset()


FAULTS = {
    "nothing": (nothing, 3600.0),
    "interval": (nothing, INTERVAL),
    "vacate_hard": (vacate_hard, INTERVAL),
    "kill_all": (kill_all, INTERVAL),
    "kill_worker": (kill_worker, 3600.0),
}


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once; return how one of them ended."""
    scans = {}
    for name, (_, interval) in FAULTS.items():
        folder = Path(tempfile.mkdtemp(dir=session_folder, prefix=name))
        with environment(SKYSCAN_DUMMY_COST=DUMMY_COST, SKYSCAN_NAME_OF_TEST=name):
            scans[name] = make_scan(pool, folder, checkpoint_interval=interval, **OPTIONS)
    with ThreadPoolExecutor(len(scans)) as threads:
        futures = {
            name: threads.submit(fault, scans[name]) for name, (fault, _) in FAULTS.items()
        }
        yield lambda name: futures[name].result()


def checkpoints(scan: RunningScan) -> int:
    """Return how often the scan's jobs returned files without ending or leaving.

    The log of a round whose jobs are nodes of the outer DAG also has transfers of files.
    """
    import htcondor2 as htcondor

    sent = left = 0
    logs = scan.folder.workflow.glob("round_*.dag.nodes.log")
    for event in (event for log in logs for event in log_events(log)):
        if event.type == htcondor.JobEventType.FILE_TRANSFER:
            sent += event["Type"] == int(htcondor.FileTransferEventType.OUT_FINISHED)
        left += event.type.name in ("JOB_TERMINATED", "JOB_EVICTED")
    return sent - left


def assert_undisturbed(it: Ended, undisturbed: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == undisturbed.scan.npz()
    assert set(it.scan.fits()) == set(undisturbed.scan.fits())


def test_a_job_returns_its_results_each_interval_and_fits_nothing_twice(ended):
    it = ended("interval")
    assert_undisturbed(it, ended("nothing"))
    assert checkpoints(it.scan) >= 2
    assert checkpoints(ended("nothing").scan) == 0
    assert set(it.scan.fits().values()) == {1}
    events = it.scan.events("round_000.dag")
    assert "JOB_EVICTED" not in events
    assert it.scan.exits("round_000.dag") == [0]  # a checkpoint is not an end of the job


def test_a_lost_machine_costs_the_fits_since_the_checkpoint(ended):
    it = ended("vacate_hard")
    assert_undisturbed(it, ended("nothing"))
    assert "JOB_EVICTED" in it.scan.events("round_000.dag")
    assert_only_later_ones_again(it)


def test_a_job_killed_after_a_checkpoint_continues_from_all_its_fits(ended):
    it = ended("kill_all")
    assert_undisturbed(it, ended("nothing"))
    assert_only_later_ones_again(it)
    assert sum(it.scan.fits().values()) - len(it.scan.fits()) == 1  # the current one


def test_a_job_whose_worker_died_returns_its_results_at_once(ended):
    it = ended("kill_worker")
    assert_undisturbed(it, ended("nothing"))
    assert checkpoints(it.scan) == 1
    assert sum(it.scan.fits().values()) - len(it.scan.fits()) <= 1


def assert_only_later_ones_again(it: Ended) -> None:
    again = {fit for fit, n in it.scan.fits().items() if n > 1}
    assert it.at_home
    assert not again & it.at_home
    assert len(again) <= it.begun - len(it.at_home)
    assert max(it.scan.fits().values()) <= 2
