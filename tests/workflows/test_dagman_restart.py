"""DAGMan dies and is started again, with nodes skipped before and after."""

from __future__ import annotations

import os
import signal
from random import Random

import pytest
from scans import RunningScan, environment, make_scan, wait_until
from soak_faults import dagmans

from condor.dagman import dagman_state
from workflows.dagman import SCAN_DAG

pytestmark = pytest.mark.pool

OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
DUMMY_COST = "0.5"


def kill_dagman(scan: RunningScan) -> None:
    """Kill what runs the scan's outer DAG."""
    pids = [pid for pid, dag in dagmans(scan) if dag == SCAN_DAG]
    os.kill(Random(0).choice(pids), signal.SIGKILL)


def starts(scan: RunningScan) -> int:
    state = dagman_state(scan.folder.path / SCAN_DAG)
    return 0 if state is None else state.starts


@pytest.mark.parametrize("threshold", [1.0, 0.5])
def test_a_dagman_that_dies_after_nodes_were_skipped_goes_on_by_itself(
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
    assert after.count("PRESKIP") > 1 + last  # also after its death
