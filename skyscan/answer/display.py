"""What an event display shows: the hit DOMs, and the fitted track or vertex."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.geometry import dom_positions
from skyscan.track.cleaning import clean_hits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.answer.best import BestFit
    from skyscan.detector import Detector
    from skyscan.events.event import Event

    Array = NDArray[np.float64]

MARGIN = 1.25  #: of a display, so that the outermost DOMs are not at its frame


@dataclass(frozen=True)
class Display:
    """The hits of an event, brightest first, in IceCube's coordinates, and a fit.

    Attributes
    ----------
    places : ndarray, shape (n, 3)
        Positions of the hit DOMs, m.
    time_ns : ndarray, shape (n,)
        First pulses, relative to the first one.
    charge : ndarray, shape (n,)
        PE.
    vertex : ndarray, shape (3,), or None
        Of the fit, m; None if it has none.
    source : ndarray, shape (3,), or None
        Unit vector to where the particle came from; None if the time of the event is unknown.
    strings : tuple of ndarray, each of shape (n, 3)
        Positions of the DOMs of the detector by string, m.
    """

    places: Array
    time_ns: Array
    charge: Array
    vertex: Array | None
    source: Array | None
    strings: tuple[Array, ...]


def display_of(event: Event, best: BestFit | None) -> Display:
    """Return the cleaned hits of an event, and a best fit if there is one, for its display."""
    hits = clean_hits(event.pulses, event.detector)
    hits = hits[np.argsort(-hits["charge"], kind="stable")]
    vertex, source = (None, None) if best is None else _track(best)
    return Display(
        places=np.stack([hits[name] for name in "xyz"], axis=1).reshape(-1, 3),
        time_ns=hits["time"] - (hits["time"].min() if len(hits) else 0.0),
        charge=np.asarray(hits["charge"], float),
        vertex=vertex,
        source=source,
        strings=strings_of(event.detector),
    )


def strings_of(detector: Detector | None) -> tuple[Array, ...]:
    """Return the positions of the DOMs of a detector, or of IceCube-86 (None), by string."""
    if detector is None:
        return tuple(dom_positions())
    _, first = np.unique(detector.doms["string"], return_index=True)
    return tuple(np.split(detector.places, first[1:]))


def frame_around(strings: tuple[Array, ...]) -> tuple[Array, float]:
    """Return the centre of a detector (m, shape (3,)) and half the width of its display, m."""
    places = np.concatenate(strings)
    low, high = places.min(axis=0), places.max(axis=0)
    return (low + high) / 2, MARGIN * max(float((high - low).max()) / 2, 1.0)


def _track(best: BestFit) -> tuple[Array | None, Array | None]:
    vertex = np.array([best.x_m, best.y_m, best.z_m])
    zenith, azimuth = np.deg2rad([best.zenith_deg, best.azimuth_deg])
    source = np.array(
        [np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)]
    )
    return (
        vertex if np.isfinite(vertex).all() else None,
        source if np.isfinite(source).all() else None,
    )
