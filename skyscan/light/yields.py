"""How much Cherenkov light a shower makes, and where along its axis.

The numbers are those of IceCube's photon propagator (github.com/icecube/ppc, ``gpu/f2k.cxx``
and ``gpu/ini.cxx``), after L. Rädel and C. Wiebusch, Astropart. Phys. 38 (2012) 53 and
44 (2013) 102.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Photons that a nominal DOM could detect, per metre of Cherenkov track: the spectrum folded
#: with the DOM's acceptance of wavelengths.
PHOTONS_PER_M = 2450.08
#: Radius of the DOM for which that holds, m.
NOMINAL_RADIUS_M = 0.1651

#: Density of ice (g/cm3), and the factor of a length from water to it.
ICE_DENSITY, WATER_EQUIVALENT = 0.910, 0.9216

#: Length of Cherenkov track of an electromagnetic shower, m/GeV.
TRACK_PER_GEV_M = 5.321 * ICE_DENSITY / WATER_EQUIVALENT

#: Longitudinal profile: a gamma distribution of this shape (plus this times ln(E/GeV)).
PROFILE = (2.01849, 0.63176)
PROFILE_SCALE_M = 0.39652 * ICE_DENSITY / WATER_EQUIVALENT / 0.63207


def profile_shape(energy_gev: Array) -> Array:
    """Return the shape of the gamma distribution along showers of some energies."""
    constant, slope = PROFILE
    return np.asarray(constant + slope * np.log(np.maximum(energy_gev, 1.0)))


def profile_length(energy_gev: Array) -> Array:
    """Return the distance (m) from the starts of showers to the centres of their light."""
    return np.asarray(PROFILE_SCALE_M * profile_shape(energy_gev))
