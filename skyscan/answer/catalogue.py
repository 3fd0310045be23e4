"""A user's catalogue of sources: CSV, VOTable or FITS, read by astropy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.errors import BadInput, one_line
from skyscan.regular import check_size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.answer.answer import Answer
    from skyscan.answer.maps import SkyMap

#: Names of columns, in lower case, the likeliest first.
RA = ("ra", "ra_deg", "raj2000", "_raj2000", "ra_icrs", "ra_j2000", "radeg")
DEC = ("dec", "dec_deg", "dej2000", "decj2000", "_dej2000", "de_icrs", "dec_j2000", "dedeg")
NAME = ("name", "source_name", "source", "id", "main_id", "object")
FORMATS = {".csv": "ascii.csv", ".ecsv": "ascii.ecsv", ".vot": "votable", ".xml": "votable"}
DEGREES_PER_HOUR = 15.0
MAX_BYTES = 64 * 1024**2  #: of a file; the 200,000 sources of a scan take a third of it
POLE = 90.0 + 1e-9  #: degrees; units may be converted


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

    RA and Dec are in degrees unless the file says hours; text such as ``03h11m57s`` is read
    too. Rows without one of them are left out.

    Raises
    ------
    BadInput
        The file cannot be read, has no such columns, or a declination beyond the poles.
    """
    from astropy.table import Table

    try:
        check_size(path, MAX_BYTES)
        table = Table.read(path, format=FORMATS.get(path.suffix.lower()))
        columns = {name.lower(): table[name] for name in table.colnames}
        ra = _degrees(_first(columns, RA, path), is_ra=True)
        dec = _degrees(_first(columns, DEC, path), is_ra=False)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"{path} is not a catalogue that astropy reads ({error}).") from error
    beyond = np.flatnonzero(np.abs(dec) > POLE)
    if len(beyond):
        raise BadInput(
            f"{path} has the declination {dec[beyond[0]]:g} deg, which is impossible; check "
            f"its columns of RA and Dec, and their units."
        )
    named = next((columns[key] for key in NAME if key in columns), range(1, len(ra) + 1))
    return [
        Source(one_line(_text(name)), float(a), float(d))
        for name, a, d in zip(named, ra, dec, strict=True)
        if np.isfinite(a) and np.isfinite(d)
    ]


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


def _first(  # a column, of any class
    columns: dict[str, Any], names: tuple[str, ...], path: Path
) -> Any:  # noqa: ANN401
    found = next((columns[name] for name in names if name in columns), None)
    if found is None:
        only = f"only {', '.join(columns)}" if columns else "and no other"
        raise BadInput(
            f"{path} has no column of {names[0].upper()}, {only}. Name one {names[0]!r}."
        )
    return found


def _degrees(column: Any, *, is_ra: bool) -> NDArray[np.float64]:  # noqa: ANN401
    from astropy.coordinates import Angle

    if column.dtype.kind in "OSU":
        missing = np.ma.getmaskarray(column)
        texts = ["" if out else _text(it) for it, out in zip(column, missing, strict=True)]
        unit = "hourangle" if is_ra and any(":" in t or "h" in t for t in texts) else "deg"
        known = np.array([bool(text) for text in texts], bool)
        degrees = np.full(len(texts), np.nan)
        if known.any():
            degrees[known] = Angle([text for text in texts if text], unit=unit).deg
        return degrees
    values: NDArray[np.float64] = np.ma.filled(np.ma.asarray(column, dtype=float), np.nan)
    in_hours = column.unit is not None and str(column.unit) in {"hourangle", "h", "hr", "hour"}
    in_radians = column.unit is not None and str(column.unit) == "rad"
    values = np.rad2deg(values) if in_radians else values
    return np.asarray(values * (DEGREES_PER_HOUR if in_hours else 1.0), float)


def _text(value: object) -> str:
    return (value.decode(errors="replace") if isinstance(value, bytes) else str(value)).strip()
