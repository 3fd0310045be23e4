"""A table of columns, whatever file it is in, and its rows by event."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput
from skyscan.events.place import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    Columns = Mapping[str, NDArray[Any]]


#: The name of the table of a file that has only one.
PULSES = "pulses"
RUN = ("run", "run_id")  #: columns with the number of the run
INT32, MAX_INT64 = np.iinfo(np.int32), np.iinfo(np.int64).max


@dataclass(frozen=True)
class Rows:
    """The rows of one event.

    Attributes
    ----------
    key : tuple of int
        The values of the columns that number events.
    n : int
        How many rows.
    start : int
        The first of them, from 0; -1 if the rows are not next to each other.
    mjd : float
        Time in the first row, days UTC; NaN if there is none.
    """

    key: tuple[int, ...]
    n: int
    start: int
    mjd: float = nan


class Table(ABC):
    """A table, of which only what is asked for is read.

    Attributes
    ----------
    place : str
        The file, and the table in it if there are several; for messages.
    name : str
        Name of the table.
    names : tuple of str
        Its columns, in lower case unless two differ in nothing else.
    """

    def __init__(self, place: str, name: str, names: Sequence[str]) -> None:
        self.place = place
        self.name = name
        self._own = own_names(names)
        self.names = tuple(self._own)
        self._events: dict[tuple[str, ...], list[Rows]] = {}

    @abstractmethod
    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        """Yield some columns, a part of the rows at a time."""

    @abstractmethod
    def rows(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        """Return some columns of the rows of one event, in the order of the file.

        Parameters
        ----------
        names : sequence of str
            The columns to read.
        by : sequence of str
            The columns that number events.
        rows : Rows
            The event.
        """

    def events(self, by: Sequence[str], time: str = "") -> list[Rows]:
        """Return the events in the order of their first rows; no columns mean one event.

        Parameters
        ----------
        by : sequence of str
            The columns that number events.
        time : str
            The column with their times, or "".
        """
        key = (*by, time)
        if key not in self._events:
            self._events[key] = self._numbered(by, time)
        return self._events[key]

    def _numbered(self, by: Sequence[str], time: str) -> list[Rows]:
        found: dict[tuple[int, ...], Rows] = {}
        at = 0
        for batch in self.batches([*by, time] if time else by or self.names[:1]):
            n = len(next(iter(batch.values())))
            keys = np.empty((n, len(by)), np.int64)
            for column, name in enumerate(by):
                keys[:, column] = self.integers(batch, name)
            if not n:
                continue
            changes = np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1
            edges = [0, *changes.tolist(), len(keys)]
            for begin, end in pairwise(edges):
                key = tuple(keys[begin].tolist())
                mjd = _number_at(batch[time], begin) if time and key not in found else nan
                found[key] = _joined(found.get(key), Rows(key, end - begin, at + begin, mjd))
            at += n
        return list(found.values()) or ([] if by else [Rows((), 0, 0)])

    def locate(self, by: Sequence[str], key: tuple[int, ...]) -> Rows | None:
        """Return the row of an event, or None if it has none.

        Of tables with one row for each event.

        Raises
        ------
        BadInput
            Several rows are of the event.
        """
        found: list[int] = []
        at = 0
        for batch in self.batches(by):
            where = self.where(batch, by, key)
            found += (at + np.flatnonzero(where)).tolist()
            at += len(where)
        return self.only(by, key, found)

    def only(
        self, by: Sequence[str], key: tuple[int, ...], found: Sequence[int]
    ) -> Rows | None:
        """Return the row of an event of those that were found; several are refused."""
        if len(found) > 1:
            number = ":".join(map(str, key))
            runs = self.first(*RUN) is not None and not set(RUN) & set(by)
            advice = "give --run" if runs else "keep one of them, or tell them apart by run"
            raise self.complaint(f"it has several rows of event {number} ({by[-1]}); {advice}")
        return Rows(key, 1, found[0]) if found else None

    def where(
        self, columns: Columns, by: Sequence[str], key: tuple[int, ...]
    ) -> NDArray[np.bool_]:
        """Return which rows are those of an event."""
        pairs = zip(by, key, strict=True)
        same = [self.integers(columns, name) == value for name, value in pairs]
        return np.asarray(np.logical_and.reduce(same))

    def has(self, *names: str) -> bool:
        """Return whether the table has all of some columns."""
        return all(name in self.names for name in names)

    def first(self, *names: str) -> str | None:
        """Return the first of some columns that the table has, or None."""
        return next((name for name in names if name in self.names), None)

    def numbers(self, columns: Columns, name: str) -> NDArray[np.float64]:
        """Return a column as floating-point numbers; what is missing is NaN.

        Raises
        ------
        BadInput
            It holds something else.
        """
        values = columns[name]
        if values.dtype.kind == "O" and not all(
            it is None or _is_number(it) for it in values.ravel()
        ):
            raise self.complaint(_no_number(name, values))
        try:
            return np.asarray(values, np.float64)
        except (TypeError, ValueError) as error:
            raise self.complaint(_no_number(name, values)) from error

    def integers(self, columns: Columns, name: str) -> NDArray[np.int64]:
        """Return a column as integers.

        Raises
        ------
        BadInput
            It holds something else.
        """
        values = columns[name]
        if values.dtype.kind in "iub":
            if values.dtype.kind == "u" and (values > MAX_INT64).any():
                raise self.complaint(f"column {name} holds {values.max()}, which is too large")
            return values.astype(np.int64)
        floats = self.numbers(columns, name)
        wrong = ~(np.abs(floats) < 2**53) | (floats != np.round(floats))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise self.complaint(
                f"column {name} holds {floats[row]:g}, which is not an integer"
            )
        return floats.astype(np.int64)

    def small_integers(self, columns: Columns, name: str) -> NDArray[np.int64]:
        """Return a column as integers that fit into 32 bits, as DOMs and PMTs have them.

        Raises
        ------
        BadInput
            It holds something else.
        """
        values = self.integers(columns, name)
        wrong = (values < INT32.min) | (values > INT32.max)
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise self.complaint(
                f"column {name} holds {values[row]}, which is not the number of a string, DOM "
                f"or PMT"
            )
        return values

    def complaint(self, what: str) -> BadInput:
        """Return an error about this table."""
        return BadInput(f"{self.place}: {what}. docs/tables.md lists the layouts.")


def own_names(names: Sequence[str]) -> dict[str, str]:
    """Return the names of columns in a file by those that they have here, in lower case.

    Names that differ only in their case stay as they are.
    """
    lower = [name.lower() for name in names]
    times = Counter(lower)
    return {
        low if times[low] == 1 else name: name for low, name in zip(lower, names, strict=True)
    }


def _no_number(name: str, values: NDArray[Any]) -> str:
    """Say which value of a column is not a number."""
    value = next((it for it in values.ravel().tolist() if not _is_number(it)), "")
    wrong = f"column {name} has {shown(repr(value))}, which is not a number"
    has_comma = isinstance(value, str) and _is_number(value.replace(",", ".", 1))
    return f"{wrong}; decimals need a point" if has_comma else wrong


def _is_number(value: Any) -> bool:  # noqa: ANN401  (whatever a table has)
    if isinstance(value, str) and not is_plain(value):
        return False
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def is_plain(word: str) -> bool:
    """Return whether a word has nothing that only Python takes for a part of a number."""
    return word.isascii() and "_" not in word


def _number_at(values: NDArray[Any], row: int) -> float:
    """Return a value if it is a number, else NaN: whoever reads the event says so."""
    return float(values[row]) if _is_number(values[row]) else nan


def _joined(before: Rows | None, new: Rows) -> Rows:
    if before is None:
        return new
    follows = before.start >= 0 and before.start + before.n == new.start
    start = before.start if follows else -1
    return Rows(new.key, before.n + new.n, start, before.mjd)
