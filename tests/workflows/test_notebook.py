"""Scans from Python."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from plans_support import EVENT

import skyscan
import workflows
from skyscan.errors import BadInput, WrongUsage
from workflows import plan, scan, status
from workflows.notebook import NotComplete
from workflows.planned import read_planned

SMALL = {"is_real_event": False, "reco": "dummy", "progression": ((1, 0), (2, 1))}
TRACK = {"reco": "track"}
PAGE = Path(__file__).parents[2] / "docs" / "answer.md"


def test_a_scan_is_planned_and_looked_at(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    folder = plan(str(EVENT), tmp_path / "scans", **SMALL)
    assert plan(EVENT, str(tmp_path / "scans"), **SMALL) == folder
    for place in (folder, folder.path, str(tmp_path / "scans")):
        assert status(place).state == "planned"
    assert status(folder).reco == "dummy"


def test_text_is_read_as_on_the_command_line(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    folder = plan(EVENT, tmp_path, **SMALL, time_budget="30m", gcd_dir=str(tmp_path))
    planned = read_planned(folder.scan_json)
    assert (planned.time_budget, planned.gcd_dir) == (1800.0, str(tmp_path))
    with pytest.raises(WrongUsage, match="--time-budget"):
        plan(EVENT, tmp_path, **SMALL, time_budget="soon")
    with pytest.raises(BadInput, match=r"t\.csv"):
        plan(EVENT, tmp_path / "2", **SMALL | TRACK, ice_model=str(tmp_path / "t.csv"))


def test_what_is_wrong_is_told_as_on_the_command_line(tmp_path):
    with pytest.raises(WrongUsage, match=r"no option 'nsides'"):
        plan(EVENT, tmp_path, is_real_event=False, nsides=((1, 0),))
    with pytest.raises(BadInput):
        plan(tmp_path / "none.json", tmp_path, is_real_event=False)
    with pytest.raises(WrongUsage):
        status(tmp_path)
    with pytest.raises(AttributeError):
        _ = workflows.nothing


def test_importing_the_names_imports_nothing_heavy():
    code = (
        "import workflows, sys; print('numpy' in sys.modules); from workflows import plan, scan"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert run.stdout == "False\n"


@pytest.mark.pool
def test_a_scan_runs_and_is_not_run_again(pool, run_folder, capsys):  # noqa: ARG001
    report = scan(EVENT, run_folder, **SMALL)
    skymap = skyscan.read_map(report.map)
    assert skymap.complete
    assert "<table>" in skymap._repr_html_()
    assert status(run_folder).outcome == "complete"
    capsys.readouterr()
    assert scan(EVENT, run_folder, **SMALL) == report
    assert capsys.readouterr().out == ""
    with pytest.raises(NotComplete, match="deadline") as error:
        scan(EVENT, run_folder / "bad", **{**SMALL, "reco": "dummy"}, deadline=0.01)
    assert error.value.report.outcome != "complete"


def test_the_page_names_what_there_is():
    named = re.findall(r"from workflows import (.*)", PAGE.read_text("utf-8"))
    assert named == [", ".join(workflows.__all__)]
