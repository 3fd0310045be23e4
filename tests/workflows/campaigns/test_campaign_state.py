"""What is said of a campaign that no DAGMan runs: never submitted, or copied."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from job_log_support import ended, submitted, write_log
from model_support import DAGMAN_RUNS
from plans_support import options, write_events

from skyscan.errors import ExitCode
from skyscan.storage import SEAL
from workflows.campaigns.campaign import read_campaign, write_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign
from workflows.campaigns.run import watch
from workflows.cli import main
from workflows.commands import campaign as command
from workflows.reports.writing import write_report


@pytest.fixture
def folder(tmp_path):
    files = write_events(tmp_path / "events", 2)
    return plan_campaign(files, tmp_path / "many", options())[0]


def runs(folder):
    write_log(folder.path / "campaign.dag.dagman.log", *DAGMAN_RUNS)
    log = folder.path / "campaign.dag.dagman.log"
    (folder.path / "campaign.dag.condor.sub").write_text(f"log = {log}\n")


def test_a_campaign_keeps_every_option_that_is_a_path(folder):
    campaign = read_campaign(folder)
    paths = dict.fromkeys(("gcd_dir", "gcd", "truth", "geometry", "ice_model", "catalogue"))
    options = replace(campaign.options, **{name: Path("/of", name) for name in paths})
    write_campaign(folder, replace(campaign, options=options))
    assert read_campaign(folder).options == options


@pytest.mark.parametrize("command", ["status", "result", "resume", "doctor"])
def test_an_event_that_was_taken_out_by_hand_is_not_forgotten(folder, capsys, command):
    value = json.loads(folder.json.read_text())
    del value["events"][1]
    folder.json.write_text(json.dumps(value))
    assert main([command, str(folder.path)]) == ExitCode.BAD_INPUT
    told = "".join(capsys.readouterr())
    assert f"{folder.json} is damaged or was edited" in told
    assert "run the same `skyscan campaign` again" in told


def test_a_campaign_file_that_is_deleted_is_written_again_with_the_same_scans(folder):
    before = read_campaign(folder)
    folder.json.unlink()
    files = sorted((folder.path.parent / "events").iterdir())
    again, campaign = plan_campaign(files, folder.path, before.options)
    assert (again, campaign) == (folder, before)


def test_a_campaign_of_an_earlier_version_has_no_digest(folder):
    before = read_campaign(folder)
    value = json.loads(folder.json.read_text())
    del value[SEAL]
    folder.json.write_text(json.dumps(value))
    assert read_campaign(folder) == before


def test_a_campaign_that_was_never_submitted_has_no_result(folder, capsys):
    assert main(["result", str(folder.path)]) == ExitCode.WRONG_USAGE
    told = capsys.readouterr()
    assert "was not submitted" in told.err
    assert f"skyscan resume {folder.path}" in told.err
    assert "failed" not in told.out
    assert main(["status", str(folder.path)]) == 0
    assert "2 waiting" in capsys.readouterr().out


def test_scans_of_a_running_campaign_have_not_failed(folder, capsys):
    runs(folder)
    first = folder.scans[0]
    write_log(first.workflow / "scan.dag.nodes.log", submitted(1, "merge"), ended(1, 65))
    write_report(first, 2)
    assert main(["result", str(folder.path)]) == ExitCode.BAD_INPUT
    told = capsys.readouterr().out
    assert "0 of 2 scans complete, 1 failed, 1 waiting" in told
    assert "campaign.csv" not in told  # it is written at the end


def test_a_copied_campaign_does_not_run(folder, tmp_path, capsys):
    runs(folder)
    copy = CampaignFolder(tmp_path / "copy")
    shutil.copytree(folder.path, copy.path)
    assert [it.state for it in watch(copy)] == ["waiting", "waiting"]
    assert main(["status", str(copy.path)]) == 0
    told = capsys.readouterr().out
    assert f"was running in {folder.path}" in told
    assert "2 waiting" in told


def test_the_state_of_each_event_is_there_for_programs(folder, capsys):
    assert main(["status", "--json", str(folder.path)]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [it["state"] for it in rows] == ["waiting", "waiting"]


def test_a_running_campaign_says_how_its_scans_at_a_time_are_changed(
    folder, monkeypatch, capsys
):
    monkeypatch.setattr(command, "is_running", lambda _: True)
    monkeypatch.setattr(command, "resume", lambda *_, **__: ExitCode.DONE)
    files = sorted(map(str, (folder.path.parent / "events").iterdir()))
    words = ["campaign", *files, "--simulated-event", "--output-dir", str(folder.path)]
    now = read_campaign(folder).max_scans
    assert main([*words, "--max-scans", str(now)]) == 0
    assert capsys.readouterr().out == ""
    assert main([*words, "--max-scans", str(now + 3)]) == 0
    told = capsys.readouterr().out
    assert f"goes on with {now} scans at a time" in told
    assert f"skyscan abort {folder.path}" in told
