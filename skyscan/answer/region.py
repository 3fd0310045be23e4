"""A region of the sky in which the true direction is with a given probability."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.sky.directions import ra_dec, separation, turned, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.answer.sky.surface import Surface

POLES = (90.0, -90.0)
WHOLE_TURN = 180.0


@dataclass(frozen=True)
class Region:
    """Where 2 delta llh is at most a level; angles in degrees, J2000.

    Attributes
    ----------
    containment : float
        Probability with which it contains the true direction.
    two_delta_llh : float
        The level.
    area_deg2 : float
        Its size.
    ra_plus_deg, ra_minus_deg, dec_plus_deg, dec_minus_deg : float
        How far it reaches from the best fit, all positive; in RA as the coordinate counts, up
        to 180 if it contains a pole.
    radius_deg : float
        Radius of the circle around the best fit that contains it.
    n_parts : int
        Number of its parts that are not connected.
    """

    containment: float
    two_delta_llh: float
    area_deg2: float
    ra_plus_deg: float
    ra_minus_deg: float
    dec_plus_deg: float
    dec_minus_deg: float
    radius_deg: float
    n_parts: int

    @property
    def percent(self) -> str:
        """Return the containment for texts and names, such as ``90``."""
        return f"{100 * self.containment:g}"


def region(
    surface: Surface, best: tuple[float, float], containment: float, level: float
) -> Region:
    """Measure the region up to a level.

    Parameters
    ----------
    surface : Surface
        2 delta llh over the sky.
    best : (RA, Dec)
        Best fit, degrees; 2 delta llh is 0 there.
    containment, level : float
        Its probability and its 2 delta llh.
    """
    lines = surface.contours(level)
    here = unit_vectors(*best)
    if lines:
        edge = np.concatenate(lines)
        radius = float(separation(edge, here).max())
        anti = bool(surface.at(-here[np.newaxis])[0] <= level)
        right, up = _extents(edge, best)
    else:  # the whole sky
        anti, radius = True, WHOLE_TURN
        right, up = (-WHOLE_TURN, WHOLE_TURN), (-90.0 - best[1], 90.0 - best[1])
    for pole in POLES:
        if surface.at(unit_vectors(0.0, pole)[np.newaxis])[0] <= level:
            right = -WHOLE_TURN, WHOLE_TURN
            up = min(up[0], pole - best[1]), max(up[1], pole - best[1])
    return Region(
        containment=containment,
        two_delta_llh=level,
        area_deg2=surface.area(level),
        ra_plus_deg=right[1],
        ra_minus_deg=-right[0],
        dec_plus_deg=up[1],
        dec_minus_deg=-up[0],
        radius_deg=WHOLE_TURN if anti else radius,
        n_parts=len(surface.parts(level)),
    )


def _extents(
    edge: NDArray[np.float64], best: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    ra, dec = ra_dec(edge)
    right, up = turned(ra, best[0]), dec - best[1]
    return (float(right.min()), float(right.max())), (float(up.min()), float(up.max()))
