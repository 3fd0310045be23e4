"""The event: hit DOMs with time as colour and charge as size, the fit, and time residuals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.display import frame_around, strings_of
from skyscan.answer.pictures.style import BLUE, VERMILION, axes_or_new, figure_of
from skyscan.errors import BadInput
from skyscan.light.cherenkov import axes_of, direct_light, frames_of
from skyscan.track.cleaning import clean_hits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from skyscan.answer.maps import SkyMap
    from skyscan.events.event import Event

    Array = NDArray[np.float64]

#: (horizontal, vertical) coordinates of the views, and their labels.
VIEWS = {"side": (0, 2), "top": (0, 1)}
LABELS = ("x (m)", "y (m)", "z (m)")
TRACK = 0.75  # to both sides of the vertex, of half the width of the picture
LARGEST_DOT = 160.0  # points^2, for the brightest DOM
RESIDUALS_NS = -200.0, 1000.0


def draw_event(
    event: Event, axes: Axes | None = None, *, view: str = "side", skymap: SkyMap | None = None
) -> Axes:
    """Draw the cleaned hits of an event from the side (x, z) or from above (x, y).

    Parameters
    ----------
    event : Event
    axes : Axes, optional
        Where to draw; by default, in a new figure.
    view : str
        ``side`` or ``top``.
    skymap : SkyMap, optional
        Its best fit is drawn: the vertex, and the direction as a line.
    """
    across, up = VIEWS[view]
    place = axes_or_new(axes, 5.5, 5.5)
    strings = strings_of(event.detector)
    centre, half = frame_around(strings)
    doms = np.concatenate(strings)
    place.plot(doms[:, across], doms[:, up], ".", color="0.85", ms=1, zorder=0)
    hits = clean_hits(event.pulses, event.detector)
    if len(hits):
        order = np.argsort(-hits["charge"])
        spots = np.stack([hits[name][order] for name in "xyz"], axis=1)
        size = LARGEST_DOT * np.sqrt(hits["charge"][order] / hits["charge"].max())
        first = hits["time"].min()
        dots = place.scatter(
            *(spots[:, across], spots[:, up]),
            s=size,
            c=hits["time"][order] - first,
            cmap="viridis",
            edgecolors="black",
            linewidths=0.3,
        )
        figure_of(place).colorbar(
            dots, ax=place, shrink=0.75, label=f"first pulse (ns after {first:.0f} ns)"
        )
    if skymap is not None:
        _draw_fit(skymap, place, (across, up), TRACK * half)
    place.set_aspect("equal")
    place.set_xlim(centre[across] - half, centre[across] + half)
    place.set_ylim(centre[up] - half, centre[up] + half)
    place.set_xlabel(LABELS[across])
    place.set_ylabel(LABELS[up])
    place.set_title(f"{event.name}, {view} view", fontsize="small")
    return place


def draw_residuals(event: Event, skymap: SkyMap, axes: Axes | None = None) -> Axes:
    """Draw by how much the first pulses are later than direct light of the best fit.

    Raises
    ------
    BadInput
        The best fit has no vertex.
    """
    place = axes_or_new(axes, 6.0, 3.5)
    residuals, charge = residuals_of(event, skymap)
    bins = np.linspace(*RESIDUALS_NS, 61).tolist()
    place.hist(np.clip(residuals, *RESIDUALS_NS), bins, color=BLUE, label="hits")
    place.hist(
        np.clip(residuals, *RESIDUALS_NS),
        bins,
        weights=charge * len(charge) / charge.sum(),
        histtype="step",
        color=VERMILION,
        label="weighted by charge",
    )
    place.axvline(0, color="0.3", lw=1, ls="--")
    place.set_xlabel("first pulse - direct light of the best fit (ns); ends hold the rest")
    place.set_ylabel("hits")
    place.set_title(event.name, fontsize="small")
    place.legend(fontsize="small")
    return place


def residuals_of(event: Event, skymap: SkyMap) -> tuple[Array, Array]:
    """Return the time residuals of the cleaned hits to the best fit, ns, and their charges.

    The best fit is taken for an infinite track.
    """
    best = skymap.answer().best
    vertex = np.array([best.x_m, best.y_m, best.z_m])
    if not np.isfinite([*vertex, best.time_ns]).all():
        raise BadInput(f"The best fit of {skymap.name} has no vertex: there are no residuals.")
    hits = clean_hits(event.pulses, event.detector)
    places = np.stack([hits[name] for name in "xyz"], axis=1) - vertex
    frames = frames_of(axes_of(*_local(skymap)), places)
    nowhere = np.zeros((1, 1))
    light = direct_light(frames, nowhere, nowhere)
    return hits["time"] - best.time_ns - light.time[0], np.asarray(hits["charge"])


def _draw_fit(skymap: SkyMap, axes: Axes, plane: tuple[int, int], reach: float) -> None:
    across, up = plane
    best = skymap.answer().best
    vertex = np.array([best.x_m, best.y_m, best.z_m])
    if not np.isfinite(vertex).all():
        return
    (zenith,), (azimuth,) = _local(skymap)
    source = np.array(
        [np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)]
    )
    start, end = vertex + reach * source, vertex - reach * source
    arrow = axes.annotate(
        "",
        (end[across], end[up]),
        (start[across], start[up]),
        arrowprops={"arrowstyle": "->", "color": VERMILION, "lw": 1.5},
        annotation_clip=False,
    )
    if arrow.arrow_patch is not None:
        arrow.arrow_patch.set_clip_path(axes.patch)
    axes.plot(vertex[across], vertex[up], "x", color=VERMILION, ms=9, mew=2, label="vertex")
    axes.plot([], [], color=VERMILION, label=f"best fit ({skymap.fitted_reco or 'map'})")
    axes.legend(fontsize="x-small", loc="upper right")


def _local(skymap: SkyMap) -> tuple[Array, Array]:
    best = skymap.answer().best
    return np.deg2rad([best.zenith_deg]), np.deg2rad([best.azimuth_deg])
