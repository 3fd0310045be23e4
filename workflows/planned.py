"""A planned scan: the options for the pool and the engine, beside those of the science."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from skyscan.scan import MAX_SECONDS, Scan, read_scan_as

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Planned(Scan):
    """The content of ``scan.json``, with all options resolved.

    Attributes
    ----------
    max_pixel_time : float
        Seconds after which a fit counts as hung.
    checkpoint_interval : float
        Seconds after which a job returns its results and starts again.
    max_retries : int
        Number of retries of a failed job.
    deadline : float or None
        Seconds after submission at which the scan ends with the results it has.
    request_memory, request_disk : int
        MB that a job requests at its first try.
    site : str
        Name of the site profile.
    urgent : bool
        Whether it runs before other scans of the same user.
    engine : str
        Name of the engine in `workflows.engines.ENGINES`.
    gcd_dir : str or None
        Folder on the execute machines that is searched first for baseline GCD files.
    versions : dict of str to str
        Versions of the software that planned the scan, for the record.
    code_sha256 : str
        Digest of ``skyscan.zip``.
    site_values : dict
        Values of the site's profile after ``--set`` (`condor.sites.recorded_site`).
    files : dict of str to str
        Digests of the other files that planning wrote, by path in the scan folder; empty if
        the scan was planned before they were kept (`workflows.checks.digests`).
    notify : tuple of str
        Program and arguments that run when the scan has ended; empty: none.
    """

    max_pixel_time: float
    checkpoint_interval: float
    max_retries: int
    deadline: float | None
    request_memory: int
    request_disk: int
    site: str
    urgent: bool
    engine: str
    gcd_dir: str | None
    versions: dict[str, str]
    code_sha256: str
    site_values: dict[str, Any]
    files: dict[str, str] = field(default_factory=dict)
    notify: tuple[str, ...] = ()

    RANGES: ClassVar[dict[str, tuple[float, float]]] = {
        **Scan.RANGES,
        "max_pixel_time": (0, MAX_SECONDS),
        "checkpoint_interval": (0, MAX_SECONDS),
        "max_retries": (0, 1000),
        "deadline": (0, MAX_SECONDS),
        "request_memory": (1, 10**13),  # MB
        "request_disk": (1, 10**13),
    }


def read_planned(path: Path) -> Planned:
    """Read all of ``scan.json``.

    Raises
    ------
    BadInput
        The file is missing, damaged, or has another format version.
    """
    scan = read_scan_as(Planned, path)
    return replace(scan, notify=tuple(scan.notify))  # JSON has no tuples
