"""HTCondor's daemons are killed, DAGs are halted, and a machine's clock is wrong.

The module has its own pool. The faults of single scans come first, all at the same time; then
those of the whole pool, one after the other.
"""

from __future__ import annotations

import os
import platform
import signal
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from scans import RunningScan, environment, make_scan, wait_until
from soak_faults import dagmans, kill_starter

from condor.logs.dagman import dagman_state, log_events, node_of
from condor.personal.account import pool_account
from condor.personal.daemons import start_personal
from condor.personal.processes import pool_processes
from condor.personal.settings import CPUS_VARIABLE
from condor.personal.tokens import FOLDER, SIGNED_BY, TOKEN
from condor.software import apt
from condor.versions import parse_version
from workflows.engines.dagman.dags import SCAN_DAG

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = [pytest.mark.pool, pytest.mark.long]

#: 12 pixels in two jobs, then finer ones.
OPTIONS = {"reco": "dummy", "progression": ((1, 0), (2, 2)), "jobs_per_round": 2}
DUMMY_COST = "0.7"
HOUR = 3600
REFUSED = "Failed to authenticate"
ROUNDS = ("round_000.dag", "round_001.dag", "round_002.dag")
#: HTCondor's messages when a job's starter, machine or schedd is gone.
LOST = frozenset(
    {
        "JOB_EVICTED",
        "SHADOW_EXCEPTION",
        "JOB_DISCONNECTED",
        "JOB_RECONNECTED",
        "JOB_RECONNECT_FAILED",
    }
)


class Ended(NamedTuple):
    """A scan that has ended; its fits and observations when it was disturbed."""

    scan: RunningScan
    report: Report
    before: Counter[tuple[int, int, int]] | None = None
    seen: str = ""

    def events(self) -> list[str]:
        """Return the names of the events of all rounds' jobs."""
        return [name for dag in ROUNDS for name in self.scan.events(dag)]


class Place(NamedTuple):
    """The pool of this module, and a libfaketime if there is one."""

    pool: Pool
    folder: Path
    faketime: Path | None

    def kill(self, *names: str) -> list[int]:
        """Kill the pool's processes of these names, or all without a name."""
        found = [it.pid for it in pool_processes(self.folder) if not names or it.name in names]
        assert found
        for pid in found:
            with suppress(ProcessLookupError):  # it has just ended by itself
                os.kill(pid, signal.SIGKILL)
        return found

    def wait_for_another(self, name: str, killed: list[int]) -> None:
        def is_there() -> bool:
            pids = [it.pid for it in pool_processes(self.folder) if it.name == name]
            return bool(pids) and not set(pids) & set(killed)

        wait_until(is_there, f"another {name}")


def nothing(scan: RunningScan, _place: Place) -> Ended:
    return Ended(scan, scan.submit().finish())


def starter(scan: RunningScan, _place: Place) -> Ended:
    from random import Random

    scan.submit().wait_for_fits(4)
    wait_until(lambda: kill_starter(scan, Random(0)) is not None, "a starter to kill")
    return Ended(scan, scan.finish(), scan.fits())


def dagman(scan: RunningScan, _place: Place) -> Ended:
    """Kill both DAGMans, the scan's and its round's, at once."""
    scan.submit().wait_for_fits(4)
    wait_until(lambda: len(dagmans(scan)) == 2, "two DAGMans")
    for pid, _ in dagmans(scan):
        os.kill(pid, signal.SIGKILL)
    return Ended(scan, scan.finish(), scan.fits())


def halt(scan: RunningScan, _place: Place) -> Ended:
    """Halt the DAG in its first round: the round ends, no other starts, and DAGMan exits."""
    scan.submit().wait_for_fits(1)
    (scan.folder.workflow / f"{SCAN_DAG}.halt").touch()
    first = scan.finish()
    before = scan.fits()
    return Ended(scan, scan.submit().finish(), before, first.text)


def clock(scan: RunningScan, place: Place) -> Ended:
    """Let the clock of jobs be an hour ahead of the access point, which set a deadline."""
    if place.faketime is None:
        return Ended(scan, None)  # type: ignore[arg-type]
    seen = scan.folder.path / "clock"
    scan.at_start(
        # The starter, which created this file, has the right clock here.
        f'touch -d "{HOUR} seconds" "$_CONDOR_JOB_AD"',
        f"LD_PRELOAD='{place.faketime}' FAKETIME=+{HOUR}s",
        "export LD_PRELOAD FAKETIME",
        f'"$SKYSCAN_PYTHON" -c "import time; print(time.time())" >>\'{seen}\'',
    )
    report = scan.submit().finish()
    return Ended(scan, report, seen=seen.read_text())


