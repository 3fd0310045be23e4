"""Where the tables of scattered light have their nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

N_MOMENTS = 11  #: of the photons' directions: degrees 0 to 10, as in photons.c


@dataclass(frozen=True)
class Grid:
    """Where photons are recorded; lengths in le, times in le/c.

    Attributes
    ----------
    radius : ndarray, shape (n_surfaces,), ascending
        Radii of the cylinders or spheres.
    angle_edges : ndarray, shape (n_angles + 1,)
        Bins of the cosine between a shower's axis and the direction to a DOM; (-1, 1) for
        a track.
    absorption : ndarray, shape (n_lengths,)
    time_edges : ndarray, shape (n_times,), equal steps in the logarithm
        The first bin is from 0 to the first edge.
    """

    radius: Array
    angle_edges: Array
    absorption: Array
    time_edges: Array

    @property
    def shape(self) -> tuple[int, int, int, int, int]:
        """Shape of the moments: surface, angle, time, absorption length, degree."""
        angles, times = len(self.angle_edges) - 1, len(self.time_edges)
        return len(self.radius), angles, times, len(self.absorption), N_MOMENTS
