"""Why the jobs of a run failed, from the files of Pegasus and HTCondor."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

from condor.dagman import job_ends
from skyscan.errors import ExitCode, last_error_line
from workflows.engines.engine import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Error of the planner for a workflow that it could not plan.
_PLANNER_ERROR = re.compile(r"\[(?:FATAL )?ERROR\]\s*(?:\[\d+\]\s*)?(.+)")
_PLANNING = "pegasus-plan_"


def failed_jobs(run: Path) -> list[Failure]:
    """Return the jobs of a run that failed at their last try, with exit code and error.

    Nested workflows are searched, not named, because they failed by one of their jobs.
    """
    found = []
    for folder in _workflow_folders(run):
        for log in sorted(folder.glob("*.dag.nodes.log")):
            for node, end in sorted(job_ends(log).items()):
                if end.exit_code == 0 or node.startswith(_PLANNING):
                    continue
                text, code = _last_words(folder, node) or (end.reason, None)
                found.append(Failure(node, code or end.exit_code or ExitCode.TRY_AGAIN, text))
        for log in sorted(folder.glob(f"{_PLANNING}*.pre.log*")):
            errors = _PLANNER_ERROR.findall(log.read_text(errors="replace"))
            if errors:
                name = log.name.partition(".")[0]
                step = f"planning {name.removeprefix(_PLANNING)}"
                found.append(Failure(step, ExitCode.TRY_AGAIN, errors[-1].strip()))
    return found


def _workflow_folders(run: Path) -> Iterator[Path]:
    """Yield the folders of the run and of its nested workflows."""
    for folder, _, names in os.walk(run):  # does not follow links of an earlier planning
        if any(name.endswith(".dag") for name in names):
            yield Path(folder)


def _last_words(folder: Path, node: str) -> tuple[str, int | None] | None:
    logs = sorted(folder.glob(f"[0-9]*/[0-9]*/{node}.out*"))  # .out.000 is from the first try
    # The record that Pegasus writes of a job contains its stderr, indented.
    return next(filter(None, map(last_error_line, reversed(logs))), None)
