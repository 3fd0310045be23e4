"""The command line: exit codes, and one clear sentence instead of a traceback."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from io import BytesIO, TextIOWrapper
from pathlib import Path

import numpy as np
import pytest
from plans_support import EVENT, options

from skyscan.batches import read_batch
from skyscan.errors import ExitCode
from skyscan.events.reader import read_event
from skyscan.events.source import Source
from skyscan.events.writer import write_event
from skyscan.prep import prepare
from skyscan.records import IDS, RECORD_DTYPE, sign
from skyscan.results import write_results
from skyscan.rounds.next_round import open_round
from workflows.cli import main
from workflows.commands import tools
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.rerun import Selection, nothing_to_repeat

PLAN = ["plan", str(EVENT)]
SIMULATED = [*PLAN, "--simulated-event"]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Work in an empty folder, without a pool and without SKYSCAN_ variables."""
    for name in list(os.environ):
        if name.startswith("SKYSCAN_") or name == "CONDOR_CONFIG":
            monkeypatch.delenv(name)
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    monkeypatch.chdir(tmp_path)


def run(arguments):
    """Return the exit code of a command, including argparse's."""
    try:
        return main(arguments)
    except SystemExit as end:
        return end.code


def error_of(capsys):
    """Return the one line of error with which a command ends."""
    errors = capsys.readouterr().err
    assert "Traceback" not in errors
    lines = errors.strip().splitlines()
    assert [line for line in lines if line.startswith("skyscan: error: ")] == lines[-1:]
    return lines[-1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "COMMAND"),
        (["fly"], "fly"),
        (PLAN, "--real-event --simulated-event"),
        ([*PLAN, "--real-event", "--simulated-event"], "not allowed with"),
        ([*PLAN, "--real-event"], "use --simulated-event"),
        ([*SIMULATED, "--nsides", "8:0", "7:12"], "power of two"),
        ([*SIMULATED, "--nsides"], "--nsides"),
        ([*SIMULATED, "--batch-size", "0"], "--batch-size"),
        ([*SIMULATED, "--batch-size", "3", "--jobs-per-round", "3"], "not allowed with"),
        ([*SIMULATED, "--max-rounds", "5000"], "--max-rounds"),
        ([*SIMULATED, "--max-retries", "-1"], "--max-retries"),
        ([*SIMULATED, "--max-failed-pixels", "120%"], "--max-failed-pixels"),
        ([*SIMULATED, "--max-failed-pixels", "nan"], "--max-failed-pixels"),
        ([*SIMULATED, "--max-pixel-time", "soon"], "--max-pixel-time"),
        ([*SIMULATED, "--deadline", "0"], "--deadline"),
        ([*SIMULATED, "--request-memory", "lots"], "--request-memory"),
        ([*SIMULATED, "--runtime", "conda"], "'conda'"),
        ([*SIMULATED, "--runtime", "container:docker://a/b:latest"], "unpinned"),
        ([*SIMULATED, "--site", "nowhere"], "nowhere"),
        (["status", "no such folder"], "not a scan folder"),
        (["result", "."], "not a scan folder"),
        (["resume", "."], "not a scan folder"),
        (["pool", "dance"], "dance"),
    ],
    ids=lambda value: " ".join(value[-3:]) if isinstance(value, list) else "",
)
def test_wrong_usage_is_exit_64_and_one_line(arguments, why, capsys):
    assert run(arguments) == ExitCode.WRONG_USAGE
    assert why in error_of(capsys)


def test_a_missing_or_damaged_event_is_exit_65_and_names_the_file(tmp_path, capsys):
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(EVENT.read_bytes()[:3000])
    for path in (tmp_path / "missing.json", damaged):
        assert run(["plan", str(path), "--real-event"]) == ExitCode.BAD_INPUT
        assert str(path) in error_of(capsys)


def test_a_run_number_of_real_events_is_questioned_when_it_is_called_simulated(capsys):
    write_event(Path("data.json"), replace(read_event(EVENT), run_id=133119))
    asked = ["plan", "data.json", "--reco-algo", "dummy", "--output-dir"]
    assert run([*asked, "simulated", "--simulated-event"]) == 0
    assert "note: run 133119 is a run number of real events" in capsys.readouterr().err
    assert run([*asked, "real", "--real-event"]) == 0
    assert run([*SIMULATED, "--reco-algo", "dummy"]) == 0
    assert "run number" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "command", [SIMULATED, ["scan", *SIMULATED[1:]], ["campaign", *SIMULATED[1:]], ["demo"]]
)
def test_no_scan_is_planned_where_dagman_would_refuse_to_run_it(command, capsys, monkeypatch):
    monkeypatch.setattr("workflows.commands.scan.submit_scan", None)  # not reached
    with tempfile.TemporaryDirectory(dir="/tmp") as below:
        place = Path(below) / "scans"
        assert run([*command, "--output-dir", str(place)]) == ExitCode.WRONG_USAGE
        assert not place.exists()
        assert "begins with /tmp" in error_of(capsys)


