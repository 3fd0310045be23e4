"""2 delta llh on a line of equal RA or Dec through the best fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.answer.levels import CONTAINMENTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap

    Array = NDArray[np.float64]

#: Length of the line, relative to the extent of the 90 % region.
MARGIN = 1.8
N_POINTS = 400


class Profile(NamedTuple):
    """Values along a line.

    Attributes
    ----------
    offset : ndarray, shape (n,)
        From the best fit, degrees, as the coordinate counts.
    two_delta_llh : ndarray, shape (n,)
        NaN in unscanned sky.
    """

    offset: Array
    two_delta_llh: Array


def profile_along(
    skymap: SkyMap, answer: Answer, along: str, n_points: int = N_POINTS
) -> Profile:
    """Return 2 delta llh on the line of equal Dec (``ra``) or of equal RA (``dec``)."""
    outer = answer.region(CONTAINMENTS[-1])
    ra, dec = skymap.best_deg
    if along == "ra":
        half = min(MARGIN * max(outer.ra_plus_deg, outer.ra_minus_deg), 180.0)
        offset = np.linspace(-half, half, n_points)
        value = skymap.two_delta_llh(ra + offset, np.full(n_points, dec))
    else:
        half = MARGIN * max(outer.dec_plus_deg, outer.dec_minus_deg)
        offset = np.linspace(max(-half, -90 - dec), min(half, 90 - dec), n_points)
        value = skymap.two_delta_llh(np.full(n_points, ra), dec + offset)
    return Profile(offset, np.where(np.isfinite(value), value, np.nan))
