"""Read an event file, of i3live or of icetray, without icetray."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from skyscan.errors import BadInput
from skyscan.events.assembly import (
    FOLLOWUP_KEY,
    HEADER_KEY,
    SEED_POSITION_KEY,
    SEED_TIME_KEY,
    ordered_pulses,
    parsed_followup,
    seed_vertex,
    type_of_event,
)
from skyscan.events.event import Event, Vertex
from skyscan.events.formats import l2_fit_of, pulses_key_of
from skyscan.events.gcd import baseline_gcd_of
from skyscan.events.objects import (
    read_bool,
    read_double,
    read_header,
    read_particle,
    read_position,
    read_string,
)
from skyscan.events.packet import open_packet
from skyscan.events.place import UnknownClassError

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from skyscan.events.objects import EventHeader
    from skyscan.events.packet import Packet


def read_event(path: str | PathLike[str], pulses_key: str | None = None) -> Event:
    """Read an event file: the JSON of i3live, the pickle of it, or an ``.i3`` file.

    Everything is read without icetray. Only pulses of a class, or of a version of one, that
    is not known here are read through icetray where it is there, in a process of its own
    (`skyscan.icetray.pulses.pulses_through_icetray`).

    Parameters
    ----------
    path : str or path
        The file. A pickle is read without running anything of it. An ``.i3`` file holds one
        event (any of G, C, D, Q, and one P frame); it may be compressed (gzip, bzip2, or
        Zstandard where something can decompress that).
    pulses_key : str, optional
        Frame key of the pulse series; by default the one of the event's realtime format,
        which in an ``.i3`` file is told by the pulse series that it has.

    Returns
    -------
    Event

    Raises
    ------
    BadInput
        The file is not there, is no event file, is damaged, or lacks what a scan needs.
    """
    packet = open_packet(path)
    header = packet.read(HEADER_KEY, read_header)
    key = pulses_key or pulses_key_of(packet.format_version)
    try:
        pulses = packet.read_pulses(key).pulses
    except BadInput as error:
        if not isinstance(error.__cause__, UnknownClassError) or not find_spec("icecube"):
            raise
        from skyscan.icetray.pulses import pulses_through_icetray

        converted = pulses_through_icetray(path, key)
        if converted is None:
            raise
        pulses = converted
    return _event(packet, header, key, pulses)


def _event(packet: Packet, header: EventHeader, key: str, pulses: NDArray[np.void]) -> Event:
    with packet.physics_place.at_key(key).reading():
        pulses = ordered_pulses(pulses, packet.other_pulses())
    followup = packet.read(FOLLOWUP_KEY, _read_followup) if FOLLOWUP_KEY in packet else None
    fits = {
        name: packet.read(name, read_particle) for name in packet.physics_keys("I3Particle")
    }
    with packet.physics_place.reading():
        fit = fits.get(l2_fit_of(packet.format_version))
        seed = seed_vertex(_veto_vertex(packet), fit, pulses, packet.other_pulses())
    return Event(
        run_id=header.run_id,
        event_id=header.event_id,
        sub_event_id=header.sub_event_id,
        mjd=header.start_time.mjd,
        event_type=type_of_event(followup, packet.keys()),
        format_version=packet.format_version,
        pulses_key=key,
        pulses=pulses,
        seed=seed,
        fits=fits,
        scalars=_scalars(packet),
        start_time=header.start_time,
        keys=packet.keys(),
        baseline_gcd=baseline_gcd_of(packet),
    )


def _read_followup(buffer: bytes) -> dict[str, object]:
    return parsed_followup(read_string(buffer))


def _veto_vertex(packet: Packet) -> Vertex | None:
    if SEED_POSITION_KEY not in packet or SEED_TIME_KEY not in packet:
        return None
    x, y, z = packet.read(SEED_POSITION_KEY, read_position)
    return Vertex(x, y, z, packet.read(SEED_TIME_KEY, read_double))


def _scalars(packet: Packet) -> dict[str, float | bool | str]:
    readers: tuple[tuple[str, Callable[[bytes], float | bool | str]], ...] = (
        ("I3Double", read_double),
        ("I3Bool", read_bool),
        ("I3String", read_string),
    )
    return {
        key: packet.read(key, reader)
        for kind, reader in readers
        for key in packet.physics_keys(kind)
    }
