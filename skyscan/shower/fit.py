"""Fit one shower of each of given directions to an event."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import LIGHT_SPEED
from skyscan.light.yields import profile_length
from skyscan.track.simplex import Search

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.shower.model import ShowerModel

    Array = NDArray[np.float64]

#: Distances (m) along the direction of travel from the charge centre and from the brightest DOM
#: at which descents start, and levels of `ShowerModel.time_quantiles` that are tried there.
ALONG_M = (-40.0, 0.0, 40.0)
TIME_LEVELS = (0.02, 0.1, 0.25)

#: Number of these points from which descents start, without and beside a first guess.
N_WITHOUT_GUESS = 4
N_BESIDE_GUESS = 1


class Descent(NamedTuple):
    """A stage of the search: how (m, ns), and how many points to keep."""

    search: Search
    n_kept: int = 1
    is_exact: bool = False
    of_first_pulses: bool = False


DESCENTS = (
    Descent(Search((12.0, 12.0, 12.0, 40.0), 0.5, 40), n_kept=2, of_first_pulses=True),
    Descent(Search((6.0, 6.0, 6.0, 20.0), 0.1, 80)),
    Descent(Search((3.0, 3.0, 3.0, 10.0), 2e-3, 250), is_exact=True),
)


class ShowerFits(NamedTuple):
    """Best showers of n directions.

    ``llh`` (n,); ``vertex`` (n, 3) in m, where the shower begins; ``time`` (n,) there, ns;
    ``energy_gev`` (n,); ``evaluations`` (n,).
    """

    llh: Array
    vertex: Array
    time: Array
    energy_gev: Array
    evaluations: NDArray[np.intp]


def fit_showers(model: ShowerModel, guess: Array | None = None) -> ShowerFits:
    """Fit a shower of each of the model's directions.

    Parameters
    ----------
    model : ShowerModel
    guess : ndarray, shape (n, 4), m, m, m, ns, optional
        Centre of light and time of a shower of nearly the same direction.
    """
    n_wide = N_WITHOUT_GUESS if guess is None else N_BESIDE_GUESS
    starts, used = _wide_guesses(model.of_first_pulses, n_wide)
    if guess is not None:
        starts = np.concatenate([guess[:, None, :], starts], axis=1)
    for how in DESCENTS:
        fitted = model.of_first_pulses if how.of_first_pulses else model
        starts, values, more = _descend(fitted, starts, how)
        used = used + more
    points = starts[:, 0]
    energy = model.showers(np.arange(len(model)), points, model.light).energy_gev
    length = profile_length(energy)
    vertex = points[:, :3] - length[:, None] * model.travels
    return ShowerFits(values[:, 0], vertex, points[:, 3] - length / LIGHT_SPEED, energy, used)


def centres_of(vertex: Array, time: Array, energy_gev: Array, travels: Array) -> Array:
    """Return centre of light and its time, (n, 4), of showers that begin at vertices."""
    length = profile_length(energy_gev)
    centre = vertex + length[:, None] * travels
    return np.column_stack([centre, time + length / LIGHT_SPEED])


def _wide_guesses(model: ShowerModel, n_best: int) -> tuple[Array, NDArray[np.intp]]:
    """Return the best points around the hits, shape (n, n_best, 4), and evaluations (n,)."""
    hits = model.doms[np.isfinite(model.doms["time"])]
    places = np.stack([hits[name] for name in "xyz"], axis=-1)
    total = hits["charge"].sum()
    centre = (hits["charge"][:, None] * places).sum(axis=0) / total
    points, values = [], []
    for place in (centre, places[np.argmax(hits["charge"])]):
        for along in ALONG_M:
            where = place + along * model.travels
            times = model.time_quantiles(place, TIME_LEVELS)
            tried = np.stack(
                [np.column_stack([where, np.full(len(model), time)]) for time in times], axis=1
            )
            llh = _llh_of_all(model, tried)
            best = np.argmin(llh, axis=-1)
            rows = np.arange(len(model))
            points.append(tried[rows, best])
            values.append(llh[rows, best])
    found, _ = _smallest(np.stack(points, axis=1), np.stack(values, axis=-1), n_best)
    return found, np.full(len(model), len(points) * len(TIME_LEVELS), np.intp)


def _llh_of_all(model: ShowerModel, points: Array) -> Array:
    """Return -ln L of k points for each direction: (n, k, 4) to (n, k)."""
    n, k = points.shape[:2]
    owner = np.repeat(np.arange(n), k)
    return model.showers(owner, points.reshape(n * k, 4), model.quick_light).llh.reshape(n, k)


def _descend(
    model: ShowerModel, starts: Array, how: Descent
) -> tuple[Array, Array, NDArray[np.intp]]:
    """Minimise from starts of shape (n, k, 4); return the best points, values, evaluations."""
    n, k = starts.shape[:2]
    owner = np.repeat(np.arange(n), k)
    light = model.light if how.is_exact else model.quick_light
    found = model.minima(owner, starts.reshape(n * k, 4), how.search, light)
    kept = _smallest(found.point.reshape(n, k, 4), found.value.reshape(n, k), how.n_kept)
    return *kept, found.evaluations.reshape(n, k).sum(axis=-1)


def _smallest(points: Array, values: Array, n_kept: int) -> tuple[Array, Array]:
    order = np.argsort(values, axis=-1, kind="stable")[:, :n_kept]
    kept = np.take_along_axis(points, order[..., None], axis=1)
    return kept, np.take_along_axis(values, order, axis=-1)
