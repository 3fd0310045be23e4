"""Regions as IVOA multi-order coverage maps (MOC 2.0), in FITS and JSON."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits

from skyscan import __version__, healpix
from skyscan.answer.sky.cells import CHILDREN, cells_at
from skyscan.answer.sky.directions import ra_dec, unit_vectors
from skyscan.answer.sky.surface import SQUARE_DEGREES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.answer.maps import SkyMap

#: Orders by which a MOC is finer than the fitted pixels: a sixteenth of each.
FINER = 2
#: Pieces of a region below which the pixels that it touches are cut further.
FEWEST_PIECES = 200
FINEST_CUT = 8  #: orders, as `FINER`
MAX_ORDER = 29  #: of HEALPix and of a MOC


@dataclass(frozen=True)
class Moc:
    """Pieces of the sky.

    Attributes
    ----------
    pixels : {order: ndarray of int}
        Pixels in NESTED order, rising; none contains another, and no four make a coarser one.
    """

    pixels: dict[int, NDArray[np.int64]]

    @property
    def order(self) -> int:
        """The finest order."""
        return max(self.pixels, default=0)

    @property
    def fraction(self) -> float:
        """The part of the sky that it covers."""
        return float(sum(len(it) / (12 * 4.0**order) for order, it in self.pixels.items()))

    def as_dict(self) -> dict[str, list[int]]:
        """Return IVOA's JSON form."""
        return {str(order): these.tolist() for order, these in sorted(self.pixels.items())}

    def fits(self) -> bytes:
        """Return IVOA's FITS form."""
        uniq = [CHILDREN ** (order + 1) + these for order, these in sorted(self.pixels.items())]
        numbers = np.concatenate(uniq) if uniq else np.zeros(0, np.int64)
        table = fits.BinTableHDU.from_columns([fits.Column("UNIQ", "K", array=numbers)])
        table.header.extend(
            [
                ("MOCVERS", "2.0", "MOC version"),
                ("MOCDIM", "SPACE", "MOC dimension"),
                ("ORDERING", "NUNIQ", "pixels numbered by UNIQ"),
                ("COORDSYS", "C", "ICRS"),
                ("MOCORD_S", self.order, "finest order"),
                ("MOCORDER", self.order, "finest order (MOC 1.1)"),
                ("PIXTYPE", "HEALPIX", "HEALPix pixelisation"),
                ("MOCTOOL", f"skyscan {__version__}", "program"),
            ]
        )
        content = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), table]).writeto(content)
        return content.getvalue()


def region_moc(skymap: SkyMap, level: float) -> Moc:
    """Return the region where 2 delta llh is at most ``level``.

    Its pieces are a sixteenth of the fitted pixels, or smaller in a region of few pixels. One
    belongs to the region if its centre does, so that the area is that inside the contour.
    """
    cells = skymap.cells
    touched = np.zeros(len(cells.order), bool)
    touched[_touched(skymap, level)] = True
    cut = _finer_cut(skymap, level, int(cells.order[touched].max(initial=0)))
    found: dict[int, list[NDArray[np.int64]]] = {}
    for order in np.unique(cells.order).tolist():
        here = cells.order == order
        for these, finer in ((here & touched, cut), (here & ~touched, FINER)):
            fine = min(order + finer, MAX_ORDER)
            numbers = _pieces(cells.pixel[these], fine - order)
            theta, phi = healpix.pix2ang(2**fine, numbers, nest=True)
            vectors = unit_vectors(np.rad2deg(phi), 90.0 - np.rad2deg(theta))
            found.setdefault(fine, []).append(numbers[skymap.surface.at(vectors) <= level])
    return _merged({order: np.concatenate(parts) for order, parts in found.items()})


def _touched(skymap: SkyMap, level: float) -> NDArray[np.int64]:
    """Return the cells at the best fit and on the contour."""
    lines = [unit_vectors(*skymap.best_deg)[np.newaxis], *skymap.surface.contours(level)]
    return cells_at(skymap.cells, *ra_dec(np.concatenate(lines)))


def _finer_cut(skymap: SkyMap, level: float, order: int) -> int:
    """Return by how many orders pieces are finer, for a region to have enough of them."""
    piece = SQUARE_DEGREES * 4 * np.pi / (12.0 * CHILDREN ** (order + FINER))
    wanted = FEWEST_PIECES * piece / max(skymap.surface.area(level), 1e-12)
    more = int(np.ceil(np.log(max(wanted, 1.0)) / np.log(CHILDREN)))
    return min(FINER + more, FINEST_CUT)


def _pieces(pixels: NDArray[np.int64], orders: int) -> NDArray[np.int64]:
    """Return the pixels (NESTED) inside others."""
    n = CHILDREN**orders
    return np.asarray((pixels[:, np.newaxis] * n + np.arange(n)).reshape(-1))


def _merged(pixels: dict[int, NDArray[np.int64]]) -> Moc:
    """Merge every four pixels that make a coarser one."""
    merged = {}
    for order in range(max(pixels), -1, -1):
        these = np.sort(pixels.get(order, np.zeros(0, np.int64)))
        if order > 0:
            parents, counts = np.unique(these // CHILDREN, return_counts=True)
            whole = parents[counts == CHILDREN]
            these = these[~np.isin(these // CHILDREN, whole)]
            above = pixels.get(order - 1, np.zeros(0, np.int64))
            pixels = {**pixels, order - 1: np.concatenate([above, whole])}
        if len(these):
            merged[order] = these
    return Moc(merged)
