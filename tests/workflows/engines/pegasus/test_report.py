"""Status and report of runs without Pegasus: their folders and logs are written by the test."""

import json

import pytest
from job_log_support import NEW_NOTES, REMOVED, ended, killed, submitted, write_log
from plans_support import EVENT, options
from scans_support import do_batch

from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from workflows.cli import main
from workflows.engines import engine_of
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.model.reading import NOT_ASKED
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.writing import last_report

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


def test_a_running_scan_shows_pixels_and_how_pegasus_shows_jobs(folder, capsys, monkeypatch):
    monkeypatch.setattr("workflows.watch.ask", lambda _: NOT_ASKED)
    assert engine_of(folder).name == "pegasus"
    assert main(["status", str(folder.path)]) == 0
    output = capsys.readouterr().out
    assert "DAGMan job 7: queued" in output
    assert "0 of 12 pixels done" in output
    assert f"pegasus-status -l {run_of(folder)}" in output


def test_the_pegasus_status_line_finds_the_tools_of_a_personal_pool(
    folder, capsys, monkeypatch
):
    from condor.contact import Pool
    from condor.pool import PoolStatus
    from workflows.commands import status

    place = folder.path / "condor"
    pool = Pool(place / "config", place / "bin", place / "sbin", "23.9.6", is_users_own=False)
    found = PoolStatus(pool, is_running=False, text="")
    monkeypatch.setattr(status, "pool_status", lambda: found)
    monkeypatch.setattr("workflows.watch.ask", lambda _: NOT_ASKED)
    main(["status", str(folder.path)])
    (line,) = [it for it in capsys.readouterr().out.splitlines() if "pegasus-status" in it]
    assert line.split() == [
        *("more", f"CONDOR_CONFIG={place}/config", f'PATH={place}/bin:{place}/sbin:"$PATH"'),
        *("pegasus-status", "-l", str(run_of(folder))),
    ]


def test_runs_of_both_versions_are_found_whatever_their_dag_is_called(folder):
    named = run_of(folder, 2) / "run00000001-evt000000000001-neutrino-0.dag"
    assert engine_of(folder).dags(folder) == [run_of(folder) / "scan.dag"]
    assert engine_of(folder).dag(folder) == run_of(folder) / "scan.dag"  # run 2 has none yet
    named.write_text("")
    write_log(named.with_name(f"{named.name}.dagman.log"), submitted(30))
    assert engine_of(folder).dags(folder) == [run_of(folder) / "scan.dag", named]
    assert engine_of(folder).state(folder).cluster == 30


def test_results_in_the_scratch_folder_count(folder, capsys):
    scratch = PegasusFolder(folder.path).scratch / "x"
    scratch.mkdir(parents=True)
    size = 4 * 200
    (scratch / "r000_00000.new.rec").write_bytes(bytes(size))
    main(["status", str(folder.path)])
    assert "round 0: nside 1: 0 of 12" not in capsys.readouterr().out


def into_scratch(folder, number, batch, keep=None):
    """Let a job's results reach Pegasus' scratch folder, but not the scan folder."""
    result = folder.round(number).result(batch)
    before = result.read_bytes() if result.exists() else None
    do_batch(folder, number, batch)
    scratch = PegasusFolder(folder.path).scratch / "x"
    scratch.mkdir(parents=True, exist_ok=True)
    content = result.read_bytes()
    (scratch / f"r{number:03d}_{batch:05d}.new.rec").write_bytes(content[:keep])
    result.unlink() if before is None else result.write_bytes(before)


def test_the_report_of_a_failed_scan_counts_what_status_counts(folder, capsys):
    for batch in (0, 2):
        into_scratch(folder, 0, batch)
    log_of(folder, submitted(7), ended(7, 0))
    main(["status", str(folder.path)])
    output = capsys.readouterr().out
    assert "round 0: nside 1: 8 of 12 pixels done, 2 of 3 jobs" in output
    report = last_report(folder)
    assert "missing   round 0: nside 1: 8 of 12 pixels done, 2 of 3 jobs" in report.text
    assert report.n_pixels == {"1": 8}
    assert report.map == str(next(folder.partial.glob("*.npz")))
    assert list(PegasusFolder(folder.path).scratch.rglob("*.rec"))  # pegasus-run needs them


def test_a_damaged_file_in_scratch_costs_only_itself(folder):
    into_scratch(folder, 0, 0)
    into_scratch(folder, 0, 1, keep=-1)
    log_of(folder, submitted(7), ended(7, 0))
    assert last_report(folder).n_pixels == {"1": 7}


def test_while_pegasus_run_is_under_way_there_is_no_result(folder, capsys):
    log_of(folder, submitted(7), ended(7, 0))
    assert main(["result", str(folder.path)]) == 75
    capsys.readouterr()
    log_of(folder, submitted(7), ended(7, 0), submitted(8).replace("2026", "2099"))
    assert main(["result", str(folder.path)]) == 64
    assert "no result yet" in capsys.readouterr().err


def test_worker_packages_that_no_job_reads_are_removed(folder):
    inner = round_of(folder)
    packages = [run_of(folder), inner]
    for place in packages:
        (place / "pegasus-worker-5.1.2-x86_64_deb_12.tar.gz").write_text("18 MB")
    log_of(folder, submitted(7), ended(7, 0))
    last_report(folder)
    assert not list(folder.path.rglob("pegasus-worker*"))
    assert (inner / "round_000.dag").exists()


def test_worker_packages_that_jobs_read_stay(tmp_path):
    made = plan(EVENT, tmp_path, options(engine="pegasus", site="icecube"))
    package = run_of(made) / "pegasus-worker-5.1.2-x86_64_deb_12.tar.gz"
    package.write_text("18 MB")
    engine_of(made).tidy(made, read_planned(made.scan_json))
    assert package.exists()


# pegasus-dagman ends with 0 whatever DAGMan ended with.


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


def test_the_cause_is_in_the_stderr_that_pegasus_recorded(folder):
    log_of(folder, submitted(7), ended(7, 0))
    inner = round_of(folder, submitted(8, "reco_00000"), ended(8, 1))
    record = (
        "- invocation: True\n  files:\n    stdout:\n      data: |\n        MemoryError\n"
        "    stderr:\n      size: 90\n      data_truncated: false\n      data: |\n"
        "        Traceback (most recent call last):\n"
        "        ModuleNotFoundError: No module named 'numpy'\n    metadata:\n      size: 0\n"
    )
    (inner / "00" / "00" / "reco_00000.out.000").write_text(record)
    (failure,) = last_report(folder).failures
    assert (failure.cause, failure.exit_code) == ("missing-module", 65)
    assert failure.last_lines[-1] == "ModuleNotFoundError: No module named 'numpy'"


def test_a_workflow_that_could_not_be_planned_is_reported(folder):
    log_of(folder, submitted(7), ended(7, 0))
    log = run_of(folder) / "pegasus-plan_round_000.pre.log.000"
    log.write_text("2026.01.01 10:00:00.000 UTC: [ERROR]  [1] no replica of x.rec\n")
    report = last_report(folder)
    assert report.exit_code == 75
    assert "planning round_000" in report.text
    assert "no replica of x.rec" in report.text


def test_a_removed_scan_is_reported_as_removed(folder):
    log_of(folder, submitted(7), REMOVED.format(7))
    report = last_report(folder)
    assert report.exit_code == 75
    assert [it.cause for it in report.failures] == ["removed"]


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
