"""Tables in CSV files, of which a part is in memory at a time."""

from __future__ import annotations

import csv
from bisect import bisect_right
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput
from skyscan.events.csv_head import SPACE, delimiter_of, names_in
from skyscan.regular import open_regular
from skyscan.tables.columns import PULSES, Rows, Table, is_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.tables.columns import Columns

ROWS_AT_ONCE = 10_000
BLOCK = 2**20  #: bytes read at once
MAX_LINE = 2**24  #: bytes; a longer line is no row
MAX_HEAD = 2**17  #: characters; a longer line does not name columns
TRUE, FALSE = {"true", "yes"}, {"false", "no"}
MISSING = {"", "nan", "null", "none"}
_BOM = b"\xef\xbb\xbf"


class CsvTable(Table):
    """A CSV file with a head; ``#`` begins a comment.

    Where each ten thousandth row begins is remembered, so that those of one event can be read.
    Only if the rows of events are not next to each other, numbers are kept in memory.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        #: Number of the first row of each part that has been met, and where it begins, bytes.
        self._parts: dict[int, int] = {}
        self._last: tuple[int, list[list[str]]] = (-1, [])  # the part read last
        self._kept: dict[str, NDArray[Any]] = {}
        with self._reading() as lines:
            self._head = next(lines, "")
            if len(self._head) > MAX_HEAD:
                raise csv.Error(f"its first line is longer than {MAX_HEAD} characters")
            super().__init__(str(path), PULSES, names_in(self._head))
            self._parts[0] = lines.at
        self._in_file = names_in(self._head)
        named = [name for name in self._in_file if name]  # pandas' index has no name
        if len(set(named)) != len(named):
            raise self.complaint("a column has the same name as another one")

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        """Yield all rows, a part at a time."""
        for _, rows in self._read(0):
            yield self._columns(names, rows)

    def rows(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        """Return some columns of the rows of one event."""
        if rows.start >= 0:
            return self._columns(names, self._next_to_each_other(rows))
        columns = self._in_memory([*names, *by])
        here = self.where(columns, by, rows.key)
        return {name: columns[name][here] for name in names}

    def _next_to_each_other(self, rows: Rows) -> list[list[str]]:
        starts = sorted(self._parts)
        first = starts[bisect_right(starts, rows.start) - 1]
        end, found = rows.start + rows.n, []
        for begin, part in self._read(first):
            found += part[max(rows.start - begin, 0) : end - begin]
            if begin + len(part) >= end:
                break
        return found

    def _in_memory(self, names: Sequence[str]) -> Columns:
        """Return whole columns, which are kept: each event in disorder would read the file."""
        missing = [name for name in dict.fromkeys(names) if name not in self._kept]
        if missing:
            parts = list(self.batches(missing))
            self._kept |= {name: np.concatenate([it[name] for it in parts]) for name in missing}
        return self._kept

    def _read(self, first: int) -> Iterator[tuple[int, list[list[str]]]]:
        """Yield the number of its first row and the rows of each part, from one on."""
        while True:
            if self._last[0] != first:
                self._last = first, self._part(first)
            number, part = self._last
            if not part:
                return
            yield number, part
            first = number + len(part)

    def _part(self, first: int) -> list[list[str]]:
        with self._reading(self._parts[first]) as lines:
            reader = csv.reader(
                (line.strip(SPACE) for line in lines),
                delimiter=delimiter_of(self._head),
                skipinitialspace=True,
            )
            part = list(islice(reader, ROWS_AT_ONCE))
            self._parts[first + len(part)] = lines.at
        wrong = next((n for n, it in enumerate(part) if len(it) != len(self._in_file)), None)
        if wrong is not None:
            raise self.complaint(
                f"line {first + wrong + 2} (without comments) does not have the "
                f"{len(self._in_file)} values that the first line names"
            )
        return part

    def _columns(self, names: Sequence[str], rows: list[list[str]]) -> Columns:
        at = {name: self._in_file.index(self._own[name]) for name in names}
        return {name: _values([row[k] for row in rows]) for name, k in at.items()}

    @contextmanager
    def _reading(self, start: int = 0) -> Iterator[_Lines]:
        """Read lines from a place in the file; errors name it."""
        try:
            with open_regular(self._path) as file:
                yield _Lines(file, start)
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{self._path} cannot be read as text ({error}).") from error
        except csv.Error as error:
            raise BadInput(
                f"{self._path} cannot be read as CSV ({error}); a quotation mark may be "
                f"missing."
            ) from error


class _Lines:
    """The lines of a file except comments, and where the next one begins, bytes."""

    def __init__(self, file: Any, start: int) -> None:  # noqa: ANN401  (a binary file)
        begin = file.read(BLOCK)
        # Lines may end as on computers of long ago.
        self._end = b"\r" if b"\n" not in begin and b"\r" in begin else b"\n"
        self.at = start or (len(_BOM) if begin.startswith(_BOM) else 0)
        file.seek(self.at)
        self._lines = self._split(file)

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        while True:
            raw = next(self._lines)
            self.at += len(raw)
            line = raw.rstrip(b"\r\n").decode("utf-8")
            if line.strip() and not line.startswith("#"):
                return line

    def _split(self, file: Any) -> Iterator[bytes]:  # noqa: ANN401
        rest = b""
        while block := file.read(BLOCK):
            *lines, rest = (rest + block).split(self._end)
            yield from (line + self._end for line in lines)
            if len(rest) > MAX_LINE:
                raise csv.Error(f"a line is longer than {MAX_LINE} bytes")
        if rest:
            yield rest


def _values(cells: Sequence[str]) -> NDArray[Any]:
    """Return the cells of a column as numbers if they are, true and false as 1 and 0."""
    words = [cell.strip() for cell in cells]
    if not all(map(is_plain, words)):  # text; or `1_0`, which Python takes for 10
        return np.array(words, object)
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
