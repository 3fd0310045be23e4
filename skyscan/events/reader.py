"""Read an event file of i3live without icetray."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.envelope import MAX_FILE_BYTES, NOT_AN_ALERT
from skyscan.events.event import Event, Vertex
from skyscan.events.formats import l2_fit_of, pulses_key_of
from skyscan.events.objects import (
    read_bool,
    read_double,
    read_header,
    read_particle,
    read_position,
    read_string,
)
from skyscan.events.packet import open_packet
from skyscan.events.place import MalformedError, Place
from skyscan.geometry import is_in_ice, positions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet
    from os import PathLike

    from numpy.typing import NDArray

    from skyscan.events.event import Particle
    from skyscan.events.packet import Packet

MAX_TIME_NS = 1e12  #: a readout lasts some 10 us, the longest exotic one less than a second
HEADER_KEY = "I3EventHeader"
SEED_POSITION_KEY = "HESE_VHESelfVetoVertexPos"
SEED_TIME_KEY = "HESE_VHESelfVetoVertexTime"

#: What names the type of an event (icecube/skymap_scanner, extract_json_message.py): the
#: keys of the followup message's JSON; without that message, what the physics frame sees.
FOLLOWUP_KEY = "AlertShortFollowupMsg"
TYPES_BY_FOLLOWUP = {"hese": "HESE", "ehe": "EHE", "neutrino": "neutrino", "estres": "ESTRES"}
TYPES_BY_KEY = {
    "HESE_llhratio": "HESE",
    "Estres_p_miss": "ESTRES",
    "PoleEHEOphelia_ImpLF": "EHE",
}


def read_event(path: str | PathLike[str], pulses_key: str | None = None) -> Event:
    """Read an event file: the JSON of i3live, or the pickle of it.

    Parameters
    ----------
    path : str or path
        The file. A pickle is read without running anything of it.
    pulses_key : str, optional
        Frame key of the pulse series; by default the one of the event's realtime format.

    Returns
    -------
    Event

    Raises
    ------
    BadInput
        The file is not there, is no event file, is damaged, or lacks what a scan needs.
    """
    place = Place(str(path))
    packet = open_packet(place, _content(place, path))
    header = packet.read(HEADER_KEY, read_header)
    key = pulses_key or pulses_key_of(packet.format_version)
    pulses = _pulses(packet, key)
    followup = packet.read(FOLLOWUP_KEY, _read_followup) if FOLLOWUP_KEY in packet else None
    fits = {
        name: packet.read(name, read_particle) for name in packet.physics_keys("I3Particle")
    }
    return Event(
        run_id=header.run_id,
        event_id=header.event_id,
        sub_event_id=header.sub_event_id,
        mjd=header.start_time.mjd,
        event_type=type_of_event(followup, packet.keys()),
        format_version=packet.format_version,
        pulses_key=key,
        pulses=pulses,
        seed=_seed(packet, fits, pulses),
        fits=fits,
        scalars=_scalars(packet),
        start_time=header.start_time,
    )


def _content(place: Place, path: str | PathLike[str]) -> bytes:
    try:
        with Path(path).open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise place.complaint("is not there", "check the path") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise place.complaint(f"cannot be read ({reason})", "check the path") from error
    if len(data) > MAX_FILE_BYTES:
        raise place.complaint("is far larger than an event", NOT_AN_ALERT)
    return data


def _pulses(packet: Packet, key: str) -> NDArray[np.void]:
    """Read the pulses, ordered by DOM and time."""
    pulses = packet.read_pulses(key).pulses
    place = packet.physics_place.at_key(key)
    if not pulses.size:
        raise place.complaint("holds no pulses", packet.other_pulses())
    if not (np.isfinite(pulses["charge"]) & (np.abs(pulses["time"]) < MAX_TIME_NS)).all():
        raise place.complaint("has a pulse whose time or charge cannot be")
    order = np.lexsort([pulses[name] for name in ("time", "pmt", "om", "string")])
    return pulses[order]


def type_of_event(followup: Mapping[str, object] | None, keys: AbstractSet[str]) -> str | None:
    """Return the type of an event (HESE, EHE, neutrino, ESTRES), as upstream finds it.

    Parameters
    ----------
    followup : mapping or None
        The followup message; when there is one, it alone decides.
    keys : set of str
        What the physics frame sees.
    """
    if followup is not None:
        return next(
            (TYPES_BY_FOLLOWUP[key] for key in TYPES_BY_FOLLOWUP if key in followup), None
        )
    return next((TYPES_BY_KEY[key] for key in TYPES_BY_KEY if key in keys), None)


def _read_followup(buffer: bytes) -> dict[str, object]:
    try:
        followup = json.loads(read_string(buffer))
    except (json.JSONDecodeError, RecursionError) as error:
        raise MalformedError("is not JSON") from error
    if not isinstance(followup, dict):
        raise MalformedError("is not a JSON object")
    return followup


def _seed(packet: Packet, fits: dict[str, Particle], pulses: NDArray[np.void]) -> Vertex:
    """Choose where to start: the veto's vertex, else the L2 fit's, else the pulses' centre."""
    if SEED_POSITION_KEY in packet and SEED_TIME_KEY in packet:
        x, y, z = packet.read(SEED_POSITION_KEY, read_position)
        found = Vertex(x, y, z, packet.read(SEED_TIME_KEY, read_double))
        if _is_finite(found):
            return found
    fit = fits.get(l2_fit_of(packet.format_version))
    if fit is not None and fit.fit_status == 0:
        found = Vertex(fit.x, fit.y, fit.z, fit.time, fit.energy)
        if _is_finite(found):
            return found
    return _centre(packet, pulses)


def _is_finite(vertex: Vertex) -> bool:
    return bool(np.isfinite([vertex.x, vertex.y, vertex.z, vertex.time]).all())


def _centre(packet: Packet, pulses: NDArray[np.void]) -> Vertex:
    """Return the charge-weighted mean of where and when light was seen in the ice."""
    pulses = pulses[is_in_ice(pulses["string"], pulses["om"])]
    if not pulses.size:
        raise packet.physics_place.complaint(
            "has no vertex, and no pulse of a DOM in the ice", packet.other_pulses()
        )
    weights = np.maximum(pulses["charge"], 0.0)
    if not 0 < weights.sum() < np.inf:
        weights = np.ones(pulses.size)
    places = positions(pulses["string"], pulses["om"])
    x, y, z = np.average(places, axis=0, weights=weights)
    time = np.average(pulses["time"], weights=weights)
    return Vertex(float(x), float(y), float(z), float(time))


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
