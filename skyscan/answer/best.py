"""The best fit of a map, and its other minima."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.sky.directions import (
    dms,
    galactic,
    hms,
    ra_dec,
    separation,
    unit_vectors,
)
from skyscan.coordinates import equatorial_to_local

if TYPE_CHECKING:
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap

#: Second minima that are listed.
N_MINIMA = 5


@dataclass(frozen=True)
class BestFit:
    """The pixel of lowest llh; angles in degrees.

    Attributes
    ----------
    ra_deg, dec_deg : float
        Its centre, J2000; NaN in a local map, and the texts are empty.
    ra_hms, dec_dms : str
        The same in hours and degrees, minutes, seconds.
    l_deg, b_deg : float
        Galactic longitude and latitude.
    zenith_deg, azimuth_deg : float
        In IceCube's local frame at the time of the event: where the particle came from.
    nside, pixel : int
        RING order.
    llh : float
        -ln L.
    energy_in_gev, energy_total_gev : float
        Deposited energy, inside the detector and in total; NaN if the reconstruction has none.
    x_m, y_m, z_m, time_ns : float
        Its vertex.
    """

    ra_deg: float
    dec_deg: float
    ra_hms: str
    dec_dms: str
    l_deg: float
    b_deg: float
    zenith_deg: float
    azimuth_deg: float
    nside: int
    pixel: int
    llh: float
    energy_in_gev: float
    energy_total_gev: float
    x_m: float
    y_m: float
    z_m: float
    time_ns: float


@dataclass(frozen=True)
class Minimum:
    """A minimum of llh other than the best fit; angles in degrees."""

    ra_deg: float
    dec_deg: float
    two_delta_llh: float
    distance_deg: float
    containment: float


def best_fit_of(skymap: SkyMap) -> BestFit:
    """Return the best fit of a map, which must have one."""
    ra, dec = skymap.best_deg
    found = skymap.best()
    if found is None:  # best_deg has refused such a map
        raise ValueError(skymap.name)
    (nside, pixel), _, _, llh = found
    rows = skymap.pixels[nside]
    row = rows[rows["index"] == pixel][0]
    zenith, azimuth = np.array([nan]), np.array([nan])
    if skymap.is_local or isfinite(skymap.mjd):
        mjd = nan if skymap.is_local else skymap.mjd
        zenith, azimuth = equatorial_to_local(np.deg2rad(ra), np.deg2rad(dec), mjd)
    l_deg, b_deg = (nan, nan) if skymap.is_local else galactic(ra, dec)
    return BestFit(
        ra_deg=nan if skymap.is_local else ra,
        dec_deg=nan if skymap.is_local else dec,
        ra_hms="" if skymap.is_local else hms(ra),
        dec_dms="" if skymap.is_local else dms(dec),
        l_deg=l_deg,
        b_deg=b_deg,
        zenith_deg=float(np.rad2deg(zenith).item()),
        azimuth_deg=float(np.rad2deg(azimuth).item()),
        nside=nside,
        pixel=pixel,
        llh=llh,
        energy_in_gev=float(row["E_in"]),
        energy_total_gev=float(row["E_tot"]),
        x_m=float(row["X"]),
        y_m=float(row["Y"]),
        z_m=float(row["Z"]),
        time_ns=float(row["T"]),
    )


def minima_of(skymap: SkyMap, levels: Levels) -> tuple[Minimum, ...]:
    """Return the lowest other minima at least as deep as the level of the 50 % region."""
    surface, scale = skymap.surface, skymap.scale(levels)
    here = unit_vectors(*skymap.best_deg)
    others = surface.minima(levels.at(CONTAINMENTS[0]))[1 : N_MINIMA + 1]
    found = []
    for index in others.tolist():
        ra, dec = ra_dec(surface.vectors[index])
        value = float(surface.values[index])
        away = float(separation(surface.vectors[index], here))
        found.append(Minimum(float(ra), float(dec), value, away, scale.containment(value)))
    return tuple(found)
