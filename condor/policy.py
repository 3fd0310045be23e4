"""What HTCondor does with a job that fails, is held, or does not even start.

Submit commands, made of expressions over the job's own counters. Attributes and hold reason
codes are those of HTCondor's manual ("Job ClassAd Attributes", "Hold Reason Codes"); what is
said to be seen was seen with 23.9.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.errors import ExitCode

if TYPE_CHECKING:
    from condor.sites import Site

#: Exit codes that another start would only give again.
FINAL_CODES = (ExitCode.BAD_INPUT, ExitCode.INCOMPLETE)
#: What a job asks for is never more than so many times what it asked for first.
MOST_GROWTH = 4
#: A job is released so many times; DAGMan itself removes one at its DAGMAN_MAX_JOB_HOLDS.
RELEASES = 3
#: Hold reason codes of what may go better on another machine, later, or with more of it.
PASSING = (
    *(6, 7, 8, 9, 10),  # the machine could not start the job or open its stdin, stdout, stderr
    *(11, 12, 13, 18),  # file transfer
    *(14, 22, 23),  # the job's folder, its log, its account
    19,  # the machine's own preparation of the job failed
    21,  # the machine's policy, mostly about more memory or disk than asked for
    34,  # more memory than it asked for
    *(35, 45),  # the image, or the machine's Apptainer
    36,  # a checkpoint did not come home
    47,  # longer than allowed_execute_duration without a checkpoint
)
JOB_POLICY = 3  # the code of a hold by the job's own periodic_hold
#: A job that has been started so often, and ran for so few seconds each time, never will run:
#: an image that does not start is evicted and started again every few seconds, without hold
#: or failure (seen).
FUTILE_STARTS, FUTILE_SECONDS = 10, 20
NEVER_RAN = "it was started again and again and never ran: its image or Python does not start"
#: How many of the machines that a job was on are avoided.
MACHINES = 3
# How often the job was held. NumHolds counts one hold by allowed_execute_duration several times
# (seen), and a start ends in one hold at most.
_HOLDS = "min({NumHolds ?: 0, NumShadowStarts ?: 0})"


def submissions(max_retries: int) -> int:
    """Return how often a job is submitted, at most, when it may be tried again so often."""
    return min(max_retries, 1) + 1


def retry_commands(max_retries: int, retry: str) -> dict[str, str]:
    """Return the commands that have HTCondor start a failed job again.

    Half of the tries are of the same job, which knows its checkpoint and which machines it
    was on; the others are of a second submission, for what a new job mends.

    Parameters
    ----------
    max_retries : int
        How often a job may be tried again, over both.
    retry : str
        Macro: 0 in the first submission, 1 in the second.
    """
    return {
        "max_retries": f"({max_retries} - {retry}) / 2",
        # Not by member(): a killed job has no exit code, and an undefined answer ends it.
        "retry_until": " || ".join(f"ExitCode =?= {code:d}" for code in FINAL_CODES),
    }


def growing(amount: int, max_retries: int, retry: str) -> str:
    """Return a request that grows with each try, and each hold for having used more.

    Of a job that was killed for its memory, not all pools say so.
    """
    before = max_retries // 2 + 1
    too_much = " + ".join(
        f"(NumHoldsByReason.{reason} ?: 0)" for reason in ("StartdHeldJob", "JobOutOfResources")
    )
    tries = f"1 + {before} * {retry} + NumJobCompletions + {too_much}"
    return f"{amount} * min({{{MOST_GROWTH}, {tries}}})"


def hold_commands(site: Site) -> dict[str, str]:
    """Return the commands that release a held job, a few times, or hold one that never runs."""
    codes = ", ".join(map(str, PASSING))
    held_for = "time() - EnteredCurrentStatus"
    return {
        "periodic_release": (
            f"member(HoldReasonCode, {{{codes}}}) && {_HOLDS} <= {RELEASES} && "
            f"{held_for} >= {site.release_after} * {_HOLDS}"
        ),
        "periodic_hold": (
            f"JobStatus == 1 && NumShadowStarts >= {FUTILE_STARTS} && "
            f"RemoteWallClockTime < {FUTILE_SECONDS} * NumShadowStarts"
        ),
        "periodic_hold_reason": f'"{NEVER_RAN}"',
    }


def removal(site: Site) -> str:
    """Return when a held job is removed: a hold by itself never fails a node of DAGMan."""
    return (
        f"(JobStatus == 5 && (HoldReasonCode == {JOB_POLICY} || "
        f"time() - EnteredCurrentStatus > {site.held_too_long}))"
    )


def avoidance_commands(site: Site) -> dict[str, str]:
    """Return the commands that keep a job off the machines and the site that failed it.

    Not for ever: where there are no others, it would never run again (seen).
    """
    if site.this_machine or not site.avoid_machines:
        return {}
    # The history also has machines that the job was only sent away from; and while it runs,
    # the one that it is on.
    unless = (
        f"JobStatus =!= 1 || NumJobCompletions + {_HOLDS} == 0 || "
        f"time() - EnteredCurrentStatus > {site.avoid_machines}"
    )
    others = [f"TARGET.Machine =!= MachineAttrMachine{n}" for n in range(MACHINES)]
    # Glideins, which OSPool and IceCube's grid are made of, say where they are.
    others.append(
        "(TARGET.GLIDEIN_Site =?= undefined || "
        "TARGET.GLIDEIN_Site =!= MachineAttrGLIDEIN_Site0)"
    )
    return {
        "job_machine_attrs": "Machine, GLIDEIN_Site",
        "job_machine_attrs_history_length": str(MACHINES),
        "requirements": f"{unless} || ({' && '.join(others)})",
    }
