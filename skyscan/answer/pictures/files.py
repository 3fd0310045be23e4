"""Write all pictures of a map and its event as PNG and PDF."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from skyscan.answer.pictures.allsky import draw_all_sky
from skyscan.answer.pictures.event import draw_event, draw_residuals
from skyscan.answer.pictures.profile import draw_profile
from skyscan.answer.pictures.style import figure_of, new_figure
from skyscan.answer.pictures.zoom import draw_zoom
from skyscan.errors import BadInput
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from matplotlib.figure import Figure

    from skyscan.answer.catalogue import Source
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap
    from skyscan.events.event import Event

FORMATS = ("png", "pdf")
DPI = 150


def write_pictures(
    skymap: SkyMap,
    folder: Path,
    *,
    event: Event | None = None,
    levels: str | Levels | None = None,
    sources: Sequence[Source] = (),
    formats: Sequence[str] = FORMATS,
) -> list[Path]:
    """Write the pictures; return their paths.

    Those of the event (display and time residuals) are written if it is at hand.
    """
    paths = []
    for name, figure in _figures(skymap, event, levels, sources):
        for ending in formats:
            content = io.BytesIO()
            figure.savefig(content, format=ending, dpi=DPI)
            path = folder / f"{skymap.name}.{name}.{ending}"
            write_bytes(path, content.getvalue())
            paths.append(path)
    return paths


def _figures(
    skymap: SkyMap,
    event: Event | None,
    levels: str | Levels | None,
    sources: Sequence[Source],
) -> Iterator[tuple[str, Figure]]:
    yield "zoom", figure_of(draw_zoom(skymap, levels=levels, sources=sources))
    yield "sky", figure_of(draw_all_sky(skymap, levels=levels))
    profile = new_figure(9.0, 3.6)
    for along, axes in zip(("ra", "dec"), profile.subplots(1, 2), strict=True):
        draw_profile(skymap, axes, along=along, levels=levels)
    yield "profile", profile
    if event is None:
        return
    display = new_figure(11.0, 5.0)
    for view, axes in zip(("side", "top"), display.subplots(1, 2), strict=True):
        draw_event(event, axes, view=view, skymap=skymap)
    yield "event", display
    try:
        yield "residuals", figure_of(draw_residuals(event, skymap))
    except BadInput:  # the best fit has no vertex
        return
