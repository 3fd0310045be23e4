"""I3Position and I3Direction, by the formulas of the public icetray's dataclasses."""

from __future__ import annotations

import math

from ._frame import I3FrameObject

TWO_PI = 2 * math.pi


def same(a, b):
    """Compare like icetray: NaN equals NaN."""
    return a == b or (math.isnan(a) and math.isnan(b))


def rotated(first, second, angle):
    sine, cosine = math.sin(angle), math.cos(angle)
    return cosine * first - sine * second, sine * first + cosine * second


class I3Position(I3FrameObject):
    __slots__ = ("x", "y", "z")

    def __init__(self, *values):
        if not values:
            values = (math.nan,) * 3
        if len(values) == 1 and isinstance(values[0], I3Position | I3Direction):
            values = values[0].x, values[0].y, values[0].z
        self.x, self.y, self.z = map(float, values)

    @property
    def mag2(self):
        return self * self

    @property
    def magnitude(self):
        return math.sqrt(self.mag2)

    r = magnitude

    @property
    def theta(self):
        return math.acos(self.z / self.r) if self.r else 0.0

    @property
    def phi(self):
        phi = math.atan2(self.y, self.x)
        return phi + TWO_PI if phi < 0 else phi

    @property
    def rho(self):
        return self.r * math.sin(self.theta)

    def rotate_x(self, angle):
        self.y, self.z = rotated(self.y, self.z, angle)

    def rotate_y(self, angle):
        self.z, self.x = rotated(self.z, self.x, angle)

    def rotate_z(self, angle):
        self.x, self.y = rotated(self.x, self.y, angle)

    def cross(self, other):
        return I3Position(
            self.y * other.z - self.z * other.y,
            self.z * other.x - self.x * other.z,
            self.x * other.y - self.y * other.x,
        )

    def __neg__(self):
        return I3Position(-self.x, -self.y, -self.z)

    def __add__(self, other):
        return I3Position(self.x + other.x, self.y + other.y, self.z + other.z)

    def __sub__(self, other):
        return I3Position(self.x - other.x, self.y - other.y, self.z - other.z)

    def __mul__(self, other):
        if isinstance(other, I3Position | I3Direction):
            return self.x * other.x + self.y * other.y + self.z * other.z
        return I3Position(self.x * other, self.y * other, self.z * other)

    def __rmul__(self, factor):
        return self * factor

    def __truediv__(self, divisor):
        return I3Position(self.x / divisor, self.y / divisor, self.z / divisor)

    def __abs__(self):
        return self.magnitude

    def __eq__(self, other):
        return isinstance(other, I3Position) and all(map(same, self, other))

    __hash__ = None

    def __len__(self):
        return 3

    def __getitem__(self, index):
        return (self.x, self.y, self.z)[index]

    def __repr__(self):
        return f"I3Position({self.x},{self.y},{self.z})"

    def _plain(self):
        return [self.x, self.y, self.z]


class I3Direction(I3FrameObject):
    """Direction of travel (x, y, z, theta, phi); zenith and azimuth are of its origin."""

    __slots__ = ("_azimuth", "_zenith")

    def __init__(self, *values):
        if len(values) == 1:
            values = values[0].x, values[0].y, values[0].z
        if len(values) == 3:
            values = self._angles(*values)
        self._zenith, self._azimuth = map(float, values or (math.nan, math.nan))

    @staticmethod
    def _angles(x, y, z):
        r = math.sqrt(x * x + y * y + z * z)
        theta = math.acos(z / r) if r else 0.0
        phi = math.atan2(y, x)
        return math.pi - theta, math.fmod((phi + TWO_PI if phi < 0 else phi) + math.pi, TWO_PI)

    zenith = property(lambda self: self._zenith)
    azimuth = property(lambda self: self._azimuth)
    theta = property(lambda self: math.pi - self._zenith)
    z = property(lambda self: math.cos(self.theta))

    @property
    def phi(self):
        phi = math.pi + self._azimuth
        return phi - TWO_PI if phi >= TWO_PI else phi

    @property
    def x(self):
        return math.sin(self.theta) * math.cos(self._azimuth - math.pi)

    @property
    def y(self):
        return math.sin(self.theta) * math.sin(self._azimuth - math.pi)

    def set_theta_phi(self, theta, phi):
        self._zenith = math.pi - theta
        self._azimuth = math.fmod(math.pi + phi, TWO_PI)

    def angle(self, other):
        return math.acos(self * other)

    def __neg__(self):
        azimuth = self._azimuth + math.pi
        return I3Direction(math.pi - self._zenith, math.fmod(azimuth, TWO_PI))

    def __mul__(self, other):
        if isinstance(other, I3Position | I3Direction):
            return self.x * other.x + self.y * other.y + self.z * other.z
        return I3Position(self.x * other, self.y * other, self.z * other)

    __rmul__ = __mul__

    def __eq__(self, other):
        return (
            isinstance(other, I3Direction)
            and same(self._zenith, other._zenith)
            and same(self._azimuth, other._azimuth)
        )

    __hash__ = None

    def __repr__(self):
        return f"I3Direction({self._zenith},{self._azimuth})"

    def _plain(self):
        return {"zenith": self._zenith, "azimuth": self._azimuth}
