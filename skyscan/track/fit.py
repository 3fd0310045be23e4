"""Fit tracks of given directions to an event's hits.

The likelihood has many minima: the time of a bright DOM's first photon is certain to a few ns,
and each such DOM puts a wall into the parameter space. A fit therefore starts from several
points, descends from each with a quick ice model, drops the worse ones on the way, and finishes
with the exact ice model.
"""

from __future__ import annotations

from math import pi
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.track.simplex import Search

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.light.ice import Ice
    from skyscan.track.model import TrackModel

    Array = NDArray[np.float64]

#: Starting points of a fit without a first guess: the charge centre, and rings around it
#: across the track with radius (m) and number of points. Each has the best of several times,
#: which are quantiles of the emission times of the hits' light.
WIDE_RINGS = ((0.0, 1), (60.0, 6), (150.0, 8))
TIME_LEVELS = (0.05, 0.15, 0.35)

#: How many of these points a descent starts from, without and with a first guess.
N_WITHOUT_GUESS = 10
N_BESIDE_GUESS = 3

#: Further starting points around a first guess.
NEAR_RINGS = ((0.0, 1), (30.0, 4))


class Descent(NamedTuple):
    """One stage of the minimisation: how to search (m, m, ns), and how many points to keep."""

    search: Search
    n_kept: int = 1


#: Stages with the quick ice model: descend from all points, follow the best, find the minimum.
DESCENTS = (
    Descent(Search((15.0, 15.0, 30.0), 0.5, 25), n_kept=4),
    Descent(Search((8.0, 8.0, 16.0), 0.5, 60)),
    Descent(Search((4.0, 4.0, 8.0), 2e-2, 80)),
)
#: The last stage, with the exact ice model.
SETTLE = Descent(Search((1.0, 1.0, 2.0), 5e-3, 300))

#: Where a first guess is close: the starting points around it, and the stages with the quick
#: ice model.
CLOSE_RINGS = ((0.0, 1), (15.0, 4))
CLOSE_DESCENTS = (
    Descent(Search((8.0, 8.0, 16.0), 0.5, 25), n_kept=3),
    Descent(Search((4.0, 4.0, 8.0), 0.1, 50)),
)


class TrackFits(NamedTuple):
    """Best tracks of n directions: llh (n,), vertex (n, 3) in m, time (n,) in ns."""

    llh: Array
    vertex: Array
    time: Array


def fit_from_nothing(model: TrackModel, ice: Ice, quick_ice: Ice) -> TrackFits:
    """Fit a track of each of the model's directions, without a first guess.

    Parameters
    ----------
    model : TrackModel
        n directions.
    ice, quick_ice : Ice
        The exact ice model, and a quicker approximation.
    """
    return _best(model, _wide_guesses(model, quick_ice, N_WITHOUT_GUESS), ice, quick_ice)


def fit_from_guess(
    model: TrackModel, vertex: Array, time: Array, ice: Ice, quick_ice: Ice
) -> TrackFits:
    """Fit a track of each of the model's directions from a first guess.

    Parameters
    ----------
    model : TrackModel
        n directions.
    vertex : ndarray, shape (n, 3), m
        A point on a track of nearly the same direction.
    time : ndarray, shape (n,), ns
        The time at which the particle is at the vertex.
    ice, quick_ice : Ice
        As for `fit_from_nothing`.
    """
    near = _points_around(model.points_of(vertex, time), NEAR_RINGS)
    wide = _wide_guesses(model, quick_ice, N_BESIDE_GUESS)
    return _best(model, np.concatenate([near, wide], axis=1), ice, quick_ice)


def fit_near_guess(
    model: TrackModel, vertex: Array, time: Array, ice: Ice, quick_ice: Ice
) -> TrackFits:
    """Fit a track of each of the model's directions near a first guess, and nowhere else.

    This takes 60 % of the time of `fit_from_guess`, whose parameters it has.
    """
    near = _points_around(model.points_of(vertex, time), CLOSE_RINGS)
    return _best(model, near, ice, quick_ice, CLOSE_DESCENTS)


def _points_around(guess: Array, rings: Sequence[tuple[float, int]]) -> Array:
    """Return points around guesses of shape (n, 3): shape (n, number of points, 3)."""
    return np.stack([guess + np.array([*place, 0.0]) for place in places_on(rings)], axis=1)


def places_on(rings: Sequence[tuple[float, int]]) -> list[tuple[float, float]]:
    """Return points on rings, m."""
    places = []
    for radius, n in rings:
        angles = 2 * pi * np.arange(n) / n
        places += [(float(radius * np.cos(a)), float(radius * np.sin(a))) for a in angles]
    return places


def _wide_guesses(model: TrackModel, ice: Ice, n_best: int) -> Array:
    """Return the best points around the charge centre, shape (n, n_best, 3)."""
    rows = np.arange(len(model))
    points, values = [], []
    for place in places_on(WIDE_RINGS):
        across = np.broadcast_to(place, (len(model), 2))
        times = model.arrival_quantiles(place, TIME_LEVELS)
        tried = np.stack([np.column_stack([across, time]) for time in times.T], axis=1)
        llh = _llh_of_all(model, tried, ice)
        best = np.argmin(llh, axis=-1)
        points.append(tried[rows, best])
        values.append(llh[rows, best])
    best_points, _ = _smallest(np.stack(points, axis=1), np.stack(values, axis=-1), n_best)
    return best_points


def _llh_of_all(model: TrackModel, points: Array, ice: Ice) -> Array:
    """Return -ln L of k points for each direction: (n, k, 3) to (n, k)."""
    n, k = points.shape[:2]
    owner = np.repeat(np.arange(n), k)
    return model.llh(owner, points.reshape(n * k, 3), ice).reshape(n, k)


def _best(
    model: TrackModel,
    starts: Array,
    ice: Ice,
    quick_ice: Ice,
    descents: tuple[Descent, ...] = DESCENTS,
) -> TrackFits:
    """Minimise from k starts for each direction, shape (n, k, 3); refine the best."""
    for how in descents:
        starts, _ = _descend(model, starts, quick_ice, how)
    points, values = _descend(model, starts, ice, SETTLE)
    best = points[:, 0]
    return TrackFits(values[:, 0], model.vertices_of(best), best[:, 2])


def _descend(model: TrackModel, starts: Array, ice: Ice, how: Descent) -> tuple[Array, Array]:
    """Minimise from starts of shape (n, k, 3).

    Returns
    -------
    points : ndarray, shape (n, how.n_kept, 3)
        The best, in order.
    values : ndarray, shape (n, how.n_kept)
    """
    n, k = starts.shape[:2]
    owner = np.repeat(np.arange(n), k)
    found = model.minima(owner, starts.reshape(n * k, 3), how.search, ice)
    return _smallest(found.point.reshape(n, k, 3), found.value.reshape(n, k), how.n_kept)


def _smallest(points: Array, values: Array, n_kept: int) -> tuple[Array, Array]:
    """Return the points, shape (n, k, 3), with the smallest values, and these, shape (n, k)."""
    order = np.argsort(values, axis=-1, kind="stable")[:, :n_kept]
    kept = np.take_along_axis(points, order[..., None], axis=1)
    return kept, np.take_along_axis(values, order, axis=-1)
