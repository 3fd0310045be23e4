"""The events of one table of pulses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from math import nan
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import WrongUsage
from skyscan.events.assembly import ordered_pulses, seed_vertex
from skyscan.events.entry import EventEntry, EventFile, Found
from skyscan.events.event import Event
from skyscan.events.event_json import event_json_bytes
from skyscan.events.i3.pulsemap import MAX_PULSES
from skyscan.events.place import Place
from skyscan.tables.pulses import counts_from_surface, pulses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skyscan.detector import Detector
    from skyscan.events.choice import Choice
    from skyscan.events.event import Truth
    from skyscan.tables.columns import Columns, Rows, Table
    from skyscan.tables.layouts import Layout
    from skyscan.tables.truth import TruthTable

EVENT_FILE = "event.json"
FIRST_MJD, LAST_MJD = 51_544, 125_000  #: 2000 to 2200


@dataclass(frozen=True)
class PulseTable:
    """A table of the pulses of events.

    Attributes
    ----------
    table : Table
    layout : Layout
        What its columns hold.
    truths : tuple of TruthTable
        Where the truth of its events may be; several are one too many to take.
    others : tuple of str
        Names of other tables of pulses in the file.
    detector : Detector or None
        The detector, if it is not IceCube-86.
    is_default : bool
        Whether this one is read unless another one is chosen.
    """

    table: Table
    layout: Layout
    truths: tuple[TruthTable, ...]
    others: tuple[str, ...] = ()
    detector: Detector | None = None
    is_default: bool = True


def events_of(wanted: PulseTable, choice: Choice) -> Iterator[Found]:
    """Yield the events of a table of pulses that a choice allows, in the order of their rows.

    Raises
    ------
    BadInput
        The table has no rows, or numbers that name no events.
    WrongUsage
        An option gives what the table has.
    """
    table = wanted.table
    numbering = wanted.layout.numbering(table)
    by = list(numbering.values())
    if "run" in numbering and choice.run_id is not None:
        raise WrongUsage(f"{table.place} has a column {numbering['run']}; leave out --run.")
    counted = "event" in numbering
    time = wanted.layout.mjd
    events = table.events(by, time if time in table.names else "")
    if not any(rows.n for rows in events):
        raise table.complaint("it has no rows")
    if not counted and len(events) > 1:
        raise table.complaint(f"it has several values of {', '.join(by)}, but no column event")
    event = choice.event.event_id if choice.event is not None and counted else None
    for number, rows in enumerate(events, 1):
        ids = dict(zip(numbering, rows.key, strict=True))
        if event is not None and event != ids["event"]:
            continue  # a batch of Kaggle's has 200,000 events
        if min(rows.key, default=0) < 0:
            raise table.complaint(f"{_shown(ids)} has a negative number, which names no event")
        entry = replace(
            _entry(number, ids, choice, rows.mjd),
            pulses={table.name: rows.n, **dict.fromkeys(wanted.others)},
            default_pulses=table.name if wanted.is_default else None,
        )
        yield Found(entry, partial(_take, wanted, by, rows, replace(entry, mjd=choice.mjd)))


def _shown(ids: dict[str, int]) -> str:
    return ", ".join(f"{name} {value}" for name, value in ids.items())


def _entry(number: int, ids: dict[str, int], choice: Choice, mjd: float) -> EventEntry:
    """Return the header of an event: from its columns, or else from options."""
    run_id = ids.get("run", choice.run_id)
    event = ids.get("event", 0)
    if "event" not in ids and choice.event is not None:
        event = choice.event.event_id
        run_id = choice.event.run_id if run_id is None else run_id
    return EventEntry(
        frame=number,
        event_id=event,
        run_id=run_id,
        sub_event_id=ids.get("sub_event", 0),
        mjd=mjd if FIRST_MJD <= mjd <= LAST_MJD else choice.mjd,
    )


def check_pulses(table: Table, entry: EventEntry, n: int) -> None:
    """Refuse an event with more rows than any event has pulses, before they are read."""
    if n > MAX_PULSES:
        raise table.complaint(
            f"event {entry.id} has {n} rows, but at most {MAX_PULSES} pulses can be read; does "
            f"the table lack a column that tells its events apart?"
        )


def _take(source: PulseTable, by: list[str], rows: Rows, entry: EventEntry) -> EventFile:
    table, layout = source.table, source.layout
    check_pulses(table, entry, rows.n)
    columns = table.rows(layout.columns_of(table), by, rows)
    pulses = pulses_of(table, layout, columns, source.detector)
    mjd = entry.mjd
    own = _time(table, columns, layout.mjd) if layout.mjd in columns else None
    if own is not None and mjd is not None:
        raise WrongUsage(
            f"{table.place} has the time of event {entry.id} in its column {layout.mjd}; leave "
            f"out --mjd."
        )
    mjd = own if mjd is None else mjd
    truth, known = None, only_truth(source.truths)
    if known is not None:
        shifted = source.detector is None and counts_from_surface(table, layout, columns)
        truth = known.of(entry.event_id, entry.run_id, from_surface=shifted)
    return event_file(table, entry, pulses, mjd, truth=truth, detector=source.detector)


def _time(table: Table, columns: Columns, name: str) -> float | None:
    """Return the time of an event; a column of nothing but NaN means that there is none."""
    values = table.numbers(columns, name)
    if np.isnan(values).all():
        return None
    first = float(values[0])
    if not (values == first).all():
        raise table.complaint(f"column {name} is not the same in all rows of an event")
    return first


def event_file(
    table: Table,
    entry: EventEntry,
    pulses: NDArray[np.void],
    mjd: float | None,
    *,
    truth: Truth | None,
    detector: Detector | None,
) -> EventFile:
    """Return the file of one event, from its pulses.

    Raises
    ------
    BadInput
        Its time is impossible, or no fit can use its pulses.
    """
    if mjd is not None and not FIRST_MJD <= mjd <= LAST_MJD:
        raise table.complaint(
            f"event {entry.id} has the time {mjd:g}, which is not a modified Julian date from "
            f"{FIRST_MJD} to {LAST_MJD}"
        )
    place = Place(table.place).at_frame(f"event {entry.id}")
    with place.reading():
        pulses = ordered_pulses(pulses, _another_event)
        seed = seed_vertex(None, None, pulses, _another_event, detector)
    event = Event(
        run_id=entry.run_id or 0,
        event_id=entry.event_id,
        sub_event_id=entry.sub_event_id,
        mjd=nan if mjd is None else mjd,
        event_type=None,
        format_version="",
        pulses_key=table.name,
        pulses=pulses,
        seed=seed,
        truth=truth,
        detector=detector,
        has_frames=False,
    )
    return EventFile(EVENT_FILE, event_json_bytes(event))


def _another_event() -> str:
    return "choose another event"


def only_truth(found: tuple[TruthTable, ...]) -> TruthTable | None:
    """Return the only table of truth, if there is one; several are one too many.

    Raises
    ------
    BadInput
        There are several.
    """
    if len(found) > 1:
        names = ", ".join(it.table.name for it in found)
        raise found[0].table.complaint(
            f"each of the tables {names} may be the truth of the events; have 'truth' in the "
            f"name of only the right one, or give another file with --truth"
        )
    return next(iter(found), None)
