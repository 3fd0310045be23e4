"""Submit commands that decide what happens to a job that fails, is held, or never starts.

They are expressions over the job's own counters. Attributes and hold reason codes are those of
HTCondor's manual ("Job ClassAd Attributes", "Hold Reason Codes"); what is marked as seen was
seen with 23.9.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.errors import ExitCode

if TYPE_CHECKING:
    from condor.sites import Site

#: Exit codes that another try would only repeat.
FINAL_CODES = (ExitCode.BAD_INPUT, ExitCode.INCOMPLETE)
#: A job's requests grow to at most this multiple of its first request.
MOST_GROWTH = 4
#: How often a job is released; DAGMan itself removes a job after DAGMAN_MAX_JOB_HOLDS holds.
RELEASES = 3
#: Hold reason codes of failures that may not recur on another machine, later, or with larger
#: requests.
PASSING = (
    *(6, 7, 8, 9, 10),  # the machine could not start the job or open its stdin, stdout, stderr
    *(11, 12, 13, 18),  # file transfer
    *(14, 22, 23),  # the job's folder, its log, its account
    19,  # the machine's own preparation of the job failed
    21,  # the machine's policy, mostly about more memory or disk than asked for
    34,  # more memory than it asked for
    *(35, 45),  # the image, or the machine's Apptainer
    36,  # a checkpoint was not transferred
    47,  # longer than allowed_execute_duration without a checkpoint
)
JOB_POLICY = 3  # the code of a hold by the job's own periodic_hold
#: A job that was started this often and ran for fewer seconds than this each time will never
#: run: a job whose image does not start is evicted and started again every few seconds, without
#: a hold or failure (seen).
FUTILE_STARTS, FUTILE_SECONDS = 10, 20
NEVER_RAN = "it was started again and again but never ran: its image or Python does not start"
#: How many of the machines that a job was last on are avoided.
MACHINES = 3
# How often the job was held. NumHolds counts one hold by allowed_execute_duration several times
# (seen), but a start ends in at most one hold.
_HOLDS = "min({NumHolds ?: 0, NumShadowStarts ?: 0})"


def submissions(max_retries: int) -> int:
    """Return how often a job with this many retries is submitted at most."""
    return min(max_retries, 1) + 1


def retry_commands(max_retries: int, retry: str) -> dict[str, str]:
    """Return the commands that let HTCondor start a failed job again.

    Half of the retries are of the same job, which knows its checkpoint and the machines that
    it was on. The others are of a second submission, since some failures need a new job.

    Parameters
    ----------
    max_retries : int
        How often a job may be tried again, both submissions together.
    retry : str
        A macro: 0 in the first submission, 1 in the second.
    """
    return {
        "max_retries": f"({max_retries} - {retry}) / 2",
        # Not member(): a killed job has no exit code, and an undefined value would end it.
        "retry_until": " || ".join(f"ExitCode =?= {code:d}" for code in FINAL_CODES),
    }


def growing(amount: int, max_retries: int, retry: str) -> str:
    """Return a request that grows with each try and with each hold for exceeding it.

    Not all pools report that a job was killed for its memory.
    """
    before = max_retries // 2 + 1
    too_much = " + ".join(
        f"(NumHoldsByReason.{reason} ?: 0)" for reason in ("StartdHeldJob", "JobOutOfResources")
    )
    tries = f"1 + {before} * {retry} + NumJobCompletions + {too_much}"
    return f"{amount} * min({{{MOST_GROWTH}, {tries}}})"


def requests(resource: str, amount: int, max_retries: int, retry: str) -> dict[str, str]:
    """Return the commands that request memory or disk: more after failures and evictions.

    Schedds of 25.10 and later change the request of a job that exceeds it and start the job
    again at once (``retry_request_memory``); if the request cannot grow further, and with an
    older schedd, which ignores the command, the job is held. The command has no effect unless
    ``request_memory`` is a number (seen with 25.14.1): the attribute has the expression.

    Parameters
    ----------
    resource : str
        ``memory`` or ``disk``.
    amount : int
        The first request, in HTCondor's unit.
    max_retries, retry : int, str
        As for `growing`.
    """
    attribute = f"Request{resource.capitalize()}"
    return {
        f"request_{resource}": str(amount),
        f"+{attribute}": growing(amount, max_retries, retry),
        f"retry_request_{resource}": f"min({{{attribute} + {amount}, {MOST_GROWTH * amount}}})",
    }


def hold_commands(site: Site) -> dict[str, str]:
    """Return the commands that release a held job a few times, and hold one that never runs."""
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
    """Return the condition that removes a held job: a hold alone never fails a DAGMan node."""
    return (
        f"(JobStatus == 5 && (HoldReasonCode == {JOB_POLICY} || "
        f"time() - EnteredCurrentStatus > {site.held_too_long}))"
    )


def avoidance_commands(site: Site) -> dict[str, str]:
    """Return the commands that keep a job away from the machines and the site that failed it.

    They apply for a limited time: where there are no other machines, the job would never run
    again (seen).
    """
    if site.this_machine or not site.avoid_machines:
        return {}
    # The history also holds machines that only evicted the job and, while it runs, its current
    # machine.
    unless = (
        f"JobStatus =!= 1 || NumJobCompletions + {_HOLDS} == 0 || "
        f"time() - EnteredCurrentStatus > {site.avoid_machines}"
    )
    others = [f"TARGET.Machine =!= MachineAttrMachine{n}" for n in range(MACHINES)]
    # Glideins, which make up OSPool and IceCube's grid, advertise their site.
    others.append(
        "(TARGET.GLIDEIN_Site =?= undefined || "
        "TARGET.GLIDEIN_Site =!= MachineAttrGLIDEIN_Site0)"
    )
    return {
        "job_machine_attrs": "Machine, GLIDEIN_Site",
        "job_machine_attrs_history_length": str(MACHINES),
        "requirements": f"{unless} || ({' && '.join(others)})",
    }
