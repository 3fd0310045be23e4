"""Full disks: those of jobs, and the one of the scan folder.

Each disk is a small tmpfs, and the module has its own pool, both in a mount namespace, in which
users can mount, and which leaves nothing mounted. All scans run at the same time.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scans import PATIENCE, RunningScan, environment, make_scan, wait_until

from condor.personal.daemons import start_personal, stop_personal
from condor.personal.settings import CPUS_VARIABLE
from skyscan.errors import ExitCode
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterator

    from scans import Fit

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = pytest.mark.pool

#: 48 pixels in two jobs, then finer ones. 24 records are more than a page of 4 KiB, the unit
#: of a tmpfs: the records that a job writes after its disk is full do not all fit.
OPTIONS = {
    "reco": "dummy",
    "progression": ((2, 0), (4, 1)),
    "jobs_per_round": 2,
    "request_disk": 3,  # the code alone is 2 MB
}
DUMMY_COST = "0.2"
DISK = "6m"
DISK_OF_JOBS = "96m"  # so many jobs of all scans fit on it at once, also if one requests more
BALLOON = "balloon"
HELD = "5"
#: Set in the namespace of the last test, in which the others run.
INSIDE = "DISK_FAULTS_NAMESPACE"
#: All scans share the jobs' disk, but only one is to find it full.
JOBS_HAVE_ROOM = Event()


class Ended(NamedTuple):
    """A scan whose disk was full, and the fits that started before it had space again."""

    scan: RunningScan
    report: Report
    before: Counter[Fit] | None = None


def fill(disk: Path) -> None:
    """Fill a disk; DAGMan's and the jobs' logs may have taken the rest."""
    balloon = os.open(disk / BALLOON, os.O_CREAT | os.O_WRONLY | os.O_APPEND)
    try:
        while True:
            os.write(balloon, bytes(4096))
    except OSError:
        assert os.fstatvfs(balloon).f_bavail == 0
    finally:
        os.close(balloon)


def full_until(condition: Callable[[], bool], disk: Path, what: str) -> None:
    """Keep a disk full: files that others remove from it free no space."""

    def is_so() -> bool:
        fill(disk)
        return condition()

    wait_until(is_so, what)
    make_room(disk)


def make_room(disk: Path) -> None:
    (disk / BALLOON).unlink()


def jobs(scan: RunningScan, status: str) -> list[str]:
    """Return the ids of a scan's jobs that have a status."""
    mine = f"{scan.is_mine()} && JobUniverse == 5 && JobStatus == {status}"
    return scan.pool.run(
        "condor_q", "-allusers", "-const", mine, "-af:j", "Cmd"
    ).stdout.split()[::2]


def starts_of_dagman(scan: RunningScan, cluster: str) -> int:
    """Return how often the schedd started DAGMan, whose own log is lost with a full disk."""
    queue = scan.pool.run("condor_q", "-allusers", cluster, "-af", "NumJobStarts")
    return int(queue.stdout.strip() or 0)


def release(scan: RunningScan) -> None:
    """Release held jobs until the scan ends, as a user would after freeing space."""

    def all_go_on() -> bool:
        for job in jobs(scan, HELD):
            scan.pool.run("condor_release", job)
        return is_over(scan.folder)

    wait_until(all_go_on, "the scan to end")


def nothing(scan: RunningScan, _disk: Path) -> Ended:
    return Ended(scan, scan.submit().finish())


def of_the_job(scan: RunningScan, disk: Path) -> Ended:
    scan.submit().wait_for_fits(3)
    failed = "a job to fail"
    full_until(lambda: ExitCode.TRY_AGAIN in scan.exits("round_000.dag"), disk, failed)
    before = scan.fits()
    JOBS_HAVE_ROOM.set()
    release(scan)
    return Ended(scan, scan.finish(), before)


def as_results_come_home(scan: RunningScan, disk: Path) -> Ended:
    scan.submit().wait_for_fits(3)
    full_until(lambda: len(jobs(scan, HELD)) == 2, disk, "the jobs to be held")
    before = scan.fits()
    release(scan)
    return Ended(scan, scan.finish(), before)


def as_a_round_is_opened(scan: RunningScan, disk: Path) -> Ended:
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    cluster, before = scan.dagman_cluster(), scan.fits()
    scan.go_on()
    full_until(lambda: starts_of_dagman(scan, cluster) != 1, disk, "DAGMan to die of it")
    return Ended(scan, scan.finish(), before)


