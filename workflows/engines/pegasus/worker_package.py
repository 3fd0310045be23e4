"""The worker package: Pegasus' programs for machines that have no Pegasus, 18 MB.

pegasus-plan copies it into the folder of each workflow that it plans, even if no job reads it
(seen with 5.1.2), and a scan has a workflow for each round. No setting prevents that.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from workflows.engines.pegasus.folder import PegasusFolder

if TYPE_CHECKING:
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

#: The file, as a pattern of the shell.
WORKER_PACKAGE = "pegasus-worker-*.tar.gz"


def needs_worker_package(scan: Planned, site: Site) -> bool:
    """Return whether jobs run where the Pegasus of this machine is not found."""
    return not site.this_machine or scan.runtime.startswith("container:")


def drop_worker_packages(folder: ScanFolder) -> None:
    """Remove the worker packages of all runs of a scan whose jobs do not read them."""
    for place, _, _ in os.walk(PegasusFolder(folder.path).submit):
        for package in Path(place).glob(WORKER_PACKAGE):
            package.unlink(missing_ok=True)
