"""`skyscan list`: the scans below a folder, each with its state."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from job_log_support import submitted, write_log
from plans_support import EVENT, options, write_events

from skyscan.errors import ExitCode
from skyscan.storage import npz_bytes, write_json
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.listing import scans_below
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.writing import write_report


@pytest.fixture
def place(tmp_path):
    """A folder with a scan in each of some states, and a campaign of two."""
    planned = plan(EVENT, tmp_path / "planned", options())
    planned.earlier.mkdir()
    shutil.copy(planned.scan_json, planned.earlier)
    write_report(plan(EVENT, tmp_path / "deep" / "er" / "failed", options()), 1)
    broken = plan(EVENT, tmp_path / "broken", options())
    broken.scan_json.write_text("{")
    plan(EVENT, tmp_path / ".hidden", options())
    running = plan(EVENT, tmp_path / "running", options())
    write_log(running.workflow / "scan.dag.dagman.log", submitted(7, "DAG Node: none"))
    plan_campaign(write_events(tmp_path / "events", 2), tmp_path / "many", options())
    return tmp_path


def test_each_scan_is_found_once_with_its_state(place):
    found = {os.path.relpath(it.folder, place).split("/")[0]: it for it in scans_below(place)}
    assert {name: it.state for name, it in found.items()} == {
        "broken": "damaged",
        "deep": "failed",
        "many": "planned",
        "planned": "planned",
        "running": "queued",
    }
    scans = list(scans_below(place))
    assert len(scans) == 6
    assert {it.campaign for it in scans} == {None, str(place / "many")}
    assert sum(it.campaign is not None for it in scans) == 2


def test_a_scan_folder_itself_and_its_campaign_are_listed(place):
    (scan,) = (place / "planned").iterdir()
    assert [it.folder for it in scans_below(scan)] == [str(scan)]
    assert len(list(scans_below(place / "many"))) == 2


def test_the_list_is_for_people_and_for_programs(place, capsys, monkeypatch):
    monkeypatch.chdir(place)
    assert main(["list"]) == ExitCode.DONE
    *rows, last = capsys.readouterr().out.splitlines()
    assert last.startswith("6 scans: ")
    assert "1 damaged" in last
    assert any(row.split()[1] == "queued" and "running/run" in row for row in rows)
    assert main(["list", "many", "--json"]) == ExitCode.DONE
    listed = json.loads(capsys.readouterr().out)
    assert [it["state"] for it in listed] == ["planned", "planned"]
    assert main(["list", "events"]) == ExitCode.DONE
    assert "no scans" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert main(["list", str(tmp_path / "gone")]) == ExitCode.WRONG_USAGE
    assert "gone is not a folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["scan.json", "report.json"])
def test_a_file_that_cannot_be_read_does_not_end_the_list(place, monkeypatch, name):
    (scan,) = (place / "planned").iterdir()
    (scan / "report.json").write_text("{}")
    opened = Path.open

    def refuse(path: Path, *args: object, **more: object) -> object:
        if path == scan / name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args, **more)

    monkeypatch.setattr(Path, "open", refuse)
    states = {it.folder: it.state for it in scans_below(place)}
    assert len(states) == 6
    assert states[str(scan)] == ("damaged" if name == "scan.json" else "planned")


@pytest.mark.parametrize("fault", ["", "deleted", "truncated"])
def test_a_scan_without_its_map_is_not_listed_as_complete(tmp_path, fault):
    folder = plan(EVENT, tmp_path, options())
    write_report(folder, 0)
    path = folder.path / f"{read_planned(folder.scan_json).name}_1_2.npz"
    report = json.loads(folder.report_json.read_text())
    write_json(
        folder.report_json, {**report, "exit_code": 0, "outcome": "complete", "map": str(path)}
    )
    content = npz_bytes({"x": np.arange(100)})
    if fault != "deleted":
        path.write_bytes(content[:-30] if fault else content)
    (listed,) = scans_below(tmp_path)
    assert listed.state == ("damaged" if fault else "complete")
