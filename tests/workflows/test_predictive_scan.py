"""Scans whose rounds start before the earlier ones have ended (predictive scanning).

All scans of this module run at the same time. One job of the first round waits until finer
pixels are being fitted, or until the scan was disturbed.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from plans_support import EVENT, options
from scans import RunningScan, environment, make_scan, wait_until

from condor.logs.dagman import log_events
from skyscan.errors import ExitCode, WrongUsage
from skyscan.skymap import read_skymap
from workflows.cli import main
from workflows.plan import plan
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.reports.value import Report

OPTIONS = {
    "reco": "dummy",
    "progression": ((1, 0), (2, 4)),
    "jobs_per_round": 6,
    "predictive_scanning_threshold": 0.5,
}
DUMMY_COST = "0.3"
#: The late job of the first round: its pixels are a sixth of all.
LATE = 'case "$*" in *"--batch 00005.npz"*)'


class Ended(NamedTuple):
    """A scan that has ended; the fits that had started when it was disturbed."""

    scan: RunningScan
    report: Report
    before: Counter[tuple[int, int, int]] | None = None


def have_one_job_wait(scan: RunningScan) -> None:
    """Let a job of the first round wait for `go_on`; jobs of later rounds do not."""
    wait = f"while [ ! -e '{scan.go_on_file}' ]; do sleep 0.2; done"
    opened = f"[ -e '{scan.folder.round(1).description}' ]"
    scan.at_start(LATE, f"{opened} || {wait}", ";; esac")


def late(scan: RunningScan) -> Ended:
    have_one_job_wait(scan)
    scan.submit().wait_for_fits(1, nside=2)
    before = scan.fits()
    scan.go_on()
    return Ended(scan, scan.finish(), before)


def removed(scan: RunningScan) -> Ended:
    have_one_job_wait(scan)
    scan.submit().wait_for_fits(1, nside=2)
    scan.pool.run("condor_rm", scan.dagman_cluster())
    wait_until(lambda: is_over(scan.folder), "DAGMan to go")
    before = scan.fits()
    scan.go_on()
    return Ended(scan, scan.submit().finish(), before)


def failing(scan: RunningScan) -> Ended:
    scan.at_start(LATE, "exit 65 ;; esac")
    return Ended(scan, scan.submit().finish())


def with_a_budget(scan: RunningScan) -> Ended:
    return Ended(scan, scan.submit().finish())


SCENARIOS: dict[Callable[[RunningScan], Ended], dict[str, object]] = {
    late: {},
    removed: {},
    failing: {},
    with_a_budget: {"time_budget": 0.5, "jobs_per_round": 2},
}


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once; return how one of them ended."""
    folder = Path(tempfile.mkdtemp(dir=session_folder, prefix="ahead-"))
    scans = {}
    for scenario, more in SCENARIOS.items():
        (folder / scenario.__name__).mkdir()
        with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
            place = folder / scenario.__name__
            scans[scenario] = make_scan(pool, place, **{**OPTIONS, **more})
    with ThreadPoolExecutor(len(scans)) as threads:
        futures = {it.__name__: threads.submit(it, scan) for it, scan in scans.items()}
        yield lambda name: futures[name].result()


def assert_complete(it: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    (npz,) = it.scan.folder.path.glob("run*.npz")
    skymap = read_skymap(npz)
    assert skymap.complete
    pixels = {(n, int(row["index"])) for n, rows in skymap.pixels.items() for row in rows}
    assert pixels == {fit[:2] for fit in it.scan.fits()}


@pytest.mark.pool
@pytest.mark.versions
def test_finer_pixels_are_fitted_while_a_coarser_one_is_still_running(ended):
    it = ended("late")
    assert_complete(it)
    # The job that waited had not started a fit, and all pixels came in the end.
    assert sum(fit[0] == 1 for fit in it.before) == 10
    assert sum(fit[0] == 1 for fit in it.scan.fits()) == 12
    assert set(it.scan.fits().values()) == {1}
    ends, begins = (
        [e.timestamp for e in events_of(it.scan, number) if e.type.name == name]
        for number, name in ((0, "JOB_TERMINATED"), (1, "SUBMIT"))
    )
    assert min(begins) <= max(ends)


@pytest.mark.pool
@pytest.mark.versions
def test_a_removed_predictive_scan_continues_with_its_rounds(ended):
    it = ended("removed")
    assert_complete(it)
    assert set(it.scan.fits().values()) <= {1, 2}
    again = {fit for fit, n in it.scan.fits().items() if n == 2}
    assert again <= set(it.before)


@pytest.mark.pool
@pytest.mark.versions
def test_a_failed_round_ends_the_scan_and_no_gate_waits_for_it(ended):
    it = ended("failing")
    assert it.report.exit_code == ExitCode.BAD_INPUT
    assert any(failure.step == "reco_00005" for failure in it.report.failures)
    assert set(it.scan.fits().values()) == {1}


@pytest.mark.pool
@pytest.mark.versions
def test_remaining_fits_are_distributed_in_another_round(ended):
    it = ended("with_a_budget")
    assert_complete(it)
    assert set(it.scan.fits().values()) == {1}


def events_of(scan: RunningScan, number: int) -> list:
    return list(log_events(scan.folder.workflow / f"round_{number:03d}.dag.nodes.log"))


@pytest.mark.parametrize("text", ["0", "0.09", "1.1", "-1", "nan", "half", "5%", ""])
def test_a_threshold_is_a_fraction_from_a_tenth_to_one(tmp_path, capsys, text):
    words = ["plan", str(EVENT), "--simulated-event", "--output-dir", str(tmp_path)]
    assert main([*words, "--predictive-scanning-threshold", text]) == ExitCode.WRONG_USAGE
    assert "--predictive-scanning-threshold" in capsys.readouterr().err


def test_pegasus_has_no_gates(tmp_path):
    with_pegasus = options(engine="pegasus", predictive_scanning_threshold=0.5)
    with pytest.raises(WrongUsage, match="--predictive-scanning-threshold"):
        plan(EVENT, tmp_path, with_pegasus)
