"""`skyscan estimate`: of an event, of a planned folder, of a scan that has run."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from plans_support import EVENT, options
from scans_support import do_round

from skyscan.errors import ExitCode
from skyscan.events.source import Source
from skyscan.prep import prepare
from workflows.cli import main
from workflows.estimates.advice import THRESHOLDS, _choices
from workflows.estimates.behaviours import SECONDS_PER_FIT
from workflows.estimates.setting import Setting
from workflows.estimates.text import changes
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning.values import usual_rounds

RECORDED = Path(__file__).parents[1] / "data" / "recorded_old" / "even-25"
DOCS = Path(__file__).parents[2] / "docs" / "estimate.md"
EXAMPLE = re.compile(r"```console\n\$ skyscan (estimate .*)\n((?:.*\n)+?)```")


def words(*more: str) -> list[str]:
    return ["estimate", str(EVENT), "--reco-algo", "dummy", "--nsides", "1:0", "2:2", *more]


def value_of(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main([*more, "--json"]) == ExitCode.DONE
    return json.loads(capsys.readouterr().out)


def test_the_example_of_the_page_is_what_the_command_prints(capsys):
    line, shown = EXAMPLE.search(DOCS.read_text()).groups()
    assert main(line.replace("event.json", str(EVENT)).split()) == ExitCode.DONE
    assert capsys.readouterr().out == shown


def test_several_numbers_of_slots_are_compared(capsys):
    value = value_of(capsys, *words("--slots", "2", "8", "--seconds-per-fit", "10"))
    two, eight = value["estimates"]
    assert [two["slots"], eight["slots"]] == [2, 8]
    assert two["pixels"] == two["fits"] >= 12 + 4
    assert two["low_seconds"] <= two["seconds"] <= two["high_seconds"]
    assert two["cpu_hours"] > two["fit_hours"] == pytest.approx(two["fits"] * 10 / 3600)
    assert [it["slots"] for it in value["advice"]] == [2, 8]


def test_more_jobs_are_advised_where_slots_are_left_idle(capsys):
    few = words("--jobs-per-round", "1", "--slots", "4", "--seconds-per-fit", "60")
    (advice,) = value_of(capsys, *few)["advice"]
    assert advice["setting"]["jobs_per_round"] >= 4
    assert advice["gain"] > 0.4


def test_advice_names_every_option_that_must_change(capsys):
    few = words("--batch-size", "99", "--slots", "6", "--seconds-per-fit", "60")
    assert main(few) == ExitCode.DONE
    line = next(it for it in capsys.readouterr().out.splitlines() if "best" in it)
    assert "--jobs-per-round" in line
    assert line.endswith(", without --batch-size 99")


@pytest.mark.parametrize("n", [3, 8, 40])
def test_advice_repeats_max_rounds_only_where_the_user_gave_too_few(n):
    given = Setting(max_rounds=n, has_own_rounds=True)
    (found,) = (it for it in _choices(given, 10, 2) if it.threshold == THRESHOLDS[1])
    listed = [it for it in changes(found, given) if it.startswith("--max-rounds")]
    assert listed == ([] if n == 40 else [f"--max-rounds {found.max_rounds}"])
    assert found.max_rounds >= n
    usual = replace(given, has_own_rounds=False)
    (found,) = (it for it in _choices(usual, 10, 2) if it.threshold == THRESHOLDS[1])
    assert found.max_rounds == usual_rounds(usual.progression, 0.0, found.threshold)
    assert not [it for it in changes(found, usual) if it.startswith("--max-rounds")]


def test_options_of_the_scan_count(capsys):
    one, two = (
        value_of(capsys, *words("--no-advice", "--batch-size", n, "--slots", "1"))["estimates"][
            0
        ]
        for n in ("1", "6")
    )
    assert one["jobs"] > 3 * two["jobs"]


def test_a_grid_has_evictions_and_holds_and_the_personal_pool_has_none(capsys):
    here = value_of(capsys, *words("--no-advice"))["behaviour"]
    grid = value_of(capsys, *words("--no-advice", "--site", "icecube"))["behaviour"]
    assert here["evictions_per_hour"] == here["held"] == 0
    assert grid["evictions_per_hour"] > 0
    assert grid["held"] == 0.038


def test_a_reconstruction_of_unknown_speed_must_be_timed(capsys):
    assert "splinempe" not in SECONDS_PER_FIT
    assert main(["estimate", str(EVENT), "--reco-algo", "splinempe"]) == ExitCode.WRONG_USAGE
    assert "--seconds-per-fit" in capsys.readouterr().err


def test_a_planned_folder_is_estimated_with_its_own_options(tmp_path, capsys):
    folder = plan(EVENT, tmp_path, options(jobs_per_round=3))
    value = value_of(capsys, "estimate", str(folder.path), "--no-advice", "--slots", "3")
    assert value["setting"]["progression"] == [[1, 0], [2, 1]]
    assert value["setting"]["jobs_per_round"] == 3
    assert not value["is_seen"]


def test_a_scan_that_has_run_says_how_its_pool_behaves(tmp_path, capsys):
    folder = plan(EVENT, tmp_path, options(progression=((4, 0), (8, 2)), jobs_per_round=4))
    scan = read_planned(folder.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), folder.startup)
    do_round(folder, scan, 0)
    unlogged = value_of(capsys, "estimate", str(folder.path), "--no-advice")
    assert not unlogged["is_seen"]
    assert unlogged["source"] == "its own fits"
    assert unlogged["slots"] != [0]
    for log in ("scan.dag.nodes.log", "round_000.dag.nodes.log"):
        shutil.copy(RECORDED / log, folder.workflow)
    value = value_of(capsys, "estimate", str(folder.path), "--no-advice")
    assert value["is_seen"]
    assert value["slots"] == [2]
    assert value["source"] == "its own fits"
    assert value["behaviour"]["set_up"] > 10  # the starts took that long, and the dummy nothing
    timed = value_of(
        capsys, "estimate", str(folder.path), "--no-advice", "--seconds-per-fit", "9"
    )
    assert timed["behaviour"]["seconds_per_fit"] == 9
    assert timed["behaviour"]["set_up"] == value["behaviour"]["set_up"]


def test_options_of_another_scan_are_refused_for_a_folder(tmp_path, capsys):
    folder = plan(EVENT, tmp_path, options())
    arguments = ["estimate", str(folder.path), "--batch-size", "2"]
    assert main(arguments) == ExitCode.WRONG_USAGE
    assert "--batch-size" in capsys.readouterr().err
