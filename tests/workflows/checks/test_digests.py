"""Damage to what planning wrote, in folders that no pool has seen."""

import os
import shutil
from contextlib import nullcontext

import pytest
from plans_support import EVENT, options, without_digests

from skyscan.errors import BadInput, ExitCode
from workflows import rerun
from workflows.checks import digests
from workflows.checks.digests import check_plan, damaged_files
from workflows.checks.findings import State
from workflows.cli import main
from workflows.doctor import diagnose_folder
from workflows.plan import plan
from workflows.planned import read_planned

GATED = {"predictive_scanning_threshold": 0.5}
PLANNED = (
    *("event/event.json", "workflow/skyscan.zip", "workflow/scan.dag", "workflow/job.sh"),
    *("workflow/prep.sub", "workflow/reco.sub", "workflow/merge.sub", "workflow/dagman.config"),
    *("workflow/dagman.sh", "workflow/skyscan.sh", "workflow/open-round.sh"),
    *("workflow/before-deadline.sh", "workflow/merge-here.sh", "workflow/open-gate.sh"),
)


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return plan(EVENT, tmp_path_factory.mktemp("planned"), options(**GATED))


@pytest.fixture
def folder(planned, tmp_path):
    copy = type(planned)(tmp_path / planned.path.name)
    shutil.copytree(planned.path, copy.path)
    return copy


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def empty(path):
    path.write_bytes(b"")


def edit(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(content[10:11], b"%", 1))


def delete(path):
    path.unlink()


def replace_by_a_folder(path):
    path.unlink()
    path.mkdir()


def replace_by_a_fifo(path):
    path.unlink()
    os.mkfifo(path)


def check(folder):
    check_plan(folder, read_planned(folder.scan_json))


def test_every_file_of_a_plan_has_a_digest(folder):
    files = {str(it.relative_to(folder.path)) for it in folder.path.rglob("*") if it.is_file()}
    assert files == {*PLANNED, "scan.json"}
    scan = read_planned(folder.scan_json)
    assert {*scan.files, "event/event.json", "workflow/skyscan.zip"} == set(PLANNED)
    check(folder)


@pytest.mark.parametrize("name", PLANNED)
def test_a_damaged_file_is_named_with_its_remedy_and_planned_again(folder, name):
    whole = (folder.path / name).read_bytes()
    for damage in (cut, empty, edit, delete):
        damage(folder.path / name)
        with pytest.raises(BadInput, match=f"{name} is damaged.*skyscan plan") as caught:
            check(folder)
        assert caught.value.exit_code == ExitCode.BAD_INPUT
        assert plan(EVENT, folder.path.parent, options(**GATED)) == folder
        check(folder)
        assert (folder.path / name).read_bytes() == whole


@pytest.mark.parametrize("damage", [replace_by_a_folder, replace_by_a_fifo])
def test_what_is_no_file_is_damaged_and_not_read(folder, damage):
    damage(folder.workflow / "job.sh")
    with pytest.raises(BadInput, match=r"job\.sh is damaged"):
        check(folder)


def test_a_script_that_may_not_run_is_damaged(folder):
    (folder.workflow / "job.sh").chmod(0o644)
    with pytest.raises(BadInput, match=r"job\.sh is damaged"):
        check(folder)
    plan(EVENT, folder.path.parent, options(**GATED))
    check(folder)


def test_many_damaged_files_are_counted(folder):
    for path in folder.workflow.iterdir():
        path.unlink()
    with pytest.raises(BadInput, match="and 10 more files are damaged"):
        check(folder)


def test_a_folder_of_an_earlier_version_goes_on_and_says_what_is_not_checked(folder):
    without_digests(folder)
    cut(folder.workflow / "reco.sub")
    check(folder)
    found = digests.finding(folder, read_planned(folder.scan_json))
    assert found.state == State.WARNING
    assert "not recognised" in found.detail


def test_doctor_names_a_damaged_file_and_ends_with_65(folder, capsys, monkeypatch):
    monkeypatch.setattr("workflows.doctor.diagnose", list)
    (found,) = (it for it in diagnose_folder(folder.path) if it.what == "planned files")
    assert (found.state, found.detail) == (State.OK, f"{len(PLANNED)} files as planned")
    cut(folder.workflow / "scan.dag")
    assert main(["doctor", str(folder.path)]) == ExitCode.BAD_INPUT
    assert "scan.dag is damaged" in capsys.readouterr().out


def test_an_extended_scan_has_the_digests_of_its_new_files(folder, monkeypatch):
    monkeypatch.setattr(rerun, "at_rest", lambda *_: nullcontext())
    cut(folder.workflow / "reco.sub")
    rerun.extend(folder, None, {"max_rounds": 30})
    assert damaged_files(folder, read_planned(folder.scan_json)) == ["workflow/reco.sub"]
    assert "round_029" in (folder.workflow / "scan.dag").read_text()
