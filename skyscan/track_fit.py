"""Fit a track of given direction to an event's hits: where and when it passed.

Free are the two coordinates across the track and the time. The vertex is the point of the
track nearest to the charge centre, and its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import (
    LIGHT_SPEED,
    Axes,
    axes_of,
    component,
    direct_light,
    frames_of,
)
from skyscan.light.first_photon import minus_log_likelihood
from skyscan.simplex import minimise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.light.ice import Ice

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Rings of first guesses around the charge centre: radius (m), number of points.
RINGS = ((60.0, 6), (150.0, 8))
#: Times of the first guesses: quantiles of the hits' residuals.
TIME_QUANTILES = (0.05, 0.15, 0.35)
#: How many of the first guesses are fitted.
N_FITTED = 3

#: Edges of the first simplex: m, m, ns.
STEP = np.array([15.0, 15.0, 30.0])
TOLERANCE = 2e-3  #: in llh
MAX_EVALUATIONS = 300


class TrackFits(NamedTuple):
    """Best tracks of n directions: llh (n,), vertex (n, 3) in m, time (n,) in ns."""

    llh: Array
    vertex: Array
    time: Array


@dataclass(frozen=True)
class TrackFitter:
    """Everything about an event that its track fits share.

    Attributes
    ----------
    hits : ndarray, shape (ndom,), dtype HIT_DTYPE
    centre : ndarray, shape (3,), m
        The charge centre.
    ice : Ice
    """

    hits: NDArray[np.void]
    centre: Array
    ice: Ice

    def search(self, zenith: Array, azimuth: Array) -> TrackFits:
        """Fit without a first guess: from the best of many around the charge centre.

        Parameters
        ----------
        zenith, azimuth : ndarray, shape (n,), radians
            Where the particle comes from, IceCube's local frame.
        """
        model = _Model(self, axes_of(zenith, azimuth))
        guesses = best_guesses(model)
        n, n_guesses = guesses.shape[:2]
        owner = np.repeat(np.arange(n), n_guesses)
        found = minimise(
            lambda rows, points: model.llh(owner[rows], points),
            guesses.reshape(n * n_guesses, 3),
            STEP,
            tolerance=TOLERANCE,
            max_evaluations=MAX_EVALUATIONS,
        )
        values = found.value.reshape(n, n_guesses)
        best = np.argmin(values, axis=-1)
        points = found.point.reshape(n, n_guesses, 3)
        return model.fits(values[np.arange(n), best], points[np.arange(n), best])

    def refine(self, zenith: Array, azimuth: Array, vertex: Array, time: Array) -> TrackFits:
        """Fit from a vertex that is nearly right.

        Parameters
        ----------
        zenith, azimuth : ndarray, shape (n,), radians
        vertex : ndarray, shape (n, 3), m
            A point on a track of nearly the same direction.
        time : ndarray, shape (n,), ns
            When the particle was there.
        """
        model = _Model(self, axes_of(zenith, azimuth))
        found = minimise(
            model.llh,
            model.parameters(vertex, time),
            STEP,
            tolerance=TOLERANCE,
            max_evaluations=MAX_EVALUATIONS,
        )
        return model.fits(found.value, found.point)


class _Model:
    """The likelihood of an event under tracks of given directions.

    A point in its parameter space has the coordinates across the track of where it
    crosses the transverse plane through the charge centre (m), and the time there (ns).
    """

    def __init__(self, fitter: TrackFitter, axes: Axes) -> None:
        hits = fitter.hits
        self._places = np.stack([hits["x"], hits["y"], hits["z"]], axis=-1)
        self._dom_z = self._places[:, 2].copy()
        self._times = hits["time"].copy()
        self._photons = fitter.ice.n_photons(hits["charge"])
        self._ice = fitter.ice
        self._centre = fitter.centre
        self._axes = axes
        self._frames = frames_of(axes, self._places - fitter.centre)
        self.n = len(axes.along)

    def llh(self, rows: Rows, points: Array) -> Array:
        """Return -ln L of directions ``rows`` at points of shape (m, 3)."""
        light = direct_light(self._frames.rows(rows), points[:, :1], points[:, 1:2])
        residual = self._times - points[:, 2:] - light.time
        return minus_log_likelihood(residual, light, self._dom_z, self._photons, self._ice)

    def early_times(self, first: float, second: float) -> Array:
        """Return times at a point across each track that make few hits too early.

        Returns
        -------
        ndarray, shape (n, len(TIME_QUANTILES)), ns
        """
        across = np.full((self.n, 1), first), np.full((self.n, 1), second)
        arrival = np.sort(self._times - direct_light(self._frames, *across).time, axis=-1)
        index = [round(q * (len(self._times) - 1)) for q in TIME_QUANTILES]
        return np.asarray(arrival[:, index])

    def parameters(self, vertex: Array, time: Array) -> Array:
        """Return the points in parameter space, shape (n, 3), of tracks through vertices."""
        along, first, second = (component(vertex - self._centre, axis) for axis in self._axes)
        return np.stack([first, second, time - along / LIGHT_SPEED], axis=-1)

    def fits(self, llh: Array, points: Array) -> TrackFits:
        """Return the fits that points in parameter space, shape (n, 3), stand for."""
        across = points[:, :1] * self._axes.first + points[:, 1:2] * self._axes.second
        return TrackFits(llh, self._centre + across, points[:, 2])


def best_guesses(model: _Model) -> Array:
    """Return the N_FITTED best points to start from, shape (n, N_FITTED, 3)."""
    rows = np.arange(model.n)
    points, values = [], []
    for first, second in guessed_places():
        across = np.broadcast_to([first, second], (model.n, 2))
        times = model.early_times(first, second)
        tried = [np.column_stack([across, time]) for time in times.T]
        llh = np.stack([model.llh(rows, point) for point in tried], axis=-1)
        best = np.argmin(llh, axis=-1)
        points.append(np.stack(tried, axis=1)[rows, best])
        values.append(llh[rows, best])
    order = np.argsort(np.stack(values, axis=-1), axis=-1, kind="stable")[:, :N_FITTED]
    return np.take_along_axis(np.stack(points, axis=1), order[..., None], axis=1)


def guessed_places() -> list[tuple[float, float]]:
    """Return where to look across a track, m from the charge centre: itself and rings."""
    places = [(0.0, 0.0)]
    for radius, n in RINGS:
        angles = 2 * pi * np.arange(n) / n
        places += zip(radius * np.cos(angles), radius * np.sin(angles), strict=True)
    return places
