"""Unscattered Cherenkov light of an infinite track, in the frame of the track.

Sources: the ``rpdf`` documentation of icetray, which corrects Ahrens et al., NIM A 524
(2004) 169, for the difference of phase and group velocity.
"""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LIGHT_SPEED = 0.299792458  #: m/ns
N_PHASE = 1.3195
N_GROUP = 1.35634

COS_CHERENKOV = 1 / N_PHASE
SIN_CHERENKOV = sqrt(1 - COS_CHERENKOV**2)
#: The direct light takes this over c longer for each metre away from the track.
DISTANCE_DELAY = N_GROUP / SIN_CHERENKOV - COS_CHERENKOV / SIN_CHERENKOV

#: Radius of a DOM (m): no DOM is nearer to a track.
DOM_RADIUS_M = 0.16


class Axes(NamedTuple):
    """Axes of track frames, each of shape (n, 3): unit vectors, IceCube coordinates.

    ``along`` is the direction of travel. ``first`` and ``second`` are across the track:
    ``first`` points downwards, and ``second`` is horizontal.
    """

    along: Array
    first: Array
    second: Array


class TrackFrames(NamedTuple):
    """DOMs in the frames of n tracks that share an origin, one frame per row.

    ``along``, ``first``, ``second`` (m, shape (n, ndom)) are the coordinates along `Axes`.
    ``along_z`` and ``first_z`` (shape (n, 1)) are the z components of the axes; that of
    ``second`` is zero.
    """

    along: Array
    first: Array
    second: Array
    along_z: Array
    first_z: Array

    def rows(self, index: NDArray[np.intp]) -> TrackFrames:
        """Return the frames of some tracks, in the order of ``index``."""
        return TrackFrames(*(values[index] for values in self))


class DirectLight(NamedTuple):
    """Unscattered light at the DOMs, each of shape (n, ndom).

    ``time`` (ns) is measured from the particle's passage of the vertex, ``distance`` (m) from
    the track to the DOM; ``cos_eta`` is the z component of the photon's direction.
    """

    time: Array
    distance: Array
    cos_eta: Array


def axes_of(zenith: Array, azimuth: Array) -> Axes:
    """Return the axes of tracks that come from a direction.

    Parameters
    ----------
    zenith, azimuth : ndarray, shape (n,), radians
        The direction that the particle comes from, IceCube's local frame.
    """
    sin_zenith, cos_zenith = np.sin(zenith), np.cos(zenith)
    sin_azimuth, cos_azimuth = np.sin(azimuth), np.cos(azimuth)
    horizontal = np.zeros_like(sin_zenith)
    source = (sin_zenith * cos_azimuth, sin_zenith * sin_azimuth, cos_zenith)
    first = (cos_zenith * cos_azimuth, cos_zenith * sin_azimuth, -sin_zenith)
    second = (-sin_azimuth, cos_azimuth, horizontal)
    return Axes(-np.stack(source, axis=-1), np.stack(first, axis=-1), np.stack(second, axis=-1))


def component(vectors: Array, axis: Array) -> Array:
    """Return the components of vectors along an axis, summed in one fixed order.

    Parameters
    ----------
    vectors, axis : ndarray, shapes (..., 3), broadcast

    Returns
    -------
    ndarray, shape (...)
    """
    # not a matrix product, whose sums depend on the number of pixels in a batch
    in_plane = vectors[..., 0] * axis[..., 0] + vectors[..., 1] * axis[..., 1]
    return np.asarray(in_plane + vectors[..., 2] * axis[..., 2])


def frames_of(axes: Axes, places: Array) -> TrackFrames:
    """Return DOMs in the frames of tracks.

    Parameters
    ----------
    axes : Axes
        The axes of n tracks.
    places : ndarray, shape (ndom, 3), m
        The DOMs, relative to the origin of the frames.
    """
    along, first, second = (component(places, axis[:, None, :]) for axis in axes)
    return TrackFrames(along, first, second, axes.along[:, 2:], axes.first[:, 2:])


def direct_light(frames: TrackFrames, first: Array, second: Array) -> DirectLight:
    """Return the direct light of tracks through points of their transverse planes.

    Parameters
    ----------
    frames : TrackFrames
        The frames of n tracks.
    first, second : ndarray, shape (n, 1), m
        The point at which each track crosses its transverse plane through the origin.
    """
    outward, across = frames.first - first, frames.second - second
    distance = outward * outward
    across *= across
    distance += across
    np.sqrt(distance, out=distance)
    np.maximum(distance, DOM_RADIUS_M, out=distance)
    time = DISTANCE_DELAY * distance
    time += frames.along
    time /= LIGHT_SPEED
    outward /= distance
    outward *= frames.first_z
    outward *= SIN_CHERENKOV
    outward += COS_CHERENKOV * frames.along_z
    return DirectLight(time, distance, cos_eta=outward)
