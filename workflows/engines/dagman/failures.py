"""Why the jobs of a DAG failed, from DAGMan's logs and the output of the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.dagman import job_ends
from skyscan.errors import ExitCode, last_error_line
from workflows.engines.dagman.dags import SCAN_DAG, round_dag
from workflows.engines.engine import Failure

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from condor.dagman import JobEnd
    from skyscan.layout import ScanFolder


def failed_jobs(folder: ScanFolder) -> list[Failure]:
    """Return the nodes of a scan's DAGs that failed at their last try, the outer DAG first."""
    found = [
        _failure(node, end, folder.logs.glob(f"{node}*.err"))
        for node, end in _failed(folder, SCAN_DAG)
    ]
    for number in folder.chosen_rounds():
        logs = folder.round(number).logs
        found += [
            _failure(node, end, logs.glob(f"{node.rpartition('_')[2]}.*.err"))
            for node, end in _failed(folder, round_dag(number))
        ]
    return found


def _failed(folder: ScanFolder, dag: str) -> list[tuple[str, JobEnd]]:
    ends = job_ends(folder.workflow / f"{dag}.nodes.log")
    return [(node, end) for node, end in ends.items() if end.exit_code != 0]


def _failure(node: str, end: JobEnd, logs: Iterable[Path]) -> Failure:
    """Return a node's failure with the error of its job's last try, else HTCondor's reason."""
    newest = sorted(logs, key=lambda path: path.stat().st_mtime)[-1:]
    text, code = next(filter(None, map(last_error_line, newest)), (end.reason, None))
    return Failure(node, code or end.exit_code or ExitCode.TRY_AGAIN, text)
