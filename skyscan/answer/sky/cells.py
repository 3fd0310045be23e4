"""Cells: the sky in pieces that do not overlap, each with the llh of the pixel it belongs to.

The rule of the whole package, and of skyreader: a point of the sky has the llh of the finest
pixel around it that has a fit. A pixel without a fit (NaN) counts as not scanned: the coarser
pixel that contains it takes its place. Sky that no fitted pixel covers is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan import healpix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CHILDREN = 4  #: of a HEALPix pixel at the next order


@dataclass(frozen=True)
class Cells:
    """The sky in HEALPix pixels of several orders, by rising UNIQ.

    Attributes
    ----------
    order : ndarray of int, shape (n,)
        log2 of the cell's nside.
    pixel : ndarray of int, shape (n,)
        Its number in NESTED order.
    llh : ndarray, shape (n,)
        -ln L of the fitted pixel that it belongs to; NaN where the sky is unknown.
    fit_nside : ndarray of int, shape (n,)
        The nside of that pixel; 0 where the sky is unknown.
    """

    order: NDArray[np.int64]
    pixel: NDArray[np.int64]
    llh: NDArray[np.float64]
    fit_nside: NDArray[np.int64]

    @property
    def uniq(self) -> NDArray[np.int64]:
        """IVOA's number of each cell, which has its order in it."""
        return np.asarray(CHILDREN ** (self.order + 1) + self.pixel)

    @property
    def solid_angle(self) -> NDArray[np.float64]:
        """The size of each cell, steradian."""
        return np.asarray(4 * np.pi / (12.0 * CHILDREN**self.order))

    def probability_density(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probability density of each cell, per steradian.

        Parameters
        ----------
        scaled : ndarray, shape (n,)
            2 delta llh on Wilks' scale; NaN where the sky is unknown, which gets 0.
        """
        density = np.where(np.isnan(scaled), 0.0, np.exp(-0.5 * scaled))
        return np.asarray(density / (density * self.solid_angle).sum())


def fitted_pixels(
    llhs: Mapping[int, tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> dict[int, tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return {nside: (pixels in NESTED order, rising; llh)} of the pixels that have a fit.

    Parameters
    ----------
    llhs : {nside: (pixels in RING order, llh)}
    """
    fitted = {}
    for nside, (ring, llh) in llhs.items():
        good = np.isfinite(llh)
        if good.any():
            nested = np.asarray(healpix.ring2nest(nside, np.asarray(ring)[good]), np.int64)
            order = np.argsort(nested)
            fitted[nside] = nested[order], np.asarray(llh, float)[good][order]
    return dict(sorted(fitted.items()))


def make_cells(
    llhs: Mapping[int, tuple[NDArray[np.int64], NDArray[np.float64]]],
) -> Cells:
    """Cut the sky into cells.

    Parameters
    ----------
    llhs : {nside: (pixels in RING order, llh)}
        Each pixel at most once; NaN for a fit that failed.
    """
    fitted = {_order(nside): found for nside, found in fitted_pixels(llhs).items()}
    pixel = np.arange(12)
    llh, fit = np.full(len(pixel), np.nan), np.zeros(len(pixel), np.int64)
    wanted = {order: found[0] for order, found in fitted.items()}
    if fitted:
        coarsest = min(fitted)
        wanted[coarsest] = _with_neighbours(fitted, coarsest)
    pieces = []
    for order in range(max(fitted, default=0) + 1):
        if order in fitted:
            numbers, values = fitted[order]
            place = np.searchsorted(pixel, numbers)
            llh[place], fit[place] = values, 2**order
        finer = [these >> 2 * (fine - order) for fine, these in wanted.items() if fine > order]
        split = np.isin(pixel, np.concatenate(finer)) if finer else np.zeros(len(pixel), bool)
        pieces.append((np.full((~split).sum(), order), pixel[~split], llh[~split], fit[~split]))
        pixel = (CHILDREN * pixel[split, np.newaxis] + np.arange(CHILDREN)).reshape(-1)
        llh, fit = np.repeat(llh[split], CHILDREN), np.repeat(fit[split], CHILDREN)
    return Cells(*(np.concatenate(parts) for parts in zip(*pieces, strict=True)))


def cells_at(
    cells: Cells, ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the index of the cell around each direction.

    Parameters
    ----------
    cells : Cells
    ra, dec : ndarray, shape (n,)
        Degrees, J2000, or the longitude and latitude of a local map.

    Returns
    -------
    ndarray of int, shape (n,)
    """
    found = np.zeros(ra.shape, np.int64)
    for order in np.unique(cells.order).tolist():
        these = np.flatnonzero(cells.order == order)
        pixel = healpix.ang2pix(2**order, np.deg2rad(90.0 - dec), np.deg2rad(ra), nest=True)
        place = np.searchsorted(cells.pixel[these], pixel).clip(max=len(these) - 1)
        inside = cells.pixel[these][place] == pixel
        found[inside] = these[place[inside]]
    return found


def _with_neighbours(
    fitted: Mapping[int, tuple[NDArray[np.int64], NDArray[np.float64]]], order: int
) -> NDArray[np.int64]:
    """Return the pixels of the coarsest order that hold fits, and those around them.

    Unknown sky next to fits is in cells of their size, since regions end halfway to it; all
    other unknown sky is in cells as large as possible.
    """
    holding = [these >> 2 * (fine - order) for fine, (these, _) in fitted.items()]
    pixels = np.unique(np.concatenate(holding))
    around = np.unique(healpix.get_all_neighbours(2**order, pixels, nest=True))
    return np.union1d(pixels, around[around >= 0])


def _order(nside: int) -> int:
    return int(nside).bit_length() - 1
