"""A map as a page draws it: cells, contours and other fits in a compact form for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan import healpix
from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.sky.cells import CHILDREN, Cells
from skyscan.answer.sky.directions import separation, unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap

    Array = NDArray[np.float64]

#: Cells that a page holds; more are merged where nobody looks.
MAX_CELLS = 80_000
#: Cells are kept within this multiple of the radius of the 90 % region, at first.
KEPT = 4.0
#: Points of a contour that a page holds.
MAX_POINTS = 20_000
#: Order of the largest cells that are made before cells near the best fit are merged too.
LOWEST = 3
#: nside of a cell that was merged from several fits.
MERGED = -1


def chart_of(skymap: SkyMap, answer: Answer, max_cells: int = MAX_CELLS) -> dict[str, Any]:
    """Return what a page needs to draw a map, as values for JSON.

    Parameters
    ----------
    skymap : SkyMap
    answer : Answer
        Its answer, with the levels of the contours.
    max_cells : int
        If the sky has more, four cells far from the best fit become one with the lowest value.

    Returns
    -------
    dict
        ``cells``: for each order and nside of fits the pixels (NESTED, each as the difference
        to the one before) and 2 delta llh, rounded to 0.01, None where the sky is unknown;
        ``frame``, the names of the coordinates; ``contours`` by percent, lists of both
        (degrees); ``fits``; ``merged_beyond``, degrees from the best fit, or None.
    """
    reach = max(KEPT * answer.region(CONTAINMENTS[-1]).radius_deg, 1.0)
    cells, beyond, lowest = skymap.cells, None, int(skymap.cells.order.max())
    while len(cells.pixel) > max_cells:
        if lowest > LOWEST:
            lowest -= 1
        else:
            reach /= 2
        cells, beyond = merged(cells, skymap.best_deg, reach, lowest), reach
    values = 2.0 * (cells.llh - answer.best.llh)
    frame = skymap.frame
    return {
        "frame": {**frame._asdict(), "is_local": frame.is_local},
        "best": [round(value, 5) for value in skymap.best_deg],
        "levels": {it.percent: it.two_delta_llh for it in answer.regions},
        "radius_deg": round(answer.region(CONTAINMENTS[-1]).radius_deg, 4),
        "cells": _groups(cells, values),
        "contours": {
            it.percent: _lines(skymap.contours(it.containment, answer.levels))
            for it in answer.regions
        },
        "fits": {
            name: [round(ra, 4), round(dec, 4)]
            for name, (ra, dec) in (skymap.context.fits or {}).items()
        },
        "merged_beyond": None if beyond is None else round(beyond, 2),
    }


def merged(cells: Cells, centre: tuple[float, float], reach: float, lowest: int = 0) -> Cells:
    """Return the cells with those beyond a distance from a point joined, four to one.

    Parameters
    ----------
    cells : Cells
    centre : (RA, Dec), degrees
    reach : float
        Degrees.
    lowest : int
        Order of the largest cells that are made.
    """
    order, pixel, llh, fit = (np.array(it) for it in _columns(cells))
    here = unit_vectors(*centre)
    for fine in range(int(order.max()), lowest, -1):
        these = np.flatnonzero(order == fine)
        parent = pixel[these] // CHILDREN
        numbers, counts = np.unique(parent, return_counts=True)
        theta, phi = healpix.pix2ang(2 ** (fine - 1), numbers, nest=True)
        away = separation(unit_vectors(np.rad2deg(phi), 90 - np.rad2deg(theta)), here)
        joined = numbers[(counts == CHILDREN) & (away > reach)]
        gone = these[np.isin(parent, joined)]
        if len(gone) == 0:
            continue
        place = np.searchsorted(joined, pixel[gone] // CHILDREN)
        least = np.full(len(joined), np.inf)
        np.minimum.at(least, place, np.where(np.isnan(llh[gone]), np.inf, llh[gone]))
        least[np.isinf(least)] = np.nan
        same = _same_fit(fit[gone], place, len(joined), fine)
        kept = np.setdiff1d(np.arange(len(order)), gone)
        order = np.append(order[kept], np.full(len(joined), fine - 1))
        pixel, llh = np.append(pixel[kept], joined), np.append(llh[kept], least)
        fit = np.append(fit[kept], same)
    return Cells(order, pixel, llh, fit)


def _columns(cells: Cells) -> tuple[NDArray[Any], ...]:
    return cells.order, cells.pixel, cells.llh, cells.fit_nside


def _same_fit(
    fit: NDArray[np.int64], place: NDArray[np.int64], n: int, order: int
) -> NDArray[np.int64]:
    """Return the nside of the fit that all parts of a cell have, or MERGED."""
    low, high = np.full(n, np.iinfo(np.int64).max), np.full(n, -2)
    np.minimum.at(low, place, fit)
    np.maximum.at(high, place, fit)
    return np.where((low == high) & (low < 2**order), low, MERGED)


def _groups(cells: Cells, values: Array) -> list[dict[str, Any]]:
    """Return the cells by order and nside of the fit."""
    groups = []
    for order in np.unique(cells.order).tolist():
        for nside in np.unique(cells.fit_nside[cells.order == order]).tolist():
            these = np.flatnonzero((cells.order == order) & (cells.fit_nside == nside))
            these = these[np.argsort(cells.pixel[these])]
            steps = np.diff(cells.pixel[these], prepend=0)
            groups.append(
                {
                    "order": order,
                    "nside": nside,
                    "pixels": steps.tolist(),
                    "values": [_rounded(value) for value in values[these].tolist()],
                }
            )
    return groups


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 2)


def _lines(contours: list[tuple[Array, Array]]) -> list[list[list[float]]]:
    total = sum(len(ra) for ra, _ in contours)
    step = -(-total // MAX_POINTS) or 1
    return [
        [np.round(ra[::step], 4).tolist(), np.round(dec[::step], 4).tolist()]
        for ra, dec in contours
    ]
