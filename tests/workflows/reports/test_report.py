"""The report, from job logs of DAGs that did not run."""

import errno
import json
import os
import shutil
from pathlib import Path

import jsonschema
import pytest
from job_log_support import (
    NEW_NOTES,
    OLD_NOTES,
    RECORDED,
    REMOVED,
    STARTED,
    ended,
    submitted,
    write_log,
)
from plans_support import EVENT, accept_changes, options
from results_support import do

from skyscan.errors import ExitCode
from skyscan.events.source import Source
from skyscan.layout import CHOICE_JSON, ScanFolder
from skyscan.merge import merge
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from skyscan.skymap import read_skymap
from workflows.cli import main
from workflows.engines.dagman.dags import rounds_that_ended
from workflows.engines.scripts import access_point_lines, write_script_lines
from workflows.model.text import duration
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.schema import schema as report_schema
from workflows.reports.stored import read_report
from workflows.reports.writing import last_report, write_report


@pytest.fixture
def folder(tmp_path):
    """Return a planned scan whose first round has been chosen: three batches of four pixels."""
    made = plan(EVENT, tmp_path, options(jobs_per_round=3, progression=((1, 0),)))
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    open_round(made, scan, 0)
    return made


def logs(folder, dag, *events: str):
    write_log(folder.workflow / f"{dag}.nodes.log", *events)


def test_a_complete_scan_reports_its_best_fit_and_its_map(folder):
    do(folder, 0, 1, 2)
    merge(folder, read_planned(folder.scan_json))
    report = write_report(folder, 0)
    assert (report.outcome, report.exit_code, report.failures) == ("complete", 0, [])
    assert report.best["pixel"] == 11
    assert report.n_pixels == {"1": 12}
    assert "why" not in report.text
    assert "resume" not in report.text
    assert report.text == folder.report.read_text()
    assert read_report(folder) == report
    written = json.loads(folder.report_json.read_text())
    assert written["exit_code"] == 0
    jsonschema.validate(written, report_schema())
    before = {key: value for key, value in written.items() if key != "format"}
    jsonschema.validate(before, report_schema())


def test_what_auto_chose_is_reported_with_its_reason(folder):
    do(folder, 0, 1, 2)
    merge(folder, read_planned(folder.scan_json))
    assert "chosen" not in write_report(folder, 0).text
    reason = "one shower fits better by 38.3 in llh: times -29.2, charges +67.5"
    choice = {"chosen": "cascade", "reason": reason}  # as in docs/auto.md
    (folder.startup / CHOICE_JSON).write_text(json.dumps(choice))
    line = f"  chosen    cascade: {reason}\n"
    assert line in (Path(__file__).parents[3] / "docs" / "auto.md").read_text("utf-8")
    assert line in write_report(folder, 0).text
    assert line in read_report(folder).text


def failed_job(folder, code, error_text, notes=OLD_NOTES):
    logs(folder, "scan.dag", submitted(1, "prep", notes), ended(1, 0))
    logs(
        folder,
        "round_000.dag",
        submitted(2, "reco_00000", notes),
        submitted(3, "reco_00001", notes),
        ended(2, 0),
        ended(3, code),
    )
    here = folder.round(0).logs
    (here / "00001.0.err").write_text("skyscan: error: an older try (exit 75)\n")
    (here / "00001.1.err").write_text(f"noise\n{error_text}\n")
    os.utime(here / "00001.0.err", (1, 1))


@pytest.mark.parametrize(
    ("code", "error_text", "why", "outcome"),
    [
        (65, "skyscan: error: the table is damaged. (exit 65)", "damaged. (exit 65)", 65),
        (75, "skyscan: error: no worker: wait. (exit 75)", "no worker: wait. (exit 75)", 75),
        (70, "Traceback\nskyscan: error: this is a bug. (exit 70)", "a bug. (exit 70)", 70),
        (1, "what a pity", "its job ended with exit code 1: what a pity (exit 75)", 75),
    ],
)
def test_a_failed_job_is_named_with_its_last_error(folder, code, error_text, why, outcome):
    do(folder, 0)
    failed_job(folder, code, error_text)
    report = write_report(folder, 2)
    assert (report.outcome, report.exit_code) == ("failed", outcome)
    assert "  why       reco_00001: " in report.text
    assert why in report.text
    assert "4 of 12 pixels done, 1 of 3 jobs" in report.text
    assert "skyscan resume" in report.text
    assert ("fix the input" in report.text) == (outcome == ExitCode.BAD_INPUT)


