"""The scan model of folders in any state."""

import os
import sys
from dataclasses import asdict, replace

import pytest
from job_log_support import EVICTED, REMOVED, ended, submitted, write_log
from model_support import (
    copy_of,
    dagman,
    ended_dagman,
    fit,
    logs,
    opened_scan,
    reco_jobs,
    running,
    started,
)
from plans_support import EVENT, options

from workflows.cli import main
from workflows.model import bad_machines
from workflows.model.reading import Answer, ScanReader, read_model
from workflows.model.scan import Jobs
from workflows.model.text import progress_lines
from workflows.plan import plan


@pytest.fixture
def folder(tmp_path):
    return opened_scan(tmp_path)


def test_a_scan_that_was_never_submitted_is_planned(tmp_path):
    model = read_model(plan(EVENT, tmp_path, options()))
    assert (model.state, model.dagman, model.rounds, model.news) == ("planned", None, (), None)
    assert model.failures == ()


def test_a_round_with_a_damaged_batch_has_an_unknown_nside(folder):
    fit(folder, 1)
    (folder.round(0).path / "batches" / "00000.npz").write_bytes(b"")
    (first,) = read_model(folder).rounds
    assert first.line().startswith("round 0: nside unknown: 4 of 12 pixels done")


def test_a_running_scan_has_jobs_pixels_machines_and_its_best_fit(folder):
    running(folder)
    model = read_model(folder)
    assert model.state == "running"
    assert model.jobs == Jobs(running=1, held=1, done=1)
    (first,) = model.rounds
    assert (first.n_done, first.n_fits, first.n_jobs_done) == (7, 12, 1)
    assert [(it.reason, it.n) for it in model.held] == [("no such file", 1)]
    assert {it.name: it.running for it in model.machines} == {"node1": 0, "node2": 1}
    assert model.best.llh == 100.0 - model.best.pixel
    assert model.slowest[0].machine == "node1"
    assert model.outcome is None
    assert model.failures == ()
    assert model.time_left.likely > 0


@pytest.mark.parametrize(("site", "n_warnings"), [("personal", 0), ("icecube", 1)])
def test_the_only_machine_of_a_site_is_not_one_to_avoid(
    tmp_path, monkeypatch, site, n_warnings
):
    monkeypatch.setattr(bad_machines, "QUICK", float("inf"))  # the events are minutes apart
    folder = opened_scan(tmp_path, site=site)
    dagman(folder)
    tries = [event for n in (10, 11, 12) for event in (started(n), ended(n, 75))]
    logs(folder, "round_000.dag", *reco_jobs(), *tries)
    assert len(read_model(folder).bad_machines) == n_warnings


@pytest.mark.parametrize("end", [REMOVED.format(11), ended(11, 75)])
def test_pixels_whose_results_were_lost_do_not_count(folder, end):
    running(folder)
    events = [*reco_jobs(), started(10), started(11), ended(10, 0), end]
    logs(folder, "round_000.dag", *events)
    assert read_model(folder).rounds[0].n_done == 4
    ended_dagman(folder, 1)
    assert read_model(folder).rounds[0].n_done == 4


def test_an_evicted_job_keeps_what_it_has_done(folder):
    running(folder)
    events = [*reco_jobs(), started(10), started(11), ended(10, 0), EVICTED.format(11)]
    logs(folder, "round_000.dag", *events)
    model = read_model(folder)
    assert model.rounds[0].n_done == 7
    assert model.jobs == Jobs(idle=1, evicted=1, done=1)


def test_a_scan_that_ended_well_has_no_failures(folder):
    fit(folder, 0, 1, 2)
    logs(folder, "round_000.dag", *reco_jobs(), *(ended(10 + it, 0) for it in range(3)))
    ended_dagman(folder, 0)
    model = read_model(folder)
    assert (model.state, model.outcome, model.failures) == ("ended", "complete", ())
    assert model.time_left is None
    assert model.n_pixels == {"1": 12}


@pytest.mark.parametrize("content", ["", "{}", '{"batches": 3}', '{"batches": [{}]}'])
def test_a_half_written_round_is_left_out(folder, content):
    running(folder)
    folder.round(0).description.write_text(content)
    model = read_model(folder)
    assert model.rounds == ()
    assert model.state == "running"


def test_damaged_and_foreign_records_do_not_count(folder):
    running(folder)
    path = folder.round(0).result(0)
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)
    folder.round(0).result(2).parent.mkdir(parents=True, exist_ok=True)
    folder.round(0).result(2).write_bytes(content)
    assert read_model(folder).rounds[0].n_done == 3 + 3


def test_torn_and_undecodable_logs_are_read_as_far_as_they_go(folder):
    running(folder)
    log = folder.workflow / "round_000.dag.nodes.log"
    torn = ended(11, 0).encode()[:60]
    log.write_bytes(log.read_bytes() + b"\xff\xfe" + torn + started(12).encode() + b"\n...\n")
    model = read_model(folder)
    assert model.jobs == Jobs(running=2, done=1)


