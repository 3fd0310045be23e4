"""What HTCondor does with jobs that fail, are held, or exceed their limits: on a real pool.

All jobs of this module run at the same time, because most of them wait.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from condor import policy
from condor.logs.dagman import log_events
from condor.sites import read_site
from condor.submit import submit_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from condor.contact import Pool

pytestmark = pytest.mark.pool

PATIENCE = 150.0  # seconds; a machine may be busy
#: Values that a site may have, in seconds that a test can wait.
SITE = replace(read_site("personal"), release_after=1, held_too_long=15)
SMALL = 128  # MB, the granularity of slots

EXIT = "#!/bin/sh\nexit $1\n"
KILLED = "#!/bin/sh\nkill -9 $$\n"
# Checks its memory, and succeeds on a machine that gives enough.
HUNGRY = """#!/usr/bin/env python3
import os, re, time
from pathlib import Path
taken = b"x" * 200_000_000
given = re.search(r"^Memory = (\\d+)", Path(os.environ["_CONDOR_MACHINE_AD"]).read_text(), re.M)
time.sleep(0 if int(given[1]) > 250 else 120)
"""
BULKY = """#!/bin/sh
head -c 160000000 /dev/zero > bulk
given=$(sed -n 's/^Disk = //p' "$_CONDOR_MACHINE_AD")
[ "$given" -gt 200000 ] || sleep 120
rm bulk
"""

JOBS: dict[str, tuple[str, dict[str, str]]] = {
    "transient": (EXIT, {"arguments": "75"}),
    "fatal": (EXIT, {"arguments": "65"}),
    "late": (EXIT, {"arguments": "69"}),
    "sound": (EXIT, {"arguments": "0"}),
    "killed": (KILLED, {}),
    "input comes late": (EXIT, {"arguments": "0", "transfer_input_files": "late"}),
    "input never comes": (EXIT, {"arguments": "0", "transfer_input_files": "never"}),
    "held by hand": ("#!/bin/sh\nsleep 300\n", {}),
    # A slot of another job may be too large to be exceeded.
    "memory": (HUNGRY, {"accounting_group_user": "memory"}),
    "disk": (BULKY, {"accounting_group_user": "disk"}),
    # Its files take their time: HTCondor forgets this limit of a job that starts in the very
    # second that its shadow does (seen).
    "time": (
        "#!/bin/sh\nsleep 300\n",
        {"allowed_execute_duration": "2", "transfer_input_files": "many"},
    ),
}


class Job:
    """A job in the pool, in its own folder."""

    def __init__(self, pool: Pool, folder: Path, program: str, more: dict[str, str]) -> None:
        self.pool, self.folder = pool, folder
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "job").write_text(program)
        (folder / "job").chmod(0o755)
        description = {
            "executable": str(folder / "job"),
            "should_transfer_files": "YES",
            "log": "log",
            "error": "error",
            "request_cpus": "1",
            "request_memory": policy.growing(SMALL, 5, "0"),
            "request_disk": policy.growing(SMALL * 1024, 5, "0"),
            **policy.retry_commands(5, "0"),
            **policy.hold_commands(SITE),
            "periodic_remove": policy.removal(SITE),
            "initialdir": str(folder),
            **more,
        }
        (folder / "job.sub").write_text("\n".join(submit_lines(description)) + "\n")
        done = pool.run("condor_submit", "-terse", str(folder / "job.sub"))
        assert done.returncode == 0, done.stderr
        self.number = done.stdout.split()[0]

    def events(self) -> list[str]:
        return [event.type.name for event in log_events(self.folder / "log")]

    def held(self) -> list[int]:
        """Return the codes of all holds."""
        events = log_events(self.folder / "log")
        return [int(e["HoldReasonCode"]) for e in events if e.type.name == "JOB_HELD"]

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not condition():
            text = (self.folder / "log").read_text()
            assert time.monotonic() < deadline, f"waited in vain for {what}: {text}"
            time.sleep(0.2)

    def end(self) -> str:
        """Wait until the job leaves the queue; return the name of its last event."""
        last = ("JOB_TERMINATED", "JOB_ABORTED")
        self.wait(lambda: bool(set(last) & set(self.events())), "its end")
        return next(name for name in last if name in self.events())


def late_input(job: Job) -> None:
    job.wait(lambda: len(job.held()) == 2, "two holds")
    (job.folder / "late").write_text("here")


def hold(job: Job) -> None:
    job.wait(lambda: "EXECUTE" in job.events(), "its start")
    job.pool.run("condor_hold", job.number)


@pytest.fixture(scope="module")
def jobs(pool: Pool, session_folder: Path) -> Iterator[dict[str, Job]]:
    folder = session_folder / "policy"
    many = folder / "time" / "many"
    many.mkdir(parents=True)
    for number in range(3000):
        (many / str(number)).touch()
    started = {
        name: Job(pool, folder / name, program, more) for name, (program, more) in JOBS.items()
    }
    with ThreadPoolExecutor() as threads:
        done = [
            threads.submit(late_input, started["input comes late"]),
            threads.submit(hold, started["held by hand"]),
        ]
        yield started
        for it in done:
            it.result()


@pytest.mark.parametrize(
    ("name", "tries"),
    [("transient", 3), ("killed", 3), ("fatal", 1), ("late", 1), ("sound", 1)],
)
def test_a_job_is_tried_again_unless_it_would_fail_again(jobs, name, tries):
    assert jobs[name].end() == "JOB_TERMINATED"
    assert jobs[name].events().count("EXECUTE") == tries


def test_a_job_waits_for_input_through_two_failed_transfers(jobs):
    job = jobs["input comes late"]
    assert job.end() == "JOB_TERMINATED"
    assert job.held() == [13, 13]
    assert job.events().count("JOB_RELEASED") == 2


def test_a_job_that_is_held_too_long_is_removed(jobs):
    job = jobs["input never comes"]
    assert job.end() == "JOB_ABORTED"
    assert job.held() == [13] * (policy.RELEASES + 1)


def test_a_job_held_by_hand_stays_held_until_it_is_removed(jobs):
    job = jobs["held by hand"]
    assert job.end() == "JOB_ABORTED"
    assert job.held() == [1]
    assert "JOB_RELEASED" not in job.events()


@pytest.mark.parametrize("what", ["memory", "disk"])
def test_a_job_over_its_limits_is_held_and_gets_more(jobs, what):
    job = jobs[what]
    assert job.end() == "JOB_TERMINATED"
    assert set(job.held()) <= {21, 34}
    assert job.held()
    (end,) = (e for e in log_events(job.folder / "log") if e.type.name == "JOB_TERMINATED")
    assert end["ReturnValue"] == 0
    assert what in (job.folder / "log").read_text()


def test_a_job_that_runs_too_long_is_tried_again_and_then_removed(jobs):
    job = jobs["time"]
    assert job.end() == "JOB_ABORTED"
    assert set(job.held()) == {47}
    assert 2 <= len(job.held()) <= policy.RELEASES + 1  # HTCondor counts some of them twice


def value(expression: str, **attributes: object) -> object:
    """Return the value of an expression of a submit file for a job with these attributes."""
    import classad2

    expression = expression.replace("TARGET.", "Other")
    return classad2.ExprTree(expression).eval(classad2.ClassAd(attributes))


@pytest.mark.parametrize("n", range(8))
def test_the_requested_tries_are_split_over_at_most_two_submissions(n):
    submissions = range(policy.submissions(n))
    commands = [policy.retry_commands(n, str(retry))["max_retries"] for retry in submissions]
    assert sum(value(command) + 1 for command in commands) == n + 1
    assert len(submissions) <= 2


def test_requests_grow_with_each_try_up_to_a_limit():
    requests = [
        value(policy.growing(100, 3, str(retry)), NumJobCompletions=tries)
        for retry in range(2)
        for tries in range(2)
    ]
    assert requests == [100, 200, 300, 400]
    import classad2

    held = classad2.ClassAd({"StartdHeldJob": 1, "JobOutOfResources": 1, "UserRequest": 5})
    more = {"NumJobCompletions": 0, "NumHoldsByReason": held}
    assert value(policy.growing(100, 3, "0"), **more) == 300
    assert value(policy.growing(100, 9, "1"), NumJobCompletions=9) == 400


def test_what_an_evicted_job_asks_for_grows_with_each_eviction_and_never_without_end():
    asked = [100]
    for _ in range(5):
        again = policy.requests("memory", 100, 3, "0")["retry_request_memory"]
        asked.append(value(again, RequestMemory=asked[-1]))
    assert asked == [100, 200, 300, 400, 400, 400]


@pytest.mark.parametrize(
    ("status", "starts", "seconds", "is_held"),
    [(1, 10, 60, True), (1, 9, 10, False), (1, 20, 3600, False), (2, 20, 10, False)],
)
def test_a_job_that_never_starts_successfully_is_held(status, starts, seconds, is_held):
    job = {"JobStatus": status, "NumShadowStarts": starts, "RemoteWallClockTime": seconds}
    assert value(policy.hold_commands(SITE)["periodic_hold"], **job) is is_held
    held = {"JobStatus": 5, "HoldReasonCode": 3, "EnteredCurrentStatus": int(time.time())}
    assert value(policy.removal(SITE), **held) is True  # at once, so that RETRY is used


def test_a_job_avoids_machines_on_which_it_failed_for_a_time():
    expression = policy.avoidance_commands(read_site("icecube"))["requirements"]
    now = int(time.time())

    def takes(machine: str, since: int = 0, **known: object) -> bool:
        idle = {"JobStatus": 1, "NumJobCompletions": 0, "EnteredCurrentStatus": now - since}
        return bool(value(expression, **{"OtherMachine": machine, **idle, **known}))

    failed = {"NumJobCompletions": 1, "MachineAttrMachine0": "bad"}
    assert takes("bad")
    assert takes("bad", MachineAttrMachine0="bad")  # evicted does not count as failed
    assert takes("good", **failed)
    assert not takes("bad", **failed)
    assert takes("bad", since=901, **failed)
    assert takes("bad", **failed, JobStatus=2)
    assert not takes("bad", NumHolds=1, NumShadowStarts=1, MachineAttrMachine2="bad")
    there = {"OtherGLIDEIN_Site": "A", "MachineAttrGLIDEIN_Site0": "A"}
    assert not takes("good", **failed, **there)
    assert takes("good", **failed, OtherGLIDEIN_Site="B", MachineAttrGLIDEIN_Site0="A")
    assert policy.avoidance_commands(read_site("personal")) == {}
