"""Scan folders that are moved, read-only, oddly named, damaged, or submitted twice.

All scans of this module run at the same time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scans import RunningScan, copy_of, environment, make_scan, simulated_event, wait_until

from condor.logs.dagman import dagman_state
from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.layout import ScanFolder
from workflows.engines.dagman.dags import SCAN_DAG
from workflows.options import Options
from workflows.plan import plan
from workflows.removal import abort
from workflows.reports.stored import read_report
from workflows.reports.writing import last_report
from workflows.submission import AlreadyRuns, submit_line
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = pytest.mark.pool

#: 12 pixels in two jobs, then finer ones.
OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
DUMMY_COST = "0.5"
ODD = 'it\'s "an" odd $HOME; ünïcode #1 %s'
HELD = "5"


class Ended(NamedTuple):
    """A scan that has ended; its output and fits before it was resumed."""

    scan: RunningScan
    report: Report
    output: str = ""
    before: Counter[tuple[int, int, int]] | None = None


def moved(scan: RunningScan, place: Path) -> RunningScan:
    """Move the folder of a scan; its fits are logged at the same place."""
    scan.folder.path.rename(place)
    return replace(scan, folder=ScanFolder(place))


def planned_again(scan: RunningScan) -> None:
    """Plan a scan again into its folder with the same options."""
    with environment(**{TALLY_VARIABLE: str(scan.tally), "SKYSCAN_DUMMY_COST": DUMMY_COST}):
        options = Options(is_real_event=False, **OPTIONS)  # type: ignore[arg-type]
        assert plan(simulated_event(), scan.folder.path.parent, options) == scan.folder


def refused(scan: RunningScan) -> str:
    """Return the error of `submit` for a scan with damage that lasts."""
    with pytest.raises(BadInput) as caught:
        scan.submit()
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    return str(caught.value)


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x04
    path.write_bytes(content)


def nothing(scan: RunningScan) -> Ended:
    return Ended(scan, scan.submit().finish())


def move_in_the_queue(scan: RunningScan) -> Ended:
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    before = scan.fits()
    scan = moved(scan, scan.folder.path.parent.parent / f"{scan.folder.path.parent.name} moved")
    with pytest.raises(AlreadyRuns) as caught:
        scan.submit()
    assert abort(scan.folder, scan.pool) is not None
    # The schedd writes its end to where the log was.
    assert dagman_state(scan.folder.workflow / SCAN_DAG).state == "removed"
    assert {it.cause for it in read_report(scan.folder).failures} == {"removed"}
    scan.go_on()
    return Ended(scan, scan.submit().finish(), str(caught.value), before)


def make_read_only(scan: RunningScan) -> Ended:
    """Remove write permission: even the daemons of root's pool are not root."""
    scan.submit().wait_for_fits(3)
    before = scan.fits()
    change_modes(scan.folder.path, lambda mode: mode & ~0o222)
    mine = f"{scan.is_mine()} && JobStatus == {HELD}"

    def held() -> list[str]:
        queue = scan.pool.run("condor_q", "-allusers", "-const", mine, "-af:j", "Cmd")
        return [line.split()[0] for line in queue.stdout.splitlines()]

    wait_until(lambda: len(held()) == 2, "the jobs to be held")
    output = scan.pool.run("condor_q", "-allusers", "-const", mine, "-af", "HoldReason").stdout
    change_modes(scan.folder.path, lambda mode: mode | 0o200)

    def all_go_on() -> bool:
        for job in held():
            scan.pool.run("condor_release", job)
        return is_over(scan.folder)

    wait_until(all_go_on, "the scan to end")
    return Ended(scan, scan.finish(), output, before)


def change_modes(folder: Path, change: Callable[[int], int]) -> None:
    for path in [folder, *folder.rglob("*")]:
        path.chmod(change(path.stat().st_mode))


def damage_the_code(scan: RunningScan) -> Ended:
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    before = scan.fits()
    flip(scan.folder.code, 5000)
    scan.go_on()
    wait_until(lambda: is_over(scan.folder), "the scan to end")
    report = last_report(scan.folder)
    assert report is not None
    assert report.exit_code == ExitCode.BAD_INPUT
    assert refused(scan) in report.text
    planned_again(scan)
    return Ended(scan, scan.submit().finish(), report.text, before)


