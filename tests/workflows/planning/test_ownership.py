"""Planning writes to the user's own folders only, and replaces links instead of following."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from plans_support import EVENT, options

from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.layout import ScanFolder
from skyscan.storage import copy_file, write_text
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.submission import open_scan

MINE = "my thesis"


@pytest.fixture
def mine(tmp_path) -> Path:
    """Return a file of the user that no link may lead to."""
    file = tmp_path / "mine" / "thesis.tex"
    file.parent.mkdir()
    file.write_text(MINE)
    return file


@pytest.fixture
def name(tmp_path) -> str:
    return plan(EVENT, tmp_path / "elsewhere", options()).path.name


#: Where a link may lie in a folder that someone has prepared.
PLACES = (
    *("event/event.json", "event", "scan.json", "workflow", "workflow/skyscan.zip"),
    *("workflow/scan.dag", "workflow/job.sh", "rounds", "rounds/000", "logs", "startup"),
    *("report.txt", "rounds/000/batches/00000.npz", "pegasus"),
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("is_planned", [False, True])
def test_a_scan_folder_with_links_is_refused(tmp_path, mine, name, place, is_planned):
    scan = ScanFolder(tmp_path / "scans" / name)
    if is_planned:
        plan(EVENT, tmp_path / "scans", options())
    link = scan.path / place
    link.parent.mkdir(parents=True, exist_ok=True)
    if link.is_dir():
        shutil.rmtree(link)
    link.unlink(missing_ok=True)
    is_folder = "." not in link.name and link.name != "000"
    link.symlink_to(mine.parent if is_folder else mine)
    with pytest.raises(WrongUsage, match=r"is a symbolic link.*--output-dir"):
        plan(EVENT, tmp_path / "scans", options())
    assert mine.read_text() == MINE
    assert [path.name for path in mine.parent.iterdir()] == [mine.name]


def test_a_scan_folder_that_is_a_link_is_refused(tmp_path, mine, name):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / name).symlink_to(mine.parent)
    with pytest.raises(WrongUsage, match="is a symbolic link"):
        plan(EVENT, tmp_path / "scans", options())
    assert [path.name for path in mine.parent.iterdir()] == [mine.name]


def test_an_output_dir_behind_links_is_planned_into(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "scans").symlink_to(tmp_path / "disk")
    folder = plan(EVENT, tmp_path / "scans" / "new", options())
    assert plan(EVENT, tmp_path / "scans" / "new", options()) == folder
    assert (tmp_path / "disk" / "new" / folder.path.name / "scan.json").exists()


def test_a_scan_is_known_by_no_folder_that_may_be_removed(tmp_path, monkeypatch):
    (tmp_path / "here" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "here" / "deep")
    monkeypatch.chdir(tmp_path / "link")
    for place in (Path("..", "scans"), tmp_path / "link" / ".." / "scans"):
        folder = plan(EVENT, place, options())
        assert folder.path.parent == tmp_path / "here" / "scans"
        assert open_scan(place) == folder
    many, _ = plan_campaign([EVENT], Path("..", "many"), options())
    assert many.path == tmp_path / "here" / "many"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize("place", [".", "event"])
def test_a_folder_of_another_user_is_refused_and_can_be_read(tmp_path, place):
    folder = plan(EVENT, tmp_path, options())
    os.chown(folder.path / place, 12345, -1)
    with pytest.raises(WrongUsage, match=r"belongs to another user \(uid 12345\)"):
        plan(EVENT, tmp_path, options())
    assert read_planned(folder.scan_json).reco == "dummy"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
@pytest.mark.parametrize(
    "words",
    [
        *(("submit",), ("resume",), ("resume", "--no-watch"), ("retry", "--anew")),
        *(("retry", "--failed"), ("extend", "--max-rounds", "9"), ("calibrate",)),
    ],
)
def test_code_in_a_folder_of_another_user_is_not_run(tmp_path, monkeypatch, capsys, words):
    monkeypatch.setattr("condor.pool.start", lambda: pytest.fail("a pool was started"))
    scan = plan(EVENT, tmp_path, options()).path
    many = plan_campaign([EVENT], tmp_path / "many", options())[0].path
    command, *more = words
    for folder in (scan, many) if words[0] in ("submit", "resume") else (scan,):
        os.chown(folder, 12345, -1)
        before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
        assert main([command, str(folder), *more]) == ExitCode.WRONG_USAGE
        assert "belongs to another user (uid 12345), whose code" in capsys.readouterr().err
        assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_campaign_is_not_continued_in_a_folder_of_another_user(tmp_path):
    many = plan_campaign([EVENT], tmp_path, options())[0].path
    os.chown(many, 12345, -1)
    with pytest.raises(WrongUsage, match="belongs to another user"):
        plan_campaign([EVENT], tmp_path, options(), check_place=True)


def test_a_link_that_appears_in_the_place_of_a_file_is_replaced(tmp_path, mine):
    for number, write in enumerate((write_text, lambda path, _: copy_file(EVENT, path))):
        link = tmp_path / f"{number}.json"
        link.symlink_to(mine)
        write(link, "new")
        assert not link.is_symlink()
    assert mine.read_text() == MINE


def test_a_link_under_the_name_of_an_unfinished_file_is_not_followed(tmp_path, mine):
    (tmp_path / f".a.json.{os.getpid()}.tmp").symlink_to(mine)
    write_text(tmp_path / "a.json", "new")
    assert mine.read_text() == MINE
    assert (tmp_path / "a.json").read_text() == "new"


def test_an_event_is_copied_with_the_users_umask(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    umask = os.umask(0o077)
    os.umask(umask)
    mode = stat.S_IMODE((folder.event / "event.json").stat().st_mode)
    assert mode == 0o666 & ~umask


def test_a_folder_a_thousand_levels_deep_is_planned_into(tmp_path):
    try:
        folder = plan(EVENT, tmp_path.joinpath(*["d"] * 1000), options())
        assert folder.scan_json.exists()
    finally:  # Python's own functions, which pytest uses, call themselves for each level
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)


def test_a_path_that_is_too_long_is_wrong_usage(tmp_path):
    for place in (tmp_path.joinpath(*["d"] * 3000), tmp_path / ("d" * 256)):
        with pytest.raises(WrongUsage, match="File name too long"):
            plan(EVENT, place, options())


@pytest.mark.parametrize("what", ["event", "place", "gcd_dir", "site", "runtime", "reco"])
def test_a_nul_character_is_wrong_usage_or_bad_input(tmp_path, what):
    nul = tmp_path / "a\0b"
    asked = {
        "gcd_dir": {"gcd_dir": nul},
        "site": {"site": f"{nul}.toml"},
        "runtime": {"runtime": f"host:{nul}"},
        "reco": {"reco": "a\0b"},
    }
    event, place = (
        nul if what == it else good for it, good in (("event", EVENT), ("place", tmp_path))
    )
    with pytest.raises((WrongUsage, BadInput)):
        plan(event, place, options(**asked.get(what, {})))
