"""The detector in a table of its DOMs (``--geometry``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.detector import DOM_DTYPE, FARTHEST_M, Detector
from skyscan.tables.pulses import dom_of_sensor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from skyscan.tables.columns import Columns, Table

STRING = ("string", "sensor_string_id", "string_id")
OM = ("om", "dom_number", "sensor_id")
SENSOR = "sensor_id"
AXES = {axis: (axis, f"dom_{axis}", f"sensor_pos_{axis}") for axis in "xyz"}
#: How far rows of the same DOM may be apart, m: those of its photomultipliers are.
SAME_PLACE = 0.5


def detector_in(tables: Iterable[Table]) -> Detector | None:
    """Return the detector in the first table that has one; a row is a DOM, or a pulse in it.

    Raises
    ------
    BadInput
        A DOM has two places, or a value is not a number.
    """
    for table in tables:
        if is_geometry(table):
            return _detector(table, *_names(table))
    return None


def is_geometry(table: Table) -> bool:
    """Return whether a table has DOMs and their positions."""
    doms, axes = _names(table)
    return len(axes) == len(AXES) and bool(doms) and (len(doms) > 1 or doms == [SENSOR])


def _names(table: Table) -> tuple[list[str], list[str]]:
    """Return the columns with the numbers of the DOMs, and those with their places."""
    doms = [table.first(*STRING), table.first(*OM)]
    axes = [table.first(*names) for names in AXES.values()]
    return [name for name in doms if name], [name for name in axes if name]


def _detector(table: Table, doms: list[str], axes: list[str]) -> Detector:
    rows = [_rows(table, doms, axes, batch) for batch in table.batches([*doms, *axes])]
    every = np.concatenate(rows) if rows else np.zeros(0, DOM_DTYPE)
    if not len(every):
        raise table.complaint("it has no DOMs")
    _, first, which = np.unique(every[["string", "om"]], return_index=True, return_inverse=True)
    found, which = every[first], which.ravel()
    away = max(float(np.abs(every[a] - found[a][which]).max()) for a in AXES)
    if away > SAME_PLACE:
        raise table.complaint("a DOM has two places in it")
    for axis in AXES:
        found[axis] = np.bincount(which, weights=every[axis]) / np.bincount(which)
    return Detector(found)


def _rows(table: Table, doms: list[str], axes: list[str], columns: Columns) -> NDArray[np.void]:
    rows = np.zeros(len(columns[doms[0]]), DOM_DTYPE)
    if len(doms) == 1:
        rows["string"], rows["om"] = dom_of_sensor(table.small_integers(columns, doms[0]))
    else:
        rows["string"], rows["om"] = (table.small_integers(columns, name) for name in doms)
    for axis, name in zip(AXES, axes, strict=True):
        values = table.numbers(columns, name)
        if not (np.abs(values) < FARTHEST_M).all():
            raise table.complaint(f"column {name} has a value that is not a position")
        rows[axis] = values
    return np.unique(rows)
