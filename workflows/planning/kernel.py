"""Whether a scan is fitted with the compiled kernel: chosen once, when it is planned."""

from __future__ import annotations

import hashlib
import sys
from typing import TYPE_CHECKING, NamedTuple

from skyscan.errors import BadInput, WrongUsage, one_line
from skyscan.layout import KERNEL_SO
from skyscan.recos import reco_class
from skyscan.storage import sha256_of
from workflows.options import AUTO, COMPILED, NUMPY
from workflows.planned import Planned, read_planned

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from workflows.options import Options


class Kernel(NamedTuple):
    """What computes the likelihoods of a scan.

    Attributes
    ----------
    name : str or None
        ``compiled`` or ``numpy``; None if the reconstruction has one way only.
    content : bytes or None
        The compiled kernel.
    """

    name: str | None
    content: bytes | None = None

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the content."""
        return None if self.content is None else hashlib.sha256(self.content).hexdigest()


def kernel_for(options: Options, folder: ScanFolder) -> Kernel:
    """Return what computes the likelihoods of a scan.

    A scan that is planned again keeps what it has: another compiler may make other bytes.

    Raises
    ------
    WrongUsage
        The reconstruction cannot use a compiled kernel, but one is asked for.
    BadInput
        A compiled kernel is asked for, and it cannot be compiled here.
    """
    _check(options)
    if not reco_class(options.reco).has_kernel:
        return Kernel(None)
    planned = _planned(folder)
    # Before there was a kernel, scans did not record that numpy fits.
    if planned is not None and options.kernel in (AUTO, planned.kernel or NUMPY):
        if planned.kernel_sha256 is None:
            return Kernel(planned.kernel)
        for path in (folder.kernel, folder.startup / KERNEL_SO):  # the second is prep's copy
            if _is_as(path, planned.kernel_sha256):
                return Kernel(COMPILED, path.read_bytes())
    if options.kernel == NUMPY:
        return Kernel(NUMPY)
    from skyscan.compiled.compiler import compiled_kernel

    try:
        return Kernel(COMPILED, compiled_kernel())
    except BadInput as error:
        if planned is not None and planned.kernel == COMPILED:
            raise BadInput(
                f"{folder.kernel} is damaged or missing, and cannot be compiled again: {error} "
                f"Plan the scan where it was planned before, or into another --output-dir."
            ) from error
        if options.kernel == COMPILED:
            raise _cannot_compile(error) from error
        print(f"skyscan: note: {one_line(str(error))} Fits use numpy.", file=sys.stderr)
        return Kernel(NUMPY)


def check_kernel(options: Options) -> None:
    """Refuse a compiled kernel that no scan can have with these options.

    Raises
    ------
    WrongUsage, BadInput
        As `kernel_for`.
    """
    _check(options)
    if options.kernel == COMPILED:
        from skyscan.compiled.compiler import compiled_kernel

        try:
            compiled_kernel()
        except BadInput as error:
            raise _cannot_compile(error) from error


def _cannot_compile(error: BadInput) -> BadInput:
    return BadInput(f"--kernel compiled: {error} Leave the option out, and numpy fits.")


def _check(options: Options) -> None:
    if options.kernel == COMPILED and not reco_class(options.reco).has_kernel:
        raise WrongUsage(
            f"--kernel compiled: {options.reco} has no compiled kernel; track, cascade, "
            f"cascades and auto have."
        )


def _planned(folder: ScanFolder) -> Planned | None:
    if not folder.scan_json.exists():
        return None
    try:
        return read_planned(folder.scan_json)
    except BadInput:
        return None


def _is_as(path: Path, sha256: str | None) -> bool:
    return sha256 is not None and path.is_file() and sha256_of(path) == sha256
