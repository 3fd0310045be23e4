"""Rounds that most scans do not have follow those whose jobs are nodes of the outer DAG."""

import pytest
from scans import make_scan

from workflows import steps

pytestmark = pytest.mark.pool


def test_later_rounds_are_dags_with_the_same_submit_file(pool, run_folder, monkeypatch):
    monkeypatch.setattr(steps, "USUAL_MOVES", -1)  # round 1 and all after it are later ones
    options = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
    scan = make_scan(pool, run_folder, **options)
    dag = (scan.folder.workflow / "scan.dag").read_text()
    assert "JOB reco_000_00001 " in dag
    assert "reco_001" not in dag
    report = scan.submit().finish()
    assert report.outcome == "complete", report.text
    assert set(scan.fits().values()) == {1}
    # The log of a round is that of its jobs, or of its DAGMan: never of both.
    for name in ("round_000.dag", "round_001.dag"):
        assert scan.events(name).count("JOB_TERMINATED") == 2
    assert scan.events("more_rounds.dag").count("JOB_TERMINATED") >= 1
