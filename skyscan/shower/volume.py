"""The instrumented volume: where the energy of a shower counts as deposited inside."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.geometry import dom_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: The strings at the corners of the detector's outline, in order.
CORNERS = (1, 6, 50, 74, 72, 78, 75, 31)


def are_inside(places: Array) -> NDArray[np.bool_]:
    """Return which places lie within the outer strings, between highest and lowest DOMs.

    Parameters
    ----------
    places : ndarray, shape (n, 3), m, IceCube coordinates
    """
    doms = dom_positions()
    corners = doms[np.array(CORNERS) - 1, 0, :2]
    x, y = places[:, 0], places[:, 1]
    inside = np.zeros(len(places), bool)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        # the even-odd rule: does a ray along x cross this side?
        spans = (y1 > y) != (y2 > y)
        inside ^= spans & (x < x1 + (y - y1) * (x2 - x1) / (y2 - y1))
    levels = doms[..., 2]
    inside &= (places[:, 2] <= levels.max()) & (places[:, 2] >= levels.min())
    return inside
