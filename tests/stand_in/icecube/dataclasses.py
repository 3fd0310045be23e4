"""Classes of frame objects, by the public icetray's dataclasses."""

import enum as _enum
import math as _math

from skyscan.events.daqtime import DaqTime as _DaqTime
from skyscan.events.daqtime import daq_time_of as _daq_time_of

from ._frame import I3FrameObject as _I3FrameObject
from ._particle import I3Particle, I3VectorI3Particle
from ._pulses import (
    I3RecoPulse,
    I3RecoPulseSeries,
    I3RecoPulseSeriesMap,
    I3RecoPulseSeriesMapMask,
    I3TimeWindow,
    I3TimeWindowSeries,
    I3TimeWindowSeriesMap,
    I3VectorOMKey,
)
from ._pulses import OMKeyMap as _OMKeyMap
from ._vectors import I3Direction, I3Position
from .icetray import Scalar as _Scalar

vector_I3RecoPulse = I3RecoPulseSeries


class I3Constants:
    """Numbers of the public icetray's I3Constants.h."""

    c = 299792458.0 / 1e9
    n_ice_phase = 1.3195
    n_ice_group = 1.35634
    theta_cherenkov = _math.acos(1 / n_ice_phase)
    pi = _math.pi


class I3Double(_Scalar):
    kind = float


class I3String(_Scalar):
    kind = str


class I3Time(_I3FrameObject):
    """A time in UTC: ``I3Time(year, tenths of ns)`` or ``I3Time(mjd)``."""

    __slots__ = ("_time",)

    def __init__(self, *values):
        if len(values) == 1 and isinstance(values[0], I3Time):
            self._time = values[0]._time
        elif len(values) == 1:
            self._time = _daq_time_of(*values)
        else:
            self._time = _DaqTime(*(values or (1, 0)))

    utc_year = property(lambda self: self._time.year)
    utc_daq_time = property(lambda self: self._time.ticks)
    mod_julian_day_double = property(lambda self: self._time.mjd)

    def __eq__(self, other):
        return isinstance(other, I3Time) and self._time == other._time

    __hash__ = None

    def _plain(self):
        return [self.utc_year, self.utc_daq_time]


class I3EventHeader(_I3FrameObject):
    __slots__ = (
        *("end_time", "event_id", "run_id", "start_time", "state"),
        *("sub_event_id", "sub_event_stream", "sub_run_id"),
    )

    def __init__(self, other=None):
        self.run_id = self.sub_run_id = self.event_id = self.sub_event_id = 0
        self.sub_event_stream, self.state = "", 0
        self.start_time = self.end_time = I3Time()
        for name in I3EventHeader.__slots__ if other is not None else ():
            setattr(self, name, getattr(other, name))

    def __eq__(self, other):
        return isinstance(other, I3EventHeader) and self._plain() == other._plain()

    __hash__ = None

    def _plain(self):
        return {name: getattr(self, name) for name in I3EventHeader.__slots__}


class OMType(_enum.IntEnum):
    UnknownType = 0
    AMANDA = 10
    IceCube = 20
    IceTop = 30
    Scintillator = 40
    IceAct = 50
    PDOM = 110
    DEgg = 120
    mDOM = 130


class I3OMGeo:
    OMType = OMType
    UnknownType, IceCube, IceTop = OMType.UnknownType, OMType.IceCube, OMType.IceTop

    __slots__ = ("area", "omtype", "position")

    def __init__(self):
        self.position, self.omtype, self.area = I3Position(), OMType.UnknownType, _math.nan

    def _plain(self):
        return [*self.position._plain(), self.omtype.name]


class I3OMGeoMap(_OMKeyMap):
    pass


class I3Geometry(_I3FrameObject):
    """The positions of the DOMs.

    ``intersections`` is not icetray's: VHESelfVeto returns it for every track.
    """

    __slots__ = ("end_time", "intersections", "omgeo", "start_time")

    def __init__(self):
        self.omgeo, self.intersections = I3OMGeoMap(), []
        self.start_time = self.end_time = I3Time()

    def _plain(self):
        return self.omgeo


class I3Calibration(_I3FrameObject):
    __slots__ = ("dom_cal",)

    def __init__(self):
        self.dom_cal = {}

    def _plain(self):
        return {}


class I3DetectorStatus(_I3FrameObject):
    __slots__ = ("dom_status",)

    def __init__(self):
        self.dom_status = {}

    def _plain(self):
        return {}


def mean_spe_charge(_calibration):
    """Return a plausible number."""
    return 1.0
