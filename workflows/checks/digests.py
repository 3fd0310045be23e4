"""Whether the files that planning wrote are as it wrote them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, ExitCode
from skyscan.scan import PLAN_AGAIN
from skyscan.storage import sha256_of
from workflows.checks.findings import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

NO_DIGESTS = (
    "the scan was planned before scan.json kept digests of the submit files, DAGs and scripts: "
    "damage to them is not recognised"
)
ANEW = "delete scan.json and run `skyscan plan` with the same options to write them again"
_NAMED = 3  # damaged files in a message


def digests_of(folder: ScanFolder, paths: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of files by their path relative to the scan folder."""
    return {path.relative_to(folder.path).as_posix(): sha256_of(path) for path in paths}


def damaged_files(folder: ScanFolder, scan: Planned) -> list[str]:
    """Return the files that planning wrote and that are missing or have changed since.

    Of a scan planned before there were digests of all files, only event and code are checked.
    """
    code = folder.code.relative_to(folder.path).as_posix()
    event = (folder.event / scan.event_file).relative_to(folder.path).as_posix()
    expected = {**scan.files, event: scan.event_sha256, code: scan.code_sha256}
    if scan.gcd_sha256 is not None:
        expected[folder.gcd.relative_to(folder.path).as_posix()] = scan.gcd_sha256
    return [name for name, sha256 in expected.items() if not _is_as(folder, name, sha256)]


def check_plan(folder: ScanFolder, scan: Planned) -> None:
    """Check all that planning wrote against the digests in ``scan.json``.

    Raises
    ------
    BadInput
        Files are damaged or missing.
    """
    if text := damage(folder, scan):
        raise BadInput(text)


def damage(folder: ScanFolder, scan: Planned) -> str:
    """Return which files of a plan are damaged and what to do; an empty text if none is."""
    names = damaged_files(folder, scan)
    if not names:
        return ""
    shown = ", ".join(str(folder.path / name) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more files" if len(names) > _NAMED else ""
    verb = "is" if len(names) == 1 else "are"
    return f"{shown}{more} {verb} damaged or missing. {PLAN_AGAIN}"


def _is_as(folder: ScanFolder, name: str, sha256: str) -> bool:
    path = folder.path / name
    try:
        if not path.is_file() or sha256_of(path) != sha256:
            return False
    except PermissionError:
        return False
    # A script that lost its mode fails whenever it is started.
    return not name.endswith(".sh") or os.access(path, os.X_OK)


def finding(folder: ScanFolder, scan: Planned) -> Finding:
    """Return whether what planning wrote is undamaged, as a line of `skyscan doctor`."""
    what = "planned files"
    if text := damage(folder, scan):
        return Finding(what, State.ERROR, text, exit_code=ExitCode.BAD_INPUT)
    if not scan.files:
        return Finding(what, State.WARNING, NO_DIGESTS)
    return Finding(what, State.OK, f"{len(scan.files) + 2} files as planned")
