"""`skyscan pilot` times a few pixels on the pool, and the estimate takes these times."""

import json
from dataclasses import replace

import numpy as np
import pytest
from plans_support import EVENT, options
from scans_support import do_round

from skyscan.errors import ExitCode
from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.records import RECORD_DTYPE
from skyscan.recos import reco_class
from workflows.cli import main, user_parser
from workflows.commands.pilot import _given, _scan_command
from workflows.estimates.question import of_options, with_pilot
from workflows.estimates.spreads import spreads
from workflows.model.results import BatchResults
from workflows.model.rounds import Batch, ChosenRound
from workflows.options import from_words
from workflows.pilots import pilot_of_event, pilot_of_scan, progression_of
from workflows.plan import plan
from workflows.planned import read_planned

WORDS = ["pilot", str(EVENT), "--simulated-event", "--reco-algo", "dummy"]


@pytest.mark.parametrize(
    ("n", "progression"),
    [
        (1, ((1, 0),)),
        (12, ((1, 0),)),
        (13, ((1, 0), (2, 1))),
        (24, ((1, 0), (2, 3))),
        (60, ((1, 0), (2, 12))),
        (61, ((1, 0), (2, 12), (4, 1))),
        (96, ((2, 0), (4, 12))),
        (1536, ((8, 0), (16, 192))),
    ],
)
def test_a_pilot_has_the_whole_sky_and_then_what_is_near_the_best(n, progression):
    assert progression_of(n) == progression


def test_a_pilot_runs_as_the_scan_but_for_its_pixels_and_never_notifies(tmp_path):
    of_scan = options(
        max_retries=7, notify=("true",), jobs_per_round=40, predictive_scanning_threshold=0.5
    )
    folder = pilot_of_event(EVENT, tmp_path, of_scan, 24)
    made = read_planned(folder.scan_json)
    assert (made.max_retries, made.reco, made.site) == (7, "dummy", "personal")
    assert (made.notify, made.predictive_scanning_threshold) == ((), 1.0)
    assert (made.progression, made.batch_size) == (((1, 0), (2, 3)), 2)


def test_a_pilot_of_a_reconstruction_that_fits_many_at_once_has_as_many_of_them(tmp_path):
    folder = pilot_of_event(EVENT, tmp_path, options(reco="track", kernel="numpy"))
    made, size = read_planned(folder.scan_json), reco_class("track").chunk_size
    assert size > 1
    assert made.batch_size == 2 * size
    assert made.progression == progression_of(24 * size)


def test_no_scan_and_no_other_pilot_is_in_the_way_of_a_pilot(tmp_path):
    folders = [
        plan(EVENT, tmp_path, options()),
        pilot_of_event(EVENT, tmp_path, options(), 24),
        pilot_of_event(EVENT, tmp_path, options(), 12),
        pilot_of_event(EVENT, tmp_path, options(reco="crash_dummy"), 24),
    ]
    assert len({it.path for it in folders}) == len(folders)
    assert pilot_of_event(EVENT, tmp_path, options(), 24).path == folders[1].path


def test_a_pilot_of_a_planned_scan_has_what_was_recorded_for_it(tmp_path):
    changes = ("attributes.ProjectName=Mine",)
    scan = plan(
        EVENT,
        tmp_path,
        options(reco="track", site="ospool", site_changes=changes, notify=("true",)),
    )
    before = scan.scan_json.read_bytes()
    folder = pilot_of_scan(scan, 24)
    assert folder.path.is_relative_to(scan.path / "pilot")
    made, of_scan = read_planned(folder.scan_json), read_planned(scan.scan_json)
    assert (made.site, made.site_values) == ("ospool", of_scan.site_values)
    assert (made.kernel_sha256, made.notify) == (of_scan.kernel_sha256, ())
    assert made.progression != of_scan.progression
    assert "Mine" in (folder.workflow / "reco.sub").read_text()
    assert scan.scan_json.read_bytes() == before
    assert pilot_of_scan(scan, 24).path == folder.path


