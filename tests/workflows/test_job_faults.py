"""Jobs that fail, are held, never start, or get a bad machine: HTCondor tries them again.

All scans of this module run at the same time.
"""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from machines import BLACK_HOLE, WILLING, black_hole
from plans_support import accept_changes
from scans import RunningScan, environment, make_scan, wait_until

from condor.logs.dagman import log_events
from condor.policy import FUTILE_STARTS, RELEASES
from condor.pool import PoolStatus
from condor.software.apptainer import namespace_trouble
from skyscan.errors import ExitCode
from workflows.cli import main
from workflows.obstacles import obstacles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import htcondor2 as htcondor

    from condor.contact import Pool
    from workflows.reports.value import Report

pytestmark = [pytest.mark.pool, pytest.mark.versions]

#: 12 pixels in one job.
OPTIONS = {"reco": "dummy", "progression": ((1, 0),), "jobs_per_round": 1}
DUMMY_COST = "0.8"
ROUND = "round_000.dag"
SOON = ("release_after=1", "held_too_long=4")
#: A slot of another scan may be too large to be exceeded.
ALONE = "submit.accounting_group_user={}"
#: A pool of this one machine, which does not know that there are no others.
ELSEWHERE = 'summary = "elsewhere"\nthis_machine = false\n'


class Ended(NamedTuple):
    """A scan that has ended."""

    scan: RunningScan
    report: Report

    def events(self, *names: str) -> list[htcondor.JobEvent]:
        """Return the events of the round's jobs that have one of these names, in order."""
        log = self.scan.folder.workflow / ROUND
        events = log_events(log.with_name(f"{ROUND}.nodes.log"))
        return [event for event in events if event.type.name in names]

    def holds(self) -> list[tuple[int, int]]:
        """Return code and subcode of each hold."""
        return [
            (event["HoldReasonCode"], event["HoldReasonSubCode"])
            for event in self.events("JOB_HELD")
        ]


def run(scan: RunningScan) -> Ended:
    return Ended(scan, scan.submit().finish())


def once(scan: RunningScan, command: str) -> str:
    """Return a line that acts at the first start only."""
    return f"mkdir '{scan.folder.path}/was-here' 2>/dev/null && {{ {command}; }}"


def until_held(scan: RunningScan) -> str:
    """Return a line that runs, at the first start, until HTCondor has measured the usage."""
    return once(scan, "sleep 600")


def with_input(scan: RunningScan, url: str) -> None:
    """Give reco jobs one more input, which is missing at submission."""
    path = scan.folder.workflow / "reco.sub"
    key = "transfer_input_files = "
    path.write_text(path.read_text().replace(key, f"{key}{url}, "))
    accept_changes(scan.folder)


def fail_always(scan: RunningScan) -> Ended:
    scan.at_start('echo "skyscan: error: no luck (exit 75)" >&2', "exit 75")
    return run(scan)


def fail_once(scan: RunningScan) -> Ended:
    scan.at_start(once(scan, "exit 75"))
    return run(scan)


def use_memory(scan: RunningScan) -> Ended:
    hog = "import time; b = bytearray(b'x') * (300 << 20); time.sleep(600)"
    scan.at_start(f'"$SKYSCAN_PYTHON" -c "{hog}" &', until_held(scan))
    return run(scan)


def use_disk(scan: RunningScan) -> Ended:
    scan.at_start("dd if=/dev/zero of=big bs=1M count=90 2>/dev/null", until_held(scan))
    return run(scan)


def transfer_later(scan: RunningScan) -> Ended:
    source = scan.folder.path / "comes-later"
    with_input(scan, f"file://{source}")
    ended = Ended(scan.submit(), None)  # type: ignore[arg-type]
    wait_until(lambda: len(ended.holds()) == 2, "two holds")
    source.write_text("now")
    return Ended(scan, scan.finish())


def hold_by_hand(scan: RunningScan) -> Ended:
    scan.submit().wait_for_fits(3)
    scan.pool.run("condor_hold", scan.running_jobs()[0])
    running = PoolStatus(scan.pool, is_running=True, text="")
    wait_until(lambda: bool(obstacles(scan.folder, running)), "status to say so")
    line, release = obstacles(scan.folder, running)
    assert "condor_release" in release
    assert line.startswith("a job is held: ")
    assert "condor_hold" in line
    return Ended(scan, scan.finish())


