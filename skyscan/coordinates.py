"""Local (zenith, azimuth) to equatorial (J2000 RA, Dec) coordinates and back.

The same steps as IceCube's ``astro`` takes with the PAL library (UT1 = UTC, no
refraction): light deflection by the Sun, annual aberration, precession, nutation,
apparent sidereal time. The series are cut where their terms fall below 2 mas.

Each direction is computed by itself: the same direction and time give the same bytes
whatever else is in the array.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]
    Vector = tuple[Array, Array, Array]

#: Nominal place of the detector, as IceCube's astro has it (icetray, astro/I3Astro.h).
LATITUDE = np.deg2rad(-89.9944)
LONGITUDE = np.deg2rad(-62.6081)
SIN_LATITUDE = np.sin(LATITUDE)
COS_LATITUDE = np.cos(LATITUDE)

ARCSEC = np.pi / (180 * 3600)
TWO_PI = 2 * np.pi
J2000_MJD = 51544.5
DAYS_PER_CENTURY = 36525.0
#: TT - UTC since 2017. A leap second more or less moves nothing by a microarcsecond.
TT_MINUS_UTC_DAYS = 69.184 / 86400

ABERRATION = 20.49552 * ARCSEC  #: constant of aberration (IAU 1976)
DEFLECTION = 1.974126e-8  #: 2GM/c^2 of the Sun over 1 au
#: Inside this 1 - cos from the Sun's centre (923 arcsec, its disk) PAL stops the growth
#: of the deflection.
DEFLECTION_FLOOR = 1e-5

#: Largest terms of nutation (IAU 2000B; McCarthy & Luzum, CMDA 85 (2003) 37): multiples
#: of the Delaunay arguments l, l', F, D, Omega; amplitudes in mas of sine in longitude
#: and of cosine in obliquity.
NUTATION = (
    (0, 0, 0, 0, 1, -17206.4161, 9205.2331),
    (0, 0, 2, -2, 2, -1317.0906, 573.0336),
    (0, 0, 2, 0, 2, -227.6413, 97.8459),
    (0, 0, 0, 0, 2, 207.4554, -89.7492),
    (0, 1, 0, 0, 0, 147.5877, 7.3871),
    (0, 1, 2, -2, 2, -51.6821, 22.4386),
    (1, 0, 0, 0, 0, 71.1159, -0.6750),
    (0, 0, 2, 0, 1, -38.7298, 20.0728),
    (1, 0, 2, 0, 2, -30.1461, 12.9025),
    (0, -1, 2, -2, 2, 21.5829, -9.5929),
    (0, 0, 2, -2, 1, 12.8227, -6.8982),
    (-1, 0, 2, 0, 2, 12.3457, -5.3311),
    (-1, 0, 0, 2, 0, 15.6994, -0.1235),
    (1, 0, 0, 0, 1, 6.3110, -3.3228),
    (-1, 0, 0, 0, 1, -5.7976, 3.1429),
    (-1, 0, 2, 2, 2, -5.9641, 2.5543),
    (1, 0, 2, 0, 1, -5.1613, 2.6366),
    (-2, 0, 2, 0, 1, 4.5893, -2.4236),
    (0, 0, 0, 2, 0, 6.3384, -0.1220),
    (0, 0, 2, 2, 2, -3.8571, 1.6452),
    (-2, 0, 0, 2, 0, -4.7722, 0.0477),
    (2, 0, 2, 0, 2, -3.1046, 1.3238),
    (1, 0, 2, -2, 2, 2.8593, -1.2338),
    (2, 0, 0, 0, 0, 2.9243, -0.0609),
    (0, 0, 2, 0, 0, 2.5887, -0.0550),
)


class _Sky(NamedTuple):
    """What turns the sky at a time: angles in radians, vectors J2000."""

    zeta: Array
    z: Array
    theta: Array
    epsilon: Array
    delta_psi: Array
    delta_epsilon: Array
    sidereal_time: Array
    sun: Vector
    velocity: Vector


def local_to_equatorial(
    zenith: ArrayLike, azimuth: ArrayLike, mjd: ArrayLike
) -> tuple[Array, Array]:
    """Turn directions of IceCube's local frame into equatorial coordinates.

    Within 0.1 arcsec of IceCube's ``astro`` (`icecube.astro.dir_to_equa`).

    Parameters
    ----------
    zenith, azimuth : array_like, radians
        Where the particle comes from, IceCube's frame. Broadcast with ``mjd``.
    mjd : array_like, days
        Time, modified Julian date (UTC).

    Returns
    -------
    ra, dec : ndarray, radians, J2000
        ra in [0, 2 pi).
    """
    (theta, phi, time), shape = _flat(zenith, azimuth, mjd)
    sky = _sky(time)
    bearing = np.pi / 2 - phi - LONGITUDE  # from north through east
    north, east, up = _on_sphere(bearing, np.pi / 2 - theta)
    equator = -SIN_LATITUDE * north + COS_LATITUDE * up
    pole = COS_LATITUDE * north + SIN_LATITUDE * up
    of_date = _rotate_z((equator, east, pole), sky.sidereal_time)
    direction = _undeflect(_aberrate(_from_date(of_date, sky), _opposite(sky.velocity)), sky)
    ra, dec = _angles(direction)
    return _wrapped(ra).reshape(shape), dec.reshape(shape)


def equatorial_to_local(ra: ArrayLike, dec: ArrayLike, mjd: ArrayLike) -> tuple[Array, Array]:
    """Turn equatorial coordinates into directions of IceCube's local frame.

    The inverse of `local_to_equatorial`, to 1e-6 arcsec.

    Parameters
    ----------
    ra, dec : array_like, radians, J2000
        Broadcast with ``mjd``.
    mjd : array_like, days
        Time, modified Julian date (UTC).

    Returns
    -------
    zenith, azimuth : ndarray, radians
        Where the particle comes from, IceCube's frame; azimuth in [0, 2 pi).
    """
    (alpha, delta, time), shape = _flat(ra, dec, mjd)
    sky = _sky(time)
    apparent = _aberrate(_deflect(_on_sphere(alpha, delta), sky), sky.velocity)
    equator, east, pole = _rotate_z(_to_date(apparent, sky), -sky.sidereal_time)
    north = -SIN_LATITUDE * equator + COS_LATITUDE * pole
    up = COS_LATITUDE * equator + SIN_LATITUDE * pole
    bearing, elevation = _angles((north, east, up))
    azimuth = _wrapped(np.pi / 2 - bearing - LONGITUDE)
    return (np.pi / 2 - elevation).reshape(shape), azimuth.reshape(shape)


def _flat(*arrays: ArrayLike) -> tuple[list[Array], tuple[int, ...]]:
    """Broadcast, then flatten into contiguous arrays.

    numpy takes another sine for strided input than for contiguous input, with other
    last bits: a direction must not depend on how the caller's array lies in memory.
    """
    wide = np.broadcast_arrays(*(np.asarray(array, np.float64) for array in arrays))
    return [np.ascontiguousarray(array).ravel() for array in wide], wide[0].shape


def _sky(mjd: Array) -> _Sky:
    """Compute what depends on the time only, once when all times are the same."""
    if mjd.size > 1 and (mjd == mjd[0]).all():
        mjd = mjd[:1].copy()
    t = (mjd + TT_MINUS_UTC_DAYS - J2000_MJD) / DAYS_PER_CENTURY
    epsilon = (84381.406 - 46.836769 * t) * ARCSEC
    omega, delta_psi, delta_epsilon = _nutation(t)
    # the last term: complementary to the equation of the equinoxes (IAU 2000)
    equinoxes = delta_psi * np.cos(epsilon) + 0.00264 * ARCSEC * np.sin(omega)
    zeta, z, theta = _precession(t)
    sun, velocity = _sun_and_velocity(t)
    return _Sky(
        zeta=zeta,
        z=z,
        theta=theta,
        epsilon=epsilon,
        delta_psi=delta_psi,
        delta_epsilon=delta_epsilon,
        sidereal_time=_mean_sidereal_time(mjd, t) + equinoxes + LONGITUDE,
        sun=sun,
        velocity=velocity,
    )


def _precession(t: Array) -> Vector:
    """Equatorial precession angles (Capitaine et al., A&A 412 (2003) 567, eq. 40)."""
    zeta = 2.650545 + t * (2306.083227 + t * (0.2988499 + t * 0.01801828))
    z = -2.650545 + t * (2306.077181 + t * (1.0927348 + t * 0.01826837))
    theta = t * (2004.191903 - t * (0.4294934 + t * 0.04182264))
    return zeta * ARCSEC, z * ARCSEC, theta * ARCSEC


def _nutation(t: Array) -> Vector:
    """Longitude of the Moon's node, nutation in longitude and in obliquity, radians."""
    # Delaunay arguments, arcsec (Simon et al., A&A 282 (1994) 663)
    delaunay = (
        485868.249036 + t * 1717915923.2178,
        1287104.79305 + t * 129596581.0481,
        335779.526232 + t * 1739527262.8478,
        1072260.70369 + t * 1602961601.2090,
        450160.398036 - t * 6962890.5431,
    )
    delta_psi, delta_epsilon = np.zeros_like(t), np.zeros_like(t)
    for *multiples, in_longitude, in_obliquity in NUTATION:
        turns = sum(
            (n * angle for n, angle in zip(multiples, delaunay, strict=True)), np.zeros_like(t)
        )
        argument = np.mod(turns, TWO_PI / ARCSEC) * ARCSEC
        delta_psi = delta_psi + in_longitude * np.sin(argument)
        delta_epsilon = delta_epsilon + in_obliquity * np.cos(argument)
    omega = np.mod(delaunay[4], TWO_PI / ARCSEC) * ARCSEC
    return omega, delta_psi * 1e-3 * ARCSEC, delta_epsilon * 1e-3 * ARCSEC


