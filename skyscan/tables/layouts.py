"""Which columns of a table hold what: the layouts that are known, matched by names."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from skyscan.tables.columns import RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from skyscan.errors import BadInput
    from skyscan.tables.columns import Table


#: What the columns that number events are called, by what they number.
NUMBERS: Mapping[str, tuple[str, ...]] = {
    "run": RUN,
    "event": ("event", "event_id", "event_no"),
    "sub_event": ("sub_event", "sub_event_id"),
}


@dataclass(frozen=True)
class Layout:
    """The columns of a table of pulses, a row a pulse.

    Attributes
    ----------
    name : str
        For messages.
    required : tuple of str
        The columns without which a table has another layout.
    event : tuple of str
        What is numbered (`NUMBERS`), in the order run, event, sub-event, if the table has
        such columns.
    dom : tuple of str
        String and number on it (from 1), or the number of the sensor; empty if only the
        position tells the DOM.
    time : str
        ns.
    charge : str
        PE; without it, each row is a photon and counts as 1 PE.
    pmt, width, lc, mjd : str
        Further columns, if the table has them; ``width`` in ns, ``mjd`` in days.
    lc_means : int
        The value of ``lc`` of a pulse in local coincidence (HLC).
    position : tuple of str
        Position of the DOM, m, if the table has it.
    """

    name: str
    required: tuple[str, ...]
    event: tuple[str, ...]
    dom: tuple[str, ...]
    time: str
    charge: str
    pmt: str = ""
    width: str = ""
    lc: str = ""
    lc_means: int = 1
    mjd: str = ""
    position: tuple[str, ...] = ()

    def columns_of(self, table: Table) -> list[str]:
        """Return the columns of a table that make its pulses."""
        names = (*self.dom, self.time, self.charge, self.pmt, self.width, self.lc, self.mjd)
        return [name for name in (*names, *self.position) if name in table.names]

    def numbering(self, table: Table) -> dict[str, str]:
        """Return the columns of a table that number its events, by what they number."""
        found = {what: table.first(*NUMBERS[what]) for what in self.event}
        return {what: name for what, name in found.items() if name}


PLAIN = Layout(
    name="plain table of pulses",
    required=("string", "om", "time", "charge"),
    event=("run", "event", "sub_event"),
    dom=("string", "om"),
    time="time",
    charge="charge",
    pmt="pmt",
    width="width",
    lc="lc",
    mjd="mjd",
)
#: IceCube - Neutrinos in Deep Ice (Kaggle, 2023): ``auxiliary`` is false for pulses that were
#: fully digitised, which are those in local coincidence.
KAGGLE = Layout(
    name="Kaggle's IceCube - Neutrinos in Deep Ice",
    required=("event_id", "sensor_id", "time", "charge", "auxiliary"),
    event=("event",),
    dom=("sensor_id",),
    time="time",
    charge="charge",
    lc="auxiliary",
    lc_means=0,
)
#: GraphNeT's features of IceCube (graphnet, data/extractors/icecube).
GRAPHNET = Layout(
    name="GraphNeT's pulses of IceCube",
    required=("event_no", "string", "dom_number", "dom_time", "charge"),
    event=("event",),
    dom=("string", "dom_number"),
    time="dom_time",
    charge="charge",
    pmt="pmt_number",
    width="width",
    lc="hlc",
    mjd="event_time",
    position=("dom_x", "dom_y", "dom_z"),
)
#: The same, as it was before they had the numbers of the DOMs.
GRAPHNET_PLACES = replace(
    GRAPHNET, required=("event_no", *GRAPHNET.position, "dom_time", "charge"), dom=()
)
#: GraphNeT's features of Prometheus.
PROMETHEUS = Layout(
    name="GraphNeT's photons of Prometheus",
    required=("event_no", "sensor_string_id", "sensor_id", "t"),
    event=("event",),
    dom=("sensor_string_id", "sensor_id"),
    time="t",
    charge="charge",
    position=("sensor_pos_x", "sensor_pos_y", "sensor_pos_z"),
)
LAYOUTS = (KAGGLE, GRAPHNET, GRAPHNET_PLACES, PROMETHEUS, PLAIN)


def layout_of(table: Table) -> Layout | None:
    """Return the layout of a table of pulses, or None if it is none."""
    return next((it for it in LAYOUTS if table.has(*it.required)), None)


def no_layout(tables: Iterable[Table]) -> BadInput:
    """Return the error for tables without a layout: what is missing from the nearest one."""
    pairs = [(table, layout) for table in tables for layout in LAYOUTS]
    table, nearest = max(pairs, key=lambda it: _share(it[1].required, it[0].names))
    missing = [name for name in nearest.required if name not in table.names]
    return table.complaint(
        f"its columns ({', '.join(table.names[:20])}) fit no known layout; "
        f"the nearest is {nearest.name}, which also needs {', '.join(missing)}"
    )


def share_of_layout(tables: Iterable[Table]) -> float:
    """Return which part of the columns of the nearest layout there is, at most."""
    return max(_share(it.required, table.names) for table in tables for it in LAYOUTS)


def _share(required: tuple[str, ...], names: Iterable[str]) -> float:
    return len(set(required) & set(names)) / len(required)
