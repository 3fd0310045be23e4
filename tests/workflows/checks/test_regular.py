"""FIFOs and devices in scan folders: refused at once, because reading them would never end."""

import os
import shutil

import pytest
from plans_support import EVENT, options, write_events

from condor.logs.dagman import log_of
from skyscan.errors import ExitCode
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.engines.dagman.dags import SCAN_DAG
from workflows.listing import scans_below
from workflows.plan import plan

NAMES = (
    *("scan.json", "report.json", "startup/startup.json", "rounds/000/round.json"),
    *("workflow/scan.dag.dagman.log", "workflow/scan.dag.nodes.log", "event/event.json"),
)
FAILED = """\
000 (007.000.000) 2026-11-30 12:00:00 Job submitted from host: <127.0.0.1:1>
...
001 (007.000.000) 2026-11-30 12:00:01 Job executing on host: <127.0.0.1:1>
...
005 (007.000.000) 2026-11-30 12:00:02 Job terminated.
\t(1) Normal termination (return value 1)
...
"""
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
    "name",
    [
        *("workflow/scan.dag", "workflow/reco.sub", "workflow/skyscan.zip", "event/event.json"),
        *("workflow/scan.dag.dagman.log", "rounds/000/round.json", "scan.json", "x_8.npz"),
    ],
)
def test_a_file_that_claims_terabytes_is_named_at_once(folder, capsys, name):
    path = folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, 2**42)  # which takes no place on the disk
    for command in COMMANDS:
        assert main([command, str(folder.path)]) == ExitCode.BAD_INPUT, command
        assert f"{path} is a file of {2**42} bytes" in capsys.readouterr().err
    (found,) = scans_below(folder.path.parent)
    assert found.state == "damaged"


@pytest.mark.parametrize(
    "name", ["workflow/scan.dag.dagman.out", "commands.txt", "rounds/000/logs/00000.0.0.err"]
)
def test_of_an_output_of_terabytes_the_end_is_read(folder, capsys, name):
    log_of(folder.workflow / SCAN_DAG).write_text(FAILED)
    path = folder.path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, 2**42)
    with path.open("a") as file:
        file.write("\n11/30/26 12:00:00 ERROR: no space\n")
    for command, code in (("result", 75), ("status", 0), ("logs", 0), ("why", 75)):
        assert main([command, str(folder.path)]) == code, command
    assert ("no space" in capsys.readouterr().out) == name.startswith("workflow")


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
