"""What the report of a scan says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workflows.engines.engine import Failure


#: Version of the shape of `Report`; ``docs/report.schema.json`` describes it.
REPORT_FORMAT = 1


@dataclass(frozen=True)
class Report:
    """The outcome of a scan.

    Attributes
    ----------
    name : str
        Name of the event.
    outcome : str
        ``complete``, ``incomplete`` (a map, but a limit ended the scan) or ``failed``.
    exit_code : int
        Exit code of `skyscan scan`.
    map : str or None
        The ``.npz``, complete or partial.
    best : dict or None
        nside, pixel, ra_deg, dec_deg (J2000) and llh of the best pixel; in a local map
        zenith_deg and azimuth_deg, and the other two are None.
    n_pixels : dict of str to int
        Number of pixels in the map by nside.
    n_failed : int
        Number of pixels without a fit, which are NaN in the map.
    failures : list of Failure
        What went wrong.
    text : str
        The whole report as text.
    bad_machines : list of str
        Machines on which every job failed at once; they may occur in a complete scan too.
    no_fit : str
        Why pixels have no fit.
    missing : list of str
        A line for each round that is not complete.
    repairs : list of str
        What ``dagman.sh`` did to work around faults of DAGMan.
    timing : list of str
        Where the time went, and what would make the scan faster.
    answer : dict or None
        What the map says (`skyscan.answer`), if any of its pixels has a fit.
    answer_lines : list of str
        The same as text.
    kernel : str
        What computed the likelihoods, ``compiled`` or ``numpy``; empty if the reconstruction
        has one way only.
    chosen : str
        Which reconstruction `auto` chose, and why; empty for others.
    page : str or None
        ``report.html``, if it was written.
    no_page : str
        Why it was not.
    sources : list of dict
        The sources of ``--catalogue`` inside the 90 % region, and the nearest others: name,
        ra_deg, dec_deg (J2000), distance_deg from the best fit, containment, is_inside.
    format : int
        Version of this shape. Within one, later versions may add keys.
    """

    name: str
    outcome: str
    exit_code: int
    map: str | None
    best: dict[str, float | None] | None
    n_pixels: dict[str, int]
    n_failed: int
    failures: list[Failure]
    text: str
    bad_machines: list[str] = field(default_factory=list)
    no_fit: str = ""
    missing: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    timing: list[str] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    answer_lines: list[str] = field(default_factory=list)
    kernel: str = ""
    chosen: str = ""
    page: str | None = None
    no_page: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    format: int = REPORT_FORMAT
