"""The engines that run a scan: HTCondor's DAGMan, and Pegasus in front of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workflows.engines.dagman.engine import Dagman
from workflows.engines.pegasus.engine import Pegasus

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder
    from workflows.engines.engine import Engine

__all__ = ["DEFAULT_ENGINE", "ENGINES", "engine_of"]

_DAGMAN = Dagman()
#: By the value of ``--engine``.
ENGINES: dict[str, Engine] = {engine.name: engine for engine in (_DAGMAN, Pegasus())}
DEFAULT_ENGINE = _DAGMAN.name


def engine_of(folder: ScanFolder) -> Engine:
    """Return the engine that a scan was planned for, judging by the files in its folder."""
    return next((it for it in ENGINES.values() if it.is_in(folder)), _DAGMAN)
