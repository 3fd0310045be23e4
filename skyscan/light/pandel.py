"""Bulk ice: arrival times after the Pandel function, the same at every depth.

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
    """Return the distance that stands for the scattering on the way, m.

    Parameters
    ----------
    distance : ndarray, m
        From the DOM to the nearest point of the track.
    cos_eta : ndarray
        z component of the unscattered photon's direction.

    Returns
    -------
    ndarray, m
        More for light that comes from above, onto the DOM's blind side.
    """
    constant, linear, quadratic = ORIENTATION
    return DISTANCE_SLOPE * distance + constant + (linear + quadratic * cos_eta) * cos_eta


def survival(delay: Array, effective: Array) -> Array:
    """Return the probability that a photon is later than a delay: Q(xi, rho t).

    Parameters
    ----------
    delay : ndarray, ns
        After the arrival of an unscattered photon; shape broadcasts with ``effective``.
    effective : ndarray, m
        Effective distance.

    Returns
    -------
    ndarray
        1 where ``delay`` is not positive.
    """
    shape, scaled = np.broadcast_arrays(effective / SCATTERING_M, DECAY_RATE * delay)
    late = np.ones(scaled.shape)
    # Only where it is needed: a fit spends its time here. Not with the ufunc's `where`,
    # under which scipy writes out of bounds (scipy/xsf pull request 146).
    positive = scaled > 0
    late[positive] = gammaincc(shape[positive], scaled[positive])
    return late


@dataclass(frozen=True)
class BulkIce:
    """The Pandel function with the jitter that makes up for what it leaves out."""

    jitter_ns: float = 15.0

    def n_photons(self, charge: Array) -> Array:
        """Return the charge, at least 1: every photoelectron counts."""
        return np.maximum(charge, 1.0)

    def survival(
        self,
        delay: Array,
        distance: Array,
        cos_eta: Array,
        dom_z: Array,  # noqa: ARG002
    ) -> Array:
        """Return the probability that a photon is later than a delay; see `Ice`."""
        return survival(delay, effective_distance(distance, cos_eta))
