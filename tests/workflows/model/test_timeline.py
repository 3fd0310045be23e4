"""What each job did when, from job logs."""

import pytest
from job_log_support import EVICTED, HELD, RELEASED, ended, submitted
from model_support import dagman, logs, opened_scan, reco_jobs, started

from workflows.model.reading import ScanReader


@pytest.fixture
def folder(tmp_path):
    made = opened_scan(tmp_path)
    dagman(made)
    return made


def bars(folder):
    reader = ScanReader(folder)
    timeline = reader.timeline(reader.read(dag_status=0))
    return timeline, {
        bar.name: [(it.kind, it.ended - it.began, it.where) for it in bar.spans]
        for bar in timeline.bars
    }


def test_a_job_waits_runs_is_evicted_held_and_runs_again(folder):
    logs(folder, "scan.dag", submitted(1, "prep"), started(1), ended(1, 0))
    logs(
        folder,
        "round_000.dag",
        *reco_jobs(1),
        started(10),
        EVICTED.format(10),
        HELD.format(10),
        RELEASED.format(10),
        started(10, "node2").replace("10:01:00", "10:08:00"),
        ended(10, 75).replace("10:03:00", "10:20:00"),
    )
    timeline, found = bars(folder)
    assert found["prep"] == [("queued", 60.0, ""), ("run", 120.0, "node1")]
    assert found["round 0, job 0"] == [
        ("queued", 60.0, ""),
        ("evicted", 60.0, "node1"),
        ("queued", 180.0, ""),
        ("held", 60.0, ""),
        ("queued", 120.0, ""),
        ("failed", 720.0, "node2"),
    ]
    assert timeline.bars[0].spans[0].began >= timeline.began


def test_the_dagman_of_a_round_is_no_job_of_its_own(folder):
    logs(folder, "scan.dag", submitted(4, "round_000"), ended(4, 0))
    assert bars(folder)[1] == {}
