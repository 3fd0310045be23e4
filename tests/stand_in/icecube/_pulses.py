"""Pulses by DOM, masks of them, and time windows."""

from __future__ import annotations

import enum
import math
from bisect import bisect_left
from functools import total_ordering

import numpy as np

from ._frame import I3FrameObject


@total_ordering
class OMKey:
    __slots__ = ("om", "pmt", "string")

    def __init__(self, string=0, om=0, pmt=0):
        self.string, self.om, self.pmt = int(string), int(om), int(pmt)

    def _tuple(self):
        return self.string, self.om, self.pmt

    def __eq__(self, other):
        return isinstance(other, OMKey) and self._tuple() == other._tuple()

    def __lt__(self, other):
        return self._tuple() < other._tuple()

    def __hash__(self):
        return hash(self._tuple())

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return self._tuple()[index]

    def __repr__(self):
        return f"OMKey({self.string},{self.om},{self.pmt})"

    def _plain(self):
        return [self.string, self.om]


class I3RecoPulse:
    """A pulse; charge and width have single precision, as in icetray."""

    class PulseFlags(enum.IntFlag):
        LC = 1
        ATWD = 2
        FADC = 4

    __slots__ = ("_charge", "_width", "flags", "time")

    def __init__(self):
        self.time, self.charge, self.width, self.flags = math.nan, math.nan, math.nan, 0

    charge = property(
        lambda self: self._charge,
        lambda self, charge: setattr(self, "_charge", float(np.float32(charge))),
    )
    width = property(
        lambda self: self._width,
        lambda self, width: setattr(self, "_width", float(np.float32(width))),
    )

    def __eq__(self, other):
        return isinstance(other, I3RecoPulse) and self._plain() == other._plain()

    __hash__ = None

    def _plain(self):
        return [self.time, self.charge, self.width, int(self.flags)]


class OMKeyMap(I3FrameObject, dict):
    """A map in the order of its keys, as in C++."""

    def __iter__(self):
        return iter(sorted(super().__iter__()))

    def keys(self):
        return list(self)

    def values(self):
        return [self[key] for key in self]

    def items(self):
        return [(key, self[key]) for key in self]

    @classmethod
    def from_frame(cls, frame, key):
        found = frame[key]
        if not isinstance(found, cls):
            raise TypeError(key)
        return found

    def _plain(self):
        return {f"{key.string},{key.om}": value for key, value in self.items()}


class FrameList(I3FrameObject, list):
    def _plain(self):
        return list(self)


class I3RecoPulseSeries(FrameList):
    pass


class I3RecoPulseSeriesMap(OMKeyMap):
    @classmethod
    def from_frame(cls, frame, key):
        """Return the pulses, whether the frame has them or a mask of them."""
        found = frame[key]
        return found.apply(frame) if isinstance(found, I3RecoPulseSeriesMapMask) else found


class I3RecoPulseSeriesMapMask(I3FrameObject):
    """A mask of the pulses of a series.

    It is made from a frame and the key of a pulse series or of another mask. It keeps all
    pulses, those for which ``select(omkey, index, pulse)`` is true, or those of a smaller map.
    """

    def __init__(self, frame, key, select=None):
        if key not in frame:
            raise RuntimeError(f"The map named '{key}' doesn't exist in the frame!")
        self.source = key
        self._pulses = I3RecoPulseSeriesMap.from_frame(frame, key)
        self._kept = {}
        for omkey, series in self._pulses.items():
            for index, pulse in enumerate(series):
                if select is None:
                    kept = True
                elif isinstance(select, dict):
                    kept = omkey in select and pulse in select[omkey]
                else:
                    kept = bool(select(omkey, index, pulse))
                self._kept[omkey, index] = kept

    def set(self, omkey, *what):
        """Keep or drop pulses of a DOM: all, the one at an index, or the first equal one."""
        series = self._pulses.get(omkey)
        if series is None:
            raise RuntimeError("Key doesn't exist in the source map!")
        if len(what) == 1:
            indices = range(len(series))
        elif isinstance(what[0], I3RecoPulse):
            indices = [i for i, pulse in enumerate(series) if pulse == what[0]][:1]
        else:
            indices = [what[0]]
        for index in indices:
            self._kept[omkey, index] = bool(what[-1])

    def set_none(self):
        self._kept = dict.fromkeys(self._kept, False)

    def apply(self, frame):
        if self.source not in frame:
            raise RuntimeError(f"The map named '{self.source}' doesn't exist in the frame!")
        result = I3RecoPulseSeriesMap()
        for omkey, series in self._pulses.items():
            kept = [pulse for i, pulse in enumerate(series) if self._kept[omkey, i]]
            if kept:
                result[omkey] = I3RecoPulseSeries(kept)
        return result

    def sum(self):
        return sum(self._kept.values())

    def any(self):
        return any(self._kept.values())

    def all(self):
        return all(self._kept.values())

    @property
    def bits(self):
        return [
            [self._kept[omkey, i] for i in range(len(series))]
            for omkey, series in self._pulses.items()
        ]

    def _plain(self):
        kept = sorted((*key._plain(), i) for (key, i), kept in self._kept.items() if kept)
        return {"source": self.source, "kept": kept}


@total_ordering
class I3TimeWindow(I3FrameObject):
    """The time from ``start`` to ``stop``, ns, without ``stop``; immutable."""

    __slots__ = ("_start", "_stop")

    def __init__(self, start=-math.inf, stop=math.inf):
        self._start, self._stop = float(start), float(stop)

    start = property(lambda self: self._start)
    stop = property(lambda self: self._stop)
    length = property(lambda self: self._stop - self._start)

    def __contains__(self, time):
        return self._start <= time < self._stop

    def __eq__(self, other):
        return isinstance(other, I3TimeWindow) and self._plain() == other._plain()

    def __lt__(self, other):
        return self._plain() < other._plain()

    __hash__ = None

    def _plain(self):
        return [self._start, self._stop]


class I3TimeWindowSeries(FrameList):
    """Windows in order; overlapping ones are joined."""

    def append(self, window):
        self.insert(bisect_left(self, window), window)
        merged = []
        for one in self:
            if merged and one.start <= merged[-1].stop:
                merged[-1] = I3TimeWindow(merged[-1].start, max(merged[-1].stop, one.stop))
            else:
                merged.append(one)
        self[:] = merged


class I3TimeWindowSeriesMap(OMKeyMap):
    pass


class I3VectorOMKey(FrameList):
    pass