def _mean_sidereal_time(mjd: Array, t: Array) -> Array:
    """Greenwich mean sidereal time, radians (IAU 2006; UT1 taken as UTC, as astro does)."""
    day = np.floor(mjd)
    fraction = mjd - day
    days = day - J2000_MJD
    # whole turns are left out before the sum: 1 ns is 15e-9 arcsec
    rotation = 0.7790572732640 + 0.00273781191135448 * (days + fraction) + fraction - 0.5
    drift = 0.014506 + t * (4612.156534 + t * 1.3915817)
    return np.asarray(TWO_PI * np.mod(rotation, 1.0) + drift * ARCSEC)


def _sun_and_velocity(t: Array) -> tuple[Vector, Vector]:
    """Direction of the Sun and velocity of the Earth (in c), J2000 equatorial.

    An unperturbed orbit (Meeus, Astronomical Algorithms, ch. 23 and 25): leaves out what
    the Moon and the planets do, 0.02 arcsec of aberration.
    """
    anomaly = np.mod(np.deg2rad(357.52911 + 35999.05029 * t), TWO_PI)
    centre = 1.914602 * np.sin(anomaly) + 0.019993 * np.sin(2 * anomaly)
    # mean longitudes of date, less the general precession: equinox J2000
    sun = np.deg2rad(280.46646 + (36000.76983 - 1.3969713) * t + centre)
    perihelion = np.deg2rad(102.93735 + (1.71946 - 1.3969713) * t)
    eccentricity = 0.016708634
    v_x = ABERRATION * (np.sin(sun) - eccentricity * np.sin(perihelion))
    v_y = ABERRATION * (eccentricity * np.cos(perihelion) - np.cos(sun))
    nothing = np.zeros_like(t)
    tilt = nothing + 84381.406 * ARCSEC
    return (
        _rotate_x((np.cos(sun), np.sin(sun), nothing), tilt),
        _rotate_x((v_x, v_y, nothing), tilt),
    )


