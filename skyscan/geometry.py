"""The positions of the DOMs: IceCube-86 as built, the in-ice detector."""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

N_STRINGS = 86
N_OMS = 60  #: in-ice DOMs of a string; DOMs 61 to 64 are IceTop's, on the surface
LAST_OM = 64  #: of IceTop

FIRST_DEEPCORE_STRING = 79


@lru_cache(maxsize=1)
def dom_positions() -> NDArray[np.float64]:
    """Return the position of every in-ice DOM.

    Returns
    -------
    ndarray, shape (86, 60, 3), metres, IceCube coordinates, read-only
        x, y, z of string ``s``, DOM ``om`` at ``[s - 1, om - 1]``. Good to 0.06 m.
    """
    # read through importlib.resources: jobs get the package as a zip
    text = resources.files("skyscan").joinpath("data", "icecube86.txt").read_text("utf-8")
    lines = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    positions = np.empty((N_STRINGS, N_OMS, 3))
    for string, x, y, *knots in lines:
        oms, depths = zip(*(knot.split(":") for knot in knots), strict=True)
        row = positions[int(string) - 1]
        row[:, 0], row[:, 1] = float(x), float(y)
        row[:, 2] = np.interp(
            np.arange(1, N_OMS + 1), np.asarray(oms, float), np.asarray(depths, float)
        )
    positions.flags.writeable = False
    return positions


def is_in_ice(string: ArrayLike, om: ArrayLike) -> NDArray[np.bool_]:
    """Return which DOMs are in-ice DOMs of IceCube-86 (string 1 to 86, om 1 to 60)."""
    string, om = np.asarray(string), np.asarray(om)
    return np.asarray((string >= 1) & (string <= N_STRINGS) & (om >= 1) & (om <= N_OMS))


def is_of_icecube86(string: ArrayLike, om: ArrayLike) -> NDArray[np.bool_]:
    """Return which DOMs are of IceCube-86: in the ice, or in an IceTop tank (om 61 to 64)."""
    string, om = np.asarray(string), np.asarray(om)
    return np.asarray((string >= 1) & (string <= N_STRINGS) & (om >= 1) & (om <= LAST_OM))


def positions(string: ArrayLike, om: ArrayLike) -> NDArray[np.float64]:
    """Return the positions of some DOMs.

    Parameters
    ----------
    string, om : array_like of int, broadcast against each other, shape (...)
        String 1 to 86 and DOM 1 to 60.

    Returns
    -------
    ndarray, shape (..., 3), metres, IceCube coordinates

    Raises
    ------
    ValueError
        A DOM is not an in-ice DOM (IceTop's 61 to 64 are at the surface); select with
        `is_in_ice` first.
    """
    strings, oms = np.broadcast_arrays(np.asarray(string), np.asarray(om))
    outside = ~is_in_ice(strings, oms)
    if outside.any():
        first = f"({strings[outside][0]}, {oms[outside][0]})"
        raise ValueError(
            f"{np.count_nonzero(outside)} of {outside.size} DOMs, the first {first}, are not"
            f" in-ice DOMs of IceCube-86 (string 1-{N_STRINGS}, om 1-{N_OMS});"
            " select with is_in_ice first"
        )
    return np.asarray(dom_positions()[strings - 1, oms - 1])
