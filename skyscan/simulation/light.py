"""How much Cherenkov light showers and muons make, where, and in which directions.

Light is described by steps: straight pieces of path that shine evenly. The yields are those of
IceCube's photon propagator (github.com/icecube/ppc, ``gpu/f2k.cxx``, ``gpu/ini.cxx``), which
follows L. Rädel and C. Wiebusch, Astropart. Phys. 38 (2012) 53 and 44 (2013) 102.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from skyscan.light.cherenkov import LIGHT_SPEED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Photons that a nominal DOM could detect, per metre of Cherenkov track: the spectrum folded
#: with the DOM's acceptance of wavelengths (ppc).
PHOTONS_PER_M = 2450.08

#: Length of Cherenkov track of an electromagnetic shower, m/GeV: 5.321 m of water, in ice.
ICE_DENSITY, WATER_EQUIVALENT = 0.910, 0.9216
TRACK_PER_GEV_M = 5.321 * ICE_DENSITY / WATER_EQUIVALENT

#: Longitudinal profile: a gamma distribution, its shape this plus this times ln(E / GeV).
PROFILE = (2.01849, 0.63176)
PROFILE_SCALE_M = 0.39652 * ICE_DENSITY / WATER_EQUIVALENT / 0.63207

#: Directions of a shower's particles: dN/dx ~ exp(-b x^a) x^(a-1), x = 1 - cosine to the axis.
SPREAD_A, SPREAD_B = 0.39, 2.61

#: Yield of pi+ relative to an electromagnetic shower: 1 - (1 - f0) (E/E0)^-m.
HADRON_E0_GEV, HADRON_M, HADRON_F0 = 0.18791678, 0.16267529, 0.30974123
#: Spread of that yield: F rms0 (ln E)^-gamma.
HADRON_RMS0, HADRON_GAMMA = 0.95899551, 1.35589541

#: Light of a muon's secondaries below 0.5 GeV relative to its own: this plus this times ln E.
SECONDARIES = (0.1880, 0.0206)

#: Steps of equal light that a shower is divided into.
STEPS_OF_SHOWER = 25
LAST_QUANTILE = 0.998  #: the tail beyond it is moved to the last step

#: One step a row: x, y, z (m), time (ns), direction (unit vector), length (m), whether its
#: light is that of a shower (1) or of a bare track (0), and Cherenkov track (m) that it has.
STEP_FIELDS = 10


def shower_steps(place: Array, time: float, direction: Array, energy_gev: float) -> Array:
    """Return the steps of an electromagnetic shower.

    Parameters
    ----------
    place : ndarray, shape (3,), m
        Where the shower begins.
    time : float, ns
    direction : ndarray, shape (3,)
        Unit vector, direction of travel.
    energy_gev : float

    Returns
    -------
    ndarray, shape (STEPS_OF_SHOWER, STEP_FIELDS)
    """
    levels = np.linspace(0.0, LAST_QUANTILE, STEPS_OF_SHOWER + 1)
    shape = profile_shape(energy_gev)
    edges = PROFILE_SCALE_M * gammaincinv(shape, levels)
    steps = np.empty((STEPS_OF_SHOWER, STEP_FIELDS))
    steps[:, :3] = place + edges[:-1, None] * direction
    steps[:, 3] = time + edges[:-1] / LIGHT_SPEED
    steps[:, 4:7] = direction
    steps[:, 7] = np.diff(edges)
    steps[:, 8] = 1.0
    steps[:, 9] = energy_gev * TRACK_PER_GEV_M / STEPS_OF_SHOWER
    return steps


def track_step(
    place: Array, time: float, direction: Array, length: float, energy_gev: float
) -> Array:
    """Return one step of a muon and its secondaries below 0.5 GeV, shape (1, STEP_FIELDS)."""
    constant, slope = SECONDARIES
    secondaries = max(0.0, constant + slope * np.log(energy_gev)) * ICE_DENSITY
    light = length * (1 + secondaries / WATER_EQUIVALENT)
    return np.array([[*place, time, *direction, length, 0.0, light]])


def profile_shape(energy_gev: float) -> float:
    """Return the shape of the gamma distribution along a shower of some energy."""
    constant, slope = PROFILE
    return constant + slope * float(np.log(max(energy_gev, 1.0)))


def hadronic_yield(energy_gev: float) -> tuple[float, float]:
    """Return the light of a hadronic shower, relative to an EM one: mean and spread."""
    energy = max(energy_gev, 2.0)
    mean = 1 - (1 - HADRON_F0) * (energy / HADRON_E0_GEV) ** -HADRON_M
    return mean, mean * HADRON_RMS0 * float(np.log(energy)) ** -HADRON_GAMMA


def n_photons(steps: Array, oversize: float, chances: Array) -> NDArray[np.int64]:
    """Return the number of photons to follow for each step.

    Parameters
    ----------
    steps : ndarray, shape (n, STEP_FIELDS)
    oversize : float
        Factor of the DOMs' radius; its square divides the number.
    chances : ndarray, shape (n,)
        Uniform random numbers, by which the fraction of a photon is rounded.
    """
    return np.floor(steps[:, 9] * PHOTONS_PER_M / oversize**2 + chances).astype(np.int64)
