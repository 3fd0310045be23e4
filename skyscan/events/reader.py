"""Read event files of i3live or icetray without icetray."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
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
from skyscan.events.event_json import BEGIN_BYTES, is_event_json, read_event_json
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
    from collections.abc import Callable, Mapping
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from skyscan.events.event import Particle
    from skyscan.events.objects import EventHeader
    from skyscan.events.packet import Packet


def read_event(path: str | PathLike[str], pulses_key: str | None = None) -> Event:
    """Read an event file: i3live's JSON, its pickle, an ``.i3`` file, or the project's own.

    Reading does not need icetray. Only pulses of a class, or a version of a class, that skyscan
    does not know are read by icetray, if it is installed, in a separate process
    (`skyscan.icetray.pulses.pulses_through_icetray`).

    Parameters
    ----------
    path : str or path
        The file. A pickle is read without executing any of it. An ``.i3`` file holds one event
        (any of G, C, D, Q, and one P frame); it may be compressed (gzip, bzip2, or Zstandard
        if a decompressor is available).
    pulses_key : str, optional
        Frame key of the pulse series; by default that of the event's realtime format. The
        pulse series of an ``.i3`` file determine its format.

    Returns
    -------
    Event

    Raises
    ------
    BadInput
        The file is missing, is not an event file, is damaged, or has no data that a scan needs.
    """
    if is_event_json(_begin_of(path)):
        return read_event_json(path)
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
    return event_of(
        packet,
        header,
        key,
        pulses,
        followup=packet.read(FOLLOWUP_KEY, _read_followup) if FOLLOWUP_KEY in packet else None,
        veto=_veto_vertex(packet),
        fits={
            name: packet.read(name, read_particle) for name in packet.physics_keys("I3Particle")
        },
        scalars=_scalars(packet),
        keys=packet.keys(),
    )


def _begin_of(path: str | PathLike[str]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            return file.read(BEGIN_BYTES)
    except (OSError, ValueError):
        return b""  # whoever reads the file says why


def event_of(
    packet: Packet,
    header: EventHeader,
    pulses_key: str,
    pulses: NDArray[np.void],
    *,
    followup: Mapping[str, object] | None,
    veto: Vertex | None,
    fits: dict[str, Particle],
    scalars: dict[str, float | bool | str],
    keys: frozenset[str],
) -> Event:
    """Return the event of a packet, given the objects that any reader has read from it."""
    with packet.physics_place.at_key(pulses_key).reading():
        pulses = ordered_pulses(pulses, packet.other_pulses())
    with packet.physics_place.reading():
        fit = fits.get(l2_fit_of(packet.format_version))
        seed = seed_vertex(veto, fit, pulses, packet.other_pulses())
    return Event(
        run_id=header.run_id,
        event_id=header.event_id,
        sub_event_id=header.sub_event_id,
        mjd=header.start_time.mjd,
        event_type=type_of_event(followup, keys),
        format_version=packet.format_version,
        pulses_key=pulses_key,
        pulses=pulses,
        seed=seed,
        fits=fits,
        scalars=scalars,
        start_time=header.start_time,
        keys=keys,
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
