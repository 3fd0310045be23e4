"""The project's own small event file: JSON with the pulses of one event.

Planning makes it from events that come as tables; it is what jobs read. Numbers are written
with all their digits, so that an event read back is the same.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from math import isfinite, nan
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.detector import DOM_DTYPE, Detector
from skyscan.events.assembly import ordered_pulses, seed_vertex
from skyscan.events.entry import EventEntry, EventFile, Found
from skyscan.events.event import PULSE_DTYPE, Event, Truth
from skyscan.events.place import MalformedError, Place
from skyscan.json_text import is_of, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from numpy.typing import NDArray

    from skyscan.events.choice import Choice

FORMAT = 1
#: The first key, from which a file is recognised.
FORMAT_KEY = "skyscan-event"
_BEGIN = f'{{"{FORMAT_KEY}":'.encode()
#: Columns of the pulses in the file, with their units.
_COLUMNS = {
    "string": "string",
    "om": "om",
    "pmt": "pmt",
    "time_ns": "time",
    "charge_pe": "charge",
    "width_ns": "width",
    "flags": "flags",
}
#: Those of the DOMs of a detector that is not IceCube-86.
_DOM_COLUMNS = {"string": "string", "om": "om", "x_m": "x", "y_m": "y", "z_m": "z"}
_UNITS = {
    "zenith": "zenith_rad",
    "azimuth": "azimuth_rad",
    "ra": "ra_rad",
    "dec": "dec_rad",
    "energy": "energy_gev",
    "x": "x_m",
    "y": "y_m",
    "z": "z_m",
    "time": "time_ns",
}
_WRITTEN_BY = "`skyscan plan` writes such files from tables; plan the scan again"


def is_event_json(begin: bytes) -> bool:
    """Return whether the first bytes are those of a file of `event_json_bytes`."""
    return begin.startswith(_BEGIN)


def event_json_bytes(event: Event) -> bytes:
    """Return the file of an event: its header, pulses and truth, but not its fits.

    The same event gives the same bytes.
    """
    value = {
        FORMAT_KEY: FORMAT,
        "run_id": event.run_id,
        "event_id": event.event_id,
        "sub_event_id": event.sub_event_id,
        "mjd": event.mjd if isfinite(event.mjd) else None,
        "event_type": event.event_type,
        "pulses_key": event.pulses_key,
        "pulses": {name: event.pulses[key].tolist() for name, key in _COLUMNS.items()},
        "truth": None if event.truth is None else _truth_value(event.truth),
        "detector": None if event.detector is None else _detector_value(event.detector),
    }
    return (json.dumps(value, allow_nan=False, separators=(",", ":")) + "\n").encode()


def find_events(path: Path, choice: Choice) -> Iterator[Found]:
    """Yield the one event of a file (`skyscan.events.files.find_events`)."""
    del choice
    event = read_event_json(path)
    entry = EventEntry(
        frame=1,
        event_id=event.event_id,
        run_id=event.run_id,
        sub_event_id=event.sub_event_id,
        mjd=event.mjd if isfinite(event.mjd) else None,
        event_type=event.event_type,
        pulses={event.pulses_key: len(event.pulses)},
        default_pulses=event.pulses_key,
    )
    yield Found(entry, lambda: EventFile("event.json", path.read_bytes(), is_whole=True))


def read_event_json(path: str | PathLike[str]) -> Event:
    """Read a file of `event_json_bytes`.

    Raises
    ------
    BadInput
        The file is damaged, or of another version.
    """
    place = Place(str(path))
    with place.reading():
        try:
            value = parse_json(Path(path).read_bytes())
        except ValueError as error:
            raise MalformedError(f"is damaged ({error})", _WRITTEN_BY) from error
        return _event_of(value)


def _no_others() -> str:
    return "the file holds one pulse series"


def _event_of(value: object) -> Event:
    if not isinstance(value, dict) or value.get(FORMAT_KEY) != FORMAT:
        raise MalformedError(f"is not an event file of format {FORMAT}", _WRITTEN_BY)
    kinds: dict[str, Any] = {
        **dict.fromkeys(("run_id", "event_id", "sub_event_id"), int),
        "mjd": float | None,
        "event_type": str | None,
        "pulses_key": str,
        "truth": dict[str, float | None] | None,
    }
    wrong = [
        name
        for name, kind in kinds.items()
        if name not in value or not is_of(value[name], kind)
    ]
    if wrong:
        raise MalformedError(f"has no valid {', '.join(wrong)}", _WRITTEN_BY)
    pulses = ordered_pulses(_rows_of(value.get("pulses"), _COLUMNS, PULSE_DTYPE), _no_others)
    doms = value.get("detector")  # files of before it have none
    detector = None if doms is None else Detector(_rows_of(doms, _DOM_COLUMNS, DOM_DTYPE))
    return Event(
        run_id=value["run_id"],
        event_id=value["event_id"],
        sub_event_id=value["sub_event_id"],
        mjd=nan if value["mjd"] is None else float(value["mjd"]),
        event_type=value["event_type"],
        format_version="",
        pulses_key=value["pulses_key"],
        pulses=pulses,
        seed=seed_vertex(None, None, pulses, _no_others, detector),
        keys=frozenset({value["pulses_key"]}),
        truth=None if value["truth"] is None else _truth_of(value["truth"]),
        detector=detector,
        has_frames=False,
    )


def _rows_of(
    columns: object, names: Mapping[str, str], dtype: np.dtype[np.void]
) -> NDArray[np.void]:
    """Return the rows in columns of the file, given the field of each column."""
    if not isinstance(columns, dict) or not names.keys() <= columns.keys():
        raise MalformedError(f"does not have the columns {', '.join(names)}", _WRITTEN_BY)
    lengths = {len(columns[name]) for name in names if isinstance(columns[name], list)}
    if len(lengths) != 1 or 0 in lengths:
        raise MalformedError("has empty columns, or of different lengths", _WRITTEN_BY)
    rows = np.zeros(lengths.pop(), dtype)
    for name, key in names.items():
        kind = int if dtype[key].kind == "i" else float
        if not is_of(columns[name], list[kind]):  # type: ignore[valid-type]
            raise MalformedError(f"has a value of {name} that is not a number", _WRITTEN_BY)
        try:
            rows[key] = columns[name]
        except OverflowError as error:
            raise MalformedError(f"has a {name} that is too large", _WRITTEN_BY) from error
    return rows


def _detector_value(detector: Detector) -> dict[str, list[float]]:
    return {name: detector.doms[key].tolist() for name, key in _DOM_COLUMNS.items()}


def _truth_value(truth: Truth) -> dict[str, float | None]:
    values = asdict(truth)
    return {
        unit: values[name] if isfinite(values[name]) else None for name, unit in _UNITS.items()
    }


def _truth_of(value: dict[str, float | None]) -> Truth:
    known = {it.name: value.get(_UNITS[it.name]) for it in fields(Truth)}
    return Truth(**{k: nan if v is None else float(v) for k, v in known.items()})
