"""The frames of an event, and the objects in them that its physics frame sees."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from skyscan.events.i3.archive import class_name
from skyscan.events.i3.frame import split_frame
from skyscan.events.i3.pulsemap import (
    MAX_MASKS,
    SPE_CORRECTION,
    PulseMap,
    apply_mask,
    by_module,
    joined,
    read_combination,
    read_mask,
    read_pulse_map,
    read_union,
)
from skyscan.events.i3.superdst import read_superdst
from skyscan.events.place import MalformedError, Place, UnknownClassError, shown
from skyscan.events.raw import read_raw_packet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from os import PathLike

    from skyscan.events.i3.frame import Frame
    from skyscan.events.raw import RawPacket

    Value = TypeVar("Value")

DAQ_STOP = "Q"
NO_OTHERS = "no other pulse series of the event can be read"
MAX_LISTED = 200  #: keys in a message


@dataclass(frozen=True)
class Packet:
    """The frames of one event in the order of the file, the physics frame last.

    Attributes
    ----------
    place : Place
        The file.
    format_version : str
        Realtime format, or "" if the file names none.
    frames : tuple of Frame
    truth : mapping of str to float
        What the envelope says of a simulated event
        (`skyscan.events.packing.envelope.Envelope`).
    """

    place: Place
    format_version: str
    frames: tuple[Frame, ...]
    truth: Mapping[str, float] = field(default_factory=dict)

    def frame_place(self, index: int) -> Place:
        """Return the place of a frame, such as "Physics frame (5 of 5)"."""
        position = f"({index % len(self.frames) + 1} of {len(self.frames)})"
        return self.place.at_frame(f"{self.frames[index].name} {position}")

    @property
    def physics_place(self) -> Place:
        """The place of the physics frame."""
        return self.frame_place(-1)

    def find(self, key: str) -> int | None:
        """Return the index of the frame whose object of a key the physics frame sees.

        This is the physics frame itself, or else the first frame that has the key: icetray
        mixes in only objects that are not there yet.
        """
        for index in range(-1, len(self.frames) - 1):
            if key in self.frames[index].objects:
                return index
        return None

    def keys(self) -> frozenset[str]:
        """Return all keys that the physics frame sees."""
        return frozenset(key for frame in self.frames for key in frame.objects)

    def __contains__(self, key: str) -> bool:
        """Return whether the physics frame sees a key."""
        return self.find(key) is not None

    def read(self, key: str, reader: Callable[[bytes], Value]) -> Value:
        """Read the object of a key; an error names its place."""
        index = self.find(key)
        if index is None:
            raise self.physics_place.at_key(key).complaint(
                "is missing", f"the frames hold {self.listed_keys()}"
            )
        with self.frame_place(index).at_key(key).reading():
            return reader(self.frames[index].objects[key].buffer)

    def physics_keys(self, kind: str) -> Iterator[str]:
        """Yield the keys of the physics frame itself that hold objects of a class."""
        for key, item in sorted(self.frames[-1].objects.items()):
            if class_name(item.buffer) == kind:
                yield key

    def pulse_keys(self) -> list[str]:
        """Return the keys of all pulse series, sorted."""
        return sorted(
            key
            for frame in self.frames
            for key, item in frame.objects.items()
            if class_name(item.buffer) in PULSE_READERS
        )

    def listed_keys(self) -> str:
        """Return the keys that the physics frame sees, for a message."""
        return _listed(self.keys()) or "no keys"

    def read_pulses(
        self,
        key: str,
        through: tuple[str, ...] = (),
        known: dict[str, PulseMap] | None = None,
    ) -> PulseMap:
        """Read a pulse series of any kind; a mask selects from the pulses of its source.

        Parameters
        ----------
        key : str
            Frame key.
        through : tuple of str
            The masks that led here.
        known : dict of str to PulseMap, optional
            What has been read: unions of unions may name a series any number of times.
        """
        known = {} if known is None else known
        if key not in known:
            known[key] = self._read_pulses(key, through, known)
        return known[key]

    def _read_pulses(
        self, key: str, through: tuple[str, ...], known: dict[str, PulseMap]
    ) -> PulseMap:
        if key in through:
            raise self.physics_place.at_key(key).complaint("is a mask or union of itself")
        if len(through) > MAX_MASKS:
            raise self.physics_place.at_key(through[0]).complaint(
                f"is a mask of a mask, more than {MAX_MASKS} times"
            )
        index = self.find(key)
        if index is None:
            raise self.missing_pulses(key, through)
        kind = class_name(self.frames[index].objects[key].buffer)
        if kind in MAP_READERS:
            return self.read(key, MAP_READERS[kind])
        through = (*through, key)
        if kind == "I3RecoPulseSeriesMapUnion":
            sources = self.read(key, read_union)
            maps = [self.read_pulses(source, through, known) for source in sources]
            with self.frame_place(index).at_key(key).reading():
                return joined(maps)
        if kind == "I3RecoPulseSeriesMapCombineByModule":
            source = self.read(key, read_combination)
            return by_module(self.read_pulses(source, through, known))
        if kind == SPE_CORRECTION:
            with self.frame_place(index).at_key(key).reading():
                raise UnknownClassError(
                    f"is an {kind}, which corrects charges by the calibration of each DOM and "
                    f"can be read only with icetray",
                    self.other_pulses(through[0]),
                )
        if kind not in PULSE_READERS:
            with self.frame_place(index).at_key(key).reading():
                raise UnknownClassError(
                    f"holds no pulses that can be read ({shown(str(kind))})",
                    self.other_pulses(through[0]),
                )
        mask = self.read(key, read_mask)
        selected = self.read_pulses(mask.source, through, known)
        with self.frame_place(index).at_key(key).reading():
            return apply_mask(mask, selected)

    def missing_pulses(self, key: str, through: tuple[str, ...] = ()) -> Exception:
        """Return the error that a pulse series is missing, or one that it is made of."""
        if not through:
            return self.physics_place.at_key(key).complaint(
                "is missing, the pulse series to read", self.other_pulses(key)
            )
        has_daq = any(frame.stop == DAQ_STOP for frame in self.frames)
        return self.physics_place.at_key(through[-1]).complaint(
            f"takes its pulses from {shown(key)}, which the event lacks",
            self.other_pulses(through[0])
            if has_daq
            else "give a file with the Q frame of the event before this frame",
        )

    def other_pulses(self, failed: str) -> str:
        """Return the advice to choose another pulse series than one that failed."""
        known: dict[str, bool] = {}
        keys = [it for it in self.pulse_keys() if it != failed and self._can_be_read(it, known)]
        return f"choose one of {_listed(keys)}" if keys else NO_OTHERS

    def _can_be_read(self, key: str, known: dict[str, bool], depth: int = 0) -> bool:
        """Return whether all is there that a pulse series is made of."""
        index = self.find(key)
        if index is None or depth > MAX_MASKS:
            return False
        if key in known:
            return known[key]
        known[key] = False  # for those that are made of themselves
        buffer = self.frames[index].objects[key].buffer
        sources = SOURCES.get(class_name(buffer) or "")
        try:
            found = sources(buffer) if sources else None
        except MalformedError:
            return False
        known[key] = found is not None and all(
            self._can_be_read(it, known, depth + 1) for it in found
        )
        return known[key]


def _listed(keys: Iterable[str]) -> str:
    known = [shown(key) for key in sorted(keys)]
    more = f" and {len(known) - MAX_LISTED} more" if len(known) > MAX_LISTED else ""
    return ", ".join(known[:MAX_LISTED]) + more


#: The readers of the classes of pulses; the source of a mask is another key.
MAP_READERS = {"I3RecoPulseSeriesMap": read_pulse_map, "I3SuperDST": read_superdst}
PULSE_READERS = {
    *MAP_READERS,
    "I3RecoPulseSeriesMapMask",
    "I3RecoPulseSeriesMapUnion",
    "I3RecoPulseSeriesMapCombineByModule",
}
#: What the series of each class are made of.
SOURCES: Mapping[str, Callable[[bytes], tuple[str, ...]]] = {
    **dict.fromkeys(MAP_READERS, lambda _: ()),
    "I3RecoPulseSeriesMapMask": lambda buffer: (read_mask(buffer).source,),
    "I3RecoPulseSeriesMapUnion": read_union,
    "I3RecoPulseSeriesMapCombineByModule": lambda buffer: (read_combination(buffer),),
}


def open_packet(path: str | PathLike[str]) -> Packet:
    """Read the frames of an event file of any kind, all checksums verified.

    Raises
    ------
    BadInput
        The file is missing, is not an event file, or is damaged.
    """
    return split_packet(Place(str(path)), read_raw_packet(path))


def split_packet(place: Place, raw: RawPacket) -> Packet:
    """Read the objects of raw frames.

    Raises
    ------
    BadInput
        A frame does not hold the keys that it claims to hold.
    """
    frames = []
    for position, frame in enumerate(raw.frames, 1):
        numbered = f"{shown(frame.stop)} frame ({position} of {len(raw.frames)})"
        with place.at_frame(numbered).reading():
            frames.append(split_frame(frame.raw))
    return Packet(place, raw.format_version, tuple(frames), raw.truth)
