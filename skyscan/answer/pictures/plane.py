"""The plane that touches the sky at a point (gnomonic projection); east is on the left."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.sky.directions import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: Distance from the point beyond which nothing is drawn: the plane ends at 90 degrees.
FARTHEST = 80.0


@dataclass(frozen=True)
class Plane:
    """Offsets in degrees from a point: x to the east, y to the north.

    Attributes
    ----------
    ra_deg, dec_deg : float
        The point.
    """

    ra_deg: float
    dec_deg: float

    def project(self, vectors: Array) -> tuple[Array, Array]:
        """Return x and y of unit vectors, shape (..., 3); NaN beyond `FARTHEST`."""
        centre, east, north = self._axes()
        depth = vectors @ centre
        depth = np.where(depth > np.cos(np.deg2rad(FARTHEST)), depth, np.nan)
        return np.rad2deg(vectors @ east / depth), np.rad2deg(vectors @ north / depth)

    def offsets(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Array, Array]:
        """Return x and y of directions."""
        return self.project(unit_vectors(ra_deg, dec_deg))

    def _axes(self) -> tuple[Array, Array, Array]:
        ra, dec = np.deg2rad([self.ra_deg, self.dec_deg])
        centre = unit_vectors(self.ra_deg, self.dec_deg)
        east = np.array([-np.sin(ra), np.cos(ra), 0.0])
        north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
        return centre, east, north
