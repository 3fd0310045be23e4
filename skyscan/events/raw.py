"""The frames of an event as the bytes that icetray wrote."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.events.formats import format_of
from skyscan.events.i3.frame import TAG, split_frame, stop_of, verify_frame
from skyscan.events.i3.i3file import PHYSICS_STOPS, event_frames
from skyscan.events.packing.decompression import MAGICS, inflated, inflated_inside
from skyscan.events.packing.envelope import (
    MAX_FILE_BYTES,
    MAX_PACKET_BYTES,
    NOT_AN_ALERT,
    open_envelope,
    unpack_frame,
)
from skyscan.events.packing.tar import is_tar
from skyscan.events.place import MalformedError, Place, SeveralEventsError, shown
from skyscan.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from os import PathLike

    from skyscan.errors import BadInput
    from skyscan.events.packing.decompression import Inflated


@dataclass(frozen=True)
class RawFrame:
    """A frame: its stop (G, C, D, Q, P, ...) and its bytes, as in an ``.i3`` file."""

    stop: str
    raw: bytes = field(repr=False)


@dataclass(frozen=True)
class RawPacket:
    """The frames of one event.

    Attributes
    ----------
    format_version : str
        Realtime format, or "" if unknown. An ``.i3`` file does not name it; its pulse series
        determine it (`skyscan.events.formats.format_of`).
    frames : tuple of RawFrame
        The frames that the physics frame sees, in the order of the file, then the physics
        frame. Their bytes together form an ``.i3`` file.
    truth : mapping of str to float
        What the envelope says of a simulated event
        (`skyscan.events.packing.envelope.Envelope`).
    """

    format_version: str
    frames: tuple[RawFrame, ...]
    truth: Mapping[str, float] = field(default_factory=dict)


def read_raw_packet(path: str | PathLike[str]) -> RawPacket:
    """Read the frames of an event file, all checksums verified.

    Parameters
    ----------
    path : str or path
        i3live's JSON or its pickle, or an ``.i3`` file of one event (plain, gzip, bzip2 or
        Zstandard). The content determines the format, not the name.

    Raises
    ------
    BadInput
        The file is missing, is not an event file, or is damaged.
    """
    place = Place(str(path))
    with opened(place) as stream:
        return _packet(place, stream)


@contextmanager
def opened(place: Place) -> Iterator[Inflated]:
    """Open a file, decompressed if it is compressed; errors while it is read name it.

    Raises
    ------
    BadInput
        The file is missing, or cannot be read or decompressed.
    """
    try:
        file = open_regular(place.file)
    except FileNotFoundError as error:
        raise place.complaint("does not exist", "check the path") from error
    except IsADirectoryError as error:
        advice = f"give the files in it, such as {Path(place.file) / '*'}"
        raise place.complaint("is a folder", advice) from error
    except (OSError, ValueError) as error:
        raise _unreadable(place, error) from error
    with file:
        try:
            begin = file.peek(max(map(len, MAGICS)))
            magic = next((magic for magic in MAGICS if begin.startswith(magic)), b"")
            with (
                place.reading(),
                inflated(file, magic) as outer,
                inflated_inside(outer) as stream,
            ):
                stream.layers = bool(magic) + (stream is not outer)
                yield stream
        except OSError as error:
            raise _unreadable(place, error) from error


def is_compressed(place: Place) -> bool:
    """Return whether a file begins like a compressed one."""
    with open_regular(place.file) as file:
        return file.read(max(map(len, MAGICS))).startswith(MAGICS)


def holds_frames(stream: Inflated) -> bool:
    """Return whether the next bytes are a frame's; otherwise they are an envelope's."""
    return stream.peek(len(TAG)) == TAG


def _unreadable(place: Place, error: Exception) -> BadInput:
    reason = getattr(error, "strerror", None) or str(error)
    return place.complaint(f"cannot be read ({reason})", "check the path")


def _packet(place: Place, stream: Inflated) -> RawPacket:
    if is_tar(stream):
        raise SeveralEventsError("is an archive of events")
    if not holds_frames(stream):
        return packet_in_envelope(place, stream.read(MAX_FILE_BYTES + 1))
    frames = tuple(RawFrame(*frame) for frame in event_frames(place, stream))
    with place.reading():
        keys = {key for frame in frames for key in split_frame(frame.raw).objects}
    return RawPacket(format_of(keys), frames)


def packet_in_envelope(place: Place, data: bytes) -> RawPacket:
    """Return the frames in i3live's JSON or its pickle, all checksums verified.

    Raises
    ------
    BadInput
        The content is neither, or is damaged.
    """
    with place.reading():
        if len(data) > MAX_FILE_BYTES:
            raise MalformedError("is far larger than an event", NOT_AN_ALERT)
        envelope = open_envelope(data)
    frames: list[RawFrame] = []
    bytes_left = MAX_PACKET_BYTES
    for position, packed in enumerate(envelope.frames, 1):
        numbered = f"{shown(packed.stop)} frame ({position} of {len(envelope.frames)})"
        with place.at_frame(numbered).reading():
            raw = unpack_frame(packed.blob)
            bytes_left -= len(raw)
            if bytes_left < 0:
                raise MalformedError("makes the event far larger than any", NOT_AN_ALERT)
            verify_frame(raw)
            if stop_of(raw) != packed.stop:
                raise MalformedError(f"is a {split_frame(raw).name} inside")
            frames.append(RawFrame(packed.stop, raw))
    with place.reading():
        _check_stops("".join(frame.stop for frame in frames))
    return RawPacket(envelope.format_version, tuple(frames), envelope.truth)


def _check_stops(stops: str) -> None:
    """Check that one physics frame ends the packet, after any of G, C, D and Q."""
    fine = stops[-1:] in PHYSICS_STOPS and all(stop in "GCDQ" for stop in stops[:-1])
    if not fine or len(set(stops)) != len(stops):
        raise MalformedError(
            f"has the frames {stops!a} instead of G, C, D, Q and one P", NOT_AN_ALERT
        )
