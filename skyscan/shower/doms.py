"""The DOMs that a shower fit looks at: those with hits, and living ones near them without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.doms import are_alive, efficiencies
from skyscan.geometry import FIRST_DEEPCORE_STRING, N_OMS, dom_positions, is_in_ice
from skyscan.track.cleaning import clean_hits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: One DOM a row: place (m), time of its first pulse (ns, NaN without a hit), charge (PE),
#: efficiency relative to most DOMs, and whether its charge is known: not if it is saturated.
DOM_DTYPE = np.dtype(
    [
        *((name, "<f8") for name in ("x", "y", "z", "time", "charge", "efficiency")),
        ("has_charge", "?"),
    ]
)

#: DOMs without a hit count if they are this near (m) to one with a hit.
NEAR_M = 130.0

#: A PMT is no longer linear at this current (PE/ns) for this long (ns): R. Abbasi et al.
#: (IceCube), NIM A 618 (2010) 139.
LINEAR_PE_PER_NS, CURRENT_NS = 31.0, 8.0


def doms_of(pulses: NDArray[np.void]) -> NDArray[np.void]:
    """Return the DOMs of a shower fit.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        All pulses of the event. Hits are those of `clean_hits`; a DOM with other pulses only
        counts neither as hit nor as dark.

    Returns
    -------
    ndarray, shape (n_doms,), dtype DOM_DTYPE
        First those with hits, then those without.
    """
    hits = clean_hits(pulses)
    places = dom_positions()[: FIRST_DEEPCORE_STRING - 1].reshape(-1, 3)
    index = {place: i for i, place in enumerate(map(tuple, places.tolist()))}
    hit = np.array([index[place] for place in hits[["x", "y", "z"]].tolist()], np.intp)
    dark = _dark(hit, pulses, places)
    doms = np.zeros(len(hit) + len(dark), DOM_DTYPE)
    chosen = np.concatenate([hit, dark])
    doms["x"], doms["y"], doms["z"] = places[chosen].T
    doms["time"] = np.nan
    doms["time"][: len(hit)], doms["charge"][: len(hit)] = hits["time"], hits["charge"]
    # A DOM that is listed as dead but has a hit lives.
    doms["efficiency"] = np.maximum(efficiencies().ravel()[chosen], 0.0)
    doms["efficiency"][doms["efficiency"] == 0] = 1.0
    doms["has_charge"] = ~are_saturated(pulses)[chosen]
    return doms


def are_saturated(pulses: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return which DOMs have a larger current than their PMT can give.

    Returns
    -------
    ndarray of bool, shape (86 * 60,)
    """
    pulses = pulses[is_in_ice(pulses["string"], pulses["om"])]
    dom = (pulses["string"] - 1) * N_OMS + pulses["om"] - 1
    order = np.lexsort([pulses["time"], dom])
    key = dom[order] * 1e9 + pulses["time"][order]
    charge = np.concatenate([[0.0], np.cumsum(pulses["charge"][order])])
    ends = np.searchsorted(key, key + CURRENT_NS)
    within = charge[ends] - charge[:-1]
    found = np.zeros(are_alive().size, bool)
    found[dom[order][within > LINEAR_PE_PER_NS * CURRENT_NS]] = True
    return found


def _dark(hit: NDArray[np.intp], pulses: NDArray[np.void], places: Array) -> NDArray[np.intp]:
    """Return the living DOMs without any pulse that are near to hits, ascending."""
    alive = are_alive().ravel()[: len(places)].copy()
    inside = pulses[is_in_ice(pulses["string"], pulses["om"])]
    inside = inside[inside["string"] < FIRST_DEEPCORE_STRING]
    alive[(inside["string"] - 1) * N_OMS + inside["om"] - 1] = False
    nearest = np.full(len(places), np.inf)
    for place in places[hit]:
        away = places - place
        nearest = np.minimum(nearest, (away * away).sum(axis=-1))
    return np.flatnonzero(alive & (nearest <= NEAR_M**2))
