"""Prep's work, on its way from the job that made it to the jobs that need it."""

from __future__ import annotations

import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan import layout
from skyscan.errors import BadInput
from skyscan.startup import is_whole
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder
    from workflows.engines.pegasus.folder import PegasusFolder
    from workflows.planned import Planned


def take_startup(folder: ScanFolder, pegasus: PegasusFolder, scan: Planned, tar: Path) -> None:
    """Unpack prep's work into the scan folder, and keep it packed for the jobs.

    Raises
    ------
    BadInput
        It is damaged, or of another scan.
    """
    unpacked = pegasus.path / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        _unpack(tar, unpacked)
    except (tarfile.TarError, OSError) as error:
        raise BadInput(f"{tar} cannot be unpacked ({error}); plan the scan anew.") from error
    if not is_whole(unpacked / layout.STARTUP, scan.id):
        raise BadInput(f"{tar} is not what prep makes of this scan; plan the scan anew.")
    shutil.rmtree(folder.startup, ignore_errors=True)
    (unpacked / layout.STARTUP).replace(folder.startup)
    unpacked.rmdir()
    write_bytes(pegasus.startup_tar, tar.read_bytes())


def _unpack(tar: Path, place: Path) -> None:
    # By hand: the filters of `tarfile` came with 3.11.4, and Debian 12 has 3.11.2.
    with tarfile.open(tar) as archive:
        for member in archive:
            path = Path(member.name)
            file = archive.extractfile(member) if member.isreg() else None
            if path.is_absolute() or ".." in path.parts or not (file or member.isdir()):
                raise tarfile.TarError(f"{member.name!r} is not to be in it")
            if file is not None:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_bytes(file.read())


def drop_damaged(folder: ScanFolder, pegasus: PegasusFolder, scan: Planned) -> None:
    """Remove the packed work of prep unless the scan folder has it whole: prep runs again."""
    if not is_whole(folder.startup, scan.id):
        pegasus.startup_tar.unlink(missing_ok=True)
