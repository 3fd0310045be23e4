"""Seeded faults: what `skyscan why` says of each, and with which code it exits.

Folders are as real faults left them; docs/why.md has the same table.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from job_log_support import ended, submitted
from model_support import (
    FAULTS,
    break_job,
    dagman,
    ended_dagman,
    fit,
    logs,
    opened_scan,
    reco_jobs,
    requeued,
    running,
    started,
    write_output,
)
from plans_support import EVENT, options

from skyscan.errors import ExitCode
from skyscan.merge import merge
from workflows.cli import main
from workflows.engines.engine import Failure
from workflows.model.causes import CAUSES, with_cause
from workflows.model.reading import Answer, read_model
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report

DOCS = Path(__file__).parents[3] / "docs" / "why.md"


@pytest.fixture
def folder(tmp_path):
    made = opened_scan(tmp_path)
    fit(made, 0)
    return made


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_named_with_its_evidence_and_exit_code(folder, name, capsys):
    fault = FAULTS[name]
    break_job(folder, fault)
    assert main(["why", str(folder.path)]) == fault.code
    told = capsys.readouterr().out
    (failure,) = read_model(folder).failures
    assert (failure.cause, failure.exit_code) == (fault.cause, fault.code)
    assert failure.can_pass == (fault.code == ExitCode.TRY_AGAIN)
    assert fault.text in told
    assert f"cause     {fault.cause}; another try " in told
    assert ("cannot help" in told) == (fault.code != ExitCode.TRY_AGAIN)
    assert failure.machine == fault.machines[-1]
    assert fault.machines[-1] in told
    assert failure.advice in told
    assert ("another machine may do" in failure.text) <= failure.can_pass
    if fault.stderr:
        assert failure.file == "rounds/000/logs/00001.0.1.out"
        assert not any("pixels done" in line for line in failure.last_lines)
        assert failure.file in told
        assert fault.stderr.splitlines()[-1] in told
    assert read_report(folder).exit_code == fault.code


def test_the_stderr_of_jobs_that_an_earlier_version_planned_is_read_too(folder):
    break_job(folder, FAULTS["nothing is known"])
    write_output(folder, "00001.0.0.err", "ModuleNotFoundError: No module named 'numpy'\n")
    (failure,) = read_model(folder).failures
    assert failure.file == "rounds/000/logs/00001.0.0.err"
    assert "numpy" in failure.last_lines[-1]


def test_a_failure_of_one_machine_may_pass_on_another(tmp_path):
    folder = opened_scan(tmp_path, site="icecube", runtime="host")
    break_job(folder, FAULTS["the image has no Python"])
    (failure,) = read_model(folder).failures
    assert (failure.can_pass, failure.exit_code) == (True, 75)


def test_steps_with_the_same_cause_are_shown_once_or_all(folder, capsys):
    events = [ended(10, 1), ended(11, 1)]
    logs(folder, "round_000.dag", *reco_jobs(2), started(10), started(11, "node2"), *events)
    for name in ("00000.0.0.err", "00001.0.0.err"):
        write_output(folder, name, "ModuleNotFoundError: No module named 'numpy'\n")
    ended_dagman(folder, 1)
    assert main(["why", str(folder.path)]) == 65
    told = capsys.readouterr().out
    assert told.count("why       ") == 1
    assert "and 1 more" in told
    assert "node1, node2" in told
    assert main(["why", str(folder.path), "--all"]) == 65
    assert capsys.readouterr().out.count("why       ") == 2


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        ("ValueError: pixel {} is odd", "8 x ValueError: pixel N is odd"),
        ("no result within 600 s", "8 x no result within 600 s"),
        ("", None),
    ],
    ids=["the reconstruction raises", "timeout", "NaN everywhere"],
)
def test_pixels_without_a_fit_have_their_reasons(folder, capsys, reason, text):
    fit(folder, 0, 1, 2)
    fit(folder, 1, 2, reason=reason or " ")
    logs(folder, "scan.dag", submitted(1, "merge"), ended(1, 69))
    error = "skyscan: error: 8 of 12 pixels have no fit (--max-failed-pixels) (exit 69)\n"
    (folder.logs / "merge.err").write_text(error)
    ended_dagman(folder, 1)
    assert main(["why", str(folder.path)]) == 69
    told = capsys.readouterr().out
    assert "cause     limit; another try cannot help" in told
    assert text is None or text in told


def test_a_deadline_that_passed_is_the_cause(folder, capsys):
    logs(folder, "round_000.dag", *reco_jobs(2))
    (folder.logs / "round_001.err").write_text(
        "skyscan: error: the deadline of 10 s (--deadline) has passed. (exit 69)\n"
    )
    ended_dagman(folder, 1)
    main(["why", str(folder.path)])
    assert "deadline; another try cannot help" in capsys.readouterr().out


def test_a_job_that_is_started_again_after_it_failed_says_why(folder, capsys):
    dagman(folder)
    events = [*reco_jobs(), started(10), started(11, "node2")]
    logs(folder, "round_000.dag", *events, requeued(11, 75))
    error = "skyscan: error: there is no /opt/python on node2; another machine may do (exit 75)"
    write_output(folder, "00001.0.0.out", f"{error}\n")
    main(["why", str(folder.path)])
    told = capsys.readouterr().out
    assert "the scan goes on: steps that failed are tried again" in told
    assert "reco_00001: there is no /opt/python on node2" in told
    (folder.round(0).logs / "00001.0.0.out").unlink()  # HTCondor could not bring it home
    main(["why", str(folder.path)])
    told = capsys.readouterr().out
    assert "reco_00001: its job ended with exit code 75" in told
    assert "cause     not-ended" not in told
    logs(folder, "round_000.dag", *events, ended(11, 70), submitted(21, "reco_00001"))
    main(["why", str(folder.path)])  # DAGMan has submitted it again
    assert "reco_00001: its job ended with exit code 70" in capsys.readouterr().out
    logs(folder, "round_000.dag", *events, requeued(11, 75), started(11, "node3"))
    main(["why", str(folder.path)])
    assert "nothing has failed so far" in capsys.readouterr().out


def test_a_scan_that_ended_well_or_never_ran_has_nothing_to_explain(folder, tmp_path, capsys):
    planned = plan(EVENT, tmp_path / "planned", options())
    assert main(["why", str(planned.path)]) == 0
    assert "never submitted" in capsys.readouterr().out
    fit(folder, 1, 2)
    merge(folder, read_planned(folder.scan_json))
    ended_dagman(folder, 0)
    assert main(["why", str(folder.path)]) == 0
    assert "nothing failed" in capsys.readouterr().out


@pytest.mark.parametrize("content", [None, b"", b"\0" * 100])
def test_a_scan_without_dagmans_log_but_with_rounds_was_submitted(folder, capsys, content):
    fit(folder, 1)
    if content is not None:  # as after a power failure
        (folder.workflow / "scan.dag.dagman.log").write_bytes(content)
    for command in ("why", "status"):
        main([command, str(folder.path)])
        told = capsys.readouterr().out
        assert "DAGMan's log is missing or damaged" in told
        assert "submitted" not in told


@pytest.mark.parametrize(
    ("is_queued", "words"),
    [
        (True, "the scan is in the queue"),
        (False, "the scan is not in the queue"),
        (None, "whether the scan is in the queue is not known"),
    ],
)
def test_if_the_log_is_lost_the_queue_says_whether_the_scan_runs(
    folder, capsys, monkeypatch, is_queued, words
):
    fit(folder, 1)
    monkeypatch.setattr("workflows.watch.ask", lambda _: Answer(is_queued))
    code = ExitCode.TRY_AGAIN if is_queued is False else ExitCode.DONE
    assert main(["why", str(folder.path)]) == code
    assert words in capsys.readouterr().out
    assert main(["status", str(folder.path)]) == ExitCode.DONE
    assert words in capsys.readouterr().out


def test_nothing_is_said_to_run_of_which_only_a_log_says_so(folder, capsys, monkeypatch):
    running(folder)
    for is_queued, words in {
        True: "DAGMan job 1: running\n",
        False: "not in the queue, although its log does not end",
        None: "DAGMan job 1: running by its log",
    }.items():
        monkeypatch.setattr("workflows.watch.ask", lambda _, it=is_queued: Answer(it))
        for command in ("why", "status"):
            main([command, str(folder.path)])
            assert words in capsys.readouterr().out


def test_a_job_log_that_was_cut_is_noticed(folder, capsys, monkeypatch):
    running(folder)  # a job is done, one runs, one is held
    monkeypatch.setattr("workflows.watch.ask", lambda _: Answer(is_queued=True, n_jobs=2))
    for command in ("why", "status"):
        main([command, str(folder.path)])
        assert "late or damaged" not in capsys.readouterr().out
    (folder.workflow / "round_000.dag.nodes.log").write_text("")
    for command in ("why", "status"):
        main([command, str(folder.path)])
        told = capsys.readouterr().out
        assert "the queue has 2 jobs of the scan, and by its logs there are 0" in told


def test_the_logs_of_failed_steps_are_printed_whole(folder, capsys):
    break_job(folder, FAULTS["a module is missing"])
    write_output(folder, "00000.0.0.err", "all well\n")
    assert main(["logs", str(folder.path), "--failed"]) == 0
    told = capsys.readouterr().out
    assert told.startswith("==> rounds/000/logs/00001.0.1.out\npixels done: 0 of 4\nTraceback")
    assert "all well" not in told
    assert main(["logs", str(folder.path), "--round", "0"]) == 0
    assert "all well" in capsys.readouterr().out
    assert main(["logs", str(folder.path), "--round", "7"]) == 64


def test_logs_say_so_if_no_step_wrote_anything(folder, capsys):
    write_output(folder, "00000.0.0.out", "")
    assert main(["logs", str(folder.path)]) == 0
    assert capsys.readouterr().out == "Nothing has been written.\n"


def test_the_page_shows_each_fault_and_names_each_cause():
    text = DOCS.read_text()
    rows = dict(re.findall(r"^\| ([^|]+) \| `([\w-]+)`", text, re.MULTILINE))
    assert {name: it.cause for name, it in FAULTS.items()}.items() <= rows.items()
    for name, fault in FAULTS.items():
        row = next(it for it in text.splitlines() if it.startswith(f"| {name} |"))
        assert f"| {fault.code} |" in row
    assert set(CAUSES) >= {it.cause for it in FAULTS.values()}


@pytest.mark.parametrize(
    ("text", "code", "cause", "exit_code"),
    [
        ("its job was killed by signal 9", 75, "killed", 75),
        ("its job was removed: via condor_rm", 75, "removed", 75),
        ("No module named 'healpy'", 70, "missing-module", 65),
        ("the event has no pulses", 65, "bad-input", 65),
        ("--max-rounds", 69, "limit", 69),
        ("its job ended with exit code 3", 3, "unknown", 75),
        ("its job ended with exit code 139", 139, "crashed", 75),
    ],
)
def test_failures_that_an_engine_finds_itself_have_causes_too(text, code, cause, exit_code):
    failure = with_cause(Failure("reco_00000", code, text))
    assert (failure.cause, failure.exit_code) == (cause, exit_code)
    assert failure.can_pass == (exit_code == 75)
    assert failure.advice


def test_what_only_the_report_knows_is_a_cause_too(folder, capsys):
    fit(folder, 1, 2)
    ended_dagman(folder, 0)
    assert main(["why", str(folder.path)]) == ExitCode.TRY_AGAIN
    assert "there is no map" in capsys.readouterr().out
