"""The scale of probability: 2 delta llh as it would be if Wilks' theorem held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.levels import CONTAINMENTS, WILKS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from skyscan.answer.levels import Levels

    Array = NDArray[np.float64]

WILKS_50, WILKS_90 = (level for _, level in WILKS.table)
#: Ratio of the probability between the contours, and outside, to that inside 50 %.
BETWEEN = (CONTAINMENTS[1] - CONTAINMENTS[0]) / CONTAINMENTS[0]
BEYOND = (1 - CONTAINMENTS[1]) / CONTAINMENTS[0]
#: Part of the function that is straight, so that only the best fit has the highest density.
STRAIGHT = 1e-3
#: Search range of the shape parameters, as logarithms.
BENDS = -4.0, 4.0
TAILS = -12.0, 12.0


@dataclass(frozen=True)
class Scale:
    """A rising function of 2 delta llh that takes the levels to Wilks' levels.

    Attributes
    ----------
    levels : Levels
        Which 2 delta llh is 1.39 here, and which is 4.61.
    bend : float
        Shape between these points; 1 is straight.
    tail : float
        Slope beyond 90 %, relative to that between the levels.
    """

    levels: Levels
    bend: float = 1.0
    tail: float = 1.0

    def __call__(self, two_delta_llh: ArrayLike) -> Array:
        """Return the scaled values; Wilks' own levels leave them unchanged."""
        values = np.asarray(two_delta_llh, float)
        if self.levels == WILKS:
            return values
        low, high = (self.levels.at(p) for p in CONTAINMENTS)
        slope = self.tail * (WILKS_90 - WILKS_50) / (high - low)
        inner = _bent(np.clip(values / low, 0.0, 1.0), 1 / self.bend)
        outer = _bent(np.clip((values - low) / (high - low), 0.0, 1.0), self.bend)
        beyond = np.maximum(values - high, 0.0)
        return np.asarray(WILKS_50 * inner + (WILKS_90 - WILKS_50) * outer + slope * beyond)

    def containment(self, two_delta_llh: float) -> float:
        """Return the containment probability of the contour at this 2 delta llh."""
        return float(-np.expm1(-0.5 * self(two_delta_llh)))


def _bent(part: Array, power: float) -> Array:
    """Return a power of numbers from 0 to 1 that rises everywhere, as a float can show it."""
    return np.asarray(STRAIGHT * part + (1 - STRAIGHT) * part**power)


def fit_scale(levels: Levels, two_delta_llh: Array, solid_angle: Array) -> Scale:
    """Return the scale with which a map's regions contain the probability that they stand for.

    With levels other than Wilks', exp(-1/2 of the scaled 2 delta llh), normalised over the sky,
    has 50 % inside the first level and 90 % inside the second, as far as a rising function can
    have it.

    Parameters
    ----------
    levels : Levels
    two_delta_llh, solid_angle : ndarray, shape (n,)
        Of each piece of the sky; 2 delta llh is NaN where it is unknown.
    """
    if levels == WILKS:
        return Scale(levels)
    known = ~np.isnan(two_delta_llh)
    values, sizes = two_delta_llh[known], solid_angle[known]
    low, high = (levels.at(p) for p in CONTAINMENTS)
    inside, outside = values <= low, values > high
    between = ~(inside | outside)

    def mass(scale: Scale, which: NDArray[np.bool_]) -> float:
        return float((np.exp(-0.5 * scale(values[which])) * sizes[which]).sum())

    def imbalance(log_bend: float) -> float:
        scale = Scale(levels, float(np.exp(log_bend)))
        return mass(scale, between) - BETWEEN * mass(scale, inside)

    bend = float(np.exp(_root(imbalance, BENDS)))
    wanted = BEYOND * mass(Scale(levels, bend), inside)

    def excess(log_tail: float) -> float:
        return wanted - mass(Scale(levels, bend, float(np.exp(log_tail))), outside)

    return Scale(levels, bend, float(np.exp(_root(excess, TAILS))))


def _root(rising: Callable[[float], float], limits: tuple[float, float]) -> float:
    """Return where a rising function is 0, or the limit that is closest to it."""
    from scipy.optimize import brentq  # slow to import, and most maps have Wilks' levels

    low, high = limits
    if rising(low) >= 0:
        return low
    if rising(high) <= 0:
        return high
    return float(brentq(rising, low, high))