@pytest.mark.parametrize("notes", [OLD_NOTES, NEW_NOTES], ids=["23.9.6", "25.14.1"])
def test_a_round_that_failed_by_one_of_its_jobs_is_not_a_failure_of_its_own(folder, notes):
    do(folder, 0)
    failed_job(folder, 65, "skyscan: error: the table is damaged. (exit 65)", notes)
    outer = (submitted(1, "prep", notes), ended(1, 0), submitted(4, "round_000", notes))
    logs(folder, "scan.dag", *outer, ended(4, 1))
    assert [it.step for it in write_report(folder, 2).failures] == ["reco_00001"]


@pytest.mark.parametrize(
    ("version", "rounds"), [("23.9.6", {0, 1, 2}), ("25.14.1", {0})], ids=["23.9.6", "25.14.1"]
)
def test_a_gate_knows_the_rounds_that_have_ended(folder, version, rounds):
    # Otherwise a predictive scan with a time budget waits for them forever.
    log = folder.workflow / "scan.dag.nodes.log"
    log.write_text((RECORDED / version / log.name).read_text())
    assert rounds_that_ended(folder) == rounds


def test_a_failed_scan_leaves_a_partial_map(folder):
    do(folder, 0, 2)
    failed_job(folder, 75, "skyscan: error: wait (exit 75)")
    report = write_report(folder, 2)
    skymap = read_skymap(folder.partial / report.map.rpartition("/")[2])
    assert not skymap.complete
    assert len(skymap.pixels[1]) == 8
    assert report.best["pixel"] == 11


def removed(folder, error=""):
    """Let DAGMan be removed without a report."""
    log = folder.workflow / "scan.dag.dagman.log"
    write_log(log, submitted(1), STARTED.format(1), REMOVED.format(1))
    log.with_name("scan.dag.dagman.out").write_text(error)


DIED_OF_IT = (
    'ERROR "Assertion ERROR on (! _finalNodeRun)" at line 1411 in file '
    "./src/condor_dagman/dag.cpp\n"
)


@pytest.mark.parametrize("error", ["", DIED_OF_IT])
def test_a_scan_whose_dagman_was_removed_without_a_report_gets_one(folder, error):
    do(folder, 0)
    removed(folder, error)
    report = last_report(folder)
    assert (report.outcome, report.exit_code) == ("failed", ExitCode.TRY_AGAIN)
    assert [it.cause for it in report.failures] == ["removed"]
    assert report.n_pixels == {"1": 4}
    assert Path(report.map).exists()
    assert last_report(folder) == read_report(folder)
    assert folder.report.read_text() == report.text


def test_why_says_that_a_scan_was_removed(folder, capsys):
    removed(folder, DIED_OF_IT)
    assert main(["why", str(folder.path)]) == ExitCode.TRY_AGAIN
    text = capsys.readouterr().out
    assert "the scan was removed from the queue" in text
    assert "cause     removed" in text
    assert "Assertion" not in text
    assert main(["status", str(folder.path)]) == ExitCode.DONE
    assert "DAGMan job 1: removed" in capsys.readouterr().out


def test_jobs_of_a_removed_scan_whose_ends_are_not_logged_are_no_reason(folder):
    removed(folder)
    logs(folder, "scan.dag", submitted(2, "round_000"), STARTED.format(2))
    logs(folder, "round_000.dag", submitted(3, "reco_00000"), STARTED.format(3))
    assert [(it.step, it.cause) for it in last_report(folder).failures] == [
        ("DAGMan", "removed")
    ]


