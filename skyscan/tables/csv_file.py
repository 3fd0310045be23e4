"""Tables in CSV files, which are read as a whole."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput
from skyscan.events.csv_head import delimiter_of, names_in
from skyscan.tables.columns import PULSES, Rows, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.tables.columns import Columns

TRUE, FALSE = {"true", "yes"}, {"false", "no"}
MISSING = {"", "nan", "null", "none"}


class CsvTable(Table):
    """A CSV file with a head; ``#`` begins a comment."""

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path} cannot be read as text ({error}).") from error
        lines = [it for it in text.splitlines() if it.strip() and not it.startswith("#")]
        names, rows = _parsed(path, lines or [""])
        super().__init__(str(path), PULSES, names)
        named = [name for name in names if name]  # pandas' index has no name
        if len(set(named)) != len(named):
            raise self.complaint("a column has the same name as another one")
        wrong = next((n for n, row in enumerate(rows, 2) if len(row) != len(names)), None)
        if wrong is not None:
            raise self.complaint(
                f"line {wrong} (without comments) does not have the {len(names)} values that "
                f"the first line names"
            )
        columns = zip(*rows, strict=True) if rows else ((),) * len(names)
        self._columns = {
            name: _values(cells) for name, cells in zip(names, columns, strict=True)
        }

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        """Yield all rows at once."""
        yield {name: self._columns[name] for name in names}

    def rows(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        """Return some columns of the rows of one event."""
        here: slice | NDArray[np.bool_] = slice(rows.start, rows.start + rows.n)
        if rows.start < 0:
            here = self.where(self._columns, by, rows.key)
        return {name: self._columns[name][here] for name in names}


def _parsed(path: Path, lines: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Return the names of the columns, and the rows."""
    try:
        delimiter = delimiter_of(lines[0])
        rows = csv.reader(lines[1:], delimiter=delimiter, skipinitialspace=True)
        return names_in(lines[0]), list(rows)
    except csv.Error as error:
        raise BadInput(
            f"{path} cannot be read as CSV ({error}); a quotation mark may be missing."
        ) from error


def _values(cells: Sequence[str]) -> NDArray[Any]:
    """Return the cells of a column as numbers if they are, true and false as 1 and 0."""
    words = [cell.strip() for cell in cells]
    try:
        return np.array([int(word) for word in words], np.int64)
    except (ValueError, OverflowError):
        pass
    try:
        return np.array([_number(word.lower()) for word in words], np.float64)
    except ValueError:
        return np.array(words, object)


def _number(word: str) -> float:
    if word in MISSING:
        return float("nan")
    if word in TRUE or word in FALSE:
        return float(word in TRUE)
    return float(word)
