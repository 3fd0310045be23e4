"""The last job with Pegasus, which has no step that always runs: map and report."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from skyscan.errors import SkyscanError
from skyscan.merge import merge
from workflows.engines.engine import Failure
from workflows.reports.writing import write_report

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


def merge_and_report(folder: ScanFolder, scan: Planned, here: Path) -> None:
    """Write map and report into the scan folder, and copies of the map to ``here``.

    Raises
    ------
    SkyscanError
        As `skyscan.merge.merge`; the report contains the error.
    """
    try:
        merge(folder, scan)
    except SkyscanError as error:
        write_report(folder, 1, [Failure("merge", int(error.exit_code), str(error))])
        raise
    finally:
        for path in folder.path.glob(f"{scan.name}_*.*"):
            shutil.copy(path, here)
    write_report(folder, 0)
