"""The engine that runs a scan, and its DAG: Pegasus, too, hands one to DAGMan."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TYPE_CHECKING

from condor.dagman import dagman_state
from skyscan.errors import ScanIncomplete
from workflows.engines.dagman import SCAN_DAG
from workflows.engines.pegasus.folder import PegasusFolder

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.layout import ScanFolder


class Engine(StrEnum):
    """What a scan's steps are rendered to."""

    DAGMAN = "dagman"
    PEGASUS = "pegasus"


def engine_of(folder: ScanFolder) -> Engine:
    """Return what the scan was planned for."""
    planned = PegasusFolder(folder.path).path.is_dir()
    return Engine.PEGASUS if planned else Engine.DAGMAN


def dags_of(folder: ScanFolder) -> list[Path]:
    """Return the DAGs of a scan, oldest first: Pegasus makes a new one for each run."""
    if engine_of(folder) == Engine.PEGASUS:
        return PegasusFolder(folder.path).dags()
    return [folder.path / SCAN_DAG]


def dag_of(folder: ScanFolder) -> Path:
    """Return the DAG of the last submission; of a scan not yet planned by Pegasus, no file."""
    return (dags_of(folder) or [folder.path / SCAN_DAG])[-1]


def deadline_of(folder: ScanFolder, seconds: float | None) -> int:
    """Return when the scan must end, in seconds since 1970; 0 when that is not said.

    Raises
    ------
    ScanIncomplete
        That has passed.
    """
    if seconds is None:
        return 0
    state = dagman_state(dag_of(folder))
    begun = time.time() if state is None else state.submitted
    if time.time() > begun + seconds:
        raise ScanIncomplete(f"the deadline of {seconds:g} s (--deadline) has passed.")
    return int(begun + seconds)
