"""Whether an event is what ``track`` assumes: one muon through the whole detector."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

import numpy as np

from skyscan.alternatives.ends import End, ends_of
from skyscan.alternatives.fitted import FittedTrack
from skyscan.alternatives.second import Second, second_of
from skyscan.coordinates import equatorial_to_local
from skyscan.pixels import directions, parents

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.alternatives.fitted import FittedEvent
    from skyscan.answer.maps import SkyMap

#: ln L that a start, or a stop, in the detector must gain, and a second muon relative to two
#: showers. Chosen on simulated muons through the detector (docs/track.md).
LEAST_END_GAIN, LEAST_EXCESS = 5.0, 15.0
#: Dark DOMs decide between directions whose llh is larger than the lowest by no more than this:
#: the lowest pixel of each cell of this nside, and at most this many of them.
LARGEST_DELTA_LLH, CELL_NSIDE, MOST_TRACKS = 8.0, 64, 40


def against_one_track(event: FittedEvent, skymap: SkyMap) -> list[str]:
    """Return what speaks against one track through the detector, in words; empty if nothing.

    Parameters
    ----------
    event : FittedEvent
        What the scan's fits were made with.
    skymap : SkyMap
        A map of ``track`` that has a best fit.
    """
    tracks, llh = tracks_of(skymap)
    start, stop = ends_of(event, tracks, llh)
    return in_words(start, stop, second_of(event, tracks[0]), len(event.hits))


def in_words(start: End, stop: End, second: Second | None, n_hits: int) -> list[str]:
    """Return what is significant of a start, a stop and a second muon."""
    found = []
    if start.gain >= LEAST_END_GAIN:
        found.append(_of_end(start, "start inside", "before"))
    if stop.gain >= LEAST_END_GAIN:
        found.append(_of_end(stop, "stop inside", "behind"))
    if second is not None and second.excess >= LEAST_EXCESS:
        found.append(_of_second(second, n_hits))
    return found


def _of_end(end: End, what: str, side: str) -> str:
    return (
        f"this one seems to {what} (of {end.n_dark} dark DOMs along {end.length_m:.0f} m "
        f"{side} that, a muon would light {end.expected:.1f}; ln L {end.gain:+.1f})"
    )


def _of_second(second: Second, n_hits: int) -> str:
    zenith, azimuth = np.rad2deg([second.track.zenith, second.track.azimuth % (2 * np.pi)])
    return (
        f"two muons explain the times better (ln L {second.gain:+.0f}; two showers on one "
        f"track {second.shower_gain:+.0f}; the second, from zenith {zenith:.0f} deg, azimuth "
        f"{azimuth:.0f} deg, has {second.n_hits} of {n_hits} hits)"
    )


def tracks_of(skymap: SkyMap) -> tuple[list[FittedTrack], NDArray[np.float64]]:
    """Return the best fits of likely directions, the lowest first, and their llh."""
    found: list[tuple[float, int, NDArray[np.void]]] = []
    for nside, rows in sorted(skymap.pixels.items()):
        known = rows[np.isfinite(rows["llh"])]
        known = known[np.argsort(known["llh"], kind="stable")]
        cells = parents(nside, min(nside, CELL_NSIDE), known["index"])
        _, lowest = np.unique(cells, return_index=True)
        found += [(float(row["llh"]), nside, row) for row in known[lowest]]
    found.sort(key=lambda it: it[:2])
    limit = found[0][0] + LARGEST_DELTA_LLH
    found = [it for it in found if it[0] <= limit][:MOST_TRACKS]
    pixels = np.array([row["index"] for _, _, row in found])
    ra, dec = directions(np.array([nside for _, nside, _ in found]), pixels)
    mjd = nan if skymap.is_local else skymap.mjd
    tracks = [
        FittedTrack(np.array([row["X"], row["Y"], row["Z"]]), float(row["T"]), *source)
        for (_, _, row), source in zip(
            found, zip(*equatorial_to_local(ra, dec, mjd), strict=True), strict=True
        )
    ]
    return tracks, np.array([llh for llh, _, _ in found])
