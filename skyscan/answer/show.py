"""The answer of a map file or a scan folder, as text and for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from skyscan.answer.read import read_map

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap


class Shown(NamedTuple):
    """What a command prints of an answer.

    Attributes
    ----------
    lines : list of str
        Text, the best fit first.
    value : dict
        For JSON, as ``answer.schema.json`` describes it.
    skymap : SkyMap
        The map.
    answer : Answer
        Its answer.
    """

    lines: list[str]
    value: dict[str, Any]
    skymap: SkyMap
    answer: Answer


def show(path: Path, levels: str | None = None) -> Shown:
    """Return the answer of a map file, or of the map in a scan folder.

    Raises
    ------
    BadInput
        There is no map, or it has no pixel with a fit.
    WrongUsage
        There are no such levels.
    """
    skymap = read_map(path)
    answer = skymap.answer(levels)
    return Shown(answer.lines(), answer.as_dict(), skymap, answer)
