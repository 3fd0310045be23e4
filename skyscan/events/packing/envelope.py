"""The i3live envelope: JSON or a pickle around five compressed icetray frames."""

from __future__ import annotations

import base64
import binascii
import zlib
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING

from skyscan.events.packing.signatures import kind_of
from skyscan.events.packing.unpickling import PickledFrame, unpickle
from skyscan.events.place import MalformedError
from skyscan.json_text import is_of, parse_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Real alerts are smaller than 1 MB, packed and unpacked; larger files are refused.
MAX_FILE_BYTES = 64 * 1024**2
MAX_FRAME_BYTES = 64 * 1024**2
MAX_PACKET_BYTES = 2 * MAX_FRAME_BYTES  #: of all frames
MAX_FRAMES = 16
MAX_MARKS = 10_000  #: brackets, commas and colons; an alert has less than 100

MAP_KEY = "nside-"  #: of the maps that skyreader writes as JSON
NOT_AN_ALERT = "give an event file in i3live's format (JSON, or its pickle)"
WHAT_IS_READ = (
    "give an alert in i3live's format (JSON, or its pickle), an .i3 file, or a tar archive of "
    "these, all of which may be compressed; or a table (CSV, Parquet or SQLite) whose columns "
    "have the names in docs/tables.md"
)
TRUTH = "true"
STATE_ITEMS = 2  # (attributes, bytes)
SPACE = b" \t\n\r\v\f"


@dataclass(frozen=True)
class PackedFrame:
    """A frame in its envelope: its declared stop, and its content in base64."""

    stop: str
    blob: str


@dataclass(frozen=True)
class Envelope:
    """An alert as i3live sends it: the realtime format and the packed frames.

    ``truth`` are the numbers of the block of that name that icecube-skywriter's i3_to_json puts
    beside the frames of a simulated event: ra and dec (radians, J2000), eprim (GeV).
    """

    format_version: str
    frames: tuple[PackedFrame, ...]
    truth: Mapping[str, float] = field(default_factory=dict)


def open_envelope(data: bytes) -> Envelope:
    """Return the frames in the content of an event file.

    Parameters
    ----------
    data : bytes
        JSON or a pickle of ``{"value": {"data": frames, "version": ...}}``, where frames
        is a list of [stop, blob] (until 2018), or a dictionary with that list as "frames".

    Raises
    ------
    MalformedError
        The content has another format.
    """
    # every pickle since protocol 2 begins with this byte, but no JSON does
    message = unpickle(data, text=True) if data[:1] == b"\x80" else _parsed(data)
    value = _item(message, "value")
    content = _item(value, "data")
    listed = content if isinstance(content, list) else _item(content, "frames")
    version = value.get("version") if isinstance(value, dict) else None
    if version is not None and not isinstance(version, str):
        raise MalformedError("has a value.version that is not text", NOT_AN_ALERT)
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_FRAMES:
        raise MalformedError(f"does not have 1 to {MAX_FRAMES} frames", NOT_AN_ALERT)
    frames = tuple(_packed(i, entry) for i, entry in enumerate(listed, 1))
    return Envelope(version or "", frames, _truth(message))


def unpack_frame(blob: str) -> bytes:
    """Return the raw ``[i3]`` bytes of a frame.

    Parameters
    ----------
    blob : str
        base64 of zlib of a pickle of an ``icecube.icetray.I3Frame``.
    """
    frame = unpickle(_inflated(_decoded(blob)), text=False)
    if isinstance(frame, PickledFrame) and isinstance(frame.state, tuple):
        state = frame.state
        if len(state) == STATE_ITEMS and isinstance(state[1], bytes):
            return state[1]
    raise MalformedError("is a pickle of something other than an icetray frame")


def pack_frame(raw: bytes) -> str:
    """Return the raw bytes of a frame, packed as by Python 3's icetray, for `unpack_frame`."""
    text = raw.decode("latin-1").encode("utf-8")
    pickled = b"".join(
        (
            b"\x80\x02",  # protocol 2
            b"cicecube.icetray\nI3Frame\n)R",  # I3Frame()
            b"}c_codecs\nencode\n",  # its state: ({}, encode(text, "latin1"))
            b"X" + len(text).to_bytes(4, "little") + text,
            b"X\x06\x00\x00\x00latin1\x86R\x86b.",
        )
    )
    return base64.b64encode(zlib.compress(pickled, 9)).decode("ascii")


def seal_envelope(
    format_version: str, frames: Iterable[PackedFrame], details: dict[str, object]
) -> dict[str, object]:
    """Return the i3live message, ready for JSON, that `open_envelope` opens.

    Parameters
    ----------
    format_version : str
        Realtime format, or "" for none.
    frames : iterable of PackedFrame
    details : dict
        Further entries beside the frames (run_id, event_id, eventtime, ...).
    """
    packed = [[frame.stop, frame.blob] for frame in frames]
    value: dict[str, object] = {"data": {**details, "frames": packed}}
    if format_version:
        value["version"] = format_version
    return {
        "service": "skyscan",
        "varname": "realtimeEventData",
        "prio": 2,
        "time": details.get("eventtime"),
        "value": value,
    }


def _truth(message: object) -> dict[str, float]:
    block = message.get(TRUTH) if isinstance(message, dict) else None
    if not isinstance(block, dict):
        return {}
    return {k: float(v) for k, v in block.items() if is_of(v, float) and isfinite(v)}


def _parsed(data: bytes) -> object:
    try:
        return parse_json(data, MAX_MARKS)
    except ValueError as error:
        if not data.strip():
            raise MalformedError("is empty", WHAT_IS_READ) from error
        kind = kind_of(data)
        looks = f" (it looks like {kind})" if kind else ""
        raise MalformedError(f"is not an event file{looks}", WHAT_IS_READ) from error


def _item(container: object, key: str) -> object:
    if isinstance(container, dict) and any(str(it).startswith(MAP_KEY) for it in container):
        raise MalformedError(
            "is the map of a scan, not an event", "`skyscan result FILE` shows a map"
        )
    if not isinstance(container, dict) or key not in container:
        raise MalformedError(f"has no {key!r} where i3live messages have it", NOT_AN_ALERT)
    return container[key]


def _packed(position: int, entry: object) -> PackedFrame:
    if isinstance(entry, (list, tuple)) and len(entry) == 2:  # noqa: PLR2004 - [stop, blob]
        stop, blob = entry
        if isinstance(stop, str) and isinstance(blob, str):
            return PackedFrame(stop, blob)
    raise MalformedError(
        f"has a frame (number {position}) that is not [stop, text]", NOT_AN_ALERT
    )


def _decoded(blob: str) -> bytes:
    try:
        return base64.b64decode(blob.encode("ascii").translate(None, SPACE), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedError("is not base64") from error


def _inflated(packed: bytes) -> bytes:
    """Return the decompressed bytes, up to a limit: a few bytes may expand to terabytes."""
    inflater = zlib.decompressobj()
    try:
        raw = inflater.decompress(packed, MAX_FRAME_BYTES + 1)
    except zlib.error as error:
        raise MalformedError("cannot be decompressed (zlib)") from error
    if len(raw) > MAX_FRAME_BYTES:
        raise MalformedError(f"unpacks to more than {MAX_FRAME_BYTES // 1024**2} MB")
    if not inflater.eof:
        raise MalformedError("ends early (zlib)")
    return raw
