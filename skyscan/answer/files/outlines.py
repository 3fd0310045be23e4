"""Contours as files: regions of DS9, and a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.answer.levels import CONTAINMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.answer.answer import Answer
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap

COLOURS = dict(zip(CONTAINMENTS, ("cyan", "magenta"), strict=True))


def ds9_lines(skymap: SkyMap, answer: Answer) -> Iterator[str]:
    """Return the lines of a DS9 region file: the contours and the best fit."""
    yield "# Region file format: DS9 version 4.1"
    name = _plain(answer.name)
    yield f"# {name}, {_plain(answer.levels_text)}"
    yield "fk5"
    best = answer.best
    yield f"point({best.ra_deg:.6f},{best.dec_deg:.6f}) # point=cross text={{{name}}}"
    for containment in CONTAINMENTS:
        for ra, dec in skymap.contours(containment, answer.levels):
            points = ",".join(f"{a:.6f},{d:.6f}" for a, d in zip(ra, dec, strict=True))
            label = f"{100 * containment:g}%"
            yield f"polygon({points}) # color={COLOURS[containment]} text={{{label}}}"


def _plain(text: str) -> str:
    """Return text for a region file, where a semicolon ends a line and braces a text."""
    return text.translate(str.maketrans(";{}", ",()"))


def csv_lines(skymap: SkyMap, levels: Levels) -> Iterator[str]:
    """Return the lines of a table of the contours; each line of a contour is closed."""
    names = (skymap.frame.longitude, skymap.frame.latitude)
    yield "containment,line," + ",".join(f"{name.lower()}_deg" for name in names)
    for containment in CONTAINMENTS:
        for number, (ra, dec) in enumerate(skymap.contours(containment, levels)):
            for a, d in [*zip(ra, dec, strict=True), (ra[0], dec[0])]:
                yield f"{containment:g},{number},{a:.6f},{d:.6f}"
