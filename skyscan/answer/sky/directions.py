"""Directions in the notations that astronomers use; all angles in degrees unless stated."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from math import isfinite
from typing import TYPE_CHECKING

import erfa
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

MJD_ZERO = datetime(1858, 11, 17, tzinfo=timezone.utc)
FULL_TURN = 360.0


def unit_vectors(ra_deg: ArrayLike, dec_deg: ArrayLike) -> Array:
    """Return unit vectors of directions, shape (..., 3)."""
    return np.asarray(erfa.s2c(np.deg2rad(ra_deg), np.deg2rad(dec_deg)))


def ra_dec(vectors: Array) -> tuple[Array, Array]:
    """Return RA in [0, 360) and Dec of vectors, shape (..., 3)."""
    ra, dec = erfa.c2s(vectors)
    turned = np.mod(np.rad2deg(ra), FULL_TURN)
    return np.where(turned < FULL_TURN, turned, 0.0), np.asarray(np.rad2deg(dec))


def separation(a: Array, b: Array) -> Array:
    """Return the angle between vectors, shape (..., 3)."""
    return np.asarray(np.rad2deg(erfa.sepp(a, b)))


def turned(ra_deg: ArrayLike, origin_deg: float) -> Array:
    """Return RA relative to an origin, in [-180, 180)."""
    half = FULL_TURN / 2
    return np.asarray(np.mod(np.asarray(ra_deg) - origin_deg + half, FULL_TURN) - half)


def galactic(ra_deg: float, dec_deg: float) -> tuple[float, float]:
    """Return galactic longitude and latitude."""
    longitude, latitude = erfa.icrs2g(np.deg2rad(ra_deg), np.deg2rad(dec_deg))
    return float(np.rad2deg(longitude)) % FULL_TURN, float(np.rad2deg(latitude))


def hms(ra_deg: float) -> str:
    """Return RA in hours, such as ``03h11m57.2s``."""
    _, (hours, minutes, seconds, fraction) = _fields(erfa.a2tf(1, np.deg2rad(ra_deg)))
    return f"{hours % 24:02d}h{minutes:02d}m{seconds:02d}.{fraction}s"


def dms(dec_deg: float) -> str:
    """Return Dec in degrees, minutes and seconds of arc, such as ``-03d12m35s``."""
    sign, (degrees, minutes, seconds, _) = _fields(erfa.a2af(0, np.deg2rad(dec_deg)))
    return f"{sign}{degrees:02d}d{minutes:02d}m{seconds:02d}s"


def utc(mjd: float) -> str:
    """Return the time of a modified Julian date, ISO 8601 with milliseconds.

    NaN, in maps without metadata, is ``unknown``.
    """
    if not isfinite(mjd):
        return "unknown"
    when = MJD_ZERO + timedelta(days=mjd)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _fields(converted: tuple[bytes, NDArray[np.void]]) -> tuple[str, tuple[int, ...]]:
    sign, fields = converted
    text = sign.decode() if isinstance(sign, bytes) else str(np.asarray(sign).astype(str))
    return text, tuple(int(value) for value in np.asarray(fields).item())