FAULTS = (
    nothing,
    of_the_job,
    as_results_come_home,
    as_a_round_is_opened,
)


@pytest.fixture(scope="module")
def disks(session_folder: Path) -> Iterator[dict[str, Path]]:
    """Return a disk for the scan folder of each fault, and that of the jobs.

    They are removed with the namespace, however the tests end.
    """
    if INSIDE not in os.environ:
        pytest.skip("runs in a namespace, in which disks can be mounted: see the last test")
    base = Path(tempfile.mkdtemp(dir=session_folder, prefix="disks"))
    places = {fault.__name__: base / fault.__name__ for fault in FAULTS}
    places["execute"] = base / "pool" / "execute"
    for name, place in places.items():
        place.mkdir(parents=True)
        size = DISK_OF_JOBS if name == "execute" else DISK
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        subprocess.run(command, check=True)
    yield places
    for place in places.values():  # their folders will be removed
        subprocess.run(["umount", "--lazy", str(place)], check=True)


@pytest.fixture(scope="module")
def small_pool(disks: dict[str, Path]) -> Iterator[Pool]:
    """Return a pool whose jobs have one of the disks."""
    folder = disks["execute"].parent
    try:
        with environment(**{CPUS_VARIABLE: "10"}):
            pool = start_personal(folder)
        yield pool
    finally:
        stop_personal(folder, patience=2)


@pytest.fixture(scope="module")
def ended(small_pool: Pool, disks: dict[str, Path]) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once; return how one of them ended."""
    scans = {}
    for fault in FAULTS:
        folder = disks[fault.__name__]
        with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
            scans[fault] = make_scan(small_pool, folder, **OPTIONS)
    with ThreadPoolExecutor(len(scans)) as threads:

        def run(fault: Callable[[RunningScan, Path], Ended]) -> Ended:
            if fault is of_the_job:
                return fault(scans[fault], disks["execute"])
            assert JOBS_HAVE_ROOM.wait(PATIENCE)
            return fault(scans[fault], disks[fault.__name__])

        futures: dict[str, Future[Ended]] = {
            fault.__name__: threads.submit(run, fault) for fault in FAULTS
        }
        yield lambda fault: futures[fault].result()


def assert_undisturbed(it: Ended, whole: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == whole.scan.npz()
    assert set(it.scan.fits()) == set(whole.scan.fits())
    assert set(whole.scan.fits().values()) == {1}


def redone(it: Ended) -> int:
    return sum(n - 1 for n in it.scan.fits().values())


def test_a_job_with_a_full_disk_returns_its_results_and_another_continues(ended):
    it = ended("of_the_job")
    assert_undisturbed(it, ended("nothing"))
    assert ExitCode.TRY_AGAIN in it.scan.exits("round_000.dag")
    assert redone(it) <= 4  # the record that was being written at each failure


def test_results_without_space_at_home_are_repeated_when_there_is_space(ended):
    it = ended("as_results_come_home")
    assert_undisturbed(it, ended("nothing"))
    assert sum(it.before.values()) == redone(it) == 48
    # There may be room left for the event in one of the logs only.
    logs = ("scan.dag", "round_000.dag", "round_001.dag")
    assert "JOB_HELD" in [event for dag in logs for event in it.scan.events(dag)]


def test_a_round_without_disk_space_is_opened_when_there_is_space(ended):
    it = ended("as_a_round_is_opened")
    assert_undisturbed(it, ended("nothing"))
    assert redone(it) == 0


def namespace() -> list[str]:
    """Return the command to run in a mount namespace; empty if there is none."""
    for way in (["unshare", "--mount"], ["unshare", "--user", "--map-root-user", "--mount"]):
        if not subprocess.run([*way, "true"], capture_output=True, check=False).returncode:
            return way
    return []


@pytest.mark.skipif(INSIDE in os.environ, reason="this is the namespace")
def test_all_tests_here_pass_if_disks_can_be_mounted():
    unshare = namespace()
    if not unshare:
        pytest.skip("no namespace can be made here in which a disk could be mounted")
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*unshare, sys.executable, *words],
        env={**os.environ, INSIDE: "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
