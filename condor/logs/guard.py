"""What ``dagman.sh`` did to a DAG: it records there what it works around."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from skyscan.regular import read_tail

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class GuardAction:
    """One line of the log of ``dagman.sh``.

    Attributes
    ----------
    time : float
        When it was written, seconds since 1970.
    fault : str
        Name of the fault, as in docs/htcondor-faults.md; ``untried`` for a warning.
    text : str
        What was done.
    """

    time: float
    fault: str
    text: str

    def line(self) -> str:
        """Return one line for a report."""
        when = datetime.fromtimestamp(self.time).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        return f"{when}  dagman.sh ({self.fault}): {self.text}"


#: Its repair has no consequence: the numbers have no meaning outside of DAGMan's log.
SKIPPED_NODES = "skipped-nodes"
#: The fault of a DAGMan that died at several starts in a row, after which ``dagman.sh`` ends.
RESTARTS = "restarts"


def guard_log(dag: Path) -> Path:
    """Return the path of the log of ``dagman.sh`` for a DAG."""
    return dag.with_name(f"{dag.name}.guard.log")


def guard_actions(dag: Path) -> list[GuardAction]:
    """Return what ``dagman.sh`` did to a DAG, oldest first; a repeated warning once."""
    try:
        lines = read_tail(guard_log(dag)).splitlines()
    except OSError:
        return []
    actions = [action for line in lines if (action := _action(line))]
    warnings = {action.text: action for action in actions if action.fault == "untried"}
    return [it for it in actions if it.fault != "untried" or it is warnings[it.text]]


def _action(line: str) -> GuardAction | None:
    time, _, rest = line.partition("\t")
    fault, _, text = rest.partition("\t")
    try:
        return GuardAction(datetime.fromisoformat(time).timestamp(), fault, text)
    except ValueError:  # truncated by a full disk
        return None
