"""A scan that is prepared on the access point, without a job."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from plans_support import EVENT, options

from skyscan.errors import ExitCode
from skyscan.recos.dummy import Dummy
from workflows.cli import main
from workflows.engines.job import job_environment
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.preparing import is_quick_here, prepare_here
from workflows.steps import prep_step


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"reco": "track"}, True),
        ({"reco": "cascade"}, True),
        ({"reco": "auto"}, False),  # it fits
        ({"runtime": f"host:{sys.executable}"}, False),
        ({"site": "icecube", "runtime": "host"}, False),
    ],
)
def test_only_short_preparations_in_this_python_need_no_job(tmp_path, changes, expected):
    folder = plan(EVENT, tmp_path, options(**changes))
    assert is_quick_here(read_planned(folder.scan_json)) is expected


@pytest.mark.parametrize("reco", ["dummy", "track", "cascade"])
def test_a_scan_prepared_here_is_as_one_prepared_in_a_job(tmp_path, reco):
    folder = plan(EVENT, tmp_path, options(reco=reco))
    scan = read_planned(folder.scan_json)
    prepare_here(folder, scan)
    files = {path.name: path.read_bytes() for path in folder.startup.iterdir()}
    job = tmp_path / "job"
    job.mkdir()
    for path in prep_step(scan).inputs[1:]:
        (job / Path(path).name).symlink_to(folder.path / path)
    command = [sys.executable, "-m", "skyscan", *prep_step(scan).arguments]
    subprocess.run(command, cwd=job, env=os.environ | job_environment(scan), check=True)
    assert {path.name: path.read_bytes() for path in (job / "startup").iterdir()} == files


def test_a_scan_that_is_prepared_or_can_be_prepared_here_skips_the_job(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    for _ in range(2):
        assert main(["open-scan", str(folder.path)]) == ExitCode.NOTHING_TO_DO
        assert folder.startup_json.exists()
    other = plan(EVENT, tmp_path / "other", options(reco="auto"))
    assert main(["open-scan", str(other.path)]) == ExitCode.DONE
    assert not other.startup.exists()


def test_a_damaged_event_is_reported_and_not_tried_again(tmp_path, capsys):
    folder = plan(EVENT, tmp_path, options())
    (path,) = folder.event.glob("event.*")
    path.write_bytes(path.read_bytes()[:-1000])
    assert main(["open-scan", str(folder.path)]) == ExitCode.BAD_INPUT
    assert "is not the event that was planned" in capsys.readouterr().err
    kept = (folder.logs / "open_prep.err").read_text()
    assert "is not the event that was planned" in kept
    assert "(exit 65)" in kept


def test_the_traceback_of_a_bug_is_kept_because_dagman_discards_it(tmp_path, monkeypatch):
    def fails(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(Dummy, "prepare_from", fails)
    folder = plan(EVENT, tmp_path, options())
    assert main(["open-scan", str(folder.path)]) == ExitCode.BUG
    kept = (folder.logs / "open_prep.err").read_text()
    assert "Traceback" in kept
    assert "ZeroDivisionError" in kept
    assert "(exit 70)" in kept
