"""The sky around the best fit: the pixels at their true size, contours, other fits, sources."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

import healpy
import numpy as np

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.pictures.plane import Plane
from skyscan.answer.pictures.style import (
    COLOURS,
    LABEL,
    LINES,
    ORANGE,
    UNKNOWN,
    VERMILION,
    axes_or_new,
    figure_of,
)
from skyscan.answer.sky.directions import separation, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from skyscan.answer.catalogue import Source
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap
    from skyscan.answer.sky.frame import SkyFrame

#: Half of the picture's width, relative to the radius of the 90 % region; its limits, degrees.
MARGIN = 1.6
SMALLEST, LARGEST = 0.3, 40.0
#: Colours end at this multiple of the level of the 90 % region.
DEEPEST = 6.0
#: Declination beyond which axes show offsets: lines of equal RA are no longer parallel.
NEAR_POLE = 75.0
STEPS = np.array([0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 45, 60, 90])
N_NAMED = 12


def draw_zoom(
    skymap: SkyMap,
    axes: Axes | None = None,
    *,
    levels: str | Levels | None = None,
    width_deg: float | None = None,
    sources: Sequence[Source] = (),
) -> Axes:
    """Draw the map around its best fit.

    Parameters
    ----------
    skymap : SkyMap
    axes : Axes, optional
        Where to draw; by default, in a new figure.
    levels : str or Levels, optional
        Of the contours; by default those of the reconstruction.
    width_deg : float, optional
        Width of the picture; by default, the 90 % region and some margin.
    sources : sequence of Source
        Of a catalogue, to be shown too.
    """
    place = axes_or_new(axes, 7.0, 6.0)
    answer = skymap.answer(levels)
    plane = Plane(*skymap.best_deg)
    half = width_deg / 2 if width_deg else MARGIN * answer.region(0.9).radius_deg
    half = float(np.clip(half, SMALLEST, LARGEST))
    _draw_cells(skymap, place, plane, half, DEEPEST * answer.region(0.9).two_delta_llh)
    for containment in CONTAINMENTS:
        label = f"{100 * containment:g} % ({answer.levels.name})"
        for ra, dec in skymap.contours(containment, answer.levels):
            x, y = plane.offsets(np.append(ra, ra[0]), np.append(dec, dec[0]))
            _outlined(place.plot(x, y, LINES[containment], color="white", label=label))
            label = ""  # once in the legend
    label = f"best fit ({skymap.fitted_reco or 'map'})"
    _outlined(place.plot(0, 0, "+", color="white", ms=12, mew=2, label=label))
    _draw_fits(skymap, place, plane, half)
    if answer.truth is not None:
        x, y = plane.offsets(answer.truth.ra_deg, answer.truth.dec_deg)
        if max(abs(x), abs(y)) < half:
            _outlined(place.plot(x, y, "*", color="white", ms=12, label="truth"))
    _draw_sources(sources, place, plane, half)
    _set_ticks(place, plane, half, skymap.frame)
    place.set_title(answer.name, fontsize="medium")
    place.legend(fontsize="x-small", loc="upper right", facecolor="0.55", labelcolor="white")
    return place


def _draw_cells(skymap: SkyMap, axes: Axes, plane: Plane, half: float, deepest: float) -> None:
    from matplotlib import colormaps
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import PowerNorm

    cells = skymap.cells
    polygons, values = [], []
    for order in np.unique(cells.order).tolist():
        these = np.flatnonzero(cells.order == order)
        nside = 2**order
        ra, dec = healpy.pix2ang(nside, cells.pixel[these], nest=True, lonlat=True)
        away = separation(unit_vectors(ra, dec), unit_vectors(plane.ra_deg, plane.dec_deg))
        reach = 1.5 * half + np.rad2deg(healpy.max_pixrad(nside))
        these = these[away < min(reach, 75.0)]
        if len(these) == 0:
            continue
        step = max(1, 16 // nside)  # the edges of large pixels are curved
        corners = healpy.boundaries(nside, cells.pixel[these], step=step, nest=True)
        x, y = plane.project(np.moveaxis(np.reshape(corners, (-1, 3, 4 * step)), 1, 2))
        polygons += list(np.stack([x, y], axis=-1))
        values.append(skymap.cell_values[these])
    shades = np.ma.masked_invalid(np.concatenate(values))
    found = PolyCollection(
        polygons,
        array=shades,
        cmap=colormaps[COLOURS].with_extremes(bad=UNKNOWN),
        norm=PowerNorm(0.5, vmin=0, vmax=deepest),
        edgecolors="face",
        linewidths=0.2,
        rasterized=True,
    )
    axes.add_collection(found)
    figure_of(axes).colorbar(found, ax=axes, label=LABEL, extend="max", shrink=0.9)


def _draw_fits(skymap: SkyMap, axes: Axes, plane: Plane, half: float) -> None:
    fits = (skymap.context.fits or {}).items()
    for (name, (ra, dec)), marker in zip(fits, cycle("osDv^<>"), strict=False):
        x, y = plane.offsets(ra, dec)
        if max(abs(x), abs(y)) < half:
            axes.plot(x, y, marker, color=ORANGE, mec="black", ls="none", label=name)


def _draw_sources(sources: Sequence[Source], axes: Axes, plane: Plane, half: float) -> None:
    shown = []
    for source in sources:
        x, y = plane.offsets(source.ra_deg, source.dec_deg)
        if max(abs(x), abs(y)) < half:  # false for NaN, on the other side of the sky
            shown.append((float(np.hypot(x, y)), float(x), float(y), source.name))
    if shown:
        places = ([it[1] for it in shown], [it[2] for it in shown])
        axes.plot(*places, "x", color=VERMILION, ls="none", label="catalogue")
    for _, x_of, y_of, name in sorted(shown)[:N_NAMED]:
        text = axes.annotate(name, (x_of, y_of), (4, 4), textcoords="offset points", fontsize=7)
        _outlined([text])


def _set_ticks(axes: Axes, plane: Plane, half: float, frame: SkyFrame) -> None:
    """Label the axes with RA and Dec, near the poles with offsets."""
    right, up, note = frame.longitude, frame.latitude, frame.note
    axes.set_xlim(half, -half)
    axes.set_ylim(-half, half)
    axes.set_aspect("equal")
    if abs(plane.dec_deg) + half > NEAR_POLE:
        axes.set_xlabel(f"offset from {right} {plane.ra_deg:.2f}° as it grows (deg)")
        axes.set_ylabel(f"offset from {up} {plane.dec_deg:+.2f}° as it grows (deg)")
        return
    wide = half / np.cos(np.deg2rad(plane.dec_deg))
    ra = _round_values(plane.ra_deg, wide)
    dec = _round_values(plane.dec_deg, half)
    x = [float(plane.offsets(value, _at_bottom(plane, value, half))[0]) for value in ra]
    y = [float(plane.offsets(_at_left(plane, value, half), value)[1]) for value in dec]
    axes.set_xticks(x, [f"{value % 360:g}°" for value in ra])
    axes.set_yticks(y, [f"{value:+g}°" for value in dec])
    axes.set_xlabel(f"{right} ({note})")
    axes.set_ylabel(f"{up} ({note})")
    line = np.linspace(-1, 1, 50)
    for value in ra:
        axes.plot(*plane.offsets(value, plane.dec_deg + 1.1 * half * line), color="0.5", lw=0.3)
    for value in dec:
        axes.plot(*plane.offsets(plane.ra_deg + 1.3 * wide * line, value), color="0.5", lw=0.3)


def _at_bottom(plane: Plane, ra: float, half: float) -> float:
    """Return the Dec at which a line of equal RA crosses the lower edge."""
    dec = plane.dec_deg - 1.3 * half + np.linspace(0, 2.6 * half, 400)
    return float(dec[np.argmin(np.abs(plane.offsets(ra, dec)[1] + half))])


def _at_left(plane: Plane, dec: float, half: float) -> float:
    """Return the RA at which a line of equal Dec crosses the left edge."""
    wide = 1.5 * half / np.cos(np.deg2rad(plane.dec_deg))
    ra = plane.ra_deg + np.linspace(-wide, wide, 800)
    return float(ra[np.argmin(np.abs(plane.offsets(ra, dec)[0] - half))])


def _round_values(centre: float, half: float) -> NDArray[np.float64]:
    step = float(STEPS[np.searchsorted(STEPS, half / 2.5).clip(max=len(STEPS) - 1)])
    values = np.arange(np.ceil((centre - half) / step), np.floor((centre + half) / step) + 1)
    return np.round(values * step, 6)


def _outlined(artists: Sequence[object]) -> None:
    """Draw a thin black line around what is white, so that it shows on any colour."""
    from matplotlib.patheffects import withStroke

    for artist in artists:
        artist.set_path_effects([withStroke(linewidth=2.5, foreground="black")])  # type: ignore[attr-defined]
        if hasattr(artist, "set_color"):
            artist.set_color("white")
