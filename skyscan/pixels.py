"""Pixels of the sky in HEALPix RING order, J2000: ra = phi, dec = pi/2 - theta, radians."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan import healpix

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Pixel(NamedTuple):
    """One pixel of one resolution."""

    nside: int
    pixel: int


def children(nside: int, finer: int, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pixels of ``finer`` (RING) inside each of ``pixels`` of ``nside`` (RING).

    Returns
    -------
    ndarray, shape (n_pixels, (finer / nside)**2)
    """
    n = (finer // nside) ** 2
    nested = np.asarray(healpix.ring2nest(nside, pixels))[..., None] * n + np.arange(n)
    return np.asarray(healpix.nest2ring(finer, nested), np.int64)


def parents(nside: int, coarser: int, pixels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the pixel of ``coarser`` (RING) around each of ``pixels`` of ``nside`` (RING)."""
    nested = np.asarray(healpix.ring2nest(nside, pixels)) // (nside // coarser) ** 2
    return np.asarray(healpix.nest2ring(coarser, nested), np.int64)


def directions(nside: NDArray[np.int32], pixel: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (ra, dec) of pixel centres, shape (2, n), radians, J2000."""
    if len(pixel) == 0:
        return np.zeros((2, 0))
    theta, phi = healpix.pix2ang(np.asarray(nside), np.asarray(pixel))
    return np.array([phi, pi / 2 - theta])
