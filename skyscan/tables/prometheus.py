"""Prometheus' Parquet files: a row an event, with lists of photons and the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput
from skyscan.events.event import Truth
from skyscan.tables.columns import Rows, Table
from skyscan.tables.layouts import PROMETHEUS
from skyscan.tables.parquet_file import DAMAGE, array_of, open_parquet
from skyscan.tables.truth import origin_of, sum_of_final_states, travel_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from skyscan.tables.columns import Columns

#: The lists of light, the first that a file has.
LIGHT = ("photons", "hits", "total")
TRUTH = "mc_truth"
#: What the truth calls the primary, by the version of Prometheus, the latest first.
_POSITION = tuple(f"injection_position_{axis}" for axis in "xyz")
TRUTHS = (
    *(
        tuple(f"{begin}_{name}" for name in ("energy", "zenith", "azimuth", "x", "y", "z"))
        for begin in ("initial_state", "initial")
    ),
    ("injection_energy", "injection_zenith", "injection_azimuth", *_POSITION),
)
STRINGS = ("string_id", "sensor_string_id")
EVENTS_AT_ONCE = 16
LAYOUT = replace(
    PROMETHEUS,
    name="Prometheus file",
    required=("string_id", "sensor_id", "t"),
    event=(),
    dom=("string_id", "sensor_id"),
)


@dataclass(frozen=True)
class PrometheusEvent:
    """One event: its columns of light, and its truth, both in the frame of the file."""

    number: int
    columns: Columns
    truth: Truth | None


class PrometheusFile(Table):
    """A Parquet file as Prometheus writes it; events are numbered by their rows, from 0."""

    def __init__(self, path: Path) -> None:
        self._file = open_parquet(path)
        schema = self._file.schema_arrow
        self.n_events = int(self._file.metadata.num_rows)
        self._light = next(name for name in LIGHT if name in schema.names)
        self._has_truth = TRUTH in schema.names
        kind = schema.field(self._light).type
        names = [kind.field(i).name for i in range(kind.num_fields)]
        super().__init__(str(path), self._light, names)
        string = self.first(*STRINGS) or STRINGS[0]
        self.layout = replace(LAYOUT, dom=(string, "sensor_id"))
        missing = [name for name in (*self.layout.dom, "t") if name not in names]
        if missing:
            raise self.complaint(f"{self._light} lacks {', '.join(missing)}")
        self._primary = self._names_of_primary(schema) if self._has_truth else ()

    def _names_of_primary(self, schema: Any) -> tuple[str, ...]:  # noqa: ANN401  (pyarrow is optional)
        kind = schema.field(TRUTH).type
        known = {kind.field(i).name for i in range(kind.num_fields)}
        nearest = max(TRUTHS, key=lambda names: len(known & set(names)))
        missing = [name for name in nearest if name not in known]
        if missing:
            raise self.complaint(f"{TRUTH} lacks {', '.join(missing)}")
        return nearest

    def batches(self, names: Sequence[str]) -> Iterator[Columns]:
        """Yield some columns of the light, an event at a time."""
        for event in self.in_order():
            yield {name: event.columns[name] for name in names}

    def rows(self, names: Sequence[str], by: Sequence[str], rows: Rows) -> Columns:
        """Return some columns of the light of one event."""
        del by
        event = next(it for it in self.in_order() if it.number == rows.start)
        return {name: event.columns[name] for name in names}

    def in_order(self) -> Iterator[PrometheusEvent]:
        """Yield the events; only a few are in memory."""
        wanted = [self._light, *([TRUTH] if self._has_truth else [])]
        number = 0
        try:
            for batch in self._file.iter_batches(EVENTS_AT_ONCE, columns=wanted):
                light = batch.column(self._light)
                truths = batch.column(TRUTH).to_pylist() if self._has_truth else None
                for i in range(batch.num_rows):
                    row = None if truths is None else truths[i]
                    truth = None if row is None else _truth(row, self._primary)
                    yield PrometheusEvent(number, self._columns(light, i), truth)
                    number += 1
        except DAMAGE as error:
            raise BadInput(f"{self.place} cannot be read as Parquet ({error}).") from error

    def _columns(self, light: Any, row: int) -> Columns:  # noqa: ANN401  (pyarrow is optional)
        lists = {name: self._list(light, name, row) for name in self.names}
        columns = {
            name: np.empty(0) if values is None else array_of(values)
            for name, values in lists.items()
        }
        if len({len(values) for values in columns.values()}) != 1:
            raise self.complaint(f"the lists of event {row} in a batch differ in length")
        return columns

    def _list(self, light: Any, name: str, row: int) -> Any:  # noqa: ANN401
        value = light.field(name)[row]
        # Scalars of other types have no values; those of structures have a method of that name.
        if not hasattr(value.type, "value_type"):
            raise self.complaint(f"{name} has {value.type} instead of lists")
        return value.values


def is_prometheus(path: Path) -> bool:
    """Return whether a Parquet file has lists of photons or hits."""
    schema = open_parquet(path).schema_arrow
    return any(
        name in schema.names
        and hasattr(schema.field(name).type, "num_fields")
        and schema.field(name).type.num_fields > 1
        for name in LIGHT
    )


def _truth(row: dict[str, Any], primary: Sequence[str]) -> Truth:
    """Return the truth of an event; ``primary`` names energy, direction and place.

    Both directions in the file are those of travel, but in files of some versions the azimuth
    of the initial state is opposite to that of the final states (see docs/tables.md); these are
    what Prometheus propagates.
    """
    columns = [row.get(f"final_state_{name}") or [] for name in ("energy", "zenith", "azimuth")]
    parents = row.get("final_state_parent") or [0] * len(columns[0])
    # Those whose parent is not the primary are products of the others.
    first = [state for *state, parent in zip(*columns, parents, strict=False) if parent == 0]
    values = {name: nan if row[name] is None else float(row[name]) for name in primary}
    energy, zenith, azimuth, x, y, z = values.values()
    travel = zenith, azimuth
    if first:
        energies, zeniths, azimuths = zip(*first, strict=True)
        travel = sum_of_final_states(energies, zeniths, azimuths)
    elif (known := travel_in(row)) is not None:
        travel = known
    zenith, azimuth = origin_of(*travel)
    return Truth(zenith=zenith, azimuth=azimuth, energy=energy, x=x, y=y, z=z, time=0.0)
