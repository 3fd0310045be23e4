"""The answer of a map file or a scan folder, as text and for JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from skyscan.answer.files import write_files
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
    return _shown(skymap, skymap.answer(levels))


def _shown(skymap: SkyMap, answer: Answer) -> Shown:
    return Shown(answer.lines(), answer.as_dict(), skymap, answer)


def write_beside(path: Path, levels: str | None = None) -> Shown:
    """Write the files of a map's answer beside it, as the last step of a scan does.

    Raises
    ------
    BadInput
        As `show`.
    """
    skymap = read_map(path)
    answer = skymap.answer(levels)
    write_files(skymap, answer, path.parent)
    return _shown(skymap, answer)
