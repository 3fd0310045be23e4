"""The events in a sequence of icetray frames, or the one in i3live's envelope."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import BadInput
from skyscan.events.assembly import FOLLOWUP_KEY, HEADER_KEY, parsed_followup, type_of_event
from skyscan.events.choice import Choice
from skyscan.events.entry import EventEntry, EventFile, Found
from skyscan.events.formats import format_of, pulses_key_of
from skyscan.events.gcd import GCD_STOPS
from skyscan.events.i3.counting import count_pulses, series_in
from skyscan.events.i3.frame import split_frame, stop_of, verify_frame
from skyscan.events.i3.i3file import PHYSICS_STOPS, UNSEEN_STOP, all_frames
from skyscan.events.i3.objects import read_header, read_string
from skyscan.events.packing.decompression import BZIP2, GZIP, XZ, ZSTD
from skyscan.events.packing.envelope import MAX_FILE_BYTES
from skyscan.events.packing.tar import is_tar, members
from skyscan.events.place import MalformedError, Place
from skyscan.events.raw import holds_frames, opened, packet_in_envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from skyscan.events.i3.counting import Series
    from skyscan.events.i3.frame import Frame
    from skyscan.events.i3.objects import EventHeader
    from skyscan.events.packing.decompression import Inflated

#: Frames in a row without a physics frame: more are no events, whatever the file unpacks to.
MAX_IDLE_FRAMES = 20_000
#: G, C and D frames that are larger are left out of the file of one event, unless its fit needs
#: them: differences to a baseline have some 100 KB, a whole detector some 10 MB.
MAX_GCD_BYTES = 1024**2
SUFFIXES = {GZIP: ".gz", BZIP2: ".bz2", ZSTD: ".zst", XZ: ".xz"}
NO_EVENT = "an event is one P frame or several, each with the frames before it"
PICKLE = b"\x80"


@dataclass(frozen=True)
class _Seen:
    """A frame, the pulse series in it, and its event header."""

    number: int
    raw: bytes
    frame: Frame
    pulses: Mapping[str, Series]
    header: EventHeader | None


def find_events(path: Path, choice: Choice) -> Iterator[Found]:
    """Yield the events of a file of frames, or the one of an envelope (`files.find_events`).

    Of a file of many events only the frames of one are in memory at a time.
    """
    place = Place(str(path))
    with opened(place) as stream:
        if is_tar(stream):
            yield from _in_archive(place, stream, choice)
        else:
            yield from _in_stream(place, stream, choice)


def _in_archive(place: Place, stream: Inflated, choice: Choice) -> Iterator[Found]:
    """Yield the events in the files of an archive; their frames are counted on."""
    before = last = 0
    asked = replace(choice, frame=None)
    for member, content in members(place, stream):
        before += last
        last = 0
        for found in _in_stream(member, content, asked):
            last = found.entry.frame
            yield replace(found, entry=replace(found.entry, frame=before + last))
            if before + last == choice.frame:
                return


def _in_stream(place: Place, stream: Inflated, choice: Choice) -> Iterator[Found]:
    """Yield the events of a stream of frames or of an envelope."""
    if holds_frames(stream):
        yield from _in_frames(place, stream, choice)
    else:
        data = stream.read(MAX_FILE_BYTES + 1)
        if place.inside and not data.startswith(PICKLE) and b'"value"' not in data:
            return  # JSON in an archive that is no alert
        yield _in_envelope(place, data, is_whole=not place.inside and not stream.layers)


def _in_envelope(place: Place, data: bytes, *, is_whole: bool) -> Found:
    packet = packet_in_envelope(place, data)
    *before, last = (
        _seen_frame(place, number, frame.raw) for number, frame in enumerate(packet.frames, 1)
    )
    entry = _entry(place, last, before, packet.format_version)
    name = "event.pkl" if data.startswith(PICKLE) else "event.json"
    return Found(entry, partial(EventFile, name, data, is_whole=is_whole))


def _in_frames(place: Place, stream: Inflated, choice: Choice) -> Iterator[Found]:
    parents: dict[str, _Seen] = {}
    owners: dict[str, tuple[int, int] | None] = {}  # the event that saw a frame first
    met: tuple[int | None, int] | None = None  # the chosen event, if no other run can have it
    has_run = choice.event is not None and choice.event.run_id is not None
    n_physics = 0
    for (number, stop, raw), is_last in _with_last(_limited(place, stream)):
        seen = _seen_frame(place, number, raw)
        if stop not in PHYSICS_STOPS:
            parents.pop(stop, None)
            parents[stop] = seen
            owners.pop(stop, None)
            continue
        n_physics += 1
        frames = _belonging(seen, parents, owners)
        entry = _entry(place, seen, frames)
        event = entry.run_id, entry.event_id
        if met not in (None, event):
            return
        if has_run and entry.is_meant(Choice(event=choice.event)):
            met = event
        if is_last and n_physics == 1 and not place.inside and stream.layers <= 1:
            yield Found(entry, partial(_whole_file, place, [*frames, seen]))
        else:
            yield Found(entry, partial(_event_alone, place, [*frames, seen], choice))
        if number == choice.frame:
            return


def _limited(place: Place, stream: Inflated) -> Iterator[tuple[int, str, bytes]]:
    """Yield the frames that events see; refuse a file with too many between its events."""
    idle, n_physics = 0, 0
    for number, stop, raw in all_frames(place, stream):
        idle = 0 if stop in PHYSICS_STOPS else idle + 1
        n_physics += stop in PHYSICS_STOPS
        if idle > MAX_IDLE_FRAMES:
            raise place.complaint(f"has more than {MAX_IDLE_FRAMES} frames without an event")
        if stop != UNSEEN_STOP:
            yield number, stop, raw
    if not n_physics:
        raise place.complaint("has no physics frame", NO_EVENT)


def _with_last(
    frames: Iterable[tuple[int, str, bytes]],
) -> Iterator[tuple[tuple[int, str, bytes], bool]]:
    """Yield each frame and whether it is the last; an error comes after the frame before it."""
    waiting: tuple[int, str, bytes] | None = None
    try:
        for frame in frames:
            if waiting is not None:
                yield waiting, False
            waiting = frame
    except BadInput:
        if waiting is not None:
            yield waiting, False
        raise
    if waiting is not None:
        yield waiting, True


def _seen_frame(place: Place, number: int, raw: bytes) -> _Seen:
    """Return a frame with what a listing needs from it."""
    at = _at(place, number, stop_of(raw))
    with at.reading():
        frame = split_frame(raw)
    found = {key: series_in(item.buffer) for key, item in frame.objects.items()}
    pulses = {key: series for key, series in found.items() if series is not None}
    header = None
    if HEADER_KEY in frame.objects:
        with at.at_key(HEADER_KEY).reading():
            header = read_header(frame.objects[HEADER_KEY].buffer)
    return _Seen(number, raw, frame, pulses, header)


def _belonging(
    physics: _Seen,
    parents: Mapping[str, _Seen],
    owners: dict[str, tuple[int, int] | None],
) -> list[_Seen]:
    """Return the frames that a physics frame sees, without the Q frame of an earlier event.

    A Q frame belongs to the event of the first physics frame after it, whatever number it has
    itself: in some simulated files the numbers of Q and P frames differ.
    """
    event = _event(physics)
    return [
        it
        for stop, it in parents.items()
        if it.header is None or event is None or owners.setdefault(stop, event) == event
    ]


def _event(seen: _Seen) -> tuple[int, int] | None:
    header = seen.header
    return None if header is None else (header.run_id, header.event_id)


def _entry(
    place: Place, physics: _Seen, parents: Sequence[_Seen], format_version: str = ""
) -> EventEntry:
    frames = [physics, *parents]
    header = next((it.header for it in frames if it.header is not None), None)
    if header is None:
        at = _at(place, physics.number, physics.frame.stop)
        raise at.at_key(HEADER_KEY).complaint("is missing", "give events with their headers")
    keys = {key for it in frames for key in it.frame.objects}
    # of a key in several frames, the one that icetray would find
    series = {key: one for it in reversed(frames) for key, one in it.pulses.items()}
    pulses, unreadable = count_pulses(series)
    return EventEntry(
        frame=physics.number,
        event_id=header.event_id,
        run_id=header.run_id,
        sub_event_id=header.sub_event_id,
        stream=header.sub_event_stream,
        mjd=header.start_time.mjd,
        event_type=_type(frames, keys),
        pulses=pulses,
        unreadable=unreadable,
        default_pulses=pulses_key_of(format_version or format_of(keys)),
    )


def _type(frames: Iterable[_Seen], keys: set[str]) -> str | None:
    """Return the type of an event; None if its message is damaged, which its reader reports."""
    holder = next((it for it in frames if FOLLOWUP_KEY in it.frame.objects), None)
    if holder is None:
        return type_of_event(None, keys)
    try:
        text = read_string(holder.frame.objects[FOLLOWUP_KEY].buffer)
        return type_of_event(parsed_followup(text), keys)
    except MalformedError:
        return None


def _whole_file(place: Place, frames: Iterable[_Seen]) -> EventFile:
    """Return the file as it is, since it holds only this event."""
    _verify(place, frames)
    data = Path(place.file).read_bytes()
    suffix = next((end for magic, end in SUFFIXES.items() if data.startswith(magic)), "")
    return EventFile(f"event.i3{suffix}", data, is_whole=True)


def _event_alone(place: Place, frames: Sequence[_Seen], choice: Choice) -> EventFile:
    _verify(place, frames)
    detector = _detector(frames) if choice.with_detector and choice.detector_apart else b""
    kept = [
        it.raw
        for it in frames
        if it.frame.stop not in GCD_STOPS
        or len(it.raw) <= MAX_GCD_BYTES
        or (choice.with_detector and not detector)
    ]
    return EventFile("event.i3", b"".join(kept), detector=detector)


def _detector(frames: Sequence[_Seen]) -> bytes:
    """Return the G, C and D frames, if the event has all three, and one of them is large."""
    found = {it.frame.stop: it.raw for it in frames if it.frame.stop in GCD_STOPS}
    if len(found) < len(GCD_STOPS) or max(map(len, found.values())) <= MAX_GCD_BYTES:
        return b""
    return b"".join(found[stop] for stop in GCD_STOPS)


def _verify(place: Place, frames: Iterable[_Seen]) -> None:
    for it in frames:
        with _at(place, it.number, it.frame.stop).reading():
            verify_frame(it.raw)


def _at(place: Place, number: int, stop: str) -> Place:
    return place.at_frame(f"frame number {number} ({stop!a})")
