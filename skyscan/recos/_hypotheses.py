"""Find an event's best fit by a reconstruction, from coarse directions to fine ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan import healpix
from skyscan.records import PIXEL_DTYPE, SEED_FIELDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.events.event import Vertex
    from skyscan.recos import Reco

    Array = NDArray[np.float64]

#: A shower has a wide minimum, and a track a narrow one: nside 4 misses that of a bright muon.
FIRST_NSIDES = {"track": 8, "cascade": 2}
#: Each step has pixels of a quarter of the size, inside the best of those before.
N_REFINED = (6, 3)


class Hypothesis(NamedTuple):
    """The best fit: one row of FIT_DTYPE, and its direction (radians, IceCube's frame)."""

    fit: NDArray[np.void]
    zenith: Array
    azimuth: Array


def best_fit(reco: Reco, seed: Vertex, nside: int) -> Hypothesis:
    """Return the best fit of a reconstruction that is set up, over the whole sky.

    The pixels are those of the local frame: theta is the zenith, phi the azimuth.

    Parameters
    ----------
    reco : Reco
    seed : Vertex
        The event's own, as ``prepare`` returned it.
    nside : int
        Of the first pixels.
    """
    pixels = np.arange(12 * nside**2)
    rows = np.zeros(len(pixels), PIXEL_DTYPE)
    for name in SEED_FIELDS:
        rows[name] = getattr(seed, name)
    fits = _fitted(reco, nside, pixels, rows)
    for n_refined in N_REFINED:
        best = np.argsort(fits["llh"], kind="stable")[:n_refined]
        inside = healpix.ring2nest(nside, pixels[best])[:, None] * 16 + np.arange(16)
        nside *= 4
        pixels = healpix.nest2ring(nside, inside.ravel())
        rows = np.zeros(len(pixels), PIXEL_DTYPE)
        for name in SEED_FIELDS:
            rows[name] = np.repeat(fits[name][best], 16)
        fits = _fitted(reco, nside, pixels, rows)
    best = np.argsort(fits["llh"], kind="stable")[:1]
    zenith, azimuth = healpix.pix2ang(nside, pixels[best])
    return Hypothesis(fits[best], zenith, azimuth)


def _fitted(
    reco: Reco, nside: int, pixels: NDArray[np.int64], rows: NDArray[np.void]
) -> NDArray[np.void]:
    rows["nside"], rows["pixel"] = nside, pixels
    zenith, azimuth = healpix.pix2ang(nside, pixels)
    size = reco.chunk_size
    chunks = [slice(start, start + size) for start in range(0, len(rows), size)]
    return np.concatenate([reco.reconstruct(rows[c], zenith[c], azimuth[c]) for c in chunks])
