"""Results that are in the files of runs, but not in the scan folder yet.

The result file of a job comes back into Pegasus' scratch folder when the job succeeds or fails.
The job between rounds moves it into the scan folder; after a failed run, the next run does.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.rounds.arrived import take_results
from skyscan.scan import read_scan
from workflows.engines.pegasus.folder import PegasusFolder

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder
    from workflows.engines.engine import Arriving

_RESULT = re.compile(r"r(\d{3})_(\d{5,})(?:\.new)?\.rec", re.ASCII)  # graph.logical_name


def arriving_results(*places: Path) -> Arriving:
    """Find the result files below some folders, by round and batch."""
    found: dict[int, dict[int, list[Path]]] = {}
    for place in places:
        for folder, _, names in os.walk(place):
            for match in filter(None, map(_RESULT.fullmatch, names)):
                batches = found.setdefault(int(match[1]), {})
                batches.setdefault(int(match[2]), []).append(Path(folder, match[0]))
    return found


def settle(folder: ScanFolder) -> None:
    """Collect what ended runs left in Pegasus' scratch folder, and remove the folder.

    Otherwise fits that a scan has discarded could come back later.
    """
    scratch = PegasusFolder(folder.path).scratch
    for number, arriving in arriving_results(scratch).items():
        if folder.round(number).description.exists():
            take_results(folder.round(number), read_scan(folder.scan_json).id, arriving)
    shutil.rmtree(scratch, ignore_errors=True)
