"""Frames, trays, modules and units."""

import math as _math

from ._frame import I3Frame, I3FrameObject
from ._pulses import I3VectorOMKey, OMKey
from ._tray import I3ConditionalModule, I3Module, I3Tray, traysegment


class Scalar(I3FrameObject):
    """A number or text in a frame."""

    def __init__(self, value=0):
        self.value = self.kind(value)

    def __eq__(self, other):
        return isinstance(other, Scalar) and self.value == other.value

    __hash__ = None

    def _plain(self):
        return self.value


class I3Int(Scalar):
    kind = int


class I3Bool(Scalar):
    kind = bool

    def __bool__(self):
        return self.value


class I3Units:
    """Numbers of the public icetray's I3Units.h."""

    m = meter = 1.0
    cm = centimeter = 0.01
    km = kilometer = 1000.0
    ns = nanosecond = 1.0
    s = second = 1e9
    microsecond = 1e3
    ms = millisecond = 1e6
    hertz = 1.0 / 1e9
    kilohertz = 1e3 * hertz
    GeV = 1.0
    TeV = 1e3
    PeV = 1e6
    rad = radian = 1.0
    deg = degree = _math.pi / 180.0


def load(_library, _verbose=True):
    """Do nothing, because importing a project loads it."""
