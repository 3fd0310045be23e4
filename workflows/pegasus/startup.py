"""Prep's work, on its way from the job that made it to the jobs that need it."""

from __future__ import annotations

import shutil
import tarfile
from typing import TYPE_CHECKING

from skyscan import layout
from skyscan.errors import BadInput
from skyscan.startup import is_whole
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from skyscan.scan import Scan
    from workflows.pegasus.folder import PegasusFolder


def take_startup(folder: ScanFolder, pegasus: PegasusFolder, scan: Scan, tar: Path) -> None:
    """Unpack prep's work into the scan folder, and keep it packed for the jobs.

    Raises
    ------
    BadInput
        It is damaged, or of another scan.
    """
    unpacked = pegasus.path / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        with tarfile.open(tar) as archive:
            archive.extractall(unpacked, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise BadInput(f"{tar} cannot be unpacked ({error}); plan the scan anew.") from error
    if not is_whole(unpacked / layout.STARTUP, scan.id):
        raise BadInput(f"{tar} is not what prep makes of this scan; plan the scan anew.")
    shutil.rmtree(folder.startup, ignore_errors=True)
    (unpacked / layout.STARTUP).replace(folder.startup)
    unpacked.rmdir()
    write_bytes(pegasus.startup_tar, tar.read_bytes())


def drop_damaged(folder: ScanFolder, pegasus: PegasusFolder, scan: Scan) -> None:
    """Remove the packed work of prep unless the scan folder has it whole: prep runs again."""
    if not is_whole(folder.startup, scan.id):
        pegasus.startup_tar.unlink(missing_ok=True)
