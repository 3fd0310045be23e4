"""The columns of a catalogue: which of them have RA, Dec and names, and what is in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from astropy.table import Table
    from numpy.typing import NDArray

    Degrees = NDArray[np.float64]

#: How names of columns begin, as `_word` has them, and how both of a pair then end, the
#: likeliest first.
RA = ("ra", "rightascension", "sra", "alpha")
DEC = ("dec", "de", "decl", "declination", "sdec", "delta")
ENDINGS = (
    "",
    "deg",
    "j2000",
    "icrs",
    "2000",
    "degj2000",
    "j2000deg",
    "d",
    "obj",
    "mean",
    "rad",
)
NAMES = (
    *("name", "sourcename", "source", "id", "mainid", "object", "objectname", "objname"),
    *("designation", "target", "targetname", "srcname", "sourceid", "label", "identifier"),
)
RADIANS = "rad"
#: Units in degrees, by how people write them besides what astropy knows.
DEGREES_PER_HOUR = 15.0
HOURS_PER_TURN = 24
HOURS = ("h", "hr", "hrs", "hour", "hours", "hourangle")
POLE = 90.0 + 1e-9  #: degrees; units may be converted
TURN = 360.0
#: The usual forms of an angle as text, with parts that can be.
_PLAIN = re.compile(
    r"([+-]?)(\d{1,3})(?:(h|d)([0-5]?\d)m([0-5]?\d(?:\.\d*)?)s"
    r"|([: ])([0-5]?\d)\6([0-5]?\d(?:\.\d*)?))",
    re.ASCII,
)
_PARTS = re.compile(r"\d+\s*[:\sh]\s*\d")  # of hours, minutes and seconds
#: A column of any class, whose parts astropy does not annotate.
Column = Any


class Columns(NamedTuple):
    """Names and places of sources, a row each; NaN where the catalogue has none."""

    names: list[str]
    ra_deg: Degrees
    dec_deg: Degrees


def read_columns(table: Table) -> Columns:
    """Return the names and places in a table.

    Raises
    ------
    BadInput
        It has no columns of RA and Dec, or in another unit than of angles, or there are
        values that no place has.
    """
    used, ra, dec = _places(table)
    beyond = np.flatnonzero(np.abs(dec) > POLE)
    if len(beyond):
        raise _impossible("declination", dec[beyond[0]])
    beyond = np.flatnonzero((ra < -TURN / 2) | (ra > TURN))
    if len(beyond):
        raise _impossible("right ascension", ra[beyond[0]])
    return Columns(_names(table, used), ra % TURN, dec)


def _impossible(what: str, value: float) -> BadInput:
    return BadInput(
        f"has the {what} {value:g} deg, which is impossible; check its columns of RA and Dec, "
        f"and their units."
    )


def _places(table: Table) -> tuple[set[str], Degrees, Degrees]:
    """Return the names of the columns that have RA and Dec, and both in degrees."""
    from astropy.coordinates import SkyCoord

    words = {_word(name): name for name in reversed(table.colnames)}
    for ending in ENDINGS:
        ra = next((words[it + ending] for it in RA if it + ending in words), None)
        dec = next((words[it + ending] for it in DEC if it + ending in words), None)
        if ra is not None and dec is not None:
            unit = RADIANS if ending == RADIANS else "deg"
            return (
                {ra, dec},
                _degrees(table[ra], unit, is_ra=True),
                _degrees(table[dec], unit, is_ra=False),
            )
    for name in table.colnames:
        if isinstance(table[name], SkyCoord):
            place = table[name].icrs
            return {name}, _filled(place.ra.deg), _filled(place.dec.deg)
    raise BadInput(
        f"has no columns of RA and Dec, only {', '.join(table.colnames)}. Name them 'ra' and "
        f"'dec', in degrees."
    )


def _names(table: Table, used: set[str]) -> list[str]:
    """Return the names of the rows: of a column of names or else of text, or numbers."""
    words = {_word(name): name for name in reversed(table.colnames)}
    found = next((words[it] for it in NAMES if it in words), None)
    if found is None:
        rest = (it for it in table.colnames if it not in used)
        found = next((it for it in rest if _is_text(table[it])), None)
    numbers = [str(number) for number in range(1, len(table) + 1)]
    if found is None:
        return numbers
    return [text or number for text, number in zip(_texts(table[found]), numbers, strict=True)]


def _word(name: str) -> str:
    """Return the name of a column without case, brackets, underscores and the like."""
    return re.sub(r"[\W_]+", "", name.lower())


def _is_text(column: Column) -> bool:
    return getattr(getattr(column, "dtype", None), "kind", "") in set("OSU")


def _texts(column: Column) -> list[str]:
    """Return the values of a column as text; empty for those that are masked."""
    missing = np.ma.getmaskarray(column)
    return ["" if out else _text(it) for it, out in zip(column, missing, strict=True)]


def _text(value: object) -> str:
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()


def _degrees(column: Column, unit: str, *, is_ra: bool) -> Degrees:
    """Return a column in degrees.

    Parameters
    ----------
    column
    unit : str
        Of numbers whose column has none.
    is_ra : bool
        Text such as ``03:11:57`` or ``3 11 57`` is then in hours, unless the column says more.
    """
    given = "" if column.unit is None else str(column.unit).strip('" ').lower()
    if _is_text(column):
        texts = _texts(column)
        is_sexagesimal = is_ra and not given.startswith("deg") and any(map(_PARTS.match, texts))
        return _angles(texts, "hourangle" if is_sexagesimal or given in HOURS else "deg")
    return _filled(column) * _in_degrees(given or unit)


def _angles(texts: list[str], unit: str) -> Degrees:
    """Return angles in degrees; astropy takes 50 us for each, so the usual forms go first."""
    from astropy.coordinates import Angle

    degrees = np.array([_plain_angle(text, unit) for text in texts], float)
    others = np.array([bool(text) for text in texts], bool) & np.isnan(degrees)
    if others.any():
        left = [texts[i] for i in np.flatnonzero(others)]
        degrees[others] = Angle(left, unit=unit).deg
    return degrees


def _plain_angle(text: str, unit: str) -> float:
    """Return an angle such as 03h11m57.1s or -12:30:05 in degrees; NaN if it is another."""
    found = _PLAIN.fullmatch(text)
    if found is None:
        return np.nan
    sign, whole, of_letters, minutes, seconds, _, more_minutes, more_seconds = found.groups()
    is_hours = of_letters == "h" if of_letters else unit == "hourangle"
    if is_hours and int(whole) >= HOURS_PER_TURN:
        return np.nan  # astropy says what is wrong
    value = (
        int(whole) + int(minutes or more_minutes) / 60 + float(seconds or more_seconds) / 3600
    )
    degrees = value * (DEGREES_PER_HOUR if is_hours else 1.0)
    return -degrees if sign == "-" else degrees


def _filled(values: Column) -> Degrees:
    return np.asarray(np.ma.filled(np.ma.asarray(values, dtype=float), np.nan), float)


def _in_degrees(unit: str) -> float:
    """Return a unit in degrees."""
    from astropy.units import Unit

    if unit in HOURS:
        return DEGREES_PER_HOUR
    for word in ("deg", "rad"):
        unit = word if unit.startswith(word) else unit  # such as degrees
    try:
        return float(Unit(unit).to("deg"))
    except (TypeError, ValueError) as error:
        raise BadInput(
            f"has RA or Dec in the unit {unit!r}; degrees, hours and radians are known."
        ) from error
