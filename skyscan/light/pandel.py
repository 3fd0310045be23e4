"""Bulk ice, the same at every depth: arrival times by the Pandel function.

The delay of a photon has a gamma distribution whose shape grows with the distance to the
track (Ahrens et al., NIM A 524 (2004) 169, the section on the Pandel function). The
effective distance and the constants are those of IceCube's "H2" ice (icetray, the
``rpdf`` documentation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincc

from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP
from skyscan.light.ice import SMALLEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TAU_NS = 556.7
SCATTERING_M = 33.29  #: lambda
ABSORPTION_M = 98.0  #: lambda_a

#: Coefficients of the effective distance (m): of the distance, then of the powers 0, 1
#: and 2 of cos eta.
DISTANCE_SLOPE = 0.8395
ORIENTATION = (3.094, -3.946, 4.636)

#: rho, the inverse of the gamma distribution's scale, 1/ns.
DECAY_RATE = 1 / TAU_NS + LIGHT_SPEED / (N_GROUP * ABSORPTION_M)


def effective_distance(distance: Array, cos_eta: Array) -> Array:
    """Return the effective distance that accounts for scattering, m.

    Parameters
    ----------
    distance : ndarray, m
        Distance from the DOM to the nearest point of the track.
    cos_eta : ndarray
        z component of the unscattered photon's direction.

    Returns
    -------
    ndarray, m
        Larger for light from above, because the PMT of a DOM looks down.
    """
    constant, linear, quadratic = ORIENTATION
    return DISTANCE_SLOPE * distance + constant + (linear + quadratic * cos_eta) * cos_eta


def log_survival(delay: Array, effective: Array) -> Array:
    """Return ln of the probability that a photon is later than a delay: ln Q(xi, rho t).

    Parameters
    ----------
    delay : ndarray, ns
        Delay after the arrival of an unscattered photon; broadcasts with ``effective``.
    effective : ndarray, m
        Effective distance.

    Returns
    -------
    ndarray
        0 where ``delay`` is not positive; at least ln SMALLEST.
    """
    shape, scaled = np.broadcast_arrays(effective / SCATTERING_M, DECAY_RATE * delay)
    survival = np.ones(scaled.shape)
    # Not with the ufunc's `where`: scipy writes out of bounds there (scipy/xsf pull 146).
    positive = scaled > 0
    survival[positive] = gammaincc(shape[positive], scaled[positive])
    return np.log(np.maximum(survival, SMALLEST))


@dataclass(frozen=True)
class BulkIce:
    """The Pandel function, with a jitter that accounts for the effects it leaves out."""

    jitter_ns: float = 15.0
    one_photon: float = 0.0

    def n_photons(self, charge: Array) -> Array:
        """Return the charge, at least 1: every photoelectron counts."""
        return np.maximum(charge, 1.0)

    def log_survival(
        self,
        delay: Array,
        distance: Array,
        cos_eta: Array,
        dom_z: Array,  # noqa: ARG002
    ) -> Array:
        """Return ln of the probability that a photon is later than a delay; see `Ice`."""
        return log_survival(delay, effective_distance(distance, cos_eta))
