"""The whole sky, with the pixels that were scanned at their true size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.pictures.style import (
    COLOURS,
    LABEL,
    LINES,
    UNKNOWN,
    VERMILION,
    figure_of,
    new_figure,
)
from skyscan.answer.sky.cells import cells_at

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap

N_DEC = 900  # rows of the image
CENTRE = 180.0  # RA in the middle


def draw_all_sky(
    skymap: SkyMap, axes: Axes | None = None, *, levels: str | Levels | None = None
) -> Axes:
    """Draw the whole sky in Mollweide's projection, RA growing to the left.

    Parameters
    ----------
    skymap : SkyMap
    axes : Axes, optional
        Axes with ``projection="mollweide"``; by default, those of a new figure.
    levels : str or Levels, optional
        Of the contours; by default those of the reconstruction.
    """
    place = new_figure(8.0, 4.8).add_subplot(projection="mollweide") if axes is None else axes
    ra = np.linspace(0, 360, 2 * N_DEC + 1)
    dec = np.linspace(-90, 90, N_DEC + 1)
    values = _values_at(skymap, *np.meshgrid(_middles(ra), _middles(dec)))
    image = place.pcolormesh(
        np.deg2rad(CENTRE - ra),
        np.deg2rad(dec),
        np.ma.masked_invalid(values),
        cmap=COLOURS,
        rasterized=True,
    )
    place.set_facecolor(UNKNOWN)
    for containment in CONTAINMENTS:
        for line in skymap.contours(containment, levels):
            x, y = np.deg2rad(CENTRE - line[0]), np.deg2rad(line[1])
            x, y = np.append(x, x[0]), np.append(y, y[0])
            x[1:][np.abs(np.diff(x)) > np.pi] = np.nan  # over the edge of the picture
            place.plot(x, y, LINES[containment], color="white", lw=1)
    best = np.deg2rad([CENTRE - skymap.best_deg[0], skymap.best_deg[1]])
    place.plot(*best, "o", ms=12, mfc="none", mec=VERMILION, mew=1.5)
    hours = np.arange(30, 360, 30)
    place.set_xticks(np.deg2rad(CENTRE - hours), [f"{value}°" for value in hours])
    place.tick_params(axis="x", colors="white", labelsize="x-small")
    place.tick_params(axis="y", labelsize="x-small")
    place.grid(color="0.6", lw=0.4)
    place.set_xlabel(f"{skymap.frame.longitude} ({skymap.frame.note})")
    place.set_ylabel(f"{skymap.frame.latitude} ({skymap.frame.note})")
    place.set_title(skymap.answer(levels).name, fontsize="medium")
    figure_of(place).colorbar(
        image, ax=place, label=LABEL, orientation="horizontal", shrink=0.6
    )
    return place


def _values_at(
    skymap: SkyMap, ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return 2 delta llh of the cells around directions."""
    return np.asarray(skymap.cell_values[cells_at(skymap.cells, ra, dec)])


def _middles(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((edges[1:] + edges[:-1]) / 2)
