"""The output of prep, from the job that makes it to the jobs that need it."""

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

MAX_MEMBERS = 1000  #: of the output of prep, which is a few files


def take_startup(folder: ScanFolder, pegasus: PegasusFolder, scan: Planned, tar: Path) -> None:
    """Unpack the output of prep into the scan folder, and keep the archive for the jobs.

    Raises
    ------
    BadInput
        The archive is damaged, or of another scan.
    """
    unpacked = pegasus.path / "unpacked"
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        _unpack(tar, unpacked)
    except (tarfile.TarError, OSError, ValueError) as error:
        raise BadInput(f"{tar} cannot be unpacked ({error}); plan the scan again.") from error
    if not is_whole(unpacked / layout.STARTUP, scan.id):
        raise BadInput(f"{tar} is not the output of prep for this scan; plan it again.")
    shutil.rmtree(folder.startup, ignore_errors=True)
    (unpacked / layout.STARTUP).replace(folder.startup)
    unpacked.rmdir()
    write_bytes(pegasus.startup_tar, tar.read_bytes())


def _unpack(tar: Path, place: Path) -> None:
    # Not with the filters of `tarfile`: they came with 3.11.4, and Debian 12 has 3.11.2. Only
    # plain archives: one that is compressed or sparse could expand without an end.
    with tarfile.open(tar, "r:") as archive:
        for number, member in enumerate(archive):
            path = Path(member.name)
            file = archive.extractfile(member) if member.isreg() else None
            is_odd = member.issparse() or not (file or member.isdir())
            if path.is_absolute() or ".." in path.parts or is_odd:
                raise tarfile.TarError(f"unexpected member {member.name!r}")
            if number == MAX_MEMBERS:
                raise tarfile.TarError(f"more than {MAX_MEMBERS} members")
            if file is not None:
                (place / path).parent.mkdir(parents=True, exist_ok=True)
                (place / path).write_bytes(file.read())


def drop_damaged(folder: ScanFolder, pegasus: PegasusFolder, scan: Planned) -> None:
    """Remove the packed output of prep, so that prep runs again, if the output is damaged."""
    if not is_whole(folder.startup, scan.id):
        pegasus.startup_tar.unlink(missing_ok=True)
