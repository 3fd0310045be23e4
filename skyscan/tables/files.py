"""Events in files of tables: `find_events` for `skyscan.events.files`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from skyscan.detector import is_icecube86
from skyscan.errors import BadInput, SkyscanError
from skyscan.events.entry import EventEntry, EventFile, Found
from skyscan.events.files import BEGIN_BYTES
from skyscan.events.formats import PULSES_BY_FORMAT
from skyscan.events.geometry import detector_in_file
from skyscan.events.i3.frame import TAG
from skyscan.events.place import Place
from skyscan.events.raw import opened
from skyscan.regular import open_regular
from skyscan.tables.csv_file import CsvTable
from skyscan.tables.geometry import detector_in, is_geometry
from skyscan.tables.layouts import KAGGLE, layout_of, no_layout, share_of_layout
from skyscan.tables.parquet_file import ParquetTable, is_parquet
from skyscan.tables.prometheus import PrometheusFile, is_prometheus
from skyscan.tables.pulse_table import (
    PulseTable,
    check_pulses,
    event_file,
    events_of,
    only_truth,
)
from skyscan.tables.pulses import CENTRE_DEPTH, counts_from_surface, pulses_of
from skyscan.tables.sqlite_file import is_sqlite, tables_in
from skyscan.tables.truth import TruthTable, is_truth, truths_in
from skyscan.tables.unpacked import unpacked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from skyscan.detector import Detector
    from skyscan.events.choice import Choice
    from skyscan.tables.columns import Table
    from skyscan.tables.layouts import Layout

#: Kaggle's table of the sensors, in the folder above its batches.
SENSORS_FILE = "sensor_geometry.csv"
#: The part of the columns of pulses that a table of something else may have.
MOST_OF_OTHERS = 0.5


def find_events(path: Path, choice: Choice) -> Iterator[Found]:
    """Yield the events of a table in the order of their first rows.

    Raises
    ------
    BadInput
        The table has no known layout, or is damaged.
    WrongUsage
        It is Parquet, and pyarrow is not installed.
    """
    here = unpacked(path)
    if here == path:
        yield from _in_file(path, choice, path)
        return
    with _shown_as(path, here):
        for found in _in_file(here, choice, path):
            yield replace(found, take=partial(_taken, path, here, found))


@contextmanager
def _shown_as(path: Path, here: Path) -> Iterator[None]:
    """Have errors that name a temporary file name the one that it was unpacked from."""
    try:
        yield
    except SkyscanError as error:
        raise type(error)(str(error).replace(str(here), str(path))) from error


def _taken(path: Path, here: Path, found: Found) -> EventFile:
    with _shown_as(path, here):
        return found.take()


def _in_file(path: Path, choice: Choice, named: Path) -> Iterator[Found]:
    """Yield the events of a file, perhaps the unpacked content of the one that is named."""
    begin = _begin_of(path)
    if is_parquet(begin, path.name) and is_prometheus(path):
        yield from _in_prometheus(PrometheusFile(path), choice)
        return
    found = _pulse_tables(path, path.stat().st_mtime_ns)
    truth = None if choice.truth is None else read_truth(choice.truth)
    meant = _wanted(found, choice)
    wanted = meant or found[0]
    geometry = choice.geometry or _sensors_file(named, wanted.layout)
    wanted = replace(
        wanted,
        truths=(truth,) if truth else wanted.truths,
        others=tuple(it.table.name for it in found if it is not wanted),
        is_default=meant is not None,
        detector=None if geometry is None else read_geometry(geometry),
    )
    yield from events_of(wanted, choice)


def _sensors_file(path: Path, layout: Layout) -> Path | None:
    """Return the table that says where the sensors of Kaggle's layout are, if it is there."""
    if layout is not KAGGLE:
        return None
    here = path.absolute()
    places = (folder / SENSORS_FILE for folder in (here.parent, here.parent.parent))
    return next((it for it in places if it.is_file()), None)


def _wanted(found: Sequence[PulseTable], choice: Choice) -> PulseTable | None:
    """Return the table of pulses that is meant: the only one, or one with a usual name."""
    if len(found) == 1:
        return found[0]
    names = [choice.pulses] if choice.pulses else list(dict.fromkeys(PULSES_BY_FORMAT.values()))
    return next((it for name in names for it in found if it.table.name == name), None)


def read_truth(path: Path) -> TruthTable:
    """Return the table of truth in a file of ``--truth``.

    Raises
    ------
    BadInput
        There is none, or there are several.
    """
    _changed("--truth", path)
    here = unpacked(path)
    with _shown_as(path, here):
        truth = only_truth(_truths(here, here.stat().st_mtime_ns))
    if truth is not None:
        return truth
    raise BadInput(
        f"{path} has no table of truth: it needs a column of events (event, event_id or "
        f"event_no) and their direction (zenith and azimuth in radians, or zenith_deg and "
        f"azimuth_deg, or ra_deg and dec_deg)."
    )


