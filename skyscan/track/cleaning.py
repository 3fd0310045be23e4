"""Select the hits that a fit uses from an event's pulses: without noise, one per DOM."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.event import LC_FLAG
from skyscan.geometry import FIRST_DEEPCORE_STRING, is_in_ice, positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def clean_hits(pulses: NDArray[np.void]) -> NDArray[np.void]:
    """Return the hits of an event's main particle, cleaned of noise.

    These are the in-ice pulses outside DeepCore, in the time window with the largest charge
    and after the SeededRT cleaning. The ``nch`` (number of hits) and ``qtot`` (their charge)
    of alerts use the same selection.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE

    Returns
    -------
    ndarray, shape (n_doms,), dtype HIT_DTYPE
        Ordered by string and DOM.
    """
    chosen = pulses[is_in_ice(pulses["string"], pulses["om"])]
    chosen = chosen[chosen["string"] < FIRST_DEEPCORE_STRING]
    chosen = chosen[in_richest_window(chosen["time"], chosen["charge"])]
    chosen = chosen[is_near_seed(chosen)]
    return hits_of_doms(chosen)


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


def is_near_seed(pulses: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return which pulses the SeededRT cleaning keeps.

    It keeps the locally coincident pulses (HLC) and then, in a few iterations, the pulses
    within the radius and the time difference of a kept one.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        Pulses of in-ice DOMs.

    Returns
    -------
    ndarray of bool, shape (n_pulses,)
    """
    place, time = positions(pulses["string"], pulses["om"]), pulses["time"]
    kept = (pulses["flags"] & LC_FLAG) != 0
    newest = np.flatnonzero(kept)
    for _ in range(RT_ITERATIONS):
        reached = kept.copy()
        for seed in newest:
            near = np.abs(time - time[seed]) <= RT_TIME_NS
            near &= ((place - place[seed]) ** 2).sum(axis=-1) <= RT_RADIUS_M**2
            reached |= near
        newest = np.flatnonzero(reached & ~kept)
        kept = reached
    return np.asarray(kept)


def hits_of_doms(pulses: NDArray[np.void]) -> NDArray[np.void]:
    """Return one hit per DOM: time of its first pulse and the sum of their charges.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        Pulses of in-ice DOMs; the PMTs of a DOM count as one.

    Returns
    -------
    ndarray, shape (n_doms,), dtype HIT_DTYPE
        Ordered by string and DOM.
    """
    doms, which = np.unique(pulses[["string", "om"]], return_inverse=True)
    hits = np.empty(len(doms), HIT_DTYPE)
    place = positions(doms["string"], doms["om"])
    hits["x"], hits["y"], hits["z"] = place[:, 0], place[:, 1], place[:, 2]
    hits["time"] = np.inf
    np.minimum.at(hits["time"], which, pulses["time"])
    hits["charge"] = np.bincount(which, weights=pulses["charge"], minlength=len(doms))
    return hits
