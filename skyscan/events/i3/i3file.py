"""Read ``.i3`` files: a sequence of icetray frames.

The frames that an event's physics frame sees are those of icetray's I3FrameMixer
(icetray/private/icetray/I3FrameMixing.cxx): the last frame of every stop before it, except
physics frames and TrayInfo.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from skyscan.events.i3.frame import (
    CHECKSUM_BYTES,
    COUNT_BYTES,
    HEAD,
    MAX_KEYS,
    TAG,
    check_head,
    stop_of,
    verify_frame,
)
from skyscan.events.place import MalformedError, SeveralEventsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.events.packing.decompression import Inflated
    from skyscan.events.place import Place

# Limits of one event. G, C and D frames of the whole detector have tens of MB, decompressed.
MAX_I3_FRAME_BYTES = 128 * 1024**2
MAX_I3_BYTES = 2 * MAX_I3_FRAME_BYTES  #: of all frames; a larger file holds several events
MAX_I3_FRAMES = 256  #: one each of G, C, D, Q and P is usual, and a TrayInfo for each program

PHYSICS_STOPS = "Pp"  #: upstream renames the stream of the frames that it has prepared
UNSEEN_STOP = "I"  #: TrayInfo: how the file was written
LENGTH_BYTES = 4
ONE_EVENT = "give a file of one event: any of G, C, D, Q, and one P frame"


def event_frames(place: Place, stream: Inflated) -> list[tuple[str, bytes]]:
    """Read the frames of the only event of a file.

    Parameters
    ----------
    place : Place
        The file.
    stream : Inflated
        Its decompressed content.

    Returns
    -------
    list of (str, bytes)
        Stop and raw bytes of the frames that the physics frame sees, in the order of the
        file, and of the physics frame, the last one. All checksums have been verified.

    Raises
    ------
    BadInput
        A frame is damaged, or there is not exactly one physics frame.
    """
    parents: dict[str, bytes] = {}
    physics: tuple[str, bytes] | None = None
    n_physics = 0
    for stop, raw in _limited_frames(place, stream):
        if stop in PHYSICS_STOPS:
            n_physics += 1
            physics = stop, raw
            if n_physics > 1:
                with place.reading():
                    raise SeveralEventsError("has several physics frames", ONE_EVENT)
        elif stop != UNSEEN_STOP and physics is None:
            parents.pop(stop, None)
            parents[stop] = raw
    with place.reading():
        if physics is None:
            raise MalformedError("has no physics frame", ONE_EVENT)
    return [*parents.items(), physics]


def all_frames(place: Place, stream: Inflated) -> Iterator[tuple[int, str, bytes]]:
    """Yield number (from 1), stop and bytes of all frames of a file, however many there are.

    Checksums are not verified.

    Raises
    ------
    BadInput
        A frame is damaged.
    """
    number = 0
    while True:
        number += 1
        with place.at_frame(f"frame number {number}").reading():
            raw, _ = _next_frame(stream, MAX_KEYS)
        if not raw:
            return
        yield number, stop_of(raw), raw


def first_frames(place: Place, stream: Inflated) -> Iterator[tuple[int, str, bytes]]:
    """Yield what `all_frames` does, of the beginning of a file: there, a detector is."""
    return islice(all_frames(place, stream), MAX_I3_FRAMES)


def _limited_frames(place: Place, stream: Inflated) -> Iterator[tuple[str, bytes]]:
    """Yield stop and bytes of the frames of one event, all checksums verified."""
    n_bytes, number, keys_left = 0, 0, MAX_KEYS
    while True:
        number += 1
        with place.at_frame(f"frame number {number}").reading():
            raw, n_keys = _next_frame(stream, keys_left)
        keys_left -= n_keys
        if not raw:
            return
        n_bytes += len(raw)
        if n_bytes > MAX_I3_BYTES:
            megabytes = MAX_I3_BYTES // 1024**2
            with place.reading():
                raise MalformedError(f"has more than {megabytes} MB of frames", ONE_EVENT)
        if number > MAX_I3_FRAMES:
            with place.reading():
                raise MalformedError(f"has more than {MAX_I3_FRAMES} frames", ONE_EVENT)
        stop = stop_of(raw)
        with place.at_frame(f"frame number {number} ({stop!a})").reading():
            verify_frame(raw)
        yield stop, raw


def _next_frame(stream: Inflated, most_keys: int) -> tuple[bytes, int]:
    """Return the bytes and the number of keys of the next frame; no bytes mean the end."""
    frame = _Parts(stream)
    head = frame.begin()
    if not head:
        return b"", 0
    check_head(head)
    frame.take(1)
    n_keys = int.from_bytes(frame.take(COUNT_BYTES), "little")
    if n_keys > most_keys:
        raise MalformedError(f"claims to hold {n_keys} keys, more than any event has")
    for _ in range(3 * n_keys):  # key, type and buffer
        frame.take(int.from_bytes(frame.take(LENGTH_BYTES), "little"))
    frame.take(CHECKSUM_BYTES)
    return frame.joined(), n_keys


class _Parts:
    """Collect the bytes of a frame from a stream."""

    def __init__(self, stream: Inflated) -> None:
        self._stream = stream
        self._parts: list[bytes] = []
        self._left = MAX_I3_FRAME_BYTES

    def begin(self) -> bytes:
        """Return the head of the frame, or other bytes if there is none."""
        head = self._stream.read(len(HEAD))
        if head[: len(TAG)] == TAG and len(head) < len(HEAD):
            raise MalformedError("ends before its first key")
        self._parts.append(head)
        return head

    def take(self, n: int) -> bytes:
        """Return the next n bytes."""
        self._left -= n
        if self._left < 0:
            megabytes = MAX_I3_FRAME_BYTES // 1024**2
            raise MalformedError(f"claims to be larger than {megabytes} MB, as no frame is")
        part = self._stream.read(n)
        if len(part) != n:
            raise MalformedError("ends early")
        self._parts.append(part)
        return part

    def joined(self) -> bytes:
        """Return the whole frame."""
        return b"".join(self._parts)