def _to_date(v: Vector, sky: _Sky) -> Vector:
    """Turn from the mean equator of J2000 to the true equator of date."""
    v = _rotate_z(_rotate_y(_rotate_z(v, sky.zeta), -sky.theta), sky.z)
    v = _rotate_z(_rotate_x(v, -sky.epsilon), sky.delta_psi)
    return _rotate_x(v, sky.epsilon + sky.delta_epsilon)


def _from_date(v: Vector, sky: _Sky) -> Vector:
    """Undo `_to_date`."""
    v = _rotate_x(v, -(sky.epsilon + sky.delta_epsilon))
    v = _rotate_x(_rotate_z(v, -sky.delta_psi), sky.epsilon)
    return _rotate_z(_rotate_y(_rotate_z(v, -sky.z), sky.theta), -sky.zeta)


def _aberrate(v: Vector, velocity: Vector) -> Vector:
    """Turn a direction into the one that a moving observer sees; -velocity undoes it."""
    along = _dot(v, velocity)
    inverse_gamma = np.sqrt(1 - _dot(velocity, velocity))
    stretch = 1 + along / (1 + inverse_gamma)
    x, y, z = (
        (inverse_gamma * p + stretch * u) / (1 + along)
        for p, u in zip(v, velocity, strict=True)
    )
    return x, y, z


