"""Why a scan failed: errors of its jobs, its scripts, and DAGMan itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from condor.dagman import last_error
from condor.scripts import killed_scripts
from skyscan.errors import ExitCode, last_error_line
from workflows.engines import engine_of
from workflows.engines.engine import Failure

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.layout import ScanFolder


def find_failures(folder: ScanFolder) -> list[Failure]:
    """Return the failures of the last submission, the first cause first."""
    engine = engine_of(folder)
    jobs = engine.failed_jobs(folder)
    causes = [failure for failure in jobs if not failure.step.startswith(engine.echo)]
    scripts = [*_failed_scripts(folder), *_killed_scripts(folder)]
    return [*causes, *scripts] or jobs or [_of_dagman(folder)]


def _failed_scripts(folder: ScanFolder) -> list[Failure]:
    logs = sorted([*folder.logs.glob("open_*.err"), *folder.logs.glob("round_*.err")])
    return [
        Failure(_opening(log), error[1] or ExitCode.TRY_AGAIN, error[0])
        for log in logs
        if (error := last_error_line(log))
    ]


def _killed_scripts(folder: ScanFolder) -> list[Failure]:
    """Return the scripts that were killed at all their tries; they left no error."""
    engine = engine_of(folder)
    names = {
        log.with_name(log.name.removesuffix(".nodes.log")) for log in engine.node_logs(folder)
    }
    dags = sorted(names | {engine.dag(folder)})
    return [
        Failure(f"opening {it.node}", ExitCode.TRY_AGAIN, it.description())
        for dag in dags
        for it in killed_scripts(dag)
    ]


def _opening(log: Path) -> str:
    return f"opening {log.stem.removeprefix('open_')}"


def _of_dagman(folder: ScanFolder) -> Failure:
    """Return DAGMan's own error, for when no step explains why it failed."""
    dag = engine_of(folder).dag(folder)
    return Failure(
        "DAGMan", ExitCode.TRY_AGAIN, last_error(dag) or f"see {dag.name}.dagman.out"
    )