def test_the_command_of_the_scan_has_the_options_that_were_given():
    given = [
        *("--simulated-event", "--output-dir", "my scans", "--reco-algo", "dummy"),
        *("--nsides", "1:0", "2:2", "--batch-size", "3", "--set", "submit.priority=10"),
        *("--set", "max_idle=5", "--urgent", "--keep-frames", "--time-budget", "0"),
        *("--max-failed-pixels", "5%"),
    ]
    parser = user_parser(["pilot", "scan"])
    words = ["pilot", "an event.json", "-n", "12", "--slots", "2", "--json", *given]
    made = parser.parse_args(words)
    command = [word for flag, values in _given(made) for word in (flag, *values)]
    again = parser.parse_args(["scan", "an event.json", *command])
    assert from_words(again) == from_words(made)
    assert str(again.output_dir) == "my scans"
    assert _scan_command(made).startswith("skyscan scan 'an event.json' --simulated-event ")


def test_the_estimate_takes_the_times_of_the_pilot(tmp_path):
    of_scan = options(progression=((1, 0), (4, 3)))
    folder = pilot_of_event(EVENT, tmp_path, of_scan, 12)
    made = read_planned(folder.scan_json)
    prepare(made.id, made.reco, Source(EVENT, is_real_event=False), folder.startup)
    do_round(folder, made, 0)
    usual = of_options("event", of_scan, 77.0)
    found = with_pilot(usual, folder)
    assert found.source == "12 fits of its pilot"
    assert found.behaviour.seconds_per_fit == 0  # results of tests took no time
    assert found.setting == usual.setting


def test_a_planned_scan_takes_no_further_options(tmp_path, capsys):
    scan = plan(EVENT, tmp_path, options())
    assert main(["pilot", str(scan.path), "--batch-size", "2"]) == ExitCode.WRONG_USAGE
    assert "--batch-size is for an event" in capsys.readouterr().err


def test_a_pilot_of_an_event_must_know_what_the_event_is(capsys):
    assert main(["pilot", str(EVENT), "--reco-algo", "dummy"]) == ExitCode.WRONG_USAGE
    assert "--real-event or --simulated-event" in capsys.readouterr().err


def test_spreads_of_fits_and_machines_are_told_apart():
    random = np.random.default_rng(5)
    batches = []
    for machine in random.normal(0.0, 0.3, 2000):
        records = np.zeros(random.integers(1, 4), RECORD_DTYPE)
        records["run_time"] = np.exp(machine + random.normal(0.0, 0.5, len(records)))
        results = BatchResults(len(records), content=records.tobytes())
        batches.append(Batch(0, 0, len(records), None, results))
    a_round = ChosenRound(0, None, 0.0, 0, (), batches, None)
    fits, machines = spreads([a_round])
    assert fits == pytest.approx(0.5, abs=0.02)
    assert machines == pytest.approx(0.3, abs=0.03)
    one = replace(a_round, batches=[it for it in batches if it.n > 1][:1])
    assert spreads([one])[1] is None
    assert spreads([]) == (None, None)


@pytest.mark.pool
@pytest.mark.usefixtures("pool")
def test_a_pilot_is_run_once_and_answers_with_the_command_of_the_scan(
    run_folder, capsys, monkeypatch
):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "0.1")
    words = [*WORDS, "-n", "12", "--output-dir", str(run_folder), "--slots", "2", "50"]
    assert main([*words, "--json"]) == ExitCode.DONE
    shown = capsys.readouterr()
    value = json.loads(shown.out)
    assert "Pilot folder" in shown.err
    assert value["is_seen"]
    assert value["source"] == "12 fits of its pilot"
    assert value["behaviour"]["seconds_per_fit"] >= 0.1
    assert value["behaviour"]["set_up"] > 0
    assert [it["slots"] for it in value["estimates"]] == [2, 50]
    assert value["estimates"][0]["pixels"] > 2000
    assert value["pilot"].startswith(f"{run_folder}/pilots/")
    assert not list(run_folder.glob("run*"))

    monkeypatch.setattr("workflows.commands.pilot.submit_scan", None)  # not reached
    assert main([*words, "--no-advice"]) == ExitCode.DONE
    out = capsys.readouterr().out
    assert "delete it to time the fits again" in out
    assert f"skyscan scan {EVENT} --simulated-event --output-dir {run_folder}" in out


@pytest.mark.pool
@pytest.mark.usefixtures("pool")
def test_a_pilot_that_fails_says_why_and_has_the_exit_code_of_its_scan(run_folder, capsys):
    scan = plan(EVENT, run_folder, options(deadline=1.0))
    assert main(["pilot", str(scan.path), "-n", "12", "--json"]) == ExitCode.INCOMPLETE
    shown = capsys.readouterr()
    assert not shown.out
    assert "--deadline" in shown.err
