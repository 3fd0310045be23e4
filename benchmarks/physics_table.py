"""The results of `physics.py`: a table (CSV) that is kept, and its form for a page of the docs.

Each scan is a row. A row replaces an older one of the same event and reconstruction, and all
others stay, so that a run of a few events does not lose the rest. What made a row is part of
it: the page shows where rows are of different versions, ices, tables or likelihoods.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

BEGIN = "<!-- results, written by benchmarks/physics.py -->"
END = "<!-- end of the results -->"
SHORT = 12  # characters of a digest
WHOLE_FROM = 100.0  # deg2, of areas in whole numbers
NONE = "\u2013"
HEADINGS = (
    *(
        "event",
        "reconstruction",
        "reference",
        "distance",
        "2\u0394llh there",
        "in the region of",
    ),
    *("area of 50 %, 90 %", "energy", "rank correlation", "fits", "CPU", "made with"),
)


@dataclass(frozen=True)
class Row:
    """One event that was scanned with one reconstruction; NaN is what is not known.

    ``reference`` says what the direction and the energy are compared with. ``inside`` is the
    smallest of the two regions with the reference's direction: 50, 90, or 0 for none; -1 if it
    has no direction. ``rank`` is the correlation with an official llh in ``n_ranked`` pixels.
    """

    event: str
    reco: str
    reference: str
    distance_deg: float
    two_delta_llh: float
    inside: int
    levels: str
    level_50: float
    level_90: float
    area_50_deg2: float
    area_90_deg2: float
    energy_gev: float
    reference_energy_gev: float
    rank: float
    n_ranked: int
    n_fits: int
    cpu_s: float
    kernel: str
    version: str
    ice: str
    ice_sha256: str
    tables_sha256: str
    likelihood_sha256: str

    @property
    def made_with(self) -> str:
        """Return what made the row, in words."""
        parts = [f"skyscan {self.version}, kernel {self.kernel}"]
        if self.ice:
            parts += [f"ice {self.ice} `{self.ice_sha256[:SHORT]}`"]
            parts += [f"table of light `{self.tables_sha256[:SHORT]}`"]
        parts += [f"likelihood `{self.likelihood_sha256[:SHORT]}`"]
        parts += [f"levels {self.levels} ({self.level_50:.2f}, {self.level_90:.2f})"]
        return ", ".join(parts)


_READERS = {"str": str, "int": int, "float": float}


def read_rows(path: Path) -> list[Row]:
    """Read a table; none if it is not there."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Row(**{it.name: _READERS[str(it.type)](cells[it.name]) for it in fields(Row)})
            for cells in csv.DictReader(file)
        ]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Write a table in the place of the old one."""
    names = [it.name for it in fields(Row)]
    new = path.with_suffix(".new")
    with new.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([getattr(row, name) for name in names] for row in rows)
    new.replace(path)


def with_row(rows: Sequence[Row], new: Row) -> list[Row]:
    """Return rows with a new one in the place of that of the same event and reconstruction."""
    found = {(row.event, row.reco): row for row in rows}
    found[new.event, new.reco] = new
    return list(found.values())


def table_lines(rows: Sequence[Row]) -> list[str]:
    """Return the table in Markdown, and below it a list of what made the rows."""
    if not rows:
        return ["No scan has been run."]
    made = list(dict.fromkeys(row.made_with for row in rows))
    lines = [f"| {' | '.join(HEADINGS)} |", f"|{' --- |' * len(HEADINGS)}"]
    lines += [f"| {' | '.join(_cells(row, made.index(row.made_with) + 1))} |" for row in rows]
    return [*lines, "", *(f"{number}. {text}" for number, text in enumerate(made, 1))]


def fill_page(page: Path, lines: Iterable[str]) -> None:
    """Replace what a page has between the two marks.

    Raises
    ------
    ValueError
        The page does not have both marks, in their order.
    """
    text = page.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{page} lacks the lines {BEGIN!r} and {END!r}")
    block = "\n".join(lines)
    page.write_text(f"{before}{BEGIN}\n\n{block}\n\n{END}{after}", "utf-8")


def _cells(row: Row, number: int) -> list[str]:
    areas = ", ".join(_area(it) for it in (row.area_50_deg2, row.area_90_deg2))
    return [
        *(row.event, f"`{row.reco}`", row.reference),
        _number(row.distance_deg, ".2f", "\u00b0"),
        _number(row.two_delta_llh, ".1f"),
        {0: "neither", 50: "50 %", 90: "90 %"}.get(row.inside, NONE),
        f"{areas} deg\u00b2",
        _energy(row),
        NONE if not isfinite(row.rank) else f"{row.rank:.3f} of {row.n_ranked} pixels",
        *(str(row.n_fits), f"{row.cpu_s:.1f} s", str(number)),
    ]


def _number(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if isfinite(value) else NONE


def _area(value: float) -> str:
    return f"{value:.0f}" if value >= WHOLE_FROM else f"{value:.3g}"


def _energy(row: Row) -> str:
    if not isfinite(row.energy_gev):
        return NONE
    text = f"{row.energy_gev / 1e3:.2g} TeV"
    other = row.reference_energy_gev
    return text if not isfinite(other) else f"{text} ({other / 1e3:.2g} TeV)"