def test_a_reader_that_stays_reads_what_is_new(folder):
    running(folder)
    reader = ScanReader(folder)
    reader.read()
    with (folder.workflow / "round_000.dag.nodes.log").open("a") as log:
        log.write(f"{ended(11, 0)}\n...\n")
    fit(folder, 1)
    fresh = read_model(folder, now=1e9)
    assert replace(reader.read(now=1e9), news=None) == replace(fresh, news=None)


def test_a_copied_running_scan_is_not_the_one_that_runs(folder, tmp_path, capsys):
    running(folder)
    copy = copy_of(folder, tmp_path / "elsewhere")
    model = read_model(copy)
    assert (model.state, model.submitted_in) == ("elsewhere", str(folder.path))
    assert main(["status", str(copy.path)]) == 0
    told = capsys.readouterr().out
    assert f"was running in {folder.path}" in told
    assert f"skyscan resume {copy.path}" in told
    assert "round 0: nside 1: 7 of 12" in told


def test_a_scan_that_the_queue_has_lost_is_not_said_to_run(folder):
    running(folder)
    assert read_model(folder, queue=Answer(is_queued=False)).state == "unknown"
    assert read_model(folder, queue=Answer(is_queued=True)).state == "running"


def test_a_copied_scan_that_has_ended_is_as_it_was(folder, tmp_path):
    fit(folder, 0)
    ended_dagman(folder, 1)
    copy = copy_of(folder, tmp_path / "elsewhere")
    here, there = read_model(folder, now=1e9), read_model(copy, now=1e9)
    assert there.state == "ended"
    assert there.rounds == here.rounds


def test_the_age_of_the_news_is_told(folder, capsys):
    dagman(folder)
    model = read_model(folder, now=folder.round(0).description.stat().st_mtime + 100)
    assert model.age == pytest.approx(100.0)
    assert main(["status", str(folder.path)]) == 0
    assert "  news " not in capsys.readouterr().out
    os.utime(folder.round(0).description, (1, 1))
    assert main(["status", str(folder.path)]) == 0
    assert "the newest event or result is " in capsys.readouterr().out


def test_the_current_round_is_printed_once(folder, capsys):
    running(folder)
    assert main(["status", str(folder.path)]) == 0
    assert capsys.readouterr().out.count("round 0") == 1


def test_nan_reasons_that_differ_in_numbers_are_one(folder):
    fit(folder, 0, 1, reason="pixel {0} crashed at 0x7f{0}")
    fit(folder, 2, reason="no result within 600 s")
    first, second = read_model(folder).no_fit
    assert (first.reason, first.n) == ("pixel N crashed at N", 8)
    assert first.example.startswith("pixel ")
    assert (second.reason, second.n) == ("no result within 600 s", 4)


def test_nodes_are_named_as_each_htcondor_names_them(folder):
    running(folder)
    text = '    [ DAGNodeName = "reco_00000"; JobBatchName = "run00136662" ]'
    new = submitted(10) + f"\n{text}"
    events = [new, *reco_jobs()[1:], started(10), ended(10, 65)]
    write_log(folder.workflow / "round_000.dag.nodes.log", *events)
    (failure,) = read_model(folder, dag_status=1).failures[:1]
    assert failure.step == "reco_00000"


OPENED: list[str] = []
LISTENING: list[bool] = []


def test_no_log_and_no_result_file_is_read_twice(folder):
    running(folder)
    reader = ScanReader(folder)

    def note(event: str, arguments: tuple[object, ...]) -> None:
        if LISTENING and event == "open":
            OPENED.append(str(arguments[0]))

    sys.addaudithook(note)
    LISTENING.append(True)
    try:
        reader.read()
        read = [it for it in OPENED if it.endswith((".rec", ".nodes.log", ".out", ".err"))]
        assert len(read) == len(set(read)) >= 3
    finally:
        LISTENING.clear()


def test_the_model_holds_only_what_json_can_say(folder):
    running(folder)
    fit(folder, 2, reason="no")
    import json

    assert json.loads(json.dumps(asdict(read_model(folder)), allow_nan=False))["version"] == 1


def test_of_repairs_only_those_are_shown_that_mean_something(folder):
    (folder.workflow / "scan.dag.guard.log").write_text(
        "2026-11-30T12:00:00Z\tskipped-nodes\tgave 4 skipped nodes other numbers\n"
        "2026-11-30T12:00:01Z\ttruncated-event\ttook 9 bytes of an event at 7 out of x\n"
    )
    (shown,) = read_model(folder).repairs
    assert "truncated-event" in shown
    assert "repaired" in "\n".join(progress_lines(read_model(folder)))