def remove_by_hand(scan: RunningScan) -> Ended:
    scan.submit().wait_for_fits(3)
    scan.pool.run("condor_rm", scan.running_jobs()[0])
    return Ended(scan, scan.finish())


def broken_image(scan: RunningScan) -> Ended:
    return run(scan)


#: {scenario: options of its scan besides OPTIONS}
SCENARIOS: dict[Callable[[RunningScan], Ended], dict[str, object]] = {
    run: {},
    fail_always: {"max_retries": 3},
    fail_once: {"site": "elsewhere.toml", "site_changes": ("avoid_machines=6",)},
    use_memory: {"request_memory": 200, "site_changes": (*SOON, ALONE.format("memory"))},
    use_disk: {"request_disk": 60, "site_changes": (*SOON, ALONE.format("disk"))},
    transfer_later: {"site_changes": SOON},
    hold_by_hand: {"site_changes": SOON, "checkpoint_interval": 2.0},
    remove_by_hand: {},
}
TRIED = "NumJobCompletions + (NumHolds ?: 0) > 0"
CROWD: dict[str, object] = {
    "site": "elsewhere.toml",
    "site_changes": (
        "release_after=1",
        f"attributes.{WILLING}=true",
        # At first only this machine is free; it always is, because it fails so quickly.
        f'submit.requirements=TARGET.Machine == "{BLACK_HOLE}" || {TRIED}',
        f'submit.rank=TARGET.Machine == "{BLACK_HOLE}"',
    ),
    "jobs_per_round": 6,
}


@pytest.fixture(scope="module")
def ended(pool: Pool, session_folder: Path) -> Iterator[Callable[[str], Ended]]:
    """Run all scans at once; return how one of them ended."""
    folder = Path(tempfile.mkdtemp(dir=session_folder, prefix="job-faults-"))
    (folder / "elsewhere.toml").write_text(ELSEWHERE)
    (folder / "image").mkdir()
    plans = {scenario.__name__: (scenario, options) for scenario, options in SCENARIOS.items()}
    plans["crowd"] = (run, CROWD)
    if not namespace_trouble():
        image = {"runtime": f"container:{folder / 'image'}", "max_retries": 0}
        plans["broken_image"] = (broken_image, image)
    scans = {name: planned(pool, folder, name, options) for name, (_, options) in plans.items()}
    with black_hole(pool), ThreadPoolExecutor(len(scans)) as threads:
        futures = {name: threads.submit(plans[name][0], scan) for name, scan in scans.items()}
        yield lambda name: futures[name].result()


def planned(pool: Pool, folder: Path, name: str, options: dict[str, object]) -> RunningScan:
    (folder / name).mkdir()
    if "site" in options:
        options = {**options, "site": str(folder / str(options["site"]))}
    with environment(SKYSCAN_DUMMY_COST=DUMMY_COST):
        return make_scan(pool, folder / name, **{**OPTIONS, **options})


def assert_undisturbed(it: Ended, undisturbed: Ended) -> None:
    assert it.report.outcome == "complete", it.report.text
    assert it.scan.npz() == undisturbed.scan.npz()
    assert set(it.scan.fits()) == set(undisturbed.scan.fits())


def test_a_failing_job_is_tried_four_times_in_two_submissions(ended, capsys):
    it = ended("fail_always")
    assert it.scan.exits(ROUND) == [75] * 4
    assert len(it.events("SUBMIT")) == 2
    assert it.report.exit_code == ExitCode.TRY_AGAIN
    assert "no luck" in it.report.text
    assert main(["why", str(it.scan.folder.path)]) == ExitCode.TRY_AGAIN
    shown = capsys.readouterr().out
    assert "reco_00000" in shown
    assert "no luck" in shown
    assert not it.scan.fits()
    # The output of each try is kept.
    logs = sorted(path.name for path in it.scan.folder.round(0).logs.iterdir())
    assert logs == [f"00000.{n}.{k}.out" for n in range(2) for k in range(2)]


