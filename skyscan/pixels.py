"""Pixels of the sky in HEALPix RING order, J2000: ra = phi, dec = pi/2 - theta, radians."""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan import healpix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray


class Pixel(NamedTuple):
    """One pixel of one resolution."""

    nside: int
    pixel: int


def children(nside: int, finer: int, pixel: int) -> NDArray[np.int64]:
    """Return the pixels of ``finer`` (RING) inside ``pixel`` of ``nside`` (RING)."""
    n = (finer // nside) ** 2
    nested = int(healpix.ring2nest(nside, pixel)) * n + np.arange(n)
    return np.asarray(healpix.nest2ring(finer, nested), np.int64)


def parent(nside: int, coarser: int, pixel: int) -> int:
    """Return the pixel of ``coarser`` (RING) that contains ``pixel`` of ``nside`` (RING)."""
    nested = int(healpix.ring2nest(nside, pixel)) // (nside // coarser) ** 2
    return int(healpix.nest2ring(coarser, nested))


def coarser_pixels(pixel: Pixel, nsides: Iterable[int]) -> Iterator[Pixel]:
    """Yield the pixels of coarser ones of ``nsides`` that contain ``pixel``, finest first."""
    for nside in sorted((nside for nside in nsides if nside < pixel.nside), reverse=True):
        yield Pixel(nside, parent(pixel.nside, nside, pixel.pixel))


def directions(nside: NDArray[np.int32], pixel: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return (ra, dec) of pixel centres, shape (2, n), radians, J2000."""
    if len(pixel) == 0:
        return np.zeros((2, 0))
    theta, phi = healpix.pix2ang(np.asarray(nside), np.asarray(pixel))
    return np.array([phi, pi / 2 - theta])
