"""DAGMan's scripts that were killed, which only DAGMan's own log shows."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skyscan.regular import read_tail

if TYPE_CHECKING:
    from pathlib import Path

_START = "STARTING UP"
#: With 23.9.6: ``Running PRE script of Node a...``, ``PRE Script of node a died on signal 9``,
#: ``PRE Script of Job a failed with status 137``; POST scripts likewise, without "node".
_RUNS = re.compile(r"Running (PRE|POST) script of Node (\S+?)\.\.\.", re.IGNORECASE)
_DIED = re.compile(r"PRE Script of (?:node|Job) (\S+) died on (?:signal )?(\d+)", re.IGNORECASE)
_FAILED = re.compile(
    r"PRE Script of (?:node|Job) (\S+) failed with status (\d+)", re.IGNORECASE
)
_BY_SIGNAL = 128  # a shell adds the signal of its child to this


@dataclass(frozen=True)
class KilledScript:
    """A PRE script whose last try was killed: its node, and the signal."""

    node: str
    signal: int

    def description(self) -> str:
        """Return what killed it, such as ``killed by signal 9 (SIGKILL)``."""
        try:
            name = f" ({signal.Signals(self.signal).name})"
        except ValueError:
            name = ""
        return f"its PRE script was killed by signal {self.signal}{name}"


def killed_scripts(dag: Path) -> list[KilledScript]:
    """Return the PRE scripts of a DAG's last submission that were killed at their last try."""
    log = dag.with_name(f"{dag.name}.dagman.out")
    try:
        text = read_tail(log)
    except OSError:
        return []
    killed: dict[str, int] = {}
    for line in text[text.rfind(_START) + 1 :].splitlines():
        if runs := _RUNS.search(line):
            killed.pop(runs[2], None)
        elif died := _DIED.search(line):
            killed[died[1]] = int(died[2])
        elif (failed := _FAILED.search(line)) and int(failed[2]) > _BY_SIGNAL:
            killed[failed[1]] = int(failed[2]) - _BY_SIGNAL
    return [KilledScript(node, number) for node, number in killed.items()]
