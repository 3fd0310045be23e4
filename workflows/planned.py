"""A scan as it was planned: what a pool and an engine need of it besides the science."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from skyscan.scan import Scan, read_scan_as

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Planned(Scan):
    """All of ``scan.json``, with everything resolved.

    Attributes
    ----------
    max_pixel_time : float
        Seconds after which a fit is taken to hang.
    checkpoint_interval : float
        Seconds after which a job sends home what it has done.
    max_retries : int
        How often DAGMan submits a failed job again.
    deadline : float or None
        Seconds after submission when what is there is taken for the result.
    request_memory, request_disk : int
        MB that a job asks for at its first try.
    site : str
        Name of the site profile.
    urgent : bool
        It goes before other scans of the same user.
    engine : str
        What runs the steps: a name of `workflows.engines.ENGINES`.
    gcd_dir : str or None
        Folder on the jobs' machines where baseline GCD files are looked for first.
    versions : dict of str to str
        What made the scan, for the record.
    code_sha256 : str
        Digest of ``skyscan.zip``.
    site_values : dict
        What the site's profile and ``--set`` came to (`condor.sites.recorded_site`).
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
    site_values: dict[str, Any] = field(default_factory=dict)


def read_planned(path: Path) -> Planned:
    """Read all of ``scan.json``.

    Raises
    ------
    BadInput
        The file is missing, is not one, or was made by another format version.
    """
    return read_scan_as(Planned, path)
