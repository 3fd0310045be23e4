"""A second reader of events, which uses icetray and gives the result of `read_event`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.assembly import (
    FOLLOWUP_KEY,
    HEADER_KEY,
    SEED_POSITION_KEY,
    SEED_TIME_KEY,
    parsed_followup,
)
from skyscan.events.daqtime import DaqTime
from skyscan.events.event import PULSE_DTYPE, Event, Particle, Vertex
from skyscan.events.formats import pulses_key_of
from skyscan.events.i3.objects import EventHeader
from skyscan.events.packet import split_packet
from skyscan.events.place import Place
from skyscan.events.raw import read_raw_packet
from skyscan.events.reader import event_of
from skyscan.icetray.pulses import physics_frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from numpy.typing import NDArray

    from skyscan.events.packet import Packet

ASK_ICETRAY = "look at the file with dataio-shovel"


def read_event_in_icetray(path: str | PathLike[str], pulses_key: str | None = None) -> Event:
    """Read an event file with icetray; `skyscan.events.reader.read_event` gives the same.

    The objects of the physics frame are icetray's, so all classes of pulses that it knows can
    be read. Differences in G, C and D frames are not applied. A damaged file with valid
    checksums may crash icetray.

    Parameters
    ----------
    path : str or path
        The file: JSON of i3live, the pickle of it, or an ``.i3`` file.
    pulses_key : str, optional
        Frame key of the pulse series; by default the one of the event's realtime format.

    Returns
    -------
    Event

    Raises
    ------
    BadInput
        The file has no event, is damaged, or something that a scan needs is missing.
    ImportError
        icetray is not installed.
    """
    raw = read_raw_packet(path)
    packet = split_packet(Place(str(path)), raw)
    frame = physics_frame(raw)
    key = pulses_key or pulses_key_of(packet.format_version)
    return event_of(
        packet,
        _header(packet, frame),
        key,
        _pulses(packet, frame, key),
        followup=_followup(packet, frame),
        veto=_veto_vertex(packet, frame),
        fits=_fits(frame),
        scalars=_scalars(frame),
        keys=frozenset(frame.keys()),
    )


def _header(packet: Packet, frame) -> EventHeader:
    header = _object(packet, frame, HEADER_KEY)
    start, end = (
        DaqTime(time.utc_year, time.utc_daq_time)
        for time in (header.start_time, header.end_time)
    )
    return EventHeader(header.run_id, header.event_id, header.sub_event_id, start, end)


def _object(packet: Packet, frame, key: str) -> object:
    """Return a frame object; an error in it becomes a complaint about its place."""
    from icecube import dataclasses  # noqa: F401 - registers the classes

    place = packet.physics_place.at_key(key)
    if key not in frame:
        raise place.complaint("is missing", f"the frames hold {packet.listed_keys()}")
    try:
        return frame[key]
    except (KeyError, RuntimeError) as error:
        raise place.complaint("cannot be read by icetray", ASK_ICETRAY) from error


def _pulses(packet: Packet, frame, key: str) -> NDArray[np.void]:
    from icecube import dataclasses

    if key not in frame:
        raise packet.missing_pulses(key)
    place = packet.physics_place.at_key(key)
    try:
        series = dataclasses.I3RecoPulseSeriesMap.from_frame(frame, key)
    except (KeyError, RuntimeError, TypeError) as error:
        raise place.complaint(
            "holds no pulses that icetray can read", packet.other_pulses()
        ) from error
    rows = [
        (dom.string, dom.om, dom.pmt, pulse.time, pulse.charge, pulse.width, pulse.flags)
        for dom, pulses in series.items()
        for pulse in pulses
    ]
    return np.array(rows, PULSE_DTYPE)


def _followup(packet: Packet, frame) -> Mapping[str, object] | None:
    if FOLLOWUP_KEY not in frame:
        return None
    text = _object(packet, frame, FOLLOWUP_KEY).value
    with packet.physics_place.at_key(FOLLOWUP_KEY).reading():
        return parsed_followup(text)


def _veto_vertex(packet: Packet, frame) -> Vertex | None:
    if SEED_POSITION_KEY not in frame or SEED_TIME_KEY not in frame:
        return None
    place = _object(packet, frame, SEED_POSITION_KEY)
    return Vertex(place.x, place.y, place.z, _object(packet, frame, SEED_TIME_KEY).value)


def _fits(frame) -> dict[str, Particle]:
    from icecube import dataclasses

    found = {key: frame[key] for key in _own_keys(frame, "I3Particle")}
    return {
        key: _particle(value)
        for key, value in found.items()
        if isinstance(value, dataclasses.I3Particle)
    }


def _particle(particle) -> Particle:
    return Particle(
        x=particle.pos.x,
        y=particle.pos.y,
        z=particle.pos.z,
        time=particle.time,
        zenith=particle.dir.zenith,
        azimuth=particle.dir.azimuth,
        energy=particle.energy,
        length=particle.length,
        speed=particle.speed,
        shape=int(particle.shape),
        fit_status=int(particle.fit_status),
    )


def _scalars(frame) -> dict[str, float | bool | str]:
    from icecube import dataclasses, icetray

    kinds = (dataclasses.I3Double, icetray.I3Bool, dataclasses.I3String)
    found = {key: frame[key] for key in _own_keys(frame, "I3PODHolder<")}
    return {key: value.value for key, value in found.items() if isinstance(value, kinds)}


def _own_keys(frame, type_name: str) -> list[str]:
    """Return the keys of objects in the frame itself whose type starts with one of these.

    icetray prints errors about classes that it does not know, so only these are read.
    """
    return [
        key
        for key in sorted(frame.keys())
        if frame.get_stop(key) == frame.Stop and frame.type_name(key).startswith(type_name)
    ]
