"""Scans that end early: bad input, failing pixels, limits; each gives a reason.

All scans of this module run at the same time.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scans import RunningScan, environment, make_scan, wait_until

from skyscan.errors import ExitCode, WrongUsage
from skyscan.skymap import read_skymap
from workflows.engines import engine_of
from workflows.submission import submit_line

if TYPE_CHECKING:
    from condor.contact import Pool

pytestmark = pytest.mark.pool

SMALL = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
CRASHING = {
    "reco": "crash_dummy",
    "progression": ((2, 0),),
    "max_pixel_time": 3.0,
    "jobs_per_round": 2,
}
CRASHES = {"SKYSCAN_CRASH_DUMMY_PROBABILITY": "0.15"}
ANY_CRASH = {**CRASHES, "SKYSCAN_CRASH_DUMMY_MODE": "raise,hang,signal"}
ECHO = ("/bin/echo", "it's; $HOME")
ALWAYS = {"SKYSCAN_CRASH_DUMMY_WHEN": "always"}


@pytest.fixture(scope="module")
def started(pool: Pool, session_folder: Path) -> dict[str, RunningScan]:
    """Return the scans of this module, submitted."""
    folder = session_folder / "limits"

    def planned(
        name: str, variables: dict[str, str] | None = None, **options: object
    ) -> RunningScan:
        (folder / name).mkdir(parents=True)
        with environment(**(variables or {})):
            return make_scan(pool, folder / name, **{**SMALL, **options})

    # Enough for some pixels on a busy machine, but never for all.
    late = {"deadline": 120.0, "progression": ((2, 0), (4, 4)), "jobs_per_round": 1}
    scans = {
        "late": planned("late", {"SKYSCAN_DUMMY_COST": "6"}, **late),
        "sound": planned("sound", **{**CRASHING, "reco": "dummy", "notify": ECHO}),
        "bad event": planned("bad event", notify=ECHO),
        "no machine": planned(
            "no machine", request_memory=10**8, deadline=10.0, notify=("/bin/false",)
        ),
        "too few rounds": planned("too few rounds", max_rounds=1, notify=ECHO),
        "crash once": planned("crash once", ANY_CRASH, **CRASHING),
        "few crash": planned("few", {**ANY_CRASH, **ALWAYS}, **CRASHING, max_failed_pixels=0.9),
        "many crash": planned(
            "many", {**CRASHES, **ALWAYS}, **CRASHING, max_failed_pixels=0.01
        ),
    }
    for path in scans["bad event"].folder.event.iterdir():
        path.write_bytes(path.read_bytes()[:-1000])
    for name, scan in scans.items():
        if name == "bad event":  # `submit` would refuse it
            engine_of(scan.folder).submit(scan.folder, scan.pool)
        else:
            scan.submit()
    return scans


def test_a_damaged_event_ends_the_scan_at_its_first_try(started):
    report = started["bad event"].finish()
    assert report.exit_code == ExitCode.BAD_INPUT
    dagman = (started["bad event"].folder.workflow / "scan.dag.dagman.out").read_text()
    assert dagman.count("Running PRE script of Node prep") == 1
    assert f"failed with status {ExitCode.BAD_INPUT:d}" in dagman
    assert "event.json" in report.text
    assert report.map is None


def test_a_scan_without_machines_ends_at_its_deadline(started):
    report = started["no machine"].finish()
    assert report.exit_code == ExitCode.INCOMPLETE
    assert "10 s (--deadline)" in report.text
    assert report.map is None
    assert not started["no machine"].fits()


def test_a_scan_that_is_late_leaves_a_partial_map(started):
    report = started["late"].finish()
    assert report.exit_code == ExitCode.INCOMPLETE
    assert "120 s (--deadline)" in report.text
    skymap = read_skymap(started["late"].folder.partial / (report.map or "").rpartition("/")[2])
    assert not skymap.complete
    assert 0 < len(skymap.pixels[2]) < 48
    assert list(skymap.pixels) == [2]


def test_the_map_of_a_scan_with_too_few_rounds_is_marked_incomplete(started):
    report = started["too few rounds"].finish()
    assert report.exit_code == ExitCode.INCOMPLETE
    assert "--max-rounds" in report.text
    (npz,) = started["too few rounds"].folder.path.glob("run*.npz")
    assert not read_skymap(npz).complete


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("sound", "complete"), ("bad event", "failed"), ("too few rounds", "incomplete")],
)
def test_the_users_program_runs_at_the_end_though_nobody_watches(started, name, outcome):
    scan = started[name]
    assert scan.finish().outcome == outcome
    printed = (scan.folder.logs / "notify.log").read_text().splitlines()
    assert printed[1:2] == [f"it's; $HOME {outcome} {scan.folder.path}"]


def test_a_program_that_fails_at_the_end_leaves_the_outcome_as_it_is(started):
    scan = started["no machine"]
    assert scan.finish().exit_code == ExitCode.INCOMPLETE
    assert "exit code 1" in (scan.folder.logs / "notify.log").read_text()


def test_fits_that_fail_once_succeed_at_the_second_try(started):
    report = started["crash once"].finish()
    assert report.outcome == "complete", report.text
    assert report.n_failed == 0
    assert started["crash once"].npz() == _after(started["sound"])
    assert set(started["crash once"].fits().values()) == {1, 2}


def test_fits_that_always_fail_are_nan_with_their_reasons(started):
    scan = started["few crash"]
    report = scan.finish()
    assert report.outcome == "complete", report.text
    rows, sound = (read_skymap(_npz(it)).pixels[2] for it in (scan, started["sound"]))
    failed = np.isnan(rows["llh"])
    assert 0 < np.count_nonzero(failed) == report.n_failed < 48
    assert rows[~failed].tobytes() == sound[~failed].tobytes()
    for reason in ("MeantToFail", "SIGKILL", "no result within 3 s"):
        assert reason in report.text
    assert {n for fit, n in scan.fits().items() if failed[fit[1]]} == {2}


def test_too_many_failed_pixels_make_the_scan_an_error(started):
    report = started["many crash"].finish()
    assert report.exit_code == ExitCode.INCOMPLETE
    assert "--max-failed-pixels" in report.text
    assert not read_skymap(_npz(started["many crash"])).complete


def test_the_printed_line_submits_a_scan_from_anywhere(pool, run_folder):
    odd = run_folder / "it's a scan"
    odd.mkdir()
    scan = make_scan(pool, odd, **SMALL)
    line = submit_line(scan.folder, pool)
    bare = {name: os.environ[name] for name in ("HOME",) if name in os.environ}
    bare["PATH"] = "/usr/bin:/bin"
    subprocess.run(["/bin/sh", "-c", line], cwd="/", env=bare, check=True, capture_output=True)
    wait_until((scan.folder.workflow / "scan.dag.dagman.log").exists, "DAGMan's log")
    assert scan.finish().outcome == "complete"
    assert set(scan.fits().values()) == {1}


def _npz(scan: RunningScan) -> Path:
    (path,) = scan.folder.path.glob("run*.npz")
    return path


def _after(scan: RunningScan) -> bytes:
    scan.finish()
    return scan.npz()


def test_a_scan_below_tmp_is_refused_before_dagman_refuses_it(pool):
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as below,
        pytest.raises(WrongUsage, match=r"begins with /tmp.*--output-dir"),
    ):
        make_scan(pool, Path(below), **SMALL).submit()
