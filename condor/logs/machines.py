"""Find the machines that fail every job, from the job logs of DAGs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from condor.logs.dagman import log_events
from condor.policy import FINAL_CODES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import htcondor2 as htcondor

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


def bad_machines(logs: Iterable[Path]) -> list[BadMachine]:
    """Return the machines on which every job of the node logs failed at once, worst first."""
    return bad_machines_of(run for log in logs for run in _runs(log))


def bad_machines_of(ended: Iterable[tuple[str, bool, float]]) -> list[BadMachine]:
    """Return the same, given machine, success and duration (s) of each run that ended."""
    runs: dict[str, list[tuple[bool, float]]] = defaultdict(list)
    for machine, is_good, seconds in ended:
        runs[machine].append((is_good, seconds))
    bad = [
        BadMachine(machine, len(of_it), max(seconds for _, seconds in of_it))
        for machine, of_it in runs.items()
        if len(of_it) >= FAILURES
        and not any(is_good or seconds > QUICK for is_good, seconds in of_it)
    ]
    return sorted(bad, key=lambda it: (-it.n_failed, it.name))


def _runs(log: Path) -> Iterator[tuple[str, bool, float]]:
    """Yield machine, success and duration (s) of each run that ended by itself."""
    import htcondor2 as htcondor

    types = htcondor.JobEventType
    started: dict[int, htcondor.JobEvent] = {}
    for event in log_events(log):
        begin = started.get(event.cluster)
        if event.type == types.EXECUTE:
            started[event.cluster] = event
        elif begin is not None and _has_ended(event):
            del started[event.cluster]
            # Jobs of the access point itself have no slot.
            if begin.get("SlotName"):
                machine = str(begin["SlotName"]).rpartition("@")[2]
                yield machine, _is_good(event), float(event.timestamp - begin.timestamp)


def _has_ended(event: htcondor.JobEvent) -> bool:
    """Return whether a run ended by itself rather than by eviction or removal."""
    code = event.get("HoldReasonCode") if event.type.name == "JOB_HELD" else None
    ended = event.type.name == "JOB_TERMINATED" or event.get("TerminatedAndRequeued")
    return bool(ended) or code in OF_THE_MACHINE


def _is_good(event: htcondor.JobEvent) -> bool:
    """Return whether the machine did its part: bad input fails on every machine."""
    return bool(event.get("TerminatedNormally")) and (
        event["ReturnValue"] == 0 or event["ReturnValue"] in FINAL_CODES
    )