def test_a_dagman_that_died_at_each_start_says_of_what(folder):
    log = folder.workflow / "scan.dag.dagman.log"
    write_log(log, submitted(1), STARTED.format(1), ended(1, 1))
    died = (
        '11/28/26 13:57:41 ERROR "Invalid result for DAGMAN_MAX_PRE_SCRIPTS (abc)" at line 3\n'
    )
    log.with_name("scan.dag.dagman.out").write_text(died)
    gave_up = "2099-11-28T13:57:42Z\trestarts\tended, because DAGMan had died at 7 starts\n"
    log.with_name("scan.dag.guard.log").write_text(gave_up)
    (failure,) = last_report(folder).failures
    assert (failure.cause, failure.exit_code) == ("dagman", ExitCode.TRY_AGAIN)
    assert failure.text.startswith("ended, because DAGMan had died at 7 starts: ")
    assert "DAGMAN_MAX_PRE_SCRIPTS (abc)" in failure.text


def test_a_scan_whose_python_was_removed_says_so(folder, tmp_path):
    log = folder.workflow / "scan.dag.dagman.log"
    write_log(log, submitted(1), STARTED.format(1), ended(1, 1))
    text = "11/28/26 13:57:41 Error: Job failed due to DAGMAN error 0\n"
    log.with_name("scan.dag.dagman.out").write_text(text)
    lines = access_point_lines(str(tmp_path / "gone"), "0" * 64)
    write_script_lines(folder.workflow / "skyscan.sh", lines)
    accept_changes(folder)
    (failure,) = last_report(folder).failures
    assert (failure.cause, failure.exit_code) == ("no-python", ExitCode.BAD_INPUT)
    assert str(tmp_path / "gone") in failure.text
    assert "skyscan plan" in failure.advice


def test_a_script_that_dagman_kills_when_it_is_removed_is_no_reason(folder):
    runs = "11/28/26 13:57:41 Running PRE script of Node round_000...\n"
    removed(folder, f"{runs}11/28/26 13:57:42 PRE Script of node round_000 died on signal 9\n")
    assert [it.cause for it in last_report(folder).failures] == ["removed"]


def test_a_report_that_cannot_be_kept_is_shown(folder, monkeypatch):
    do(folder, 0)
    removed(folder)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for writer in ("write_json", "write_text", "write_partial"):
        monkeypatch.setattr(f"workflows.reports.writing.{writer}", refuse)
    report = last_report(folder)
    assert [it.cause for it in report.failures] == ["removed"]
    assert not folder.report_json.exists()


def test_removed_jobs_are_reported(folder):
    logs(folder, "round_000.dag", submitted(2, "reco_00000"), REMOVED.format(2))
    report = write_report(folder, 4)
    assert report.exit_code == ExitCode.TRY_AGAIN
    assert "via condor_rm" in report.text


def test_a_failed_script_is_reported_from_its_own_log(folder):
    text = "skyscan: error: the startup folder is of another scan. (exit 65)\n"
    (folder.logs / "round_001.err").write_text(text)
    report = write_report(folder, 2)
    (failure,) = report.failures
    assert failure.step.endswith("round_001")
    assert failure.text == "the startup folder is of another scan."
    assert report.exit_code == ExitCode.BAD_INPUT


def test_a_reached_limit_is_incomplete_and_not_failed(folder):
    do(folder, 0, 1, 2)
    logs(folder, "scan.dag", submitted(1, "merge"), ended(1, 69))
    (folder.logs / "merge.err").write_text("skyscan: error: --max-rounds (exit 69)\n")
    report = write_report(folder, 2)
    assert (report.outcome, report.exit_code) == ("incomplete", ExitCode.INCOMPLETE)


def test_an_empty_folder_still_gives_a_report(folder):
    report = write_report(folder, 4)
    assert report.map is None
    assert report.exit_code == ExitCode.TRY_AGAIN
    assert "0 of 12 pixels done" in report.text


