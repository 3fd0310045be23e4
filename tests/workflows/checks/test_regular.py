"""FIFOs and devices in scan folders: refused at once, because reading them would never end."""

import os
import shutil

import pytest
from plans_support import EVENT, options, write_events

from skyscan.errors import ExitCode
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.listing import scans_below
from workflows.plan import plan

NAMES = (
    *("scan.json", "report.json", "startup/startup.json", "rounds/000/round.json"),
    *("workflow/scan.dag.dagman.log", "workflow/scan.dag.nodes.log", "event/event.json"),
)
COMMANDS = ("status", "result", "why", "logs", "doctor", "resume", "submit", "abort")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return plan(EVENT, tmp_path_factory.mktemp("planned"), options())


@pytest.fixture
def folder(planned, tmp_path):
    copy = type(planned)(tmp_path / planned.path.name)
    shutil.copytree(planned.path, copy.path)
    return copy


def put(path, kind):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    if kind == "fifo":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["fifo", "device"])
@pytest.mark.parametrize("name", NAMES)
def test_no_command_waits_for_a_fifo_or_a_device(folder, capsys, name, kind):
    put(folder.path / name, kind)
    for command in COMMANDS:
        assert main([command, str(folder.path)]) == ExitCode.BAD_INPUT, command
        assert f"{folder.path / name} is a FIFO or a device" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["report.json", "workflow/scan.dag", "rounds/000/round.json", "x_8.npz"]
)
def test_a_folder_in_the_place_of_a_file_is_named(folder, capsys, name):
    (folder.path / name).unlink(missing_ok=True)
    (folder.path / name).mkdir(parents=True)
    for command in COMMANDS:
        assert main([command, str(folder.path)]) == ExitCode.BAD_INPUT, command
        assert f"{folder.path / name} is a folder, where" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["rounds/000/batches", "rounds/000/results", "startup"])
def test_a_file_in_the_place_of_a_folder_is_named(folder, capsys, name):
    path = folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    for command in COMMANDS:
        assert main([command, str(folder.path)]) == ExitCode.BAD_INPUT, command
        assert f"{path} is a file, where skyscan expects a folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["scan.json", "workflow/round_000.dag.nodes.log"])
def test_a_script_of_dagman_ends_with_the_reason(folder, name):
    put(folder.path / name, "fifo")
    assert main(["next-round", str(folder.path), "0"]) == ExitCode.BAD_INPUT
    assert "is a FIFO or a device" in (folder.logs / "round_000.err").read_text()
    assert main(["report", str(folder.path), "0"]) == 1
    assert "is a FIFO or a device" in (folder.logs / "report.err").read_text()


def test_a_scan_with_a_fifo_is_listed_as_damaged(folder):
    put(folder.report_json, "fifo")
    (found,) = scans_below(folder.path.parent)
    assert found.state == "damaged"


def test_a_campaign_with_a_fifo_in_a_scan_is_refused(tmp_path, capsys):
    campaign, _ = plan_campaign(
        write_events(tmp_path / "events", 2), tmp_path / "many", options()
    )
    put(campaign.scans[1].report_json, "fifo")
    assert main(["status", str(campaign.path)]) == ExitCode.BAD_INPUT
    assert "is a FIFO or a device" in capsys.readouterr().err


def test_links_to_files_are_no_obstacle(folder, tmp_path):
    kept = tmp_path / "kept.json"
    folder.scan_json.rename(kept)
    folder.scan_json.symlink_to(kept)
    (folder.path / "dangling").symlink_to("nowhere")
    assert main(["status", str(folder.path)]) == ExitCode.DONE
