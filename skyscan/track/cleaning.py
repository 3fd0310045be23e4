"""Select the hits that a fit uses from an event's pulses: without noise, one per DOM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.detector import fitted_doms, places_of
from skyscan.events.event import LC_FLAG

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.detector import Detector

#: One hit a row: position of the DOM (m, IceCube coordinates), time of its first pulse
#: (ns since the start of the event), its charge summed over all kept pulses (PE).
HIT_DTYPE = np.dtype(
    [("x", "<f8"), ("y", "<f8"), ("z", "<f8"), ("time", "<f8"), ("charge", "<f8")]
)

TIME_WINDOW_NS = 6000.0

# Defaults of IceCube's SeededRT cleaning (icetray, STTools/seededRT).
RT_RADIUS_M = 150.0
RT_TIME_NS = 1000.0
RT_ITERATIONS = 3

_DOMS_AT_ONCE = 64  # whose distances are computed together
_REACH_M = RT_RADIUS_M + 1.0  # DOMs that differ more in x are not compared


def clean_hits(pulses: NDArray[np.void], detector: Detector | None = None) -> NDArray[np.void]:
    """Return the hits of an event's main particle, cleaned of noise.

    These are the in-ice pulses outside DeepCore, in the time window with the largest charge
    and after the SeededRT cleaning. The ``nch`` (number of hits) and ``qtot`` (their charge)
    of alerts use the same selection.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
    detector : Detector or None
        The detector, if it is not IceCube-86; all of its DOMs count.

    Returns
    -------
    ndarray, shape (n_doms,), dtype HIT_DTYPE
        Ordered by string and DOM.
    """
    chosen = pulses[fitted_doms(detector, pulses["string"], pulses["om"])]
    chosen = chosen[in_richest_window(chosen["time"], chosen["charge"])]
    chosen = chosen[is_near_seed(chosen, detector)]
    return hits_of_doms(chosen, detector)


def in_richest_window(
    time: NDArray[np.float64], charge: NDArray[np.float64], length: float = TIME_WINDOW_NS
) -> NDArray[np.bool_]:
    """Return which pulses are in the time window with the largest charge.

    If several have the same charge, the earliest counts.

    Parameters
    ----------
    time, charge : ndarray, shape (n_pulses,), ns and PE, in any order
    length : float, ns

    Returns
    -------
    ndarray of bool, shape (n_pulses,)
    """
    if time.size == 0:
        return np.zeros(0, bool)
    order = np.argsort(time, kind="stable")
    starts = time[order]
    ends = np.searchsorted(starts, starts + length, side="right")
    before = np.concatenate([[0.0], np.cumsum(charge[order])])
    start = starts[np.argmax(before[ends] - before[:-1])]
    return np.asarray((time >= start) & (time <= start + length))


def is_near_seed(
    pulses: NDArray[np.void], detector: Detector | None = None
) -> NDArray[np.bool_]:
    """Return which pulses the SeededRT cleaning keeps.

    It keeps the locally coincident pulses (HLC) and then, in a few iterations, the pulses
    within the radius and the time difference of a kept one.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        Pulses of in-ice DOMs.
    detector : Detector or None
        The detector, if it is not IceCube-86.

    Returns
    -------
    ndarray of bool, shape (n_pulses,)
    """
    doms, dom = np.unique(pulses[["string", "om"]], return_inverse=True)
    time, rank = np.unique(pulses["time"], return_inverse=True)
    near = _near(places_of(detector, doms["string"], doms["om"]))
    # In the order of DOM, then time: the pulses of one DOM nearest in time are neighbours.
    key = dom * (len(time) + 1) + rank
    kept = np.asarray((pulses["flags"] & LC_FLAG) != 0)
    newest = np.flatnonzero(kept)
    for _ in range(RT_ITERATIONS):
        if len(newest) == 0:
            break
        seeds = np.unique(key[newest])
        waiting = np.flatnonzero(~kept)
        reached = [np.empty(0, np.int64)]
        for others in near.T:
            other = others[dom[waiting]]
            is_reached = _has_seed(seeds, other, rank[waiting], time) & (other >= 0)
            reached.append(waiting[is_reached])
            waiting = waiting[~is_reached]
        newest = np.concatenate(reached)
        kept[newest] = True
    return kept


def _near(place: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the DOMs within the radius of each DOM, itself first; padded with -1.

    Parameters
    ----------
    place : ndarray, shape (n_doms, 3), m

    Returns
    -------
    ndarray, shape (n_doms, largest number of DOMs)
    """
    by_x = np.argsort(place[:, 0])
    x, y, z = place[by_x].T
    rows, columns = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    for start in range(0, len(place), _DOMS_AT_ONCE):
        here = slice(start, start + _DOMS_AT_ONCE)
        ends = x[here][0] - _REACH_M, x[here][-1] + _REACH_M
        first, last = np.searchsorted(x, ends)
        there = slice(first, last)
        distance2 = (x[here, None] - x[there]) ** 2
        distance2 += (y[here, None] - y[there]) ** 2
        distance2 += (z[here, None] - z[there]) ** 2
        row, column = np.nonzero(distance2 <= RT_RADIUS_M**2)
        rows.append(by_x[row + start])
        columns.append(by_x[column + first])
    row, column = np.concatenate(rows), np.concatenate(columns)
    order = np.lexsort((column != row, row))
    row, column = row[order], column[order]
    number = np.arange(len(row)) - np.searchsorted(row, row)
    near = np.full((len(place), number.max(initial=0) + 1), -1, np.int64)
    near[row, number] = column
    return near


def _has_seed(
    seeds: NDArray[np.int64],
    dom: NDArray[np.int64],
    rank: NDArray[np.int64],
    time: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return for each pulse whether a seed on a DOM is within the time difference.

    Parameters
    ----------
    seeds : ndarray, shape (n_seeds,)
        Keys of the seeds, ascending.
    dom, rank : ndarray, shape (n_pulses,)
        The DOM to look at, and the pulse's own time, an index into ``time``.
    time : ndarray, ns
    """
    size = len(time) + 1
    after = np.searchsorted(seeds, dom * size + rank)
    found = np.zeros(len(dom), bool)
    for at in (np.minimum(after, len(seeds) - 1), np.maximum(after - 1, 0)):
        is_same = seeds[at] // size == dom
        difference = np.abs(time[np.where(is_same, seeds[at] % size, rank)] - time[rank])
        found |= is_same & (difference <= RT_TIME_NS)
    return found


def hits_of_doms(
    pulses: NDArray[np.void], detector: Detector | None = None
) -> NDArray[np.void]:
    """Return one hit per DOM: time of its first pulse and the sum of their charges.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        Pulses of in-ice DOMs; the PMTs of a DOM count as one.
    detector : Detector or None
        The detector, if it is not IceCube-86.

    Returns
    -------
    ndarray, shape (n_doms,), dtype HIT_DTYPE
        Ordered by string and DOM.
    """
    doms, which = np.unique(pulses[["string", "om"]], return_inverse=True)
    hits = np.empty(len(doms), HIT_DTYPE)
    place = places_of(detector, doms["string"], doms["om"])
    hits["x"], hits["y"], hits["z"] = place[:, 0], place[:, 1], place[:, 2]
    hits["time"] = np.inf
    np.minimum.at(hits["time"], which, pulses["time"])
    hits["charge"] = np.bincount(which, weights=pulses["charge"], minlength=len(doms))
    return hits
