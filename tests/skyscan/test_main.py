"""The steps as jobs run them: exit codes and one line on stderr."""

import subprocess
import sys
from importlib import resources

import pytest
from scans_support import a_scan, do_scan, prepared

from skyscan.errors import ExitCode

SCAN = a_scan()


def step(*words: object):
    command = [sys.executable, "-m", "skyscan", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path):
    return prepared(tmp_path / "scan", SCAN)


def test_rounds_are_chosen_until_the_scan_converges_and_then_merged(folder):
    done = step("next-round", folder.path, 0)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert done.stdout == "round 0: 12 remaining fits in 3 batches\n"
    rounds = do_scan(folder, SCAN)
    assert step("next-round", folder.path, rounds).returncode == ExitCode.NOTHING_TO_DO
    assert step("next-round", folder.path, 0).returncode == ExitCode.NOTHING_TO_DO
    done = step("merge", folder.path)
    assert done.returncode == ExitCode.DONE, done.stderr
    assert done.stdout == f"{folder.path}/{SCAN.name}_1_2_4.npz\n"


@pytest.mark.parametrize(
    ("damage", "code", "why"),
    [
        (lambda folder: folder.round(0).result(1).unlink(), 75, "00001.rec"),
        (lambda folder: folder.startup_json.write_text("{}"), 75, "startup.json"),
        (lambda folder: folder.scan_json.unlink(), 65, "scan.json"),
        (lambda folder: folder.round(0).batch(0).write_bytes(b""), 75, "00000.npz"),
    ],
    ids=["result lost", "startup damaged", "scan lost", "batch damaged"],
)
def test_damage_is_reported_in_one_line_with_its_exit_code(folder, damage, code, why):
    do_scan(folder, SCAN)
    damage(folder)
    done = step("merge", folder.path)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert line.startswith("skyscan: error: ")
    assert line.endswith(f"(exit {code})")
    assert why in line
    assert not list(folder.path.glob("run*"))


def test_a_missing_event_is_bad_input(tmp_path):
    startup = tmp_path / "startup"
    words = ("--event", tmp_path / "no.json", "--reco", "dummy", "--scan-id", "x")
    done = step("prep", *words, "--startup", startup)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "no.json" in done.stderr
    assert not startup.exists()


def test_a_scan_that_was_stopped_is_incomplete(folder):
    stopped = a_scan(max_rounds=1)
    stopped.write(folder.scan_json)
    do_scan(folder, stopped, rounds=1)
    done = step("merge", folder.path)
    assert done.returncode == ExitCode.INCOMPLETE
    assert "--max-rounds" in done.stderr


def test_wrong_arguments_of_a_job_are_bad_input_because_retries_do_not_help(
    tmp_path, monkeypatch
):
    event = resources.files("skyscan").joinpath("data", "simulated_track.json")
    monkeypatch.setenv("SKYSCAN_DUMMY_VARIATIONS", "many")
    words = ("--reco", "dummy", "--scan-id", "x", "--startup", tmp_path / "startup")
    done = step("prep", "--event", event, "--simulated-event", *words)
    assert done.returncode == ExitCode.BAD_INPUT
    assert "SKYSCAN_DUMMY_VARIATIONS" in done.stderr