def submit_in_two_ways(scan: RunningScan) -> Ended:
    """Run the printed line in a shell while `skyscan submit` is running."""
    ways = (
        ["/bin/sh", "-c", submit_line(scan.folder, scan.pool)],
        [sys.executable, "-m", "workflows", "submit", str(scan.folder.path)],
    )
    running = [
        subprocess.Popen(it, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for it in ways
    ]
    output = "\n".join(process.communicate()[0] for process in running)
    return Ended(scan, scan.finish(), output)


# Copies of the undisturbed scan's folder.


def move_when_it_is_over(scan: RunningScan) -> Ended:
    scan = moved(scan, scan.folder.path.parent / ODD)
    scan.folder.round(0).result(1).unlink()
    for path in scan.folder.path.glob("run*"):
        path.unlink()
    return Ended(scan, scan.submit().finish())


def damage_the_plan(scan: RunningScan) -> Ended:
    """Damage the files of planning, one after the other; each is refused, and planned again."""
    scan.folder.round(0).result(1).unlink()
    os.truncate(scan.folder.scan_json, 300)
    output = refused(scan)
    planned_again(scan)
    text = scan.folder.scan_json.read_text()
    scan.folder.scan_json.write_text(text.replace('"max_retries": 3', '"max_retries": 2'))
    output += refused(scan)
    planned_again(scan)
    os.truncate(scan.folder.code, 5000)
    output += refused(scan)
    planned_again(scan)
    (event,) = scan.folder.event.iterdir()
    flip(event, event.stat().st_size // 2)
    shutil.rmtree(scan.folder.startup)
    output += refused(scan)
    planned_again(scan)
    cut_before_edges(scan.folder.workflow / SCAN_DAG)
    output += refused(scan)
    planned_again(scan)
    return Ended(scan, scan.submit().finish(), output)


def cut_before_edges(dag: Path) -> None:
    """Cut a DAG off where the order of its nodes begins: it has no report then, either."""
    dag.write_text(dag.read_text().partition("PARENT")[0])


RUNNING = (
    nothing,
    move_in_the_queue,
    make_read_only,
    damage_the_code,
    submit_in_two_ways,
)
COPIES = (move_when_it_is_over, damage_the_plan)


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once; return how one of them ended."""
    faults = (*RUNNING, *COPIES)
    places = {
        fault: Path(tempfile.mkdtemp(dir=session_folder, prefix=fault.__name__))
        for fault in faults
    }
    places[submit_in_two_ways] /= ODD
    places[submit_in_two_ways].mkdir()
    with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
        scans = {it: make_scan(pool, places[it], **OPTIONS) for it in RUNNING}
    with ThreadPoolExecutor(len(faults)) as threads:
        futures: dict[str, Future[Ended]] = {
            fault.__name__: threads.submit(fault, scan) for fault, scan in scans.items()
        }

        def of_a_copy(fault: Callable[[RunningScan], Ended]) -> Ended:
            whole = futures["nothing"].result().scan
            return fault(copy_of(whole, places[fault]))

        for copy in COPIES:
            futures[copy.__name__] = threads.submit(of_a_copy, copy)
        yield lambda fault: futures[fault].result()


def test_a_folder_whose_name_condor_submit_would_change_is_refused(pool, run_folder):
    (run_folder / "a $(HOME)").mkdir()
    scan = make_scan(pool, run_folder / "a $(HOME)", **OPTIONS)
    with pytest.raises(WrongUsage, match="--output-dir"):
        scan.submit()


def assert_undisturbed(it: Ended, whole: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == whole.scan.npz()


def test_an_undisturbed_scan_fits_every_pixel_once(ended):
    it = ended("nothing")
    assert it.report.outcome == "complete", it.report.text
    assert set(it.scan.fits().values()) == {1}


def test_a_folder_that_is_moved_after_the_scan_continues_at_its_new_path(ended):
    it = ended("move_when_it_is_over")
    assert_undisturbed(it, ended("nothing"))
    assert len(it.scan.fits()) == 6  # those of the deleted result
    assert set(it.scan.fits().values()) == {1}


def test_a_folder_that_is_moved_in_the_queue_is_aborted_and_resumed_at_its_new_path(ended):
    it = ended("move_in_the_queue")
    assert_undisturbed(it, ended("nothing"))
    assert it.scan.fits() == ended("nothing").scan.fits()  # once each
    assert "skyscan abort" in it.output
    assert sum(it.before.values()) == 12


def test_a_folder_that_is_read_only_for_a_while_costs_the_results_in_transfer(ended):
    it = ended("make_read_only")
    assert_undisturbed(it, ended("nothing"))
    assert "errno 13" in it.output
    again = it.scan.fits() - ended("nothing").scan.fits()
    assert set(again.values()) == {1}
    assert {nside for nside, _, _ in again} == {1}


def test_damaged_code_is_not_run_but_planned_again(ended):
    it = ended("damage_the_code")
    assert_undisturbed(it, ended("nothing"))
    assert it.scan.fits() == ended("nothing").scan.fits()
    assert "skyscan.zip is damaged" in it.output
    assert "skyscan plan" in it.output


def test_the_files_of_planning_are_replaced_and_results_are_kept(ended):
    it = ended("damage_the_plan")
    assert_undisturbed(it, ended("nothing"))
    assert len(it.scan.fits()) == 6  # those of the result that was deleted
    for name in ("scan.json", "skyscan.zip", "event.json", SCAN_DAG):
        assert name in it.output
    assert it.output.count("skyscan plan") == 5


def test_a_scan_in_an_odd_folder_that_is_submitted_twice_runs_once(ended):
    it = ended("submit_in_two_ways")
    assert_undisturbed(it, ended("nothing"))
    assert ODD in str(it.scan.folder.path)
    assert it.scan.fits() == ended("nothing").scan.fits()
    assert "already" in it.output or "File" in it.output, it.output
