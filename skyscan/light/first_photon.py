"""The likelihood of the time of a DOM's first pulse.

The arrival time t of the first of N photons has the density -d/dt S(t)^N, where S is the
survival function of one photon. The jitter is a box with the standard deviation of a Gaussian
jitter, so that the density needs S at only two times, as in IceCube's MuEx (Aartsen et al.,
JINST 9 (2014) P03009, arXiv:1311.4767).
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
    # A sum along the contiguous axis of a track's row has the same bytes in any batch.
    density = with_noise(density, residual)
    return np.asarray(-np.log(density, out=density).sum(axis=-1))


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
    none_yet = photons * ice.log_survival(edges, light.distance, light.cos_eta, dom_z)
    np.exp(none_yet, out=none_yet)
    density = np.asarray(none_yet[0] - none_yet[1])
    density /= 2 * half_width
    return density


def with_noise(density: Array, residual: Array) -> Array:
    """Return the density (1/ns) including noise; it is never zero."""
    noise, width = BROAD_NOISE
    mixed = (1 - noise) * density
    mixed += noise * cauchy(residual, width)
    extra, width = NARROW_NOISE
    mixed += extra * cauchy(residual, width)
    return mixed


def cauchy(residual: Array, width: float) -> Array:
    """Return the Cauchy density (1/ns) at a residual (ns), half width at half maximum."""
    scaled = residual / width
    scaled *= scaled
    scaled += 1
    scaled *= pi * width
    return 1 / scaled
