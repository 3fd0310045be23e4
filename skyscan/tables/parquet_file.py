"""Tables in Parquet files; needs pyarrow (extra ``tables``)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.files import PARQUET
from skyscan.tables.columns import PULSES, Rows, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.tables.columns import Columns

ROWS_AT_ONCE = 1_000_000
#: Rows that a file may always have, besides one for each of its bytes: times of pulses are not
#: all the same.
FREE_ROWS = 1_000_000
#: pyarrow's errors are of these kinds. A damaged page may claim more memory than there is.
DAMAGE = (OSError, ValueError, NotImplementedError, KeyError, TypeError, MemoryError)
NO_PYARROW = "Parquet files are read with pyarrow: pip install 'skyscan[tables]'."


def is_parquet(begin: bytes, _name: str) -> bool:
    """Return whether a file begins as Parquet."""
    return begin.startswith(PARQUET)


def open_parquet(path: Path) -> Any:  # noqa: ANN401  (pyarrow is optional)
    """Return the pyarrow.parquet.ParquetFile of a file.

    Raises
    ------
    WrongUsage
        pyarrow is not installed.
    BadInput
        The file is not Parquet, or is damaged.
    """
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise WrongUsage(f"{path}: {NO_PYARROW}") from error
    try:
        file = pyarrow.parquet.ParquetFile(path)
    except DAMAGE as error:
        raise _damaged(path, error) from error
    n_rows, n_bytes = file.metadata.num_rows, path.stat().st_size
    if n_rows > FREE_ROWS + n_bytes:
        raise BadInput(
            f"{path} has {n_rows} rows in {n_bytes} bytes, which are not those of a table of "
            f"pulses; get the file again."
        )
    return file


class ParquetTable(Table):
    """A flat Parquet file, as pandas and others write it.

    The row group that was read last is kept: the events of a file are mostly taken in its
    order.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = open_parquet(path)
        self._index = _range_index(self._file.schema_arrow)
        super().__init__(str(path), PULSES, [*self._file.schema_arrow.names, *self._index])
        metadata = self._file.metadata
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._edges = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        self._kept: tuple[tuple[str, ...], range, Columns] | None = None

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        """Yield some columns, a part of the rows at a time."""
        at = 0
        try:
            for batch in self._file.iter_batches(ROWS_AT_ONCE, columns=self._stored(names)):
                yield self._arrays(batch, names, at)
                at += batch.num_rows
        except DAMAGE as error:
            raise _damaged(self._path, error) from error

    def _numbered(self, by: Sequence[str], time: str) -> list[Rows]:
        if by or time:
            return super()._numbered(by, time)
        return [Rows((), self._file.metadata.num_rows, 0)]

    def rows(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        """Return some columns of the rows of one event."""
        if rows.start < 0:
            return self._scattered(names, by, rows)
        ends = np.searchsorted(self._edges, [rows.start, rows.start + rows.n - 1], "right")
        groups = range(int(ends[0]) - 1, int(ends[1]))
        columns = self._groups(tuple(names), groups)
        start = rows.start - int(self._edges[groups.start])
        return {name: values[start : start + rows.n] for name, values in columns.items()}

    def locate(self, by: Sequence[str], key: tuple[int, ...]) -> Rows | None:
        """Return the row of an event, or None; the file's own statistics narrow the search."""
        found: list[int] = []
        for group in range(len(self._edges) - 1):
            if not all(map(partial(self._may_hold, group), by, key)):
                continue
            where = self.where(self._groups(tuple(by), range(group, group + 1)), by, key)
            found += (int(self._edges[group]) + np.flatnonzero(where)).tolist()
        return self.only(by, key, found)

    def _may_hold(self, group: int, name: str, value: int) -> bool:
        metadata = self._file.metadata.row_group(group)
        columns = map(metadata.column, range(metadata.num_columns))
        column = next((it for it in columns if it.path_in_schema == self._own[name]), None)
        known = None if column is None else column.statistics
        if known is None or not known.has_min_max:
            return True
        try:
            return not (value < known.min or value > known.max)
        except TypeError:  # they are of text or dates, which reading the column refuses
            return True

    def _groups(self, names: tuple[str, ...], groups: range) -> Columns:
        if self._kept is None or self._kept[:2] != (names, groups):
            try:
                read = self._file.read_row_groups(list(groups), columns=self._stored(names))
            except DAMAGE as error:
                raise _damaged(self._path, error) from error
            columns = self._arrays(read, names, int(self._edges[groups.start]))
            self._kept = names, groups, columns
        return self._kept[2]

    def _stored(self, names: Sequence[str]) -> list[str]:
        """Return the columns to read; one at least, from which the rows are counted."""
        own = [self._own[name] for name in names]
        stored = [name for name in own if name not in self._index]
        return stored or self._file.schema_arrow.names[:1]

    def _arrays(self, read: Any, names: Sequence[str], at: int) -> Columns:  # noqa: ANN401
        """Return columns of rows that were read, of which the first has number ``at``."""
        columns = {}
        for name in names:
            own = self._own[name]
            if own in self._index:
                here = self._index[own][at : at + read.num_rows]
                columns[name] = np.arange(here.start, here.stop, here.step)
            else:
                columns[name] = array_of(read.column(own))
        return columns

    def _scattered(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        parts = []
        for batch in self.batches(list(dict.fromkeys([*names, *by]))):
            mask = self.where(batch, by, rows.key)
            parts.append({name: batch[name][mask] for name in names})
        return {name: np.concatenate([part[name] for part in parts]) for name in names}


def _range_index(schema: Any) -> dict[str, range]:  # noqa: ANN401  (pyarrow is optional)
    """Return pandas' index that has a name but is not a column, because it only counts."""
    try:
        known = (schema.pandas_metadata or {}).get("index_columns", [])
        return {
            str(it["name"]): range(it["start"], it["stop"], it["step"])
            for it in known
            if isinstance(it, dict) and it.get("kind") == "range" and it.get("name")
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # what another program wrote there is nothing of ours


def array_of(column: Any) -> NDArray[Any]:  # noqa: ANN401  (pyarrow is optional)
    """Return a column of pyarrow as an array; what is missing is NaN."""
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    values: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return values.astype(np.float64) if _has_none(values) else values


def _has_none(values: NDArray[Any]) -> bool:
    return values.dtype == object and all(
        it is None or isinstance(it, (bool, int, float)) for it in values.tolist()
    )


def _damaged(path: Path, error: Exception) -> BadInput:
    return BadInput(f"{path} cannot be read as Parquet ({error}); get the file again.")