def startd(scan: RunningScan, place: Place) -> Ended:
    scan.submit().wait_for_fits(4)
    killed = place.kill("condor_startd")
    before = scan.fits()
    place.wait_for_another("condor_startd", killed)
    return Ended(scan, scan.finish(), before)


def schedd(scan: RunningScan, place: Place) -> Ended:
    scan.submit().wait_for_fits(4)
    return without_schedd(scan, place)


def without_schedd(scan: RunningScan, place: Place) -> Ended:
    """Kill the schedd during a scan."""
    killed = place.kill("condor_schedd")
    before = scan.fits()
    place.wait_for_another("condor_schedd", killed)
    return Ended(scan, scan.finish(), before)


def checkpoint(scan: RunningScan, place: Place) -> Ended:
    """Kill the schedd, so that jobs cannot return their results."""
    scan.submit().wait_for_fits(3)
    return without_schedd(scan, place)


def token(scan: RunningScan, place: Place) -> Ended:
    """Let the user's token expire before the second round is submitted."""
    scan.pause_at(1)
    scan.submit().wait_until_paused()
    own = place.folder / FOLDER / TOKEN
    command = ("condor_token_create", "-key", SIGNED_BY, "-lifetime", "1", "-identity")
    own.write_text(place.pool.run(*command, pool_account().identity).stdout)
    wait_until(lambda: not place.pool.answers(), "the token to end")
    before = scan.fits()
    scan.go_on()
    if (parse_version(place.pool.version) or ()) < DAGMAN_HAS_A_SESSION:
        log = scan.folder.workflow / f"{ROUNDS[1]}.dagman.out"
        wait_until(lambda: log.exists() and REFUSED in log.read_text(), "DAGMan to be refused")
    assert start_personal(place.folder).answers()
    return Ended(scan, scan.finish(), before)


def whole_pool(scan: RunningScan, place: Place) -> Ended:
    scan.submit().wait_for_fits(4)
    place.kill()
    before = scan.fits()
    start_personal(place.folder)
    return Ended(scan, scan.finish(), before)


#: From here on, DAGMan needs no token of the user.
DAGMAN_HAS_A_SESSION = (25, 10)
ALONE = (nothing, starter, dagman, halt, clock)
OF_THE_POOL = (token, startd, schedd, checkpoint, whole_pool)
#: {scenario: options of its scan besides OPTIONS}
MORE: dict[Callable[[RunningScan, Place], Ended], dict[str, object]] = {
    clock: {"deadline": 1800.0},
    checkpoint: {"checkpoint_interval": 1.0},
    # Their rounds have DAGMans. One that has a session with the schedd needs no token.
    **{it: {"jobs_per_round": None, "batch_size": 6} for it in (dagman, token)},
}


@pytest.fixture(scope="module")
def place(session_folder: Path) -> Place:
    """Return a pool that tests may kill; the session stops it."""
    folder = session_folder / "daemons"
    with environment(**{CPUS_VARIABLE: "12"}):
        pool = start_personal(folder)
    return Place(pool, folder, faketime_in(Path(tempfile.mkdtemp(dir=session_folder))))


def faketime_in(folder: Path) -> Path | None:
    """Return the libfaketime of this machine's Debian, or None if it cannot be downloaded."""
    try:
        suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
        debs = apt.download(["libfaketime"], folder / "debs", suite=suite, without=["libc6"])
    except (apt.AptFailed, OSError, KeyError):
        return None
    for deb in debs:
        apt.unpack(deb, folder)
    return next(folder.glob("usr/lib/*/faketime/libfaketime.so.1"), None)


