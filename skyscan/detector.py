"""A detector other than IceCube-86: the numbers and positions of its DOMs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skyscan.geometry import FIRST_DEEPCORE_STRING, N_OMS, N_STRINGS, is_in_ice, positions

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

#: How far a DOM may be from its place in IceCube-86, m.
TOLERANCE = 2.0
#: The part of its DOMs without which a detector is not IceCube-86.
MOST_DOMS = 0.95
#: One DOM a row: its numbers, and its position in m; z points up.
DOM_DTYPE = np.dtype(
    [("string", "<i4"), ("om", "<i4"), ("x", "<f8"), ("y", "<f8"), ("z", "<f8")]
)
#: No DOM is as far from the centre of its detector.
FARTHEST_M = 1e9


@dataclass(frozen=True, eq=False)
class Detector:
    """The DOMs of a detector.

    Attributes
    ----------
    doms : ndarray, shape (n,), dtype DOM_DTYPE
        Ordered by string and om; no DOM is there twice.
    """

    doms: NDArray[np.void] = field(repr=False)

    def has(self, string: ArrayLike, om: ArrayLike) -> NDArray[np.bool_]:
        """Return which DOMs are in the detector."""
        wanted = _keys(string, om)
        found = np.minimum(np.searchsorted(self._known, wanted), len(self.doms) - 1)
        return np.asarray(self._known[found] == wanted)

    def positions(self, string: ArrayLike, om: ArrayLike) -> NDArray[np.float64]:
        """Return the positions of some DOMs, shape (..., 3), m.

        Raises
        ------
        ValueError
            A DOM is not in the detector; select with `has` first.
        """
        if not self.has(string, om).all():
            raise ValueError("a DOM is not in the detector; select with Detector.has first")
        return self.places[np.searchsorted(self._known, _keys(string, om))]

    @property
    def places(self) -> NDArray[np.float64]:
        """The positions of all DOMs, shape (n, 3), m."""
        return np.stack([self.doms[axis] for axis in "xyz"], axis=-1)

    @property
    def _known(self) -> NDArray[np.int64]:
        return _keys(self.doms["string"], self.doms["om"])


def icecube86() -> Detector:
    """Return the DOMs of IceCube-86 in the ice."""
    string, om = (it.ravel() + 1 for it in np.indices((N_STRINGS, N_OMS)))
    doms = np.zeros(len(string), DOM_DTYPE)
    doms["string"], doms["om"] = string, om
    doms["x"], doms["y"], doms["z"] = positions(string, om).T
    return Detector(doms)


def is_icecube86(detector: Detector) -> bool:
    """Return whether a detector is IceCube-86: nearly all of its DOMs, in their places.

    Tables without the DOMs that do not work are of it too. Those on the surface (om 61 to 64)
    do not matter.
    """
    doms = detector.doms[detector.doms["om"] <= N_OMS]
    if (
        len(doms) < MOST_DOMS * N_STRINGS * N_OMS
        or not is_in_ice(doms["string"], doms["om"]).all()
    ):
        return False
    here = np.stack([doms[axis] for axis in "xyz"], axis=-1)
    away = np.linalg.norm(here - positions(doms["string"], doms["om"]), axis=-1)
    return bool((away <= TOLERANCE).all())


def fitted_doms(
    detector: Detector | None, string: ArrayLike, om: ArrayLike
) -> NDArray[np.bool_]:
    """Return which DOMs fits use: all of a detector, of IceCube-86 (None) without DeepCore."""
    if detector is not None:
        return detector.has(string, om)
    return is_in_ice(string, om) & (np.asarray(string) < FIRST_DEEPCORE_STRING)


def known_doms(
    detector: Detector | None, string: ArrayLike, om: ArrayLike
) -> NDArray[np.bool_]:
    """Return which DOMs are in a detector, or in the ice of IceCube-86 (None)."""
    return is_in_ice(string, om) if detector is None else detector.has(string, om)


def places_of(
    detector: Detector | None, string: ArrayLike, om: ArrayLike
) -> NDArray[np.float64]:
    """Return the positions of DOMs of a detector, or of IceCube-86 (None), m."""
    return positions(string, om) if detector is None else detector.positions(string, om)


def _keys(string: ArrayLike, om: ArrayLike) -> NDArray[np.int64]:
    return (np.asarray(string, np.int64) << 32) + np.asarray(om, np.int64)
