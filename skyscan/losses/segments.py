"""Segments of a track: where its losses may be, and which DOMs see the light of each."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Nominal distance of segments (m), and the smallest number of them.
SPACING_M = 20.0
FEWEST = 20

#: Segments begin this far (m) before the first hit along the track, because light goes forward,
#: and end so far behind the last one.
BEFORE_M, BEHIND_M = 120.0, 60.0

#: A DOM does not see segments that are farther away along the track, m.
REACH_M = 250.0


class Segments(NamedTuple):
    """Segments of one direction, and pairs of a segment and a DOM that sees it.

    Attributes
    ----------
    place : ndarray, shape (n,), m
        Where each shines, along the track, from the point nearest to the charge centre.
    length : float, m
        Their distance.
    segment, dom : ndarray of int, shape (n_pairs,)
        The pairs, ordered by segment, then by DOM.
    """

    place: Array
    length: float
    segment: NDArray[np.intp]
    dom: NDArray[np.intp]


def segments_of(along: Array, n_hits: int) -> Segments:
    """Divide a track into segments.

    Parameters
    ----------
    along : ndarray, shape (ndom,), m
        Coordinates of the DOMs along the track, from the charge centre.
    n_hits : int
        The first DOMs, which have hits.
    """
    hits = along[:n_hits]
    begin, end = float(hits.min()) - BEFORE_M, float(hits.max()) + BEHIND_M
    n = max(FEWEST, ceil((end - begin) / SPACING_M))
    length = (end - begin) / n
    place = begin + length * (np.arange(n) + 0.5)
    segment, dom = np.nonzero(np.abs(place[:, None] - along) <= REACH_M)
    return Segments(np.asarray(place, np.float64), length, segment, dom)