@pytest.fixture(scope="module")
def ended(place: Place, session_folder: Path) -> Callable[[str], Ended]:
    """Run the scans; return how one of them ended."""
    scans = {}
    for fault in (*ALONE, *OF_THE_POOL):
        folder = Path(tempfile.mkdtemp(dir=session_folder, prefix=fault.__name__))
        with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
            options = {**OPTIONS, **MORE.get(fault, {})}
            scans[fault] = make_scan(place.pool, folder, **options)
    with ThreadPoolExecutor(len(ALONE)) as threads:
        futures = {it.__name__: threads.submit(it, scans[it], place) for it in ALONE}
        results = {name: future.result() for name, future in futures.items()}
    results |= {it.__name__: it(scans[it], place) for it in OF_THE_POOL}
    return lambda name: results[name]


def assert_undisturbed(it: Ended, undisturbed: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == undisturbed.scan.npz()
    assert set(it.scan.fits()) == set(undisturbed.scan.fits())
    assert set(undisturbed.scan.fits().values()) == {1}


def redone(it: Ended) -> int:
    return sum(n - 1 for n in it.scan.fits().values())


def test_a_killed_starter_costs_the_fits_since_the_checkpoint(ended):
    it = ended("starter")
    assert_undisturbed(it, ended("nothing"))
    assert LOST & set(it.events())
    assert redone(it) <= 10  # pixels of the largest job
    assert max(it.scan.fits().values()) <= 2


def test_killed_dagmans_are_restarted_and_cost_no_fit(ended):
    it = ended("dagman")
    assert_undisturbed(it, ended("nothing"))
    state = dagman_state(it.scan.folder.workflow / SCAN_DAG)
    assert state is not None
    assert state.starts == 2
    assert starts_of_rounds(it.scan)[0] == 2
    assert redone(it) == 0


def test_a_halted_dag_opens_no_round_until_it_is_resumed(ended):
    it = ended("halt")
    assert_undisturbed(it, ended("nothing"))
    assert {fit[0] for fit in it.before} == {1}
    assert len(it.before) == 12  # running jobs have ended
    assert "the DAG was halted" in it.seen
    assert redone(it) == 0


def test_a_clock_an_hour_ahead_does_not_make_a_job_late(ended, place):
    if place.faketime is None:
        pytest.skip("Debian's libfaketime cannot be had here")
    it = ended("clock")
    assert_undisturbed(it, ended("nothing"))
    clocks = [float(line) for line in it.seen.split()]
    assert clocks
    assert min(clocks) > time.time() + HOUR / 2
    assert redone(it) == 0


def test_a_killed_startd_costs_the_fits_since_the_checkpoint(ended):
    it = ended("startd")
    assert_undisturbed(it, ended("nothing"))
    assert LOST & set(it.events())
    assert redone(it) <= sum(it.before.values()) + 2  # a fit may have started since


def test_a_killed_schedd_restarts_with_its_queue(ended):
    it = ended("schedd")
    assert_undisturbed(it, ended("nothing"))
    state = dagman_state(it.scan.folder.workflow / SCAN_DAG)
    assert state is not None
    assert (LOST & set(it.events())) or state.starts > 1
    assert redone(it) <= sum(it.before.values()) + 2


def test_a_job_that_cannot_return_its_results_continues(ended, place):
    it = ended("checkpoint")
    assert_undisturbed(it, ended("nothing"))
    logs = [path.read_text(errors="replace") for path in place.folder.glob("log/StarterLog.*")]
    assert any("Failed to transfer checkpoint" in text for text in logs)
    assert redone(it) <= sum(it.before.values()) + 2


def test_a_killed_pool_continues_when_it_is_started(ended):
    it = ended("whole_pool")
    assert_undisturbed(it, ended("nothing"))
    state = dagman_state(it.scan.folder.workflow / SCAN_DAG)
    assert state is not None
    assert state.starts == 2
    assert redone(it) <= sum(it.before.values())


def test_an_expired_token_is_renewed_and_the_scan_continues(ended):
    it = ended("token")
    assert_undisturbed(it, ended("nothing"))
    assert {fit[0] for fit in it.before} == {1}
    assert redone(it) == 0


def starts_of_rounds(scan: RunningScan) -> list[int]:
    """Return how often HTCondor started the DAGMan of each round."""
    starts: dict[int, int] = {}
    for event in log_events(scan.folder.workflow / f"{SCAN_DAG}.nodes.log"):
        if event.type.name == "SUBMIT" and node_of(event).startswith("round_"):
            starts[event.cluster] = 0
        elif event.type.name == "EXECUTE" and event.cluster in starts:
            starts[event.cluster] += 1
    return list(starts.values())
