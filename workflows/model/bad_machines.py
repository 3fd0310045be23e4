"""The machines that fail every job."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condor.policy import FINAL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workflows.model.jobs import Job, Start

#: A machine is bad if it failed at least this many jobs, each within this many seconds, and no
#: job succeeded there: a black hole, which drains a whole queue since it is free so quickly.
FAILURES, QUICK = 3, 60.0
#: Hold reason codes that are the machine's fault: it cannot start the job, open its files or
#: run its image, or there was no output to transfer.
OF_THE_MACHINE = (6, 7, 8, 9, 10, 11, 12, 18, 19, 45)


@dataclass(frozen=True)
class BadMachine:
    """A machine on which every job failed at once.

    Attributes
    ----------
    name : str
        The value of the attribute ``Machine``.
    n_failed : int
        How many jobs failed there.
    seconds : float
        How long the longest of them took.
    """

    name: str
    n_failed: int
    seconds: float

    def line(self) -> str:
        """Return one line for a report."""
        return (
            f"machine {self.name}: {self.n_failed} of {self.n_failed} jobs failed within "
            f"{max(1.0, self.seconds):.0f} s; ask its owner, or plan with "
            f"--set 'submit.requirements=TARGET.Machine != \"{self.name}\"'"
        )


def bad_machines(jobs: Iterable[Job], *, may_be_the_only_one: bool = False) -> list[BadMachine]:
    """Return the machines on which every job failed at once, worst first.

    Parameters
    ----------
    jobs : iterable of Job
        The jobs of a scan.
    may_be_the_only_one : bool
        Whether a machine on which all jobs ran may have no other beside it: then it is not
        one to avoid.
    """
    runs: dict[str, list[Start]] = defaultdict(list)
    for job in jobs:
        for start in job.starts:
            if start.slot and start.ended is not None and _has_ended_itself(start):
                runs[start.machine].append(start)
    if may_be_the_only_one and len(runs) == 1:
        return []
    bad = [
        BadMachine(machine, len(starts), max(_seconds(it) for it in starts))
        for machine, starts in runs.items()
        if len(starts) >= FAILURES
        and not any(_is_good(it) or _seconds(it) > QUICK for it in starts)
    ]
    return sorted(bad, key=lambda it: (-it.n_failed, it.name))


def _has_ended_itself(start: Start) -> bool:
    """Return whether a start ended by itself or its machine, not by eviction or removal."""
    ended = start.how in ("good", "failed") or start.exit_code is not None
    return ended or start.hold_code in OF_THE_MACHINE


def _is_good(start: Start) -> bool:
    """Return whether the machine did its part: bad input fails on every machine."""
    return start.exit_code == 0 or start.exit_code in FINAL_CODES


def _seconds(start: Start) -> float:
    """Return how long a start that has ended took."""
    return start.seconds(start.began)
