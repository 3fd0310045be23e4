"""Why the jobs of a run failed, from the files of Pegasus and HTCondor."""

from __future__ import annotations

import os
import re
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from condor.logs.dagman import job_ends
from skyscan.errors import ExitCode, last_error_in, printable
from workflows.engines.engine import Failure

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Error of the planner for a workflow that it could not plan.
_PLANNER_ERROR = re.compile(r"\[(?:FATAL )?ERROR\]\s*(?:\[\d+\]\s*)?(.+)")
_PLANNING = "pegasus-plan_"
#: The stderr of a job in the record that Pegasus writes of it (YAML).
_STDERR = re.compile(
    r"^( *)stderr:\n(?:\1 +.*\n)*?\1  data: \|.*\n((?:\1    .*\n?|[ ]*\n)*)", re.MULTILINE
)
_SHOWN = 5  # lines


def failed_jobs(run: Path) -> list[Failure]:
    """Return the jobs of a run that failed at their last try: exit code, error, stderr.

    Nested workflows are searched, not named, because they failed by one of their jobs.
    """
    found = []
    for folder in _workflow_folders(run):
        for log in sorted(folder.glob("*.dag.nodes.log")):
            for node, end in sorted(job_ends(log).items()):
                if end.exit_code == 0 or node.startswith(_PLANNING):
                    continue
                words = _last_words(folder, node)
                text, code = last_error_in("\n".join(words)) or (end.reason, None)
                found.append(
                    Failure(
                        *(node, code or end.exit_code or ExitCode.TRY_AGAIN, text),
                        last_lines=words[-_SHOWN:],
                    )
                )
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


def _last_words(folder: Path, node: str) -> tuple[str, ...]:
    """Return the lines of stderr in the newest record of a job that has any."""
    logs = sorted(folder.glob(f"[0-9]*/[0-9]*/{node}.out*"))  # .out.000 is from the first try
    for log in reversed(logs):
        record = log.read_text(errors="replace")
        blocks = [textwrap.dedent(it[2]) for it in _STDERR.finditer(record)]
        if lines := tuple(printable(it) for it in "".join(blocks).splitlines() if it.strip()):
            return lines
    return ()