def test_a_failed_job_waits_for_another_machine_for_a_limited_time(ended):
    it = ended("fail_once")
    assert_undisturbed(it, ended("run"))
    assert it.scan.exits(ROUND) == [75, 0]
    (failed,) = it.events("JOB_EVICTED")
    _, again = it.events("EXECUTE")
    assert again.timestamp - failed.timestamp >= 6
    assert set(it.scan.fits().values()) == {1}


def test_a_machine_that_fails_every_job_gets_none_again_and_is_named(ended):
    it = ended("crowd")
    assert_undisturbed(it, ended("run"))
    hosts = [(e.cluster, e["SlotName"].rpartition("@")[2]) for e in it.events("EXECUTE")]
    fallen = [cluster for cluster, host in hosts if host == BLACK_HOLE]
    assert len(fallen) == len(set(fallen)) == 6  # each job failed there, and none twice
    (line,) = it.report.bad_machines
    assert f"machine {BLACK_HOLE}: 7 of 7 jobs failed" in line  # including prep
    assert line in it.report.text
    assert set(it.scan.fits().values()) == {1}
    assert ended("run").report.bad_machines == []


def test_a_job_over_its_memory_gets_more(ended):
    it = ended("use_memory")
    assert_undisturbed(it, ended("run"))
    # With 23.9.6 it is held and released, with 25.14.1 evicted and started again at once.
    assert set(it.holds()) == ({(21, 102)} if it.scan.pool.version < "25" else set())
    assert len(it.events("SUBMIT")) == 1
    memories = [event["ExecuteProps"]["Memory"] for event in it.events("EXECUTE")]
    assert memories == sorted(memories)
    assert memories[0] < memories[-1]
    assert set(it.scan.exits(ROUND)) == {0}


def test_a_job_over_its_disk_gets_more(ended):
    it = ended("use_disk")
    assert_undisturbed(it, ended("run"))
    assert set(it.holds()) == ({(21, 104)} if it.scan.pool.version < "25" else set())
    assert len(it.events("SUBMIT")) == 1


def test_an_input_transfer_that_fails_twice_succeeds_at_the_third_try(ended):
    it = ended("transfer_later")
    assert_undisturbed(it, ended("run"))
    assert 2 <= len(it.holds()) <= RELEASES
    assert {code for code, _ in it.holds()} == {13}
    assert len(it.events("JOB_RELEASED")) == len(it.holds())
    assert set(it.scan.fits().values()) == {1}


def test_a_job_held_by_hand_is_not_released_but_submitted_again(ended):
    it = ended("hold_by_hand")
    assert_undisturbed(it, ended("run"))
    assert it.holds() == [(1, 0)]
    assert not it.events("JOB_RELEASED")
    assert len(it.events("SUBMIT")) == 2
    assert max(it.scan.fits().values()) <= 2


def test_a_job_removed_by_hand_is_submitted_again(ended):
    it = ended("remove_by_hand")
    assert_undisturbed(it, ended("run"))
    assert len(it.events("JOB_ABORTED")) == 1
    assert len(it.events("SUBMIT")) == 2
    assert max(it.scan.fits().values()) <= 2  # it kept its results


def test_an_image_that_does_not_start_ends_the_scan_and_is_the_reason(ended, capsys):
    if namespace_trouble():
        pytest.skip(f"images cannot be run here: {namespace_trouble()}")
    it = ended("broken_image")
    assert it.report.exit_code == ExitCode.BAD_INPUT
    assert {failure.cause for failure in it.report.failures} == {"image"}
    assert "does not start" in it.report.text
    assert main(["why", str(it.scan.folder.path)]) == ExitCode.BAD_INPUT
    assert "does not start" in capsys.readouterr().out
    begun = [name for name in it.scan.events("scan.dag") if name == "JOB_EVICTED"]
    # HTCondor evaluates the expression every 5 to 30 s, and a failed start takes one.
    assert FUTILE_STARTS <= len(begun) <= FUTILE_STARTS + 30
    assert not it.scan.fits()