def read_geometry(path: Path) -> Detector | None:
    """Return the detector in a file of ``--geometry``; None if it is IceCube-86.

    Parameters
    ----------
    path : Path
        A table of DOMs, or an ``.i3`` file with a G frame.

    Raises
    ------
    BadInput
        There is none.
    """
    found = _geometry(path, _changed("--geometry", path))
    if found is None:
        raise BadInput(
            f"The geometry {path} has no table of DOMs, which needs the columns string, om, x, "
            f"y and z (m); give another with --geometry, or a GCD file (.i3)."
        )
    return None if is_icecube86(found) else found


def _changed(option: str, path: Path) -> int:
    """Return when the file of an option was changed, ns; raise BadInput if there is none."""
    try:
        with open_regular(path) as file:
            return os.fstat(file.fileno()).st_mtime_ns
    except FileNotFoundError:
        raise BadInput(f"{option} {path} does not exist; check the path.") from None
    except OSError as error:
        raise BadInput(
            f"{option} {path} cannot be read ({error.strerror}); check the path."
        ) from error


@lru_cache(maxsize=2)
def _geometry(path: Path, _changed: int) -> Detector | None:
    with opened(Place(str(path))) as stream:
        is_of_frames = stream.peek(len(TAG)) == TAG
    if is_of_frames:
        return detector_in_file(path)
    here = unpacked(path)
    with _shown_as(path, here):
        return detector_in(_tables(here, _begin_of(here)))


@lru_cache(maxsize=2)
def _truths(path: Path, _changed: int) -> tuple[TruthTable, ...]:
    return truths_in(_tables(path, _begin_of(path)))


def _begin_of(path: Path) -> bytes:
    try:
        with open_regular(path) as file:
            return file.read(BEGIN_BYTES)
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check the path.") from error


def _tables(path: Path, begin: bytes) -> list[Table]:
    if is_sqlite(begin, path.name):
        return list(tables_in(path))
    if is_parquet(begin, path.name):
        return [ParquetTable(path)]
    return [CsvTable(path)]


@lru_cache(maxsize=2)  # a campaign asks again for each event
def _pulse_tables(path: Path, _changed: int) -> list[PulseTable]:
    tables = _tables(path, _begin_of(path))
    truths = truths_in(tables)
    layouts = [(table, layout_of(table)) for table in tables]
    found = [PulseTable(table, layout, truths) for table, layout in layouts if layout]
    if not tables:
        raise BadInput(f"{path} has no table.")
    if not found:
        raise _no_pulses(tables)
    return found


def _no_pulses(tables: Sequence[Table]) -> BadInput:
    """Return the error for tables of which none has pulses."""
    if share_of_layout(tables) > MOST_OF_OTHERS:
        return no_layout(tables)
    for option, what, is_it in (
        ("--truth", "the truth of events", is_truth),
        ("--geometry", "the places of DOMs", is_geometry),
    ):
        found = next((it for it in tables if is_it(it)), None)
        if found is not None:
            return found.complaint(
                f"it has {what} and no pulses; give the pulses, and this file with {option}"
            )
    return no_layout(tables)


def _in_prometheus(file: PrometheusFile, choice: Choice) -> Iterator[Found]:
    truth = None if choice.truth is None else read_truth(choice.truth)
    detector = None if choice.geometry is None else read_geometry(choice.geometry)
    for event in file.in_order():
        entry = EventEntry(
            frame=event.number + 1,
            event_id=event.number,
            run_id=choice.run_id,
            mjd=choice.mjd,
            pulses={file.name: len(event.columns["t"])},
            default_pulses=file.name,
        )

        def take(event=event, entry=entry) -> EventFile:  # type: ignore[no-untyped-def]  # noqa: ANN001
            check_pulses(file, entry, len(event.columns["t"]))
            pulses = pulses_of(file, file.layout, event.columns, detector)
            shifted = detector is None and counts_from_surface(file, file.layout, event.columns)
            known = event.truth
            if truth is not None:
                known = truth.of(entry.event_id, entry.run_id, from_surface=shifted)
            elif known is not None and shifted:
                known = replace(known, z=known.z + CENTRE_DEPTH)
            return event_file(file, entry, pulses, entry.mjd, truth=known, detector=detector)

        yield Found(entry, take)
    if not file.n_events:
        raise file.complaint("it has no rows")
