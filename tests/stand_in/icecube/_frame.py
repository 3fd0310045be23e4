"""Frames: the data that icetray passes from module to module."""

from __future__ import annotations

import pickle
from typing import ClassVar


class I3FrameObject:
    """An object that a frame can hold."""

    __slots__ = ()


class Stream:
    """Kind of a frame: one character."""

    NAMES: ClassVar = {
        "G": "Geometry",
        "C": "Calibration",
        "D": "DetectorStatus",
        "S": "Simulation",
        "Q": "DAQ",
        "P": "Physics",
        "I": "TrayInfo",
        "N": "None",
    }
    __hash__ = None  # icetray shows the object's address, which is useless

    def __init__(self, name="N"):
        if len(name) != 1:
            raise TypeError(f"{name!r} is no character")
        self.id = name

    def __eq__(self, other):
        return isinstance(other, Stream) and self.id == other.id

    def __lt__(self, other):
        return self.id < other.id

    def __str__(self):
        return self.NAMES.get(self.id, f"('{self.id}')")

    def __repr__(self):
        return f"icetray.I3Frame.{self}"


class I3Frame:
    """Frame objects by key, each with the stream of the frame that it came with."""

    Stream = Stream
    none = Stream("N")
    Geometry = Stream("G")
    Calibration = Stream("C")
    DetectorStatus = Stream("D")
    Simulation = Stream("S")
    DAQ = Stream("Q")
    Physics = Stream("P")
    TrayInfo = Stream("I")

    def __init__(self, what=none):
        self._held = {}
        if isinstance(what, I3Frame):
            self.Stop = what.Stop
            self._held.update(what._held)
        else:
            self.Stop = what if isinstance(what, Stream) else Stream(what)

    def Has(self, key):
        return key in self._held

    def Get(self, key):
        return self._held[key][0]

    def Put(self, key, thing, stream=None):
        if not isinstance(thing, I3FrameObject):
            raise TypeError(f"{type(thing).__name__} is no I3FrameObject")
        if not isinstance(key, str) or not key or " " in key:
            raise RuntimeError(f"bad name of a frame object: {key!r}")
        if key in self._held:
            raise RuntimeError(f'frame already contains "{key}"')
        self._held[key] = (thing, stream or self.Stop)

    def Replace(self, key, thing):
        if key not in self._held:
            raise RuntimeError(f"nothing to replace at {key}")
        stream = self._held.pop(key)[1]
        self.Put(key, thing, stream)

    def Delete(self, key):
        self._held.pop(key, None)

    def Rename(self, old, new):
        self._held[new] = self._held.pop(old)

    def keys(self):
        return sorted(self._held)

    def values(self):
        return [self._held[key][0] for key in self.keys()]

    def items(self):
        return [(key, self._held[key][0]) for key in self.keys()]

    def size(self):
        return len(self._held)

    def get_stop(self, key):
        if key not in self._held:
            raise RuntimeError(f"the key {key!r} doesn't exist in this frame")
        return self._held[key][1]

    def change_stream(self, key, stream):
        self._held[key] = (self._held[key][0], stream)

    def merge(self, other):
        for key, held in other._held.items():
            self._held.setdefault(key, held)

    def purge(self, stream=None):
        """Remove objects of other streams, or those of one stream."""
        for key, (_, own) in list(self._held.items()):
            if (own != self.Stop) if stream is None else (own == stream):
                del self._held[key]

    def clear(self):
        self._held.clear()

    def type_name(self, key):
        return type(self.Get(key)).__name__

    def dumps(self):
        """Return bytes that only `loads` of this stand-in can read."""
        held = {key: (thing, own.id) for key, (thing, own) in sorted(self._held.items())}
        return pickle.dumps((self.Stop.id, held))

    def loads(self, raw):
        stop, held = pickle.loads(raw)  # noqa: S301  (the tests' own bytes)
        self.Stop = Stream(stop)
        self._held = {key: (thing, Stream(own)) for key, (thing, own) in held.items()}

    __contains__ = Has
    __getitem__ = Get
    __setitem__ = Put
    __delitem__ = Delete
    __len__ = size

    def __str__(self):
        return f"[ I3Frame  ({self.Stop}): {', '.join(self.keys())} ]"
