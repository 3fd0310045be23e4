"""Write all pictures of a map and its event as PNG and PDF."""

from __future__ import annotations

import io
from contextlib import suppress
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
#: The pictures of a map; the last two also need its event.
KINDS = ("zoom", "sky", "profile", "event", "residuals")
DPI = 150


def write_pictures(
    skymap: SkyMap,
    folder: Path,
    *,
    event: Event | None = None,
    levels: str | Levels | None = None,
    sources: Sequence[Source] = (),
    formats: Sequence[str] = FORMATS,
    kinds: Sequence[str] = KINDS,
) -> list[Path]:
    """Write the pictures of some kinds; return their paths.

    Those of the event (display and time residuals) are written if it is at hand.
    """
    return [
        path
        for kind in kinds
        for figure in _figures(kind, skymap, event, levels, sources)
        for path in save(figure, folder / f"{skymap.name}.{kind}", formats)
    ]


def save(figure: Figure, stem: Path, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a figure in some formats; return the paths: the stem with their endings."""
    paths = []
    for ending in formats:
        content = io.BytesIO()
        figure.savefig(content, format=ending, dpi=DPI)
        paths.append(stem.with_name(f"{stem.name}.{ending}"))
        write_bytes(paths[-1], content.getvalue())
    return paths


def _figures(
    kind: str,
    skymap: SkyMap,
    event: Event | None,
    levels: str | Levels | None,
    sources: Sequence[Source],
) -> Iterator[Figure]:
    """Yield the figure of a kind, or none if there is nothing to draw."""
    if kind == "zoom":
        yield figure_of(draw_zoom(skymap, levels=levels, sources=sources))
    elif kind == "sky":
        yield figure_of(draw_all_sky(skymap, levels=levels))
    elif kind == "profile":
        profile = new_figure(9.0, 3.6)
        for along, axes in zip(("ra", "dec"), profile.subplots(1, 2), strict=True):
            draw_profile(skymap, axes, along=along, levels=levels)
        yield profile
    elif kind == "event" and event is not None:
        display = new_figure(11.0, 5.0)
        for view, axes in zip(("side", "top"), display.subplots(1, 2), strict=True):
            draw_event(event, axes, view=view, skymap=skymap)
        yield display
    elif kind == "residuals" and event is not None:
        with suppress(BadInput):  # the best fit has no vertex
            yield figure_of(draw_residuals(event, skymap))