def _deflection(v: Vector, sky: _Sky) -> Vector:
    """How far the Sun's gravity moves a direction away from the Sun."""
    cosine = _dot(v, sky.sun)
    strength = -DEFLECTION / np.maximum(1 - cosine, DEFLECTION_FLOOR)
    x, y, z = (strength * (s - cosine * p) for p, s in zip(v, sky.sun, strict=True))
    return x, y, z


def _deflect(v: Vector, sky: _Sky) -> Vector:
    x, y, z = (p + shift for p, shift in zip(v, _deflection(v, sky), strict=True))
    return x, y, z


def _undeflect(seen: Vector, sky: _Sky) -> Vector:
    """Undo `_deflect`; each step gains three digits at the Sun's limb, more elsewhere."""
    v = seen
    for _ in range(4):
        shifted = (p - shift for p, shift in zip(seen, _deflection(v, sky), strict=True))
        x, y, z = shifted
        length = np.sqrt(x * x + y * y + z * z)
        v = x / length, y / length, z / length
    return v


def _dot(a: Vector, b: Vector) -> Array:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _opposite(v: Vector) -> Vector:
    return -v[0], -v[1], -v[2]


def _rotate_x(v: Vector, angle: Array) -> Vector:
    x, y, z = v
    return x, np.cos(angle) * y - np.sin(angle) * z, np.sin(angle) * y + np.cos(angle) * z


def _rotate_y(v: Vector, angle: Array) -> Vector:
    x, y, z = v
    return np.cos(angle) * x + np.sin(angle) * z, y, np.cos(angle) * z - np.sin(angle) * x


def _rotate_z(v: Vector, angle: Array) -> Vector:
    x, y, z = v
    return np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y, z


def _on_sphere(longitude: Array, latitude: Array) -> Vector:
    across = np.cos(latitude)
    return across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)


def _angles(v: Vector) -> tuple[Array, Array]:
    """Longitude and latitude of a direction, radians."""
    x, y, z = v
    return np.arctan2(y, x), np.arctan2(z, np.sqrt(x * x + y * y))


def _wrapped(angle: Array) -> Array:
    """Bring angles into [0, 2 pi); a tiny negative one would round up to 2 pi."""
    turned = np.mod(angle, TWO_PI)
    return np.where(turned < TWO_PI, turned, 0.0)
