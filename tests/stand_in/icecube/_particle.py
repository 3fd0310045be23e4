"""I3Particle and its kinds, with the numbers of the public icetray's I3Particle.h."""

from __future__ import annotations

import enum
import math

from ._frame import I3FrameObject
from ._pulses import FrameList
from ._vectors import I3Direction, I3Position, same


class ParticleType(enum.IntEnum):
    unknown = 0
    Gamma = 22
    EPlus = -11
    EMinus = 11
    MuPlus = -13
    MuMinus = 13
    Pi0 = 111
    PiPlus = 211
    PiMinus = -211
    PPlus = 2212
    PMinus = -2212
    NuE = 12
    NuMu = 14
    NuTau = 16
    Brems = -2000001001
    DeltaE = -2000001002
    PairProd = -2000001003
    NuclInt = -2000001004
    Hadrons = -2000001006
    WeakInt = -2000001007


class ParticleShape(enum.IntEnum):
    Null = 0
    Primary = 10
    TopShower = 20
    Cascade = 30
    CascadeSegment = 31
    InfiniteTrack = 40
    StartingTrack = 50
    StoppingTrack = 60
    ContainedTrack = 70
    MCTrack = 80
    MCTrackSegment = 81
    MCTrackSegmentSlow = 82
    Dark = 90


class FitStatus(enum.IntEnum):
    NotSet = -1
    OK = 0
    GeneralFailure = 10
    InsufficientHits = 20
    FailedToConverge = 30
    MissingSeed = 40
    InsufficientQuality = 50


class LocationType(enum.IntEnum):
    Anywhere = 0
    IceTop = 10
    InIce = 20
    InActiveVolume = 30


CASCADE_SHAPES = (ParticleShape.Cascade, ParticleShape.CascadeSegment)
CASCADE_TYPES = tuple(
    ParticleType[name]
    for name in (
        *("EPlus", "EMinus", "Brems", "DeltaE", "PairProd", "NuclInt"),
        *("Hadrons", "Pi0", "PiPlus", "PiMinus", "WeakInt"),
    )
)
CASCADES_UNLESS_PRIMARY = (ParticleType.PPlus, ParticleType.PMinus, ParticleType.Gamma)


class I3Particle(I3FrameObject):
    """A track or cascade, made from (shape, type) or (pos, dir, time, shape, length)."""

    ParticleType = ParticleType
    ParticleShape = ParticleShape
    FitStatus = FitStatus
    LocationType = LocationType

    __slots__ = (
        *("_dir", "_pos", "energy", "fit_status", "length"),
        *("location_type", "shape", "speed", "time", "type"),
    )

    def __init__(self, *values):
        self._pos, self._dir = I3Position(), I3Direction()
        self.time = self.energy = self.length = math.nan
        self.speed = 0.299792458
        self.shape, self.type = ParticleShape.Null, ParticleType.unknown
        self.fit_status, self.location_type = FitStatus.NotSet, LocationType.Anywhere
        if len(values) == 1 and isinstance(values[0], I3Particle):
            for name in I3Particle.__slots__:
                setattr(self, name, getattr(values[0], name))
            self.pos, self.dir = self._pos, self._dir
        elif values and isinstance(values[0], ParticleShape):
            self.shape, self.type = (*values, self.type)[:2]
        elif values:
            names = ("pos", "dir", "time", "shape", "length")
            for name, value in zip(names, values, strict=False):
                setattr(self, name, value)

    # The particle keeps its own copy of an assigned object.
    pos = property(
        lambda self: self._pos, lambda self, pos: setattr(self, "_pos", I3Position(pos))
    )
    dir = property(
        lambda self: self._dir,
        lambda self, dir_: setattr(self, "_dir", I3Direction(dir_.zenith, dir_.azimuth)),
    )

    @property
    def is_cascade(self):
        return (
            self.shape in CASCADE_SHAPES
            or self.type in CASCADE_TYPES
            or (self.shape != ParticleShape.Primary and self.type in CASCADES_UNLESS_PRIMARY)
        )

    def __eq__(self, other):
        return (
            isinstance(other, I3Particle)
            and (self.pos, self.dir) == (other.pos, other.dir)
            and all(
                same(getattr(self, name), getattr(other, name))
                for name in I3Particle.__slots__[2:]
            )
        )

    __hash__ = None

    def _plain(self):
        numbers = {name: getattr(self, name) for name in ("time", "energy", "length", "speed")}
        kinds = {
            name: getattr(self, name).name
            for name in ("shape", "type", "fit_status", "location_type")
        }
        return {"pos": self.pos._plain(), "dir": self.dir._plain(), **numbers, **kinds}


for _kind in (ParticleType, ParticleShape, FitStatus, LocationType):
    for _member in _kind:
        setattr(I3Particle, _member.name, _member)


class I3VectorI3Particle(FrameList):
    pass
