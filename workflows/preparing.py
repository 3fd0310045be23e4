"""Prepare a scan on the access point, without a job, where that takes no time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from condor.runtimes import parse_runtime
from condor.sites import recorded_site
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.source import Source
from skyscan.job.kernels import KERNELS_VARIABLE
from skyscan.prep import check_planned, prepare
from skyscan.recos import reco_class

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


def is_quick_here(scan: Planned) -> bool:
    """Return whether a scan is prepared here in less time than a job of it takes to start.

    Jobs then run on this machine in this Python, with its own kernels, and the
    reconstruction's preparation is short.
    """
    if not parse_runtime(scan.runtime).is_this_python or KERNELS_VARIABLE in scan.environment:
        return False
    is_here = recorded_site(scan.site, scan.site_values).this_machine
    return is_here and reco_class(scan.reco).is_prepared_quickly


def prepare_here(folder: ScanFolder, scan: Planned) -> None:
    """Write the startup folder in this process, as the job prep does.

    Raises
    ------
    BadInput
        As `skyscan.prep.prepare`; or the event or the kernel is not the one that was planned.
    """
    os.environ.update(scan.environment)
    source = source_in(folder, scan)
    try:
        check_planned(source, scan.event_sha256, scan.kernel_sha256)
        prepare(scan.id, scan.reco, source, folder.startup)
    except WrongUsage as error:  # as in a job: trying again does not help
        raise BadInput(str(error)) from error


def source_in(folder: ScanFolder, scan: Planned) -> Source:
    """Return the event of a scan folder with the options that describe it."""

    def of(path: Path, sha256: str | None) -> Path | None:
        return None if sha256 is None else path

    return Source(
        folder.event / scan.event_file,
        scan.is_real_event,
        None if scan.gcd_dir is None else Path(scan.gcd_dir),
        scan.pulses,
        of(folder.gcd, scan.gcd_sha256),
        of(folder.ice, scan.ice_sha256),
        of(folder.kernel, scan.kernel_sha256),
    )
