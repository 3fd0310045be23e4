"""`--notify`: a program runs at the end, whoever watches, and cannot change the outcome."""

import json
import shlex
import sys
import time
from pathlib import Path

import pytest
import yaml
from plans_support import EVENT, options, write_events

from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.storage import SEAL
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.engines.pegasus.folder import PegasusFolder
from workflows.notify import notify
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.quantities import parse_command

NASTY = "it's; touch hacked $(touch hacked) & ü"


def tell(folder: Path) -> str:
    """Return a program that writes its arguments to a file as JSON."""
    script = folder / "tell me.py"
    script.write_text(
        f"#!{sys.executable}\n"
        "import json, pathlib, sys\n"
        f"pathlib.Path({str(folder / 'told')!r}).write_text(json.dumps(sys.argv[1:]))\n"
        "print('sent')\n"
    )
    script.chmod(0o755)
    return f"'{script}' \"{NASTY}\""


def told(folder: Path) -> list[str]:
    return json.loads((folder / "told").read_text())


def test_the_last_step_of_a_scan_runs_it_with_outcome_and_folder(tmp_path):
    command = parse_command(tell(tmp_path), "--notify")
    scan = plan(EVENT, tmp_path / "a b", options(notify=command))
    assert read_planned(scan.scan_json).notify == command
    assert main(["report", str(scan.path), "1"]) == 1
    assert told(tmp_path) == [NASTY, "failed", str(scan.path)]
    assert not list(tmp_path.rglob("hacked"))
    log = (scan.logs / "notify.log").read_text()
    assert "sent\n" in log
    assert "ended with exit code 0" in log


def test_a_scan_that_was_removed_is_told_from_one_that_failed(tmp_path):
    command = parse_command(tell(tmp_path), "--notify")
    scan = plan(EVENT, tmp_path, options(notify=command))
    assert main(["report", str(scan.path), "4"]) == 4
    assert told(tmp_path)[1] == "removed"


def test_without_it_nothing_runs_and_nothing_is_written(tmp_path):
    scan = plan(EVENT, tmp_path, options())
    assert read_planned(scan.scan_json).notify == ()
    assert main(["report", str(scan.path), "1"]) == 1
    assert not (scan.logs / "notify.log").exists()


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (("/no/such/program",), "could not be started"),
        (("/bin/sh", "-c", "echo broken; exit 3"), "exit code 3"),
        ((str(EVENT),), "could not be started"),
    ],
)
def test_a_program_that_fails_is_recorded_and_changes_nothing(tmp_path, command, why):
    scan = plan(EVENT, tmp_path, options(notify=command))
    assert main(["report", str(scan.path), "2"]) == 2
    assert scan.report.exists()
    assert why in (scan.logs / "notify.log").read_text()


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path):
    child = tmp_path / "child"
    command = ("/bin/sh", "-c", f"sleep 1000 & echo $! > {child}; wait")
    began = time.monotonic()
    notify(command, "complete", tmp_path, tmp_path / "log", timeout=2.0)
    assert time.monotonic() - began < 100
    assert "longer than 2 s" in (tmp_path / "log").read_text()
    pid = int(child.read_text())
    # Its parent is gone, so whoever adopts it may not have waited for it yet.
    stat = Path(f"/proc/{pid}/stat")
    deadline = time.monotonic() + 60
    while stat.exists() and ") Z " not in stat.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not stat.exists() or ") Z " in stat.read_text()


def test_a_full_disk_or_a_lost_folder_raises_nothing(tmp_path):
    (tmp_path / "file").write_text("")
    notify(("/bin/true",), "failed", tmp_path, tmp_path / "file" / "log")
    notify(("/bin/true",), "failed", tmp_path / "gone", tmp_path / "log")


def test_a_scan_json_that_is_damaged_runs_nothing(tmp_path):
    scan = plan(EVENT, tmp_path, options(notify=parse_command(tell(tmp_path), "--notify")))
    scan.scan_json.write_text("{")
    assert main(["report", str(scan.path), "1"]) == 1
    assert not (tmp_path / "told").exists()


def test_the_last_step_of_a_campaign_runs_it_once_for_all_scans(tmp_path):
    files = write_events(tmp_path / "events", 2)
    command = parse_command(tell(tmp_path), "--notify")
    folder, _ = plan_campaign(files, tmp_path / "many", options(notify=command))
    assert [read_planned(scan.scan_json).notify for scan in folder.scans] == [(), ()]
    assert read_campaign(folder).options.notify == command
    assert main(["campaign-report", str(folder.path)]) == ExitCode.TRY_AGAIN
    assert told(tmp_path) == [NASTY, "failed", str(folder.path)]


def test_a_campaign_of_before_has_none(tmp_path):
    files = write_events(tmp_path / "events", 1)
    folder, _ = plan_campaign(files, tmp_path / "many", options())
    value = json.loads(folder.json.read_text())
    del value["options"]["notify"], value[SEAL]
    folder.json.write_text(json.dumps(value))
    assert read_campaign(CampaignFolder(folder.path)).options.notify == ()


def test_a_scan_of_before_has_none_and_lacks_nothing_else(tmp_path):
    from skyscan.storage import read_sealed, write_sealed

    scan = plan(EVENT, tmp_path, options())
    value = read_sealed(scan.scan_json)
    del value["notify"]
    write_sealed(scan.scan_json, value)
    assert read_planned(scan.scan_json).notify == ()
    for needed in ("deadline", "site_values"):
        less = {key: it for key, it in value.items() if key != needed}
        write_sealed(scan.scan_json, less)
        with pytest.raises(BadInput, match=needed):
            read_planned(scan.scan_json)


def test_pegasus_runs_it_from_its_monitor_and_the_report_is_written_first(tmp_path):
    command = parse_command(tell(tmp_path), "--notify")
    scan = plan(EVENT, tmp_path, options(notify=command, engine="pegasus"))
    workflow = yaml.safe_load(PegasusFolder(scan.path).workflow.read_text())
    (hook,) = workflow["hooks"]["shell"]
    words = [str(scan.workflow / "skyscan.sh"), "workflows", "notify-end", str(scan.path)]
    assert hook["_on"] == "end"
    assert shlex.split(hook["cmd"]) == words
    assert main(["notify-end", str(scan.path)]) == ExitCode.DONE
    assert told(tmp_path) == [NASTY, "failed", str(scan.path)]
    assert scan.report.exists()
    without = plan(EVENT, tmp_path / "other", options(engine="pegasus"))
    assert "hooks" not in PegasusFolder(without.path).workflow.read_text()


@pytest.mark.parametrize("text", ["", "  ", "no-such-program x", "'open", "echo a\nb", "/tmp"])  # noqa: S108
def test_what_is_no_program_is_refused_when_the_scan_is_planned(text):
    with pytest.raises(WrongUsage, match="--notify"):
        parse_command(text, "--notify")


def test_the_program_is_found_when_the_scan_is_planned(tmp_path, monkeypatch):
    tell(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert parse_command("'./tell me.py' x", "--notify") == (str(tmp_path / "tell me.py"), "x")
    (name,) = parse_command("true", "--notify")
    assert Path(name).is_absolute()
