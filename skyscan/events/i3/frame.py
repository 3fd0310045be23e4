"""The icetray frame: ``[i3]`` version 6, objects by key, a checksum at the end."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from skyscan.events.i3.checksum import crc32c
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG = b"[i3]"
VERSION = 6
#: Tag, version, two bytes about the class of the stop; the checksum begins after them.
HEAD = TAG + struct.pack("<I", VERSION) + b"\x00\x00"
CHECKSUM_BYTES = 4
COUNT_BYTES = 4
SHORTEST = len(HEAD) + 1 + COUNT_BYTES + CHECKSUM_BYTES
MAX_KEYS = 16384  #: of an event; real frames have some hundreds

STOP_NAMES = {
    "G": "Geometry",
    "C": "Calibration",
    "D": "DetectorStatus",
    "Q": "DAQ",
    "P": "Physics",
    "p": "Physics",  # upstream renames the stream of the frames that it has prepared
}


@dataclass(frozen=True)
class FrameObject:
    """An object of a frame: its C++ type and its serialized bytes."""

    type_name: str
    buffer: bytes


@dataclass(frozen=True)
class Frame:
    """A stop (G, C, D, Q or P) and the frame's objects by key."""

    stop: str
    objects: Mapping[str, FrameObject]

    @property
    def name(self) -> str:
        """The frame's name for a message, such as "Physics frame"."""
        return f"{STOP_NAMES.get(self.stop, ascii(self.stop))} frame"


def parse_frame(raw: bytes) -> Frame:
    """Read a frame; its checksum is verified before anything else.

    Raises
    ------
    MalformedError
        It is not a frame of version 6, or it is damaged.
    """
    verify_frame(raw)
    return split_frame(raw)


def verify_frame(raw: bytes) -> None:
    """Check that bytes are one frame and match their checksum.

    Raises
    ------
    MalformedError
        It is not a frame of version 6, or it is damaged.
    """
    check_head(raw)
    if len(raw) < SHORTEST:
        raise MalformedError("ends before its first key")
    body, stored = memoryview(raw)[len(HEAD) : -CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]
    if crc32c(body) != int.from_bytes(stored, "little"):
        raise MalformedError("does not match its checksum: it is damaged")


def check_head(raw: bytes) -> None:
    """Check that bytes begin like a frame that can be read."""
    if raw[: len(TAG)] != TAG:
        raise MalformedError("does not begin with [i3]: it is not an icetray frame")
    version = int.from_bytes(raw[len(TAG) : len(TAG) + 4], "little")
    if version != VERSION:
        raise MalformedError(
            f"is an icetray frame of version {version}, but only version 6 can be read",
            "write it again with icetray of 2013 or later",
        )


def stop_of(raw: bytes) -> str:
    """Return the stop of a verified frame."""
    return chr(raw[len(HEAD)])


def split_frame(raw: bytes) -> Frame:
    """Read the objects of a verified frame."""
    return Frame(stop_of(raw), MappingProxyType(_objects(raw[len(HEAD) : -CHECKSUM_BYTES])))


def write_frame(frame: Frame) -> bytes:
    """Return the bytes of a frame, with keys in icetray's order, for `parse_frame`."""
    parts = [frame.stop.encode("ascii"), struct.pack("<I", len(frame.objects))]
    for key, item in sorted(frame.objects.items()):
        for part in (key.encode(), item.type_name.encode(), item.buffer):
            parts += [struct.pack("<I", len(part)), part]
    body = b"".join(parts)
    return HEAD + body + struct.pack("<I", crc32c(body))


def _objects(body: bytes) -> dict[str, FrameObject]:
    (count,) = struct.unpack_from("<I", body, 1)
    if count > MAX_KEYS:
        raise MalformedError(f"claims to hold {count} keys, more than any frame does")
    objects: dict[str, FrameObject] = {}
    at = 1 + COUNT_BYTES
    for _ in range(count):
        key, at = _string(body, at)
        type_name, at = _string(body, at)
        buffer, at = _string(body, at)
        objects[key.decode("utf-8", "replace")] = FrameObject(
            type_name.decode("utf-8", "replace"), buffer
        )
    if at != len(body) or len(objects) != count:
        raise MalformedError(f"does not hold the {count} keys that it claims to hold")
    return objects


def _string(body: bytes, at: int) -> tuple[bytes, int]:
    end = at + 4
    if end <= len(body):
        begin, end = end, end + int.from_bytes(body[at:end], "little")
        if end <= len(body):
            return body[begin:end], end
    raise MalformedError("ends in the middle of a key")
