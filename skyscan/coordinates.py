"""Convert local (zenith, azimuth) to equatorial (J2000 RA, Dec) coordinates and back, by ERFA.

The effects are those that IceCube's ``astro`` includes with the PAL library (UT1 = UTC, no
refraction): light deflection by the Sun, annual aberration, precession, nutation and the
rotation of the Earth. J2000 means the ICRS, 0.02 arcsec from the mean equator of J2000.

Events without a time have maps in IceCube's local frame: in place of RA and Dec they have the
azimuth and the elevation, 90 degrees less the zenith angle. All functions here take a time of
NaN for that.

Each direction is computed independently: the same direction and time give the same bytes
whatever else is in the array, with ERFA 2.0.0 (Debian 12) and with 2.0.1.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import erfa
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

#: Nominal position of the detector, as in IceCube's astro (icetray, astro/I3Astro.h).
LATITUDE = np.deg2rad(-89.9944)
LONGITUDE = np.deg2rad(-62.6081)

TWO_PI = 2 * np.pi
MJD_EPOCH = 2400000.5  # Julian date
#: TT - UTC since 2017. Another leap second would move no direction by a microarcsecond.
TT_MINUS_UTC_DAYS = 69.184 / 86400


def local_to_equatorial(
    zenith: ArrayLike, azimuth: ArrayLike, mjd: ArrayLike
) -> tuple[Array, Array]:
    """Convert directions in IceCube's local frame to equatorial coordinates.

    The result is within 0.1 arcsec of IceCube's ``astro`` (`icecube.astro.dir_to_equa`).

    Parameters
    ----------
    zenith, azimuth : array_like, radians
        The direction that the particle comes from, IceCube's frame. Broadcast with ``mjd``.
    mjd : array_like, days
        Time, modified Julian date (UTC); NaN for azimuth and elevation in place of RA and Dec.

    Returns
    -------
    ra, dec : ndarray, radians, J2000
        ra in [0, 2 pi).
    """
    if np.isnan(mjd).all():
        zenith, azimuth = np.broadcast_arrays(zenith, azimuth)
        return _wrapped(np.asarray(azimuth, np.float64)), np.pi / 2 - zenith
    sky = _sky(mjd)
    bearing = np.pi / 2 - np.asarray(azimuth) - LONGITUDE  # from north through east
    ra, dec = erfa.aticq(*erfa.atoiq("A", bearing, zenith, sky), sky)
    return _wrapped(ra), np.asarray(dec)


def equatorial_to_local(ra: ArrayLike, dec: ArrayLike, mjd: ArrayLike) -> tuple[Array, Array]:
    """Convert equatorial coordinates to directions in IceCube's local frame.

    This is the inverse of `local_to_equatorial`, to 1e-6 arcsec.

    Parameters
    ----------
    ra, dec : array_like, radians, J2000
        Broadcast with ``mjd``.
    mjd : array_like, days
        Time, modified Julian date (UTC); NaN if ``ra`` and ``dec`` are azimuth and elevation.

    Returns
    -------
    zenith, azimuth : ndarray, radians
        The direction that the particle comes from, IceCube's frame; azimuth in [0, 2 pi).
    """
    if np.isnan(mjd).all():
        ra, dec = np.broadcast_arrays(ra, dec)
        return np.pi / 2 - np.asarray(dec, np.float64), _wrapped(np.asarray(ra, np.float64))
    sky = _sky(mjd)
    bearing, zenith, *_ = erfa.atioq(*erfa.atciqz(ra, dec, sky), sky)
    return np.asarray(zenith), _wrapped(np.pi / 2 - bearing - LONGITUDE)


def _sky(mjd: ArrayLike) -> NDArray[np.void]:
    """Return the parameters of `_sky_at`, which a job needs for one time again and again."""
    return _sky_once(float(mjd)) if isinstance(mjd, (float, int)) else _sky_at(mjd)


@lru_cache(maxsize=8)
def _sky_once(mjd: float) -> NDArray[np.void]:
    return _sky_at(mjd)


def _sky_at(mjd: ArrayLike) -> NDArray[np.void]:
    """Return the parameters that depend only on the time: ERFA's star-independent ones.

    ERFA's own functions of UTC stretch the days that end with a leap second, but astro does
    not. Each step therefore gets its own time scale, and UT1 is taken as UTC.
    """
    ut1 = np.asarray(mjd, np.float64)
    tt = ut1 + TT_MINUS_UTC_DAYS
    heliocentric, barycentric = erfa.epv00(MJD_EPOCH, tt)
    x, y, s = erfa.xys06a(MJD_EPOCH, tt)
    rotation = erfa.era00(MJD_EPOCH, ut1)
    earth = barycentric, heliocentric["p"]
    place = LONGITUDE, LATITUDE, 0.0  # at sea level; no polar motion, no refraction
    sky = erfa.apco(
        *(MJD_EPOCH, tt, *earth, x, y, s, rotation),
        *(*place, *(0.0, 0.0, 0.0), *(0.0, 0.0)),
    )
    return np.asarray(sky)


def _wrapped(angle: Array) -> Array:
    """Wrap angles to [0, 2 pi); a tiny negative angle would round up to 2 pi."""
    turned = np.mod(angle, TWO_PI)
    return np.where(turned < TWO_PI, turned, 0.0)
