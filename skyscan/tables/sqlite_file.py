"""Tables in SQLite files, as GraphNeT makes them."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from skyscan.errors import BadInput
from skyscan.events.files import SQLITE
from skyscan.tables.columns import Rows, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.tables.columns import Columns

ROWS_AT_ONCE = 100_000
MAX_INTEGER = 2**63
MOST_BYTES = 1_000_000  # of a cell; pulses and truth are numbers


def is_sqlite(begin: bytes, _name: str) -> bool:
    """Return whether a file begins as SQLite."""
    return begin.startswith(SQLITE)


def tables_in(path: Path) -> list[SqliteTable]:
    """Return all tables of a file, by name.

    Raises
    ------
    BadInput
        The file is damaged.
    """
    # A view is a program, which may have no end.
    query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
    with closing(_connection(path)) as connection:
        names = [str(row[0]) for row in _rows(path, connection, query)]
    return [SqliteTable(path, name) for name in names if not name.startswith("sqlite_")]


class SqliteTable(Table):
    """One table of a file, which is only read."""

    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        with closing(_connection(path)) as connection:
            info = list(_rows(path, connection, f"PRAGMA table_info({_quoted(name)})"))
        super().__init__(f"{path}, table {name}", name, [str(row[1]) for row in info])

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        """Yield some columns, a part of the rows at a time."""
        query = f"SELECT {_list(names)} FROM {_quoted(self.name)}"  # noqa: S608  (quoted)
        with closing(_connection(self._path)) as connection:
            rows = _rows(self._path, connection, query)
            while some := list(islice(rows, ROWS_AT_ONCE)):
                yield _columns(names, some)

    def locate(self, by: Sequence[str], key: tuple[int, ...]) -> Rows | None:
        """Return the row of an event, or None; an index of the file narrows the search."""
        where = " AND ".join(f"{_quoted(name)} = ?" for name in by)
        query = f"SELECT 1 FROM {_quoted(self.name)} WHERE {where} LIMIT 2"  # noqa: S608  (quoted)
        with closing(_connection(self._path)) as connection:
            n = len(list(_rows(self._path, connection, query, key)))
        return self.only(by, key, range(n))

    def rows(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        """Return some columns of the rows of one event."""
        where = " AND ".join(f"{_quoted(name)} = ?" for name in by)
        query = f"SELECT {_list(names)} FROM {_quoted(self.name)}"  # noqa: S608  (quoted)
        query += f" WHERE {where}" if by else ""
        with closing(_connection(self._path)) as connection:
            return _columns(names, list(_rows(self._path, connection, query, rows.key)))


def _connection(path: Path) -> sqlite3.Connection:
    """Open a file as it is: without locks, journals or writing."""
    log = path.with_name(f"{path.name}-wal")
    if log.is_file() and log.stat().st_size:
        raise BadInput(
            f"{path} is incomplete without {log.name}, which lies beside it; close the program "
            f"that writes to it, or run `sqlite3 {path} 'PRAGMA wal_checkpoint(TRUNCATE)'`."
        )
    try:
        address = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        connection = sqlite3.connect(address, uri=True)
    except sqlite3.Error as error:
        raise _damaged(path, error) from error
    if sys.version_info >= (3, 11):
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MOST_BYTES)
    return connection


def _rows(
    path: Path, connection: sqlite3.Connection, query: str, values: Sequence[int] = ()
) -> Iterator[tuple[Any, ...]]:
    try:
        yield from connection.execute(query, tuple(values))
    except (sqlite3.Error, UnicodeDecodeError) as error:
        raise _damaged(path, error) from error


def _columns(names: Sequence[str], rows: list[tuple[Any, ...]]) -> Columns:
    cells = zip(*rows, strict=True) if rows else ((),) * len(names)
    return {name: _array(values) for name, values in zip(names, cells, strict=True)}


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """Return integers as such, other numbers as floating point, NULL as NaN."""
    if all(type(it) is int and abs(it) < MAX_INTEGER for it in values):
        return np.array(values, np.int64)
    if all(it is None or isinstance(it, (int, float)) for it in values):
        return np.array([np.nan if it is None else it for it in values], np.float64)
    return np.array(values, object)


def _list(names: Sequence[str]) -> str:
    return ", ".join(map(_quoted, names))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(f"{path} cannot be read as SQLite ({error}); get the file again.")
