"""Write a planned scan into its folder, and keep what another scan has there."""

from __future__ import annotations

import errno
import sys
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput, SkyscanError, TryAgain, WrongUsage
from skyscan.layout import DAGMAN_SH, JOB_SH, ScanFolder
from skyscan.rounds.description import read_description
from skyscan.storage import copy_file, sha256_of, write_bytes
from workflows.checks.digests import damaged_files, digests_of
from workflows.engines import ENGINES
from workflows.engines.scripts import missing_python, write_scripts
from workflows.planned import Planned, read_planned
from workflows.planning.code import code_zip
from workflows.planning.detector import Detector, place_detector
from workflows.planning.ice import place_ice
from workflows.planning.ownership import make_own
from workflows.steps import ACCESS_POINT_SH

if TYPE_CHECKING:
    from pathlib import Path

    from condor.sites import Site
    from skyscan.light.ice_model import IceModel

#: Errors of a disk or a machine that may be gone at the next try.
_PASSING = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOMEM),
    *(errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.EINTR),
)
_NOT_AN_OPTION = ("versions", "code_sha256", "files")


def _refuse_other_options(planned: Planned, scan: Planned, folder: ScanFolder) -> None:
    old, new = _flat(asdict(planned)), _flat(asdict(scan))
    names = [name for name in {**old, **new} if name.partition(".")[0] not in _NOT_AN_OPTION]
    differing = [name for name in names if old.get(name) != new.get(name)]
    if differing == ["event_sha256"]:
        raise WrongUsage(
            f"{folder.path} already holds a scan of this event from a file with other content. "
            f"Choose another --output-dir."
        )
    if differing:
        changes = ", ".join(
            f"{name} {old.get(name)!r} -> {new.get(name)!r}" for name in differing
        )
        raise WrongUsage(
            f"{folder.path} already holds a scan of this event with other options ({changes}). "
            f"Choose another --output-dir, or the same options to continue it."
        )


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested values by dotted name, to name the smallest value that differs."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def is_planned(folder: ScanFolder, scan: Planned) -> bool:
    """Return whether the folder has all that planning writes, and its Python is there."""
    if not folder.scan_json.exists():
        return False
    try:
        planned = read_planned(folder.scan_json)
    except BadInput:
        return False
    _refuse_other_options(planned, scan, folder)
    if missing_python(folder.workflow / ACCESS_POINT_SH):
        return False
    return not damaged_files(folder, planned)


def refuse_foreign(folder: ScanFolder, scan: Planned) -> None:
    """Raise an error if the folder is not one of this scan, which may have results."""
    path = folder.path
    for number in folder.chosen_rounds():
        with suppress(BadInput):
            if read_description(folder.round(number))["scan_id"] == scan.id:
                return
    if any(path.glob("rounds/*")):  # an interrupted plan leaves the empty folder
        raise BadInput(
            f"{path} has rounds of a scan with other options, and its scan.json is damaged or "
            f"missing. Plan with the same options, or choose another --output-dir."
        )


def write_folder(
    folder: ScanFolder,
    scan: Planned,
    site: Site,
    event_path: Path,
    *,
    detector: Detector | None,
    ice: IceModel | None,
    kernel: bytes | None,
) -> None:
    """Write all of a scan folder that planning writes; ``scan.json`` is the last file.

    Raises
    ------
    TryAgain, WrongUsage
        The folder cannot be written (`cannot_write`).
    """
    try:
        make_own(folder.path)
        for path in (folder.event, folder.logs, folder.rounds, folder.workflow):
            path.mkdir(exist_ok=True)
        copy_file(event_path, folder.event / scan.event_file)
        if detector is not None:
            place_detector(detector, folder.gcd)
        if ice is not None:
            place_ice(ice, folder.ice)
        if kernel is not None:
            write_bytes(folder.kernel, kernel)
        write_bytes(folder.code, code_zip())
        write_scripts(folder.workflow, JOB_SH, DAGMAN_SH)
        planned = replace(scan, code_sha256=sha256_of(folder.code))
        engine = ENGINES[scan.engine]
        engine.write(folder, planned, site, sys.executable)
        written = [folder.workflow / name for name in (JOB_SH, DAGMAN_SH)]
        written += [] if ice is None else [folder.ice]
        written += [] if kernel is None else [folder.kernel]
        files = digests_of(folder, [*written, *engine.planned_files(folder)])
        replace(planned, files=files).write(folder.scan_json)
    except OSError as error:
        raise cannot_write("The scan folder", error) from error


def cannot_write(what: str, error: OSError) -> SkyscanError:
    """Return the error for a folder that cannot be planned in: 75 if it may pass, else 64."""
    if error.errno in _PASSING:
        return TryAgain(
            f"{what} cannot be written: {error}. Free some space, or choose another "
            f"--output-dir, and plan again."
        )
    return WrongUsage(f"{what} cannot be written: {error}. Choose another --output-dir.")
