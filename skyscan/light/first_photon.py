"""The likelihood of the time of a DOM's first pulse.

The arrival time t of the first of N photons has the density -d/dt S(t)^N, where S is the
survival function of one photon. The jitter is a box with the standard deviation of a Gaussian
jitter, so that the density needs S at only two times, as in IceCube's MuEx (Aartsen et al.,
JINST 9 (2014) P03009, arXiv:1311.4767).

N is uncertain, as the charge may be light of a loss that came later than the muon's first
light: with some probability, N is 1.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.light.cherenkov import DirectLight
    from skyscan.light.ice import Ice

    Array = NDArray[np.float64]

#: Noise and late light: weight and half width at half maximum (ns) of Cauchy densities.
#: The weight of the broad one is taken from the model; the narrow one is added.
BROAD_NOISE = (1e-3, 2000.0)
NARROW_NOISE = (2e-5, 100.0)

FACTORS = 8  #: of a product of densities


def minus_log_likelihood(
    residual: Array, light: DirectLight, dom_z: Array, photons: Array, ice: Ice
) -> Array:
    """Return -ln L of the first pulses of an event for each of n tracks.

    Parameters
    ----------
    residual : ndarray, shape (n, ndom), ns
        Time from the arrival of unscattered light to the first pulse.
    light : DirectLight
        The direct light of the n tracks.
    dom_z : ndarray, shape (ndom,), m
    photons : ndarray, shape (ndom,)
        The number of photons of which the pulse is the first.
    ice : Ice

    Returns
    -------
    ndarray, shape (n,)
        Times in ns.
    """
    density = density_of(residual, light, dom_z, photons, ice)
    return -sum_of_logs(with_noise(density, residual))


def density_of(
    residual: Array, light: DirectLight, dom_z: Array, photons: Array, ice: Ice
) -> Array:
    """Return the density (1/ns) of each first pulse without noise, shape (n, ndom).

    The parameters are those of `minus_log_likelihood`.
    """
    half_width = sqrt(3) * ice.jitter_ns
    edges = np.empty((2, *residual.shape))
    np.subtract(residual, half_width, out=edges[0])
    np.add(residual, half_width, out=edges[1])
    survival = ice.log_survival(edges, light.distance, light.cos_eta, dom_z)
    none_yet = np.multiply(photons, survival, out=edges)
    np.exp(none_yet, out=none_yet)
    density = np.asarray(none_yet[0] - none_yet[1])
    if ice.one_photon:
        density *= 1 - ice.one_photon
        np.exp(survival, out=survival)
        of_one = np.subtract(survival[0], survival[1], out=survival[0])
        of_one *= ice.one_photon
        density += of_one
    density /= 2 * half_width
    return density


def with_noise(density: Array, residual: Array) -> Array:
    """Return the density (1/ns) including noise; it is never zero."""
    (broad, broad_width), (narrow, narrow_width) = BROAD_NOISE, NARROW_NOISE
    # the two Cauchy densities and their sum, with one division
    wide = residual * residual
    close = wide * narrow_width**-2
    close += 1
    wide *= broad_width**-2
    wide += 1
    mixed = close * (broad / (pi * broad_width))
    close *= wide
    wide *= narrow / (pi * narrow_width)
    mixed += wide
    mixed /= close
    mixed += np.multiply(density, 1 - broad, out=wide)
    return mixed


def sum_of_logs(densities: Array) -> Array:
    """Return the sums of the logarithms of densities with noise, (..., ndom) to (...).

    Products of a few densities need fewer logarithms, and are not too small for a double.
    """
    n_doms = densities.shape[-1]
    n_products = -(-n_doms // FACTORS)
    product = densities[..., :n_products].copy()
    for start in range(n_products, n_doms, n_products):
        factor = densities[..., start : start + n_products]
        product[..., : factor.shape[-1]] *= factor
    # A sum along the contiguous axis of a row has the same bytes in any batch.
    return np.asarray(np.log(product, out=product).sum(axis=-1))
