"""Read event files of i3live or icetray without icetray."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from math import pi
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
from skyscan.events.choice import Choice, parse_event_id
from skyscan.events.event import Event, Truth, Vertex
from skyscan.events.event_json import is_event_json, read_event_json
from skyscan.events.files import BEGIN_BYTES, is_packed_table, is_table
from skyscan.events.formats import l2_fit_of, pulses_key_of
from skyscan.events.gcd import baseline_gcd_of
from skyscan.events.i3.archive import class_name
from skyscan.events.i3.objects import (
    read_bool,
    read_double,
    read_header,
    read_particle,
    read_position,
    read_string,
)
from skyscan.events.packet import open_packet
from skyscan.events.place import SeveralEventsError, UnknownClassError
from skyscan.events.truth import PARTICLE_KEYS
from skyscan.regular import open_regular

PARTICLE = "I3Particle"
#: The truth in an envelope of icecube-skywriter (radians, GeV), and its names here.
TRUTH_KEYS = {"ra": "ra", "dec": "dec", "eprim": "energy"}
ROUNDING = 1e-3  #: by which its angles may be out of their range, radians

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from os import PathLike

    import numpy as np
    from numpy.typing import NDArray

    from skyscan.events.event import Particle
    from skyscan.events.i3.objects import EventHeader
    from skyscan.events.packet import Packet


def read_event(
    path: str | PathLike[str],
    pulses_key: str | None = None,
    *,
    event: str | None = None,
    frame: int | None = None,
    stream: str | None = None,
    sub_event: int | None = None,
    run_id: int | None = None,
    mjd: float | None = None,
    truth: str | PathLike[str] | None = None,
    geometry: str | PathLike[str] | None = None,
) -> Event:
    """Read an event: from i3live's JSON, its pickle, an ``.i3`` file, or a table.

    Reading does not need icetray. Only pulses of a class, or a version of a class, that skyscan
    does not know are read by icetray, if it is installed, in a separate process
    (`skyscan.icetray.pulses.pulses_through_icetray`).

    Parameters
    ----------
    path : str or path
        The file, or a tar archive of files. A pickle is read without executing any of it. All
        may be compressed (gzip, bzip2, xz, or Zstandard if a decompressor is available).
    pulses_key : str, optional
        Frame key of the pulse series; by default that of the event's realtime format. The
        pulse series of an ``.i3`` file determine its format.
    event : str, optional
        The event of a file of many: RUN:EVENT, RUN:EVENT:SUB, or EVENT.
    frame : int, optional
        The number of its physics frame in the file, from 1.
    stream, sub_event : str, int, optional
        The sub-event, if several have the pulse series.
    run_id, mjd : int, float, optional
        Run number and time (days UTC) of an event of a table that has none.
    truth : str or path, optional
        Table of what was simulated.
    geometry : str or path, optional
        The detector, if it is not IceCube-86: a table of its DOMs, or a GCD file.

    Returns
    -------
    Event

    Raises
    ------
    BadInput
        The file is missing, is not an event file, is damaged, or has no data that a scan needs;
        or several events can be meant.
    """
    wanted = None if event is None else parse_event_id(event)
    choice = Choice(
        wanted,
        frame,
        stream,
        sub_event,
        pulses_key,
        run_id=run_id,
        mjd=mjd,
        truth=None if truth is None else Path(truth),
        geometry=None if geometry is None else Path(geometry),
    )
    begin = _begin_of(path)
    if is_event_json(begin):
        return read_event_json(path)
    if (
        choice != Choice(pulses=pulses_key)
        or is_table(begin, str(path))
        or is_packed_table(path)
    ):
        return _chosen(path, choice)
    try:
        packet = open_packet(path)
    except BadInput as error:
        if not isinstance(error.__cause__, SeveralEventsError):
            raise
        return _chosen(path, choice)
    return _event_in(path, packet, pulses_key)


def _chosen(path: str | PathLike[str], choice: Choice) -> Event:
    """Read one event of a file of many."""
    from skyscan.events.chosen import alone
    from skyscan.events.files import take_event

    with alone(Path(path), take_event(path, choice)) as chosen:
        if is_event_json(_begin_of(chosen.path)):
            return read_event_json(chosen.path)
        return _event_in(chosen.path, open_packet(chosen.path), choice.pulses)


def _event_in(path: str | PathLike[str], packet: Packet, pulses_key: str | None) -> Event:
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
            **_true_particles(packet),
            **{key: packet.read(key, read_particle) for key in packet.physics_keys(PARTICLE)},
        },
        scalars=_scalars(packet),
        keys=packet.keys(),
    )


def _begin_of(path: str | PathLike[str]) -> bytes:
    try:
        with open_regular(path) as file:
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
    others = partial(packet.other_pulses, pulses_key)
    with packet.physics_place.at_key(pulses_key).reading():
        pulses = ordered_pulses(pulses, others)
    with packet.physics_place.reading():
        fit = fits.get(l2_fit_of(packet.format_version))
        seed = seed_vertex(veto, fit, pulses, others)
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
        truth=_truth(packet),
    )


def _true_particles(packet: Packet) -> dict[str, Particle]:
    """Return what was simulated, which is mostly in the DAQ frame; what is damaged is not."""
    found = {}
    for key in PARTICLE_KEYS:
        index = packet.find(key)
        if index is None or class_name(packet.frames[index].objects[key].buffer) != PARTICLE:
            continue
        with suppress(BadInput):
            found[key] = packet.read(key, read_particle)
    return found


def _truth(packet: Packet) -> Truth | None:
    """Return what an envelope says of a simulated event."""
    known = {ours: packet.truth.get(theirs) for theirs, ours in TRUTH_KEYS.items()}
    given = {key: value for key, value in known.items() if value is not None}
    for key, most in (("ra", 2 * pi), ("dec", pi / 2)):
        if abs(given.get(key, 0.0)) > most + ROUNDING:
            raise packet.place.complaint(
                f"has a true direction with {key} {given[key]:g}, which is not in radians"
            )
    return Truth(**given) if given else None


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