@pytest.mark.parametrize("content", ["", "{}", '{"batches": 3}', '{"batches": [{}]}'])
def test_a_damaged_round_does_not_prevent_the_report(folder, content):
    do(folder, 0)
    folder.round(0).description.write_text(content)
    (folder.logs / "round_000.err").write_text("skyscan: error: round.json (exit 65)\n")
    report = write_report(folder, 2)
    assert report.exit_code == ExitCode.BAD_INPUT
    assert "round.json" in report.text


def test_a_damaged_map_of_an_earlier_try_does_not_prevent_the_report(folder):
    do(folder, 0, 1)
    name = read_planned(folder.scan_json).name
    (folder.path / f"{name}_1.npz").write_bytes(b"torn")
    report = write_report(folder, 2)
    assert report.map.startswith(str(folder.partial))


def test_many_failures_are_abbreviated(folder):
    events = [e for n in range(20) for e in (submitted(n, f"reco_{n:05d}"), ended(n, 75))]
    logs(folder, "round_000.dag", *events)
    report = write_report(folder, 2)
    assert len(report.failures) == 20
    assert "and 12 more" in report.text


def test_a_missing_or_damaged_report_is_no_report(folder):
    assert read_report(folder) is None
    for content in ("", "{}", '{"failures": [3]}', '{"failures": [], "name": "x"}'):
        folder.report_json.write_text(content)
        assert read_report(folder) is None
    write_report(folder, 0)
    whole = json.loads(folder.report_json.read_text())
    for code in (None, "0", [], 1, -1):
        folder.report_json.write_text(json.dumps({**whole, "exit_code": code}))
        assert read_report(folder) is None
    folder.report_json.unlink()
    folder.report_json.mkdir()
    assert read_report(folder) is None


def test_the_result_of_a_scan_whose_report_is_damaged_says_so(folder, capsys):
    folder.report_json.write_text('{"exit_code": 0')
    assert main(["result", str(folder.path)]) == ExitCode.TRY_AGAIN
    assert "report.json is damaged" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "00:00:00"),
        (59.9, "00:00:59"),
        (3661, "01:01:01"),
        (90061, "25:01:01"),
        (-5, "00:00:00"),
    ],
)
def test_durations_do_not_start_again_after_a_day(seconds, text):
    assert duration(seconds) == text


def test_a_script_that_was_killed_is_named_with_its_signal(folder):
    log = folder.workflow / "scan.dag.dagman.out"
    log.write_text("11/28/26 13:57:42 PRE Script of node round_001 died on signal 9\n")
    report = write_report(folder, 2)
    assert report.exit_code == ExitCode.TRY_AGAIN
    assert "opening round_001: its PRE script was killed by signal 9" in report.text


def test_a_copied_report_names_the_files_of_the_copy(folder, tmp_path):
    do(folder, 0, 1, 2)
    merge(folder, read_planned(folder.scan_json))
    write_report(folder, 0)
    assert str(folder.path) not in folder.report_json.read_text()
    copy = ScanFolder(tmp_path / "elsewhere" / folder.path.name)
    shutil.copytree(folder.path, copy.path)
    shutil.rmtree(folder.path)
    report = read_report(copy)
    assert report.map.startswith(str(copy.path))
    assert len(read_skymap(Path(report.map)).pixels[1]) == 12
    assert str(folder.path) not in report.text


def test_paths_in_the_failures_of_a_copied_report_are_those_of_the_copy(folder, tmp_path):
    failed_job(folder, 75, f"skyscan: error: {folder.path}/rounds is lost (exit 75)")
    assert read_report(folder) is None
    report = write_report(folder, 2)
    assert read_report(folder) == report
    copy = ScanFolder(tmp_path / "elsewhere" / folder.path.name)
    shutil.copytree(folder.path, copy.path)
    assert f"{copy.path}/rounds is lost" in read_report(copy).text
    assert f"skyscan resume {copy.path}" in read_report(copy).text