@pytest.mark.parametrize("command", [["retry", "--failed"], ["extend", "--max-rounds", "30"]])
def test_a_scan_that_was_moved_to_tmp_is_left_as_it_is(command, capsys):
    with tempfile.TemporaryDirectory(dir="/tmp") as below:
        plan(EVENT, Path(below), options())
        (scan,) = Path(below).iterdir()
        before = (scan / "scan.json").read_bytes()
        assert run([command[0], below, *command[1:]]) == ExitCode.WRONG_USAGE
        assert "begins with /tmp" in error_of(capsys)
        assert (scan / "scan.json").read_bytes() == before


def test_nothing_is_retried_in_a_scan_that_never_ran_or_has_no_failures(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr("workflows.commands.rerun.submit_scan", None)  # not reached
    monkeypatch.setattr("condor.pool.start", None)
    planned = options(jobs_per_round=1, progression=((1, 0),))
    folder = plan(EVENT, tmp_path / "scans", planned)
    assert run(["retry", "scans", "--failed"]) == ExitCode.DONE
    assert "Nothing to retry: the scan has no fits yet" in capsys.readouterr().out

    scan = read_planned(folder.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), folder.startup)
    open_round(folder, scan, 0)
    batch = read_batch(folder.round(0).batch(0))
    records = np.zeros(len(batch.pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = batch.pixels[name]
    write_results(folder.round(0).result(0), batch, sign(records))
    assert run(["retry", "scans", "--failed"]) == ExitCode.DONE
    assert "Nothing to retry: no fit of the scan has failed" in capsys.readouterr().out
    assert folder.chosen_rounds() == [0]
    assert not folder.earlier.exists()

    records["llh"][3] = np.nan
    write_results(folder.round(0).result(0), batch, sign(records))
    assert not nothing_to_repeat(folder, Selection(failed=True))


def test_an_unknown_reconstruction_is_exit_65_and_named(capsys):
    assert run([*SIMULATED, "--reco-algo", "nothing"]) == ExitCode.BAD_INPUT
    assert "'nothing'" in error_of(capsys)


def test_a_runtime_that_is_missing_here_is_reported_if_jobs_run_here(tmp_path, capsys):
    options = ["--reco-algo", "dummy", "--runtime", "cvmfs:/no/env-shell.sh"]
    assert run([*SIMULATED, *options]) == 0
    assert "no /no/env-shell.sh on this machine" in capsys.readouterr().err
    elsewhere = ["--site", "icecube", "--output-dir", str(tmp_path / "elsewhere")]
    assert run([*SIMULATED, *options, *elsewhere]) == 0
    assert "on this machine" not in capsys.readouterr().err


def test_a_damaged_scan_folder_is_exit_65(tmp_path, capsys):
    (tmp_path / "scan.json").write_text("{")
    assert run(["status", str(tmp_path)]) == ExitCode.BAD_INPUT
    assert "scan.json" in error_of(capsys)


def test_a_disk_error_is_reported(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    arguments = [*SIMULATED, "--output-dir", str(tmp_path / "file" / "scans")]
    assert run(arguments) == ExitCode.WRONG_USAGE
    assert "--output-dir" in error_of(capsys)


@pytest.mark.parametrize("where", ["loop", "loop/below", "file", "file/below"])
def test_a_place_where_no_folder_can_be_is_wrong_usage(where, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    words = ["--reco-algo", "dummy", "--output-dir", where]
    assert main([*SIMULATED, *words]) == ExitCode.WRONG_USAGE
    assert main(["simulate", "--kind", "muon", "--output", where]) == ExitCode.WRONG_USAGE
    assert main(["watch", where, "--simulated-event", "--once"]) == ExitCode.WRONG_USAGE
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "reco", "text"),
    [
        ("SKYSCAN_DUMMY_COST", "dummy", "abc"),
        ("SKYSCAN_DUMMY_COST", "crash_dummy", "1e300"),
        ("SKYSCAN_DUMMY_VARIATIONS", "dummy", "inf"),
        ("SKYSCAN_DUMMY_VARIATIONS", "dummy", "1.5"),
        ("SKYSCAN_DUMMY_VARIATIONS", "dummy", "1000000000"),
        ("SKYSCAN_CRASH_DUMMY_PROBABILITY", "crash_dummy", "nan"),
        ("SKYSCAN_CRASH_DUMMY_MODE", "crash_dummy", "explode"),
        ("SKYSCAN_CRASH_DUMMY_WHEN", "crash_dummy", "first,always"),
    ],
)
def test_a_variable_that_no_fit_can_use_is_refused_when_planning(
    name, reco, text, monkeypatch, capsys
):
    monkeypatch.setenv(name, text)
    words = ["--reco-algo", reco, "--output-dir", "planned"]
    assert main([*SIMULATED, *words]) == ExitCode.WRONG_USAGE
    assert name in capsys.readouterr().err
    assert not Path("planned").exists()


def test_too_little_memory_is_no_bug(monkeypatch, capsys):
    def broken(_options) -> None:
        raise MemoryError

    monkeypatch.setattr("workflows.commands.plan.run", broken)
    assert run(SIMULATED) == ExitCode.TRY_AGAIN
    assert "out of memory" in error_of(capsys)


def test_a_bug_shows_its_traceback_and_is_exit_70(monkeypatch, capsys):
    def broken(_options) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("workflows.commands.plan.run", broken)
    assert run(SIMULATED) == ExitCode.BUG
    errors = capsys.readouterr().err
    assert "Traceback" in errors
    assert "this is a bug" in errors.splitlines()[-1]


def test_planning_prints_the_line_that_submits_the_scan(tmp_path, capsys):
    folder = tmp_path / "it's here"
    arguments = ["--reco-algo", "dummy", "--nsides", "1:0", "2:1", "--output-dir", str(folder)]
    assert run([*SIMULATED, *arguments]) == 0
    summary, line, *_ = capsys.readouterr().out.splitlines()
    (scan,) = folder.iterdir()
    assert str(scan) in summary
    # The shell must pass these words to condor_submit_dag.
    words = line.split("condor_submit_dag", 1)[1]
    printed = subprocess.run(
        ["/bin/sh", "-c", f"printf '%s\\n' {words}"], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert printed[-1] == str(scan / "workflow" / "scan.dag")
    assert "-usedagdir" in printed
    assert run([*SIMULATED, *arguments]) == 0
    assert run([*SIMULATED, *arguments, "--batch-size", "4"]) == ExitCode.WRONG_USAGE


def test_the_status_of_a_planned_scan_is_planned(capsys):
    assert run([*SIMULATED, "--reco-algo", "dummy"]) == 0
    capsys.readouterr()
    assert run(["status", "scans"]) == 0
    assert "not submitted yet" in capsys.readouterr().out
    assert run(["result", "scans"]) == ExitCode.WRONG_USAGE
    assert "no result yet" in error_of(capsys)


def test_fractions_may_be_percentages(tmp_path):
    arguments = ["--reco-algo", "dummy", "--max-failed-pixels", "2.5%", "--deadline", "2h"]
    assert run([*SIMULATED, *arguments]) == 0
    (path,) = tmp_path.glob("scans/*/scan.json")
    value = json.loads(path.read_text())
    assert (value["max_failed_pixels"], value["deadline"]) == (0.025, 7200)


def test_the_module_runs_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "workflows", "plan", "missing.json", "--real-event"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == ExitCode.BAD_INPUT
    assert done.stderr.startswith("skyscan: error: ")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["status", "missing"], ExitCode.WRONG_USAGE),
        (["plan", "missing.json", "--real-event"], ExitCode.BAD_INPUT),
        (["recos"], ExitCode.TRY_AGAIN),  # its output cannot be written
    ],
)
@pytest.mark.parametrize("full", [True, False])
def test_the_exit_code_is_right_where_no_message_can_be_written(words, code, full):
    if full:
        output = os.open("/dev/full", os.O_WRONLY)
    else:
        reader, output = os.pipe()  # `skyscan … 2>&1 | true`
        os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "workflows", *words], stdout=output, stderr=output, check=False
    )
    os.close(output)
    expected = ExitCode.DONE if words == ["recos"] and not full else code
    assert done.returncode == expected


def test_building_an_image_prints_the_option_that_uses_it(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(tools, "make_image", Path.resolve)
    assert run(["image", "small"]) == ExitCode.DONE
    assert f"--runtime container:{tmp_path / 'small'}" in capsys.readouterr().out


def test_building_an_image_does_not_overwrite_other_files(tmp_path, capsys):
    (tmp_path / "there").mkdir()
    assert run(["image", "there"]) == ExitCode.WRONG_USAGE
    assert "already exists" in error_of(capsys)


def test_a_current_folder_that_was_deleted_is_named(tmp_path, monkeypatch, capsys):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    for words in (["list"], [*SIMULATED, "--output-dir", "x"]):
        assert run(words) == ExitCode.WRONG_USAGE
        assert "current folder was deleted" in error_of(capsys)


def test_a_locale_without_the_characters_of_a_path_is_no_bug(tmp_path, monkeypatch):
    folder = plan(EVENT, tmp_path / "\u00e9", options())
    shown = TextIOWrapper(BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    assert run(["list", str(folder.path)]) == ExitCode.DONE
    assert b"\\xe9" in shown.buffer.getvalue()
