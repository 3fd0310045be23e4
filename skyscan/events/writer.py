"""Write an event, such as a simulated one, as an i3live file."""

from __future__ import annotations

import json
import os
import struct
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.assembly import (
    FOLLOWUP_KEY,
    HEADER_KEY,
    SEED_POSITION_KEY,
    SEED_TIME_KEY,
    TYPES_BY_FOLLOWUP,
    parsed_followup,
    type_of_event,
)
from skyscan.events.daqtime import MJD_EPOCH, DaqTime, daq_time_of
from skyscan.events.i3.frame import Frame, FrameObject, write_frame
from skyscan.events.i3.objects import (
    EventHeader,
    write_header,
    write_particle,
    write_position,
    write_scalar,
    write_time_window,
)
from skyscan.events.i3.pulsemap import write_pulse_map
from skyscan.events.packing.envelope import PackedFrame, pack_frame, seal_envelope
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from os import PathLike

    from skyscan.events.event import Event

TICKS_PER_NS = 10
READOUT_NS = 10_000  #: after the last pulse, until the readout ends
FOLLOWUPS_BY_TYPE = {type_: key for key, type_ in TYPES_BY_FOLLOWUP.items()}


def write_event(path: str | PathLike[str], event: Event) -> None:
    """Write an event as an i3live JSON file that `read_event` and icetray can read.

    Put fits and other values that belong to the event into ``fits`` and ``scalars``. For a
    simulated track with its truth::

        truth = Particle(x, y, z, time, zenith, azimuth, energy, shape=40)
        event = Event(
            run_id=1, event_id=1, sub_event_id=0, mjd=60000.0,
            event_type="neutrino", format_version="2021a",
            pulses_key="SplitUncleanedInIcePulses",
            pulses=pulses,  # dtype PULSE_DTYPE
            seed=Vertex(x, y, z, time),
            fits={"MCTruth": truth},
            scalars={"MCTruthInfo": json.dumps({"seed": 42, "ra": ra, "dec": dec})},
        )
        write_event("simulated.json", event)

    The same event gives the same bytes. The file has five frames: G, C and D without objects
    (icetray then takes the detector from a baseline), Q with the header, and P with all other
    objects. ``event.seed`` becomes the veto's vertex (HESE_VHESelfVetoVertexPos and …Time) and
    ``event.event_type`` a key of the AlertShortFollowupMsg.

    Parameters
    ----------
    path : str or path
        The file. An existing file is replaced, and the file is never incomplete.
    event : Event
        ``pulses`` may be in any order; ``pulses_key`` should be that of ``format_version``
        (see `skyscan.events.formats.pulses_key_of`), since readers expect it.
        ``fits`` are written as I3Particle, ``scalars`` as I3Double, I3Bool or I3String,
        under their keys, all in the physics frame.
        The header has ``start_time`` if it is given, and ``mjd`` otherwise.
        The file does not store the seed's energy; charges and widths become single
        precision, flags one byte.

    Raises
    ------
    ValueError
        The event cannot be written: it has no pulses, a type that is unknown or contradicts
        the keys, a duplicate key, or a number that the file cannot hold.
    """
    _check(event)
    try:
        frames = _frames(event)
    except (struct.error, OverflowError) as error:
        raise ValueError(
            f"the event has a number that its file cannot hold: {error}"
        ) from error
    packed = [PackedFrame(frame.stop, pack_frame(write_frame(frame))) for frame in frames]
    message = seal_envelope(event.format_version, packed, _details(event))
    path = Path(path)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(json.dumps(message), "utf-8")
    unfinished.replace(path)


def _frames(event: Event) -> list[Frame]:
    objects = _physics_objects(event)
    header = _header(event)
    split = replace(header, sub_event_stream="InIceSplit")
    return [
        *(Frame(stop, {}) for stop in "GCD"),
        Frame("Q", {"QI3EventHeader": write_header(header)}),
        Frame("P", {**objects, HEADER_KEY: write_header(split)}),
    ]


def _check(event: Event) -> None:
    if not event.pulses.size:
        raise ValueError("an event without pulses cannot be written")
    taken = {HEADER_KEY, SEED_POSITION_KEY, event.pulses_key, _window_key(event)}
    taken |= event.scalars.keys() & event.fits.keys()
    doubled = taken & (event.scalars.keys() | event.fits.keys())
    doubled |= {SEED_TIME_KEY, FOLLOWUP_KEY} & event.fits.keys()
    if doubled:
        raise ValueError(f"a frame key can be used only once: {', '.join(sorted(doubled))}")


def _physics_objects(event: Event) -> dict[str, FrameObject]:
    scalars = dict(event.scalars)
    keys = {*scalars, *event.fits}
    if event.event_type in FOLLOWUPS_BY_TYPE and FOLLOWUP_KEY not in keys:
        scalars[FOLLOWUP_KEY] = json.dumps({FOLLOWUPS_BY_TYPE[event.event_type]: {}})
    type_of_keys = type_of_event(_followup(scalars), keys)
    if type_of_keys != event.event_type:
        raise ValueError(
            f"the event is of type {event.event_type}, but its keys are of type {type_of_keys}"
        )
    seed = event.seed
    objects = {}
    if np.isfinite([seed.x, seed.y, seed.z, seed.time]).all():
        objects[SEED_POSITION_KEY] = write_position(seed.x, seed.y, seed.z)
        scalars[SEED_TIME_KEY] = float(seed.time)
    objects |= {key: write_scalar(value) for key, value in scalars.items()}
    objects |= {key: write_particle(fit) for key, fit in event.fits.items()}
    times = event.pulses["time"]
    objects[event.pulses_key] = write_pulse_map(event.pulses[np.argsort(times, kind="stable")])
    objects[_window_key(event)] = write_time_window(float(times.min()), float(times.max()))
    return objects


def _window_key(event: Event) -> str:
    return f"{event.pulses_key}TimeRange"


def _followup(scalars: dict[str, float | bool | str]) -> dict[str, object] | None:
    if FOLLOWUP_KEY not in scalars:
        return None
    try:
        return parsed_followup(str(scalars[FOLLOWUP_KEY]))
    except MalformedError as error:
        raise ValueError(f"{FOLLOWUP_KEY} {error.what}") from error


def _header(event: Event) -> EventHeader:
    start = event.start_time or daq_time_of(event.mjd)
    readout = float(np.ptp(event.pulses["time"])) + READOUT_NS
    end = DaqTime(start.year, start.ticks + round(readout * TICKS_PER_NS))
    return EventHeader(event.run_id, event.event_id, event.sub_event_id, start, end)


def _details(event: Event) -> dict[str, object]:
    """Return the entries beside the frames, as in i3live's messages."""
    start = datetime.combine(MJD_EPOCH, datetime.min.time()) + timedelta(days=event.mjd)
    return {
        "eventtime": start.isoformat(" ", "microseconds"),
        "run_id": event.run_id,
        "event_id": event.event_id,
        "unique_id": f"run{event.run_id:08d}.evt{event.event_id:012d}",
    }
