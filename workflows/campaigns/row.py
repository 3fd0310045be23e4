"""The outcome of one event: a row of a campaign's table."""

from __future__ import annotations

from dataclasses import dataclass

#: In the order in which they are counted. ``incomplete``: a limit ended the scan, with a map;
#: ``refused``: could not be planned; ``copy``: a copy of another event of the campaign.
STATES = ("complete", "incomplete", "failed", "refused", "copy", "running", "waiting")
#: States of scans that have run to an end.
ENDED = ("complete", "incomplete", "failed")


@dataclass(frozen=True)
class Row:
    """The outcome of one event; an unknown value is None, an empty field in the CSV.

    Attributes
    ----------
    event : str
        Name of the event, or the path of a file that cannot be read.
    state : str
        One of `STATES`.
    ra_deg, dec_deg, llh, nside, pixel
        The best fit, J2000; of an event without a time, the direction is in the two columns of
        the local frame only.
    pixels, nan_pixels : int
        Number of pixels in the map, and of those without a fit.
    exit_code : int
        Exit code that `skyscan scan` of this event would have.
    from_truth_deg : float
        Angle between the best fit and the true direction of a simulated event.
    folder : str
        Its scan folder, relative to the campaign's.
    why : str
        What went wrong.
    area90_deg2 : float
        Area of the 90 % region.
    zenith_deg, azimuth_deg : float
        The best fit in IceCube's local frame.
    pull, containment, in_50, in_90, log10_energy_ratio, vertex_m, across_m
        The errors of a simulated event (`skyscan.answer.from_truth.FromTruth`).
    """

    event: str
    state: str
    ra_deg: float | None = None
    dec_deg: float | None = None
    llh: float | None = None
    nside: int | None = None
    pixel: int | None = None
    pixels: int | None = None
    nan_pixels: int | None = None
    exit_code: int | None = None
    from_truth_deg: float | None = None
    folder: str | None = None
    why: str | None = None
    area90_deg2: float | None = None
    zenith_deg: float | None = None
    azimuth_deg: float | None = None
    pull: float | None = None
    containment: float | None = None
    in_50: bool | None = None
    in_90: bool | None = None
    log10_energy_ratio: float | None = None
    vertex_m: float | None = None
    across_m: float | None = None
