"""Machines that fail every job, according to job logs as HTCondor writes them."""

import pytest
from job_log_support import ended, submitted, write_log

from condor.logs.machines import BadMachine, bad_machines

STARTED = (
    "001 ({:03d}.000.000) 2026-01-01 10:01:00 Job executing on host: <127.0.0.1:9618>\n"
    "\tSlotName: slot1_1@{}"
)
LEFT = (
    "004 ({:03d}.000.000) 2026-01-01 10:01:{:02d} Job was evicted.\n\t(0) CPU times\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
    "\t0  -  Run Bytes Sent By Job\n\t0  -  Run Bytes Received By Job"
)
AGAIN = LEFT.replace("CPU times", "Job terminated and was requeued") + (
    "\n\t(1) Normal termination (return value {})\n\tThe job is to be tried again"
)
HELD = "012 ({:03d}.000.000) 2026-01-01 10:01:{:02d} Job was held.\n\tno\n\tCode {} Subcode 2"


def tried_again(job: int, machine: str, code: int = 75, second: int = 7) -> tuple[str, ...]:
    return STARTED.format(job, machine), AGAIN.format(job, second, code)


def held(job: int, machine: str, code: int) -> tuple[str, ...]:
    return STARTED.format(job, machine), LEFT.format(job, 2), HELD.format(job, 3, code)


@pytest.fixture
def machines(tmp_path):
    """Return the warnings about the machines of one round, given its events."""

    def found(*jobs: tuple[str, ...]) -> list[BadMachine]:
        events = [event for job in jobs for event in job]
        log = tmp_path / "round_000.dag.nodes.log"
        write_log(log, *(submitted(n) for n in range(9)), *events)
        return bad_machines([log])

    return found


def test_a_machine_that_fails_all_jobs_at_once_is_named_with_their_number(machines):
    good = (STARTED.format(8, "good"), ended(8, 0))
    (bad,) = machines(*(tried_again(n, "bad", second=n + 3) for n in range(4)), good)
    assert (bad.name, bad.n_failed, bad.seconds) == ("bad", 4, 6.0)
    assert bad.line().startswith("machine bad: 4 of 4 jobs failed within 6 s")
    assert 'submit.requirements=TARGET.Machine != "bad"' in bad.line()


def test_jobs_without_output_or_start_count_as_failed(machines):
    (bad,) = machines(held(1, "bad", 12), held(2, "bad", 6), tried_again(3, "bad"))
    assert bad.n_failed == 3


@pytest.mark.parametrize("code", [0, 65, 69])
def test_one_job_that_ran_long_enough_clears_a_machine(machines, code):
    bad = [tried_again(n, "bad") for n in range(4)]
    assert not machines(*bad, (STARTED.format(5, "bad"), ended(5, code)))


@pytest.mark.parametrize("code", [1, 13, 21, 34, 47])
def test_holds_for_which_the_machine_is_not_to_blame_do_not_count(machines, code):
    assert not machines(*(held(n, "busy", code) for n in range(4)))


def test_few_or_slow_failures_and_vacated_jobs_do_not_blame_a_machine(machines):
    assert not machines(*(tried_again(n, "two") for n in range(2)))
    late = "2026-01-01 10:03"
    slow = [
        [event.replace("2026-01-01 10:01:07", f"{late}:07") for event in tried_again(n, "a")]
        for n in range(4)
    ]
    assert not machines(*(tuple(events) for events in slow))
    assert not machines(*((STARTED.format(n, "a"), LEFT.format(n, 5)) for n in range(4)))
