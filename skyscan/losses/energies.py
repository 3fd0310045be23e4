"""Energies of a track's segments from the charges of the DOMs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Steps to the energies. They begin at energies in proportion to the light that the DOMs see of
#: each segment, and are so few that a segment which they hardly see stays dark: after more
#: steps, charges fit better, but energies of muons with truth worse (docs/cascades.md).
N_STEPS = 20

#: No segment has more energy (GeV) than 1 EeV, however far a fit moves it away.
LARGEST_GEV = 1e9

#: A segment of which all DOMs together see less than this (PE/GeV), 1 PE for 100 TeV, is left
#: out: in a direction that does not fit, such a one would get any energy.
LEAST_SEEN = 1e-5

#: Instead of 0, by which nothing can be divided.
TINY = 1e-280


class Charges(NamedTuple):
    """Charges of the DOMs with hits, of shape (n_hits,).

    ``charge`` (PE) is 0 where the charge does not count, and so is ``weight``, which is the
    charge plus the shape of the gamma distribution elsewhere.
    """

    charge: Array
    weight: Array
    shape: float


def energies_of(per_gev: Array, others: Array, charges: Charges) -> tuple[Array, Array]:
    """Return energies of segments, at least 0, that make the charges likely.

    The likelihood is the negative binomial one of `skyscan.shower.model.charges_llh`, for DOMs
    without light that of Poisson, which differs little: they have small expected charges. Each
    step multiplies an energy by the ratio of the two parts of the gradient, so that the
    likelihood never falls (as D. D. Lee and H. S. Seung, Nature 401 (1999) 788, do for
    Poisson's).

    Parameters
    ----------
    per_gev : ndarray, shape (n, ndom), PE/GeV
        Expected charges of the segments, of DOMs with hits first.
    others : ndarray, shape (ndom,), PE
        Expected charge of other light, positive.
    charges : Charges

    Returns
    -------
    energy_gev : ndarray, shape (n,)
    expected : ndarray, shape (ndom,), PE
    """
    n_hits = len(charges.charge)
    dark = per_gev[:, n_hits:].sum(axis=-1)
    of_hits, other = np.ascontiguousarray(per_gev[:, :n_hits]), others[:n_hits]
    counts = (charges.weight > 0).astype(float)
    # einsum has no BLAS here, whose bytes depend on the number of threads
    seen = np.einsum("kd,d->k", of_hits, counts) + dark
    seen = np.where(seen < LEAST_SEEN, 0.0, seen)
    energy = seen * (charges.charge.sum() / max(float((seen * seen).sum()), TINY))
    energy = np.minimum(energy, LARGEST_GEV)
    for _ in range(N_STEPS):
        expected = np.einsum("kd,k->d", of_hits, energy) + other
        more = np.einsum("kd,d->k", of_hits, charges.charge / expected)
        less = np.einsum("kd,d->k", of_hits, charges.weight / (expected + charges.shape)) + dark
        energy = np.minimum(energy * (more / np.maximum(less, TINY)), LARGEST_GEV)
    return energy, np.einsum("kd,k->d", per_gev, energy) + others
