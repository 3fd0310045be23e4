"""A user's catalogue of sources: CSV, VOTable or FITS, read by astropy."""

from __future__ import annotations

import io
from codecs import BOM_UTF8
from typing import TYPE_CHECKING, Any, NamedTuple
from warnings import catch_warnings, simplefilter

import numpy as np

from skyscan.answer.catalogue_columns import Columns, read_columns
from skyscan.answer.input.unpacking import read_unpacked
from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.errors import BadInput, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap

#: How columns may be separated, tried in turn. astropy's own guesses include DAOphot's tables,
#: whose pattern takes time that grows with the square of a line's length.
TEXTS: tuple[dict[str, Any], ...] = (
    {"format": "csv"},
    {"format": "csv", "delimiter": ";"},
    *(
        {"format": name, "guess": False}
        for name in (
            *("ecsv", "mrt", "cds", "rdb", "tab", "ipac", "fixed_width_two_line"),
            *("fixed_width", "commented_header", "basic"),
        )
    ),
    {"format": "commented_header", "delimiter": ",", "guess": False},
    *({"format": "basic", "delimiter": it, "guess": False} for it in ",;|\t"),
)
ECSV = {"format": "ecsv"}
#: How the content of a VOTable and of a FITS file begins.
XML, FITS = b"<", b"SIMPLE  ="
#: What the first lines do not have is not looked for in the rest: each format takes a minute
#: for a long file.
FIRST_LINES = 2000
MAX_LINE = 64 * 1024  #: characters; hundreds of columns
MAX_LINES = 1_000_000  #: five times the sources of a scan
#: Bytes of the YAML of an ECSV file, which PyYAML reads at 100 KB a second, or more slowly.
MAX_YAML = 64 * 1024
ENCODING = "utf-8-sig"  # spreadsheets begin their files with a mark
MAX_BYTES = 64 * 1024**2  #: of a file; the 200,000 sources of a scan take a third of it


class Source(NamedTuple):
    """One source; degrees, J2000."""

    name: str
    ra_deg: float
    dec_deg: float


class Near(NamedTuple):
    """A source, its distance from the best fit and where its place is in the map."""

    source: Source
    distance_deg: float
    containment: float
    is_inside: bool  #: in the 90 % region

    def as_dict(self) -> dict[str, str | float | bool]:
        """Return it for JSON."""
        return {
            **self.source._asdict(),
            "distance_deg": self.distance_deg,
            "containment": self.containment,
            "is_inside": self.is_inside,
        }


def read_catalogue(path: Path) -> list[Source]:
    """Read a catalogue with columns of RA, Dec and, if there is one, names.

    RA and Dec are in degrees unless the file says another unit; text such as ``03h11m57s`` and
    ``03 11 57`` is read too. Rows without one of them are left out.

    Raises
    ------
    BadInput
        The file cannot be read, or has no such columns, or what is in them is no place.
    """
    try:
        with catch_warnings():
            simplefilter("ignore")  # astropy's, of small faults of a file
            names, ra, dec = _columns(path)
    except BadInput as error:
        raise BadInput(f"{path} {error}") from error
    except Exception as error:
        raise BadInput(f"{path} is not a catalogue that astropy reads ({error}).") from error
    return [
        Source(one_line(name), float(a), float(d))
        for name, a, d in zip(names, ra, dec, strict=True)
        if np.isfinite(a) and np.isfinite(d)
    ]


def _columns(path: Path) -> Columns:
    from astropy.table import Table

    from skyscan.answer.input.fits_check import check_structure
    from skyscan.answer.input.votable_check import check_votable

    content = read_unpacked(path, MAX_BYTES)
    if content.startswith(FITS):
        check_structure(content)
        return read_columns(Table.read(io.BytesIO(content), format="fits"))
    if content.removeprefix(BOM_UTF8).lstrip().startswith(XML):
        check_votable(content)
        return read_columns(Table.read(io.BytesIO(content), format="votable"))
    return _from_text(content.decode(ENCODING), is_ecsv=path.suffix.lower() == ".ecsv")


def _from_text(text: str, *, is_ecsv: bool) -> Columns:
    """Read a table in the first of the formats that its first lines may have."""
    if text.count("\n") + text.count("\r") > MAX_LINES:
        raise ValueError(f"it has more than {MAX_LINES} lines")
    lines = text.splitlines()
    if max(map(len, lines), default=0) > MAX_LINE:
        raise ValueError(f"a line has more than {MAX_LINE} characters")
    first = lines[:FIRST_LINES]
    if sum(len(line) for line in lines if line.startswith("#")) > MAX_YAML:
        raise ValueError(f"it has more than {MAX_YAML} characters of comments")
    errors = []
    for options in (ECSV,) if is_ecsv else TEXTS:
        try:
            found = _read(first, options)
        except Exception as error:  # noqa: BLE001, PERF203  (astropy raises any)
            errors.append(error)
        else:
            return found if len(first) == len(lines) else _read(lines, options)
    raise errors[0]


def _read(lines: list[str], options: dict[str, Any]) -> Columns:
    from astropy.io import ascii as tables

    return read_columns(tables.read(lines, **options))


def near_sources(
    skymap: SkyMap, answer: Answer, sources: Sequence[Source], n: int = 10
) -> list[Near]:
    """Return the sources inside 90 % and the ``n`` nearest, nearest first."""
    if not sources:
        return []
    directions = unit_vectors([it.ra_deg for it in sources], [it.dec_deg for it in sources])
    away = separation(directions, unit_vectors(*skymap.best_deg))
    values, scale = skymap.surface.at(directions), skymap.scale(answer.levels)
    level = answer.region(CONTAINMENTS[-1]).two_delta_llh
    order = np.argsort(away, kind="stable")
    inside = values <= level  # not by the containment: that of 4.61 is a little above 0.9
    chosen = [i for k, i in enumerate(order.tolist()) if k < n or inside[i]]
    return [
        Near(
            sources[i],
            float(away[i]),
            scale.containment(float(values[i])),
            bool(inside[i]),
        )
        for i in chosen
    ]
