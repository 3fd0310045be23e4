"""What the energies of segments say: energy inside the detector, and the muon's energy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.shower.volume import are_inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.losses.segments import Segments

    Array = NDArray[np.float64]

#: Places in a segment at which it is asked whether it lies inside.
N_PLACES = 10

#: A muon's energy over its losses per metre, m: the median of simulated muons; 68 % of them are
#: between 0.47 and 1.26 times this (docs/cascades.md).
ENERGY_PER_LOSS_M = 5600.0
#: If less of the track (m) is inside, its losses outside count, too.
LEAST_INSIDE_M = 100.0


class Deposits(NamedTuple):
    """Energies of n tracks, GeV, each of shape (n,).

    ``inside`` is lost inside the instrumented volume, ``total`` in all segments; ``muon`` is an
    estimate of the muon's energy.
    """

    inside: Array
    total: Array
    muon: Array


def deposits_of(
    segments: Sequence[Segments], energies_gev: Sequence[Array], vertex: Array, travels: Array
) -> Deposits:
    """Return the energies of n tracks.

    Parameters
    ----------
    segments : sequence of Segments
    energies_gev : sequence of ndarray, shape (n_segments,)
    vertex : ndarray, shape (n, 3), m, IceCube coordinates
        The point of each track nearest to the charge centre.
    travels : ndarray, shape (n, 3)
        Directions of travel, unit vectors.
    """
    inside, total, muon = np.zeros((3, len(vertex)))
    for i, (parts, energy) in enumerate(zip(segments, energies_gev, strict=True)):
        share = _shares_inside(parts, vertex[i], travels[i])
        length = float(share.sum()) * parts.length
        inside[i], total[i] = (energy * share).sum(), energy.sum()
        per_m = total[i] / (len(energy) * parts.length)
        if length >= LEAST_INSIDE_M:
            per_m = inside[i] / length
        muon[i] = ENERGY_PER_LOSS_M * per_m
    return Deposits(inside, total, muon)


def _shares_inside(segments: Segments, vertex: Array, travels: Array) -> Array:
    """Return which part of each segment lies inside the instrumented volume."""
    steps = (np.arange(N_PLACES) + 0.5) / N_PLACES - 0.5
    along = (segments.place[:, None] + segments.length * steps).ravel()
    places = vertex + along[:, None] * travels
    return np.asarray(are_inside(places).reshape(-1, N_PLACES).mean(axis=-1))
