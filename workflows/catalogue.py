"""The catalogue of sources that a user wants to see on the page of a scan (``--catalogue``)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from skyscan.answer.sky.frame import turn_text
from skyscan.errors import BadInput, WrongUsage, one_line
from skyscan.json_text import is_of
from skyscan.layout import ScanFolder
from skyscan.storage import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skyscan.answer.answer import Answer
    from skyscan.answer.catalogue import Near, Source
    from skyscan.answer.maps import SkyMap

MAX_SOURCES = 200_000  #: of a catalogue; each scan of a campaign keeps its own copy
SHOWN = 10  #: of the sources, besides those inside the 90 % region
#: Those inside a large region may be thousands.
MOST_SHOWN = 100


def catalogue_for(path: Path | None) -> list[Source] | None:
    """Return the sources of a catalogue; None if there is no catalogue.

    Raises
    ------
    BadInput
        It cannot be read, or has no columns of RA and Dec.
    WrongUsage
        It has more sources than a scan folder keeps.
    """
    if path is None:
        return None
    if not path.is_file():
        raise BadInput(f"--catalogue {path} is not a file; check the path.")
    sources = _sources_in(path, path.stat().st_mtime_ns)
    if len(sources) > MAX_SOURCES:
        raise WrongUsage(
            f"--catalogue {path} has {len(sources)} sources; a scan keeps {MAX_SOURCES}: "
            f"select those that may matter."
        )
    return sources


@lru_cache(maxsize=1)  # a campaign plans many events with the same catalogue
def _sources_in(path: Path, _changed: int) -> list[Source]:
    from skyscan.answer.catalogue import read_catalogue

    return read_catalogue(path)


def place_catalogue(sources: Sequence[Source], name: str, folder: ScanFolder) -> None:
    """Keep a catalogue in a scan folder, from which every report reads it."""
    value = {"catalogue": one_line(name), "sources": [list(it) for it in sources]}
    write_json(folder.catalogue, value)


def catalogue_of(folder: ScanFolder) -> tuple[str, list[Source]]:
    """Return the name and the sources of a scan's catalogue; none if it is damaged."""
    from skyscan.answer.catalogue import Source

    try:
        value: Any = read_json(folder.catalogue)
        rows = value.get("sources")
        if not is_of(rows, list[tuple[str, float, float]]):
            return "", []
        return str(value.get("catalogue", "")), [Source(*row) for row in rows]
    except (BadInput, OSError):
        return "", []


def sources_for(path: Path | None, skymap: SkyMap) -> list[Source] | None:
    """Return the sources of a catalogue, or else of that which the map's scan has; or None.

    A damaged one counts as none: nothing is said, such as that no source is near.
    """
    given = catalogue_for(path)
    if given is None and skymap.context.folder is not None and not skymap.is_local:
        name, sources = catalogue_of(ScanFolder(skymap.context.folder))
        return sources if name else None
    return given


def sources_of(folder: ScanFolder, skymap: SkyMap, answer: Answer) -> list[Near]:
    """Return the sources of a scan's catalogue that are in or near its 90 % region."""
    return near(skymap, answer, catalogue_of(folder)[1]) if folder.catalogue.is_file() else []


def near(skymap: SkyMap, answer: Answer, sources: Sequence[Source]) -> list[Near]:
    """Return the sources inside 90 % and the nearest others, nearest first.

    A map in IceCube's local frame has none: where sources are in it is unknown.
    """
    from skyscan.answer.catalogue import near_sources

    if skymap.is_local or not sources:
        return []
    return near_sources(skymap, answer, sources, SHOWN)[:MOST_SHOWN]


def source_lines(found: Sequence[Near]) -> list[str]:
    """Return the lines of a report about sources."""
    lines = [
        f"  source    {it.source.name}: RA {turn_text(it.source.ra_deg)} deg, Dec "
        f"{it.source.dec_deg:+.2f} deg; {it.distance_deg:.2f} deg from the best fit, "
        f"{'inside' if it.is_inside else 'outside'} 90 %"
        for it in found[:SHOWN]
    ]
    if len(found) > SHOWN:
        least = "at least " if len(found) >= MOST_SHOWN else ""
        lines.append(f"            and {least}{len(found) - SHOWN} more inside 90 %")
    return lines
