"""The DOMs that a shower fit looks at: those with hits, and living ones near them without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.doms import are_alive, efficiencies
from skyscan.events.event import LC_FLAG
from skyscan.geometry import FIRST_DEEPCORE_STRING, N_OMS, dom_positions, is_in_ice
from skyscan.track.cleaning import clean_hits

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Edges of bins of time after the first pulse, ns; later charge is afterpulses.
LATE_EDGES_NS = (0.0, 16.0, 48.0, 144.0, 432.0, 2000.0)
N_BINS = len(LATE_EDGES_NS) - 1
#: Charge (PE) of a DOM from which on its later charge counts, that of the first photon, and the
#: least that must be left without it.
LEAST_PE, FIRST_PE, LEAST_LATE_PE = 3.0, 1.0, 1.0

#: One DOM a row: place (m), time of its first pulse (ns, NaN without a hit), charge (PE),
#: efficiency relative to most DOMs, whether its charge is known: not if it is saturated; and
#: the charge (PE) after the first photon in bins of time, 0 where it does not count.
DOM_DTYPE = np.dtype(
    [
        *((name, "<f8") for name in ("x", "y", "z", "time", "charge", "efficiency")),
        ("has_charge", "?"),
        ("late", "<f8", (N_BINS,)),
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
        First those with hits, of these first those whose later charge counts.
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
    doms["late"][: len(hit)] = _late_charge(pulses, hits, hit)
    return doms[np.argsort(~doms["late"].any(axis=-1), kind="stable")]


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


def _late_charge(pulses: NDArray[np.void], hits: NDArray[np.void], hit: Rows) -> Array:
    """Return the charge of hits by time after the first photon, (nhit, N_BINS), PE.

    That of DOMs with little charge, or without local coincidence, does not count.
    """
    first = np.full(are_alive().size, np.nan)
    first[hit] = hits["time"]
    pulses = pulses[is_in_ice(pulses["string"], pulses["om"])]
    dom = (pulses["string"] - 1) * N_OMS + pulses["om"] - 1
    after = pulses["time"] - first[dom]  # NaN is in no bin
    column = np.searchsorted(LATE_EDGES_NS, after, side="right") - 1
    counts = (column >= 0) & (column < N_BINS) & ~np.isnan(after)
    charge = np.zeros((len(first), N_BINS))
    np.add.at(charge, (dom[counts], column[counts]), pulses["charge"][counts])
    is_coincident = np.zeros(len(first), bool)
    is_coincident[dom[(after == 0) & ((pulses["flags"] & LC_FLAG) != 0)]] = True
    charge, is_coincident = charge[hit], is_coincident[hit]
    charge[:, 0] = np.maximum(charge[:, 0] - FIRST_PE, 0.0)  # the first photon has its own term
    counted = (
        is_coincident & (hits["charge"] >= LEAST_PE) & (charge.sum(axis=-1) >= LEAST_LATE_PE)
    )
    return np.where(counted[:, None], charge, 0.0)


def _dark(hit: Rows, pulses: NDArray[np.void], places: Array) -> Rows:
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
