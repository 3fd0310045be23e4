"""Status and report of runs without Pegasus: their folders and logs are written by the test."""

import json

import pytest
from job_log_support import NEW_NOTES, REMOVED, ended, killed, submitted, write_log
from plans_support import EVENT, options

from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from workflows.cli import main
from workflows.engines import engine_of
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.report import last_report

ERROR = """- invocation: True
  stderr:
    data: |
      skyscan: error: the event has no pulses (exit 65)
"""


@pytest.fixture
def folder(tmp_path):
    """Return a planned scan with its first round chosen and a submitted run."""
    made = plan(EVENT, tmp_path, options(engine="pegasus", jobs_per_round=3))
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    open_round(made, scan, 0)
    (run_of(made) / "scan.dag").write_text("")
    log_of(made, submitted(7))
    return made


def run_of(folder, number=1):
    run = PegasusFolder(folder.path).submit / "me" / "pegasus" / "x" / f"run{number:04d}"
    (run / "00" / "00").mkdir(parents=True, exist_ok=True)
    return run


def log_of(folder, *events: str, number: int = 1):
    write_log(run_of(folder, number) / "scan.dag.dagman.log", *events)


def round_of(folder, *events: str):
    """Write the folder of the workflow of round 0 in the run."""
    inner = run_of(folder) / "00" / "00" / "round_000.000"
    (inner / "00" / "00").mkdir(parents=True)
    (inner / "round_000.dag").write_text("")
    write_log(inner / "round_000.dag.nodes.log", *events)
    return inner


def test_a_running_scan_shows_pixels_and_how_pegasus_shows_jobs(folder, capsys):
    assert engine_of(folder).name == "pegasus"
    assert main(["status", str(folder.path)]) == 0
    output = capsys.readouterr().out
    assert "DAGMan job 7: queued" in output
    assert "0 of 12 pixels done" in output
    assert f"pegasus-status -l {run_of(folder)}" in output


def test_results_in_the_scratch_folder_count(folder, capsys):
    scratch = PegasusFolder(folder.path).scratch / "x"
    scratch.mkdir(parents=True)
    size = 4 * 200
    (scratch / "r000_00000.new.rec").write_bytes(bytes(size))
    main(["status", str(folder.path)])
    assert "round 0: nside 1: 0 of 12" not in capsys.readouterr().out


# pegasus-dagman exits with 0 for any exit code of DAGMan.


def test_a_failed_job_is_reported_with_its_message_and_the_tool_for_details(folder, capsys):
    log_of(folder, submitted(7), ended(7, 0))
    inner = round_of(
        folder,
        submitted(8, "reco_00000"),
        ended(8, 0),
        submitted(9, "reco_00001", NEW_NOTES),  # HTCondor 25
        ended(9, 65),
        submitted(10, "reco_00002"),
        killed(10),
    )
    (inner / "00" / "00" / "reco_00001.out.000").write_text(ERROR)
    report = last_report(folder)
    assert (report.outcome, report.exit_code) == ("failed", 65)
    assert [(it.step, it.exit_code) for it in report.failures] == [
        ("reco_00001", 65),
        ("reco_00002", 75),
    ]
    assert "the event has no pulses" in report.text
    assert "signal 9" in report.text
    assert f"pegasus-analyzer -r {run_of(folder)}" in report.text
    assert main(["result", "--json", str(folder.path)]) == 65
    assert json.loads(capsys.readouterr().out)["exit_code"] == 65


def test_a_workflow_that_could_not_be_planned_is_reported(folder):
    log_of(folder, submitted(7), ended(7, 0))
    log = run_of(folder) / "pegasus-plan_round_000.pre.log.000"
    log.write_text("2026.01.01 10:00:00.000 UTC: [ERROR]  [1] no replica of x.rec\n")
    report = last_report(folder)
    assert report.exit_code == 75
    assert "planning round_000" in report.text
    assert "no replica of x.rec" in report.text


def test_a_removed_scan_has_no_report(folder):
    log_of(folder, submitted(7), REMOVED.format(7))
    assert last_report(folder) is None


def test_the_last_run_counts(folder):
    log_of(folder, submitted(7), ended(7, 0))
    (run_of(folder, 2) / "scan.dag").write_text("")
    log_of(folder, submitted(30), number=2)
    assert engine_of(folder).dag(folder).parent == run_of(folder, 2)
    assert main(["result", str(folder.path)]) == 64


def test_without_pegasus_a_submission_says_what_is_missing(folder, monkeypatch, tmp_path):
    from condor.contact import Pool
    from workflows.engines.pegasus.submission import NoPegasus, submit

    monkeypatch.setenv("PATH", str(tmp_path))
    pool = Pool(None, tmp_path, tmp_path, "23.9.6", is_users_own=True)
    with pytest.raises(NoPegasus, match="pegasus-plan is not on PATH"):
        submit(folder, pool)


def test_the_message_of_a_planner_that_refuses_is_quoted(folder, monkeypatch, tmp_path):
    from condor.contact import Pool
    from workflows.engines.pegasus.submission import PlanningFailed, submit

    for name, text in {
        "pegasus-plan": "echo 'needs the Python3 GitPython module' >&2; exit 1",
        "pegasus-config": "echo /opt/pegasus/bin",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    pool = Pool(None, tmp_path, tmp_path, "23.9.6", is_users_own=True)
    with pytest.raises(PlanningFailed, match="GitPython"):
        submit(folder, pool)
