"""How much Cherenkov light showers and muons make, where, and in which directions.

Light is described by steps: straight pieces of path that shine evenly. The sources of the
numbers are those of `skyscan.light.yields`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from skyscan.light.cherenkov import LIGHT_SPEED
from skyscan.light.yields import (
    ICE_DENSITY,
    PHOTONS_PER_M,
    PROFILE_SCALE_M,
    TRACK_PER_GEV_M,
    WATER_EQUIVALENT,
    profile_shape,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Array = NDArray[np.float64]

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
    shape = float(profile_shape(np.asarray(energy_gev)))
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


def blocks_of(photons: NDArray[np.int64], size: int) -> Iterator[tuple[int, NDArray[np.int64]]]:
    """Divide the photons of steps, in their order, into blocks.

    Parameters
    ----------
    photons : ndarray, shape (n,)
        Number of photons of each step.
    size : int
        Photons of each block but the last, which has the rest.

    Yields
    ------
    first : int
        The first step of which the block has photons.
    counts : ndarray, shape (m,)
        Number of its photons of this and the following steps.
    """
    ends = np.cumsum(photons)
    begins = ends - photons
    for start in range(0, int(photons.sum()), size):
        first = int(np.searchsorted(ends, start, side="right"))
        last = int(np.searchsorted(ends, start + size)) + 1
        until = np.minimum(ends[first:last], start + size)
        yield first, until - np.maximum(begins[first:last], start)
