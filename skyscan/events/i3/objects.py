"""Read and write the frame objects of an event, except the pulses."""

from __future__ import annotations

from dataclasses import dataclass

from skyscan.events.daqtime import DaqTime
from skyscan.events.event import Particle
from skyscan.events.i3.archive import InArchive, OutArchive
from skyscan.events.i3.frame import FrameObject
from skyscan.events.place import MalformedError

PARTICLE_VERSIONS = (2, 3, 5)
HEADER_VERSIONS = (0, 1, 2, 3)
STATE_OK = 20

#: C++ types in the frame, by class, as gcc names them.
TYPE_NAMES = {
    "I3Double": "I3PODHolder<double>",
    "I3Bool": "I3PODHolder<bool>",
    "I3String": "I3PODHolder<__cxx11::string >",
}


@dataclass(frozen=True)
class EventHeader:
    """The I3EventHeader: the ids and the time of an event."""

    run_id: int
    event_id: int
    sub_event_id: int
    start_time: DaqTime
    end_time: DaqTime
    sub_run_id: int = 0
    sub_event_stream: str = ""


def read_header(buffer: bytes) -> EventHeader:
    """Read an I3EventHeader."""
    archive = InArchive(buffer)
    version = archive.begin_object("I3EventHeader", HEADER_VERSIONS)
    run_id = archive.integer("<I")
    sub_run_id = archive.integer("<I") if version > 0 else 0
    event_id = archive.integer("<I")
    if version > 1:
        archive.integer("<i")  # state of the detector's configuration
    sub_event_id, stream = 0, ""
    if version > 2:  # noqa: PLR2004 - the class's version
        sub_event_id, stream = archive.integer("<I"), archive.string()
    start, end = _time(archive), _time(archive)
    archive.end()
    return EventHeader(run_id, event_id, sub_event_id, start, end, sub_run_id, stream)


def write_header(header: EventHeader) -> FrameObject:
    """Write an I3EventHeader."""
    archive = OutArchive("I3EventHeader", 3)
    archive.pack("<III", header.run_id, header.sub_run_id, header.event_id)
    archive.pack("<iI", STATE_OK, header.sub_event_id)
    archive.string(header.sub_event_stream)
    for time in (header.start_time, header.end_time):
        archive.begin("I3Time", 0)
        archive.begin_base()
        archive.pack("<iq", time.year, time.ticks)
    return FrameObject("I3EventHeader", archive.buffer())


def read_particle(buffer: bytes) -> Particle:
    """Read an I3Particle without its type and ids."""
    archive = InArchive(buffer)
    version = archive.begin_object("I3Particle", PARTICLE_VERSIONS)
    archive.unpack("<iQ" if version > 1 else "<i")  # ids in an I3MCTree
    archive.integer("<i")  # PDG encoding; before version 5 a code of icetray's own
    shape, fit_status = archive.integer("<i"), archive.integer("<i")
    archive.begin("I3Position", (0,))
    archive.begin_base()
    x, y, z = archive.unpack("<ddd")
    archive.begin("I3Direction", (0,))
    archive.begin_base()
    zenith, azimuth = archive.unpack("<dd")
    time, energy, length, speed = archive.unpack("<dddd")
    archive.integer("<i")  # location type
    archive.end()
    return Particle(x, y, z, time, zenith, azimuth, energy, length, speed, shape, fit_status)


def write_particle(particle: Particle) -> FrameObject:
    """Write an I3Particle of unknown type."""
    archive = OutArchive("I3Particle", 5)
    archive.pack("<iQi", 0, 0, 0)
    archive.pack("<ii", particle.shape, particle.fit_status)
    archive.begin("I3Position", 0)
    archive.begin_base()
    archive.pack("<ddd", particle.x, particle.y, particle.z)
    archive.begin("I3Direction", 0)
    archive.begin_base()
    archive.pack("<dd", particle.zenith, particle.azimuth)
    archive.pack("<dd", particle.time, particle.energy)
    archive.pack("<ddi", particle.length, particle.speed, 0)
    return FrameObject("I3Particle", archive.buffer())


def read_position(buffer: bytes) -> tuple[float, float, float]:
    """Read an I3Position: x, y, z in metres."""
    archive = InArchive(buffer)
    archive.begin_object("I3Position", (0,))
    x, y, z = archive.unpack("<ddd")
    archive.end()
    return x, y, z


def write_position(x: float, y: float, z: float) -> FrameObject:
    """Write an I3Position: metres."""
    archive = OutArchive("I3Position", 0)
    archive.pack("<ddd", x, y, z)
    return FrameObject("I3Position", archive.buffer())


def write_time_window(start: float, stop: float) -> FrameObject:
    """Write an I3TimeWindow: ns."""
    archive = OutArchive("I3TimeWindow", 1)
    archive.pack("<dd", start, stop)
    return FrameObject("I3TimeWindow", archive.buffer())


def read_double(buffer: bytes) -> float:
    """Read an I3Double."""
    archive = InArchive(buffer)
    archive.begin_object("I3Double", (0,))
    value = archive.real()
    archive.end()
    return value


def read_bool(buffer: bytes) -> bool:
    """Read an I3Bool."""
    archive = InArchive(buffer)
    archive.begin_object("I3Bool", (0,))
    value = archive.integer("<B")
    archive.end()
    if value > 1:
        raise MalformedError("is neither true nor false")
    return bool(value)


def read_string(buffer: bytes) -> str:
    """Read an I3String."""
    archive = InArchive(buffer)
    archive.begin_object("I3String", (0,))
    value = archive.string()
    archive.end()
    return value


def write_scalar(value: float | bool | str) -> FrameObject:  # noqa: FBT001 - it is the value
    """Write an I3Double, I3Bool or I3String."""
    if isinstance(value, str):
        name = "I3String"
        archive = OutArchive(name, 0)
        archive.string(value)
    elif isinstance(value, bool):
        name = "I3Bool"
        archive = OutArchive(name, 0)
        archive.pack("<B", value)
    else:
        name = "I3Double"
        archive = OutArchive(name, 0)
        archive.pack("<d", value)
    return FrameObject(TYPE_NAMES[name], archive.buffer())


def _time(archive: InArchive) -> DaqTime:
    archive.begin("I3Time", (0,))
    archive.begin_base()
    year, ticks = archive.unpack("<iq")
    # the leap seconds of earlier years are not known here, and there was no IceCube
    if not (2000 <= year < 2200 and 0 <= ticks < 367 * 86400 * 10**10):  # noqa: PLR2004
        raise MalformedError(f"holds an impossible time (year {year})")
    return DaqTime(int(year), int(ticks))
