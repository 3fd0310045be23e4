"""An event that was fitted as a track, and the track."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np

from skyscan.errors import BadInput
from skyscan.light.cherenkov import (
    COS_CHERENKOV,
    SIN_CHERENKOV,
    Axes,
    axes_of,
    direct_light,
    frames_of,
)
from skyscan.light.ice_model import from_numbers
from skyscan.track.cleaning import HIT_DTYPE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.light.ice_model import IceModel

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class FittedEvent:
    """What the fits of ``track`` see of an event, and all of its pulses.

    Attributes
    ----------
    hits : ndarray, dtype HIT_DTYPE
    pulses : ndarray, dtype PULSE_DTYPE
    ice : IceModel
        That of the fits.
    """

    hits: NDArray[np.void]
    pulses: NDArray[np.void]
    ice: IceModel

    @property
    def centre(self) -> Array:
        """The mean place of the hits by charge, m."""
        return np.array([np.average(self.hits[n], weights=self.hits["charge"]) for n in "xyz"])


@dataclass(frozen=True)
class FittedTrack:
    """A track: a place on it (m), when the particle is there (ns), where it comes from."""

    vertex: Array
    time: float
    zenith: float
    azimuth: float

    @property
    def axes(self) -> Axes:
        """The axes of its frame."""
        return axes_of(np.array([self.zenith]), np.array([self.azimuth]))

    def emission(self, places: Array) -> tuple[Array, Array]:
        """Return from where the track lights places, and how far these are from it.

        Parameters
        ----------
        places : ndarray, shape (n, 3), m

        Returns
        -------
        along, distance : ndarray, shape (n,), m
            From the vertex to the point that shines directly at the place; of the place from
            the track.
        """
        frames = frames_of(self.axes, places - self.vertex)
        distance = direct_light(frames, np.zeros((1, 1)), np.zeros((1, 1))).distance[0]
        return frames.along[0] - distance * COS_CHERENKOV / SIN_CHERENKOV, distance


def read_fitted(path: Path, pulses: NDArray[np.void]) -> FittedEvent | None:
    """Read what prep wrote for ``track``; None if it is missing, damaged or of other ice."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as prepared:
            hits, ice = prepared["hits"], from_numbers(json.loads(str(prepared["ice"])))
    except (OSError, KeyError, ValueError, BadZipFile, BadInput):
        return None
    return FittedEvent(hits, pulses, ice) if hits.dtype == HIT_DTYPE else None
