"""Fit tracks of given directions, and the losses along them, to an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.track.fit import fit_from_nothing, fit_near_guess
from skyscan.track.simplex import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.losses.model import LossModel

    Array = NDArray[np.float64]

#: Without a first guess, descents start from the fit of a track without losses and from points
#: around it (m, m, ns), of which the best are followed.
AROUND = ((0.0, 0.0), (30.0, 0.0), (-30.0, 0.0), (0.0, 30.0), (0.0, -30.0))
N_FOLLOWED = 2

DESCENT = Search((8.0, 8.0, 15.0), 0.1, 25)
#: Without a first guess, the best one goes on.
SECOND_DESCENT = Search((4.0, 4.0, 8.0), 0.1, 30)


class LossFits(NamedTuple):
    """Best tracks of n directions.

    ``llh`` (n,); ``points`` (n, 3), the parameters in m, m, ns; ``energies_gev``, those of the
    segments of each.
    """

    llh: Array
    points: Array
    energies_gev: list[Array]


def fit_losses(model: LossModel, guess: Array | None = None) -> LossFits:
    """Fit a track of each of the model's directions, and its losses.

    Parameters
    ----------
    model : LossModel
    guess : ndarray, shape (n, 3), m, m, ns, optional
        Parameters of a track of nearly the same direction.
    """
    points = _from_nothing(model) if guess is None else _from_guess(model, guess)
    found = model.losses(np.arange(len(model)), points, model.lights)
    return LossFits(found.llh, points, found.energies_gev)


def _from_nothing(model: LossModel) -> Array:
    ices = model.lights.muon.layered, model.quick_lights.muon.layered
    track = fit_from_nothing(model.tracks, *ices)
    best = model.tracks.points_of(track.vertex, track.time)
    starts = np.stack([best + np.array([*place, 0.0]) for place in AROUND], axis=1)
    starts = _smallest(starts, _values(model, starts), N_FOLLOWED)
    starts = _descend(model, starts, DESCENT)
    return _descend(model, starts, SECOND_DESCENT)[:, 0]


def _from_guess(model: LossModel, guess: Array) -> Array:
    ices = model.lights.muon.layered, model.quick_lights.muon.layered
    vertex, time = model.tracks.vertices_of(guess), guess[:, 2]
    track = fit_near_guess(model.tracks, vertex, time, *ices)
    near = model.tracks.points_of(track.vertex, track.time)
    starts = np.stack([guess, near], axis=1)
    return _descend(model, _smallest(starts, _values(model, starts), 1), DESCENT)[:, 0]


def _values(model: LossModel, points: Array) -> Array:
    """Return -ln L of k points for each direction: (n, k, 3) to (n, k)."""
    n, k = points.shape[:2]
    rows = np.repeat(np.arange(n), k)
    return model.losses(rows, points.reshape(n * k, 3), model.quick_lights).llh.reshape(n, k)


def _descend(model: LossModel, starts: Array, search: Search) -> Array:
    """Minimise from starts of shape (n, k, 3); return the best, shape (n, 1, 3)."""
    n, k = starts.shape[:2]
    found = model.minima(np.repeat(np.arange(n), k), starts.reshape(n * k, 3), search)
    return _smallest(found.point.reshape(n, k, 3), found.value.reshape(n, k), 1)


def _smallest(points: Array, values: Array, n_kept: int) -> Array:
    order = np.argsort(values, axis=-1, kind="stable")[:, :n_kept]
    return np.take_along_axis(points, order[..., None], axis=1)
