"""Damage to what the steps of a scan wrote, as `skyscan doctor FOLDER` names it."""

import os
import subprocess

import pytest
from model_support import dagman, fit, opened_scan

from condor.contact import CONFIG_VARIABLE
from condor.personal.daemons import FOLDER_VARIABLE
from skyscan.errors import ExitCode
from workflows.checks import written
from workflows.checks.findings import State
from workflows.cli import main
from workflows.planned import read_planned
from workflows.rerun import set_aside

WRITTEN = (
    *("rounds/000/round.json", "rounds/001/round.json", "rounds/000/batches/00000.npz"),
    *("rounds/001/results/00000/00000.rec", "startup/startup.json"),
    *("run00000001.evt000000000001.neutrino_1_2.npz",),
    *("run00000001.evt000000000001.neutrino_1_2.json",),
)


@pytest.fixture(autouse=True)
def only_the_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("workflows.doctor.diagnose", list)
    monkeypatch.delenv(CONFIG_VARIABLE, raising=False)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "no-pool"))


def cut(path):
    path.write_bytes(path.read_bytes()[:-20])


def empty(path):
    path.write_bytes(b"")


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def delete(path):
    path.unlink()


def said(folder, capsys):
    code = main(["doctor", str(folder.path)])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_of_a_whole_scan_nothing_is_damaged(folder, capsys):
    assert "written files       whole" in said(folder, capsys)[1]


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("damage", [cut, empty, flip, delete])
def test_each_damaged_file_of_a_finished_scan_is_found(folder, capsys, damage, name):
    damage(folder.path / name)
    code, told = said(folder, capsys)
    assert code == ExitCode.TRY_AGAIN
    (line,) = (line for line in told.splitlines() if line.startswith("error"))
    place = "startup" if name.startswith("startup") else name.removesuffix(".npz")
    assert place.removesuffix("_1_2") in line
    assert f"-> skyscan resume {folder.path} does again what is missing" in line


@pytest.mark.parametrize("name", [*WRITTEN, "workflow/scan.dag.starts", "x.contours.csv"])
def test_what_is_no_file_is_found_too(folder, capsys, name):
    for make in (os.mkfifo, os.mkdir):
        (folder.path / name).unlink(missing_ok=True)
        make(folder.path / name)
        code, told = said(folder, capsys)
        assert code == ExitCode.BAD_INPUT
        assert f"{folder.path / name} is a F" in told.replace("folder", "F")
        (folder.path / name).rmdir() if make == os.mkdir else (folder.path / name).unlink()


@pytest.mark.parametrize("damage", [cut, empty, flip, delete])
@pytest.mark.parametrize("name", WRITTEN[:1] + WRITTEN[2:3] + WRITTEN[4:5])
def test_so_it_is_in_a_scan_that_has_begun(tmp_path, capsys, damage, name):
    begun = opened_scan(tmp_path)
    fit(begun, 0)
    assert said(begun, capsys)[0] == ExitCode.DONE  # two batches have no results yet
    damage(begun.path / name)
    code, told = said(begun, capsys)
    assert code == ExitCode.TRY_AGAIN
    assert "written files" in told


def test_results_on_their_way_are_not_damaged(tmp_path):
    begun = opened_scan(tmp_path)
    fit(begun, 0)
    cut(begun.round(0).result(0))
    states = []
    for events in ((), None):
        if events is not None:
            dagman(begun)  # it runs by its log
        else:
            (begun.workflow / "scan.dag.dagman.log").unlink()
        found = written.findings(begun, read_planned(begun.scan_json), None)
        states.append([it.state for it in found])
    assert states == [[State.OK], [State.ERROR, State.WARNING]]  # and the log is lost


def test_the_list_of_fits_to_forget_must_be_there(folder, capsys):
    earlier = set_aside(folder, {(1, 3, 0)})
    folder.report_json.unlink()
    assert said(folder, capsys)[0] == ExitCode.DONE
    cut(earlier / "forget.json")
    code, told = said(folder, capsys)
    assert code == ExitCode.BAD_INPUT
    assert "forget.json cannot be read" in told
    assert f"remove {folder.earlier}" in told


def test_a_damaged_catalogue_is_a_warning(folder, capsys):
    folder.catalogue.write_text('{"catalogue": "x", "sources": [[1, 2]]}')
    code, told = said(folder, capsys)
    assert code == ExitCode.DONE
    assert "catalogue.json is damaged" in told


@pytest.mark.parametrize("damage", [cut, empty])
def test_a_damaged_report_is_found(folder, capsys, damage):
    damage(folder.report_json)
    code, told = said(folder, capsys)
    assert code == ExitCode.TRY_AGAIN
    assert "report.json is damaged" in told


def test_what_a_killed_command_left_is_named(folder, capsys):
    ended = subprocess.Popen(["/bin/true"])
    ended.wait()
    dead, alive, old = (
        folder.path / "rounds" / "000" / f".round.json.{number}.tmp"
        for number in (ended.pid, os.getpid(), 10**30)
    )
    for path in (dead, alive, old, folder.path / ".x.tmp"):
        path.write_text("{")
    code, told = said(folder, capsys)
    assert code == ExitCode.DONE
    assert f"{dead}: left by a command that was killed -> remove them" in told
    assert not [path for path in (alive, old, folder.path / ".x.tmp") if str(path) in told]
    assert not written._is_dead(os.getpid(), folder.path / ".gone.tmp")  # renamed meanwhile
    os.utime(alive, (0, 0))
    assert str(alive) in said(folder, capsys)[1]
