"""Unscattered Cherenkov light of an infinite track: geometry in the track's own frame.

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
#: Time of the direct light grows by this over c for each metre away from the track.
DISTANCE_DELAY = N_GROUP / SIN_CHERENKOV - COS_CHERENKOV / SIN_CHERENKOV

#: Radius of a DOM (m): no DOM is nearer to a track.
DOM_RADIUS_M = 0.16


class Axes(NamedTuple):
    """Axes of track frames, each of shape (n, 3): unit vectors, IceCube coordinates.

    ``along`` is where the particle goes; ``first`` points down, as far as it can across
    the track, and ``second`` lies in the horizontal plane.
    """

    along: Array
    first: Array
    second: Array


class TrackFrames(NamedTuple):
    """DOMs in the frames of n tracks that share an origin, one frame a row.

    ``along``, ``first``, ``second`` (m, shape (n, ndom)) are the coordinates on `Axes`;
    ``along_z`` and ``first_z`` (shape (n, 1)) the z components of the axes, that of
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

    ``time`` (ns) is after the particle passed the vertex, ``distance`` (m) that from the
    DOM to the track, ``cos_eta`` the z component of the photon's direction.
    """

    time: Array
    distance: Array
    cos_eta: Array


def axes_of(zenith: Array, azimuth: Array) -> Axes:
    """Return the axes of tracks that come from a direction.

    Parameters
    ----------
    zenith, azimuth : ndarray, shape (n,), radians
        IceCube's local frame: where the particle comes from.
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
    # no matrix product: its sums depend on how many pixels share a batch
    in_plane = vectors[..., 0] * axis[..., 0] + vectors[..., 1] * axis[..., 1]
    return np.asarray(in_plane + vectors[..., 2] * axis[..., 2])


def frames_of(axes: Axes, places: Array) -> TrackFrames:
    """Return DOMs in the frames of tracks.

    Parameters
    ----------
    axes : Axes
        Of n tracks.
    places : ndarray, shape (ndom, 3), m
        DOMs, from the origin that the frames share.
    """
    along, first, second = (component(places, axis[:, None, :]) for axis in axes)
    return TrackFrames(along, first, second, axes.along[:, 2:], axes.first[:, 2:])


def direct_light(frames: TrackFrames, first: Array, second: Array) -> DirectLight:
    """Return the direct light of tracks through points of their transverse planes.

    Parameters
    ----------
    frames : TrackFrames
        Of n tracks.
    first, second : ndarray, shape (n, 1), m
        Where each track crosses its transverse plane through the origin.
    """
    across_first, across_second = frames.first - first, frames.second - second
    distance = np.sqrt(across_first * across_first + across_second * across_second)
    distance = np.maximum(distance, DOM_RADIUS_M)
    time = (frames.along + DISTANCE_DELAY * distance) / LIGHT_SPEED
    outward_z = across_first / distance * frames.first_z
    cos_eta = COS_CHERENKOV * frames.along_z + SIN_CHERENKOV * outward_z
    return DirectLight(time, distance, cos_eta)
