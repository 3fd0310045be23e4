"""Batches with a time budget on a real pool: remaining fits are distributed again."""

import pytest
from scans import environment, make_scan

from skyscan.errors import ExitCode
from workflows.cli import main

#: 12 fits of half a second in one job, then 16.
OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 4)), "jobs_per_round": 1}


@pytest.mark.pool
@pytest.mark.versions
def test_a_scan_with_a_small_time_budget_gives_the_same_and_fits_nothing_twice(
    pool, session_folder, capsys
):
    scans = {}
    for name, budget in (("in time", 0.0), ("out of time", 2.0)):
        (session_folder / name).mkdir()
        with environment(SKYSCAN_DUMMY_COST="0.5"):
            scans[name] = make_scan(pool, session_folder / name, time_budget=budget, **OPTIONS)
        scans[name].submit()
    reports = {name: scan.finish() for name, scan in scans.items()}
    late = scans["out of time"]
    assert reports["out of time"].outcome == "complete", reports["out of time"].text
    assert late.npz() == scans["in time"].npz()
    assert set(late.fits().values()) == {1}
    assert set(late.fits()) == set(scans["in time"].fits())
    rounds = len(scans["in time"].folder.chosen_rounds())
    assert len(late.folder.chosen_rounds()) > rounds
    later = {it.name for it in late.folder.workflow.glob("more_rounds.dag.*")}
    assert "more_rounds.dag.nodes.log" in later  # DAGMan ran them
    for number in late.folder.chosen_rounds():
        assert set(late.exits(f"round_{number:03d}.dag")) == {0}  # nothing failed
    assert main(["status", str(late.folder.path)]) == ExitCode.DONE
    shown = capsys.readouterr().out
    assert "left for the next round" in shown
    assert "round 1: nside 1, remaining fits" in shown


@pytest.mark.parametrize("text", ["soon", "-1", "1 year"])
def test_a_budget_is_a_duration(tmp_path, capsys, text):
    words = ["plan", "event.json", "--simulated-event", "--output-dir", str(tmp_path)]
    assert main([*words, f"--time-budget={text}"]) == ExitCode.WRONG_USAGE
    assert "--time-budget" in capsys.readouterr().err
