"""Nelder and Mead's simplex search for many independent problems at once.

All problems take a step together, so that the function is called with many points at a time,
but the moves of a problem depend on its own values only. The moves and their order are those of
Lagarias et al., SIAM J. Optim. 9 (1998) 112, with the usual coefficients (reflection 1,
expansion 2, contraction 1/2, shrinkage 1/2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]
    #: function(problems, points): the value of problem ``problems[k]`` at ``points[k]``.
    Function = Callable[[Rows, Array], Array]

#: Replaces NaN and infinity: larger than any real value, and with finite differences.
WORST = np.finfo(np.float64).max / 4


class Minimum(NamedTuple):
    """The result of each problem: shapes (n, ndim), (n,), (n,)."""

    point: Array
    value: Array
    evaluations: NDArray[np.intp]


class Search(NamedTuple):
    """How to search.

    Attributes
    ----------
    step : tuple of float
        Edges of the first simplex.
    tolerance : float
        A problem is done when the values at its simplex differ by no more than this.
    max_evaluations : int
        A problem is also done after this number of evaluations.
    """

    step: tuple[float, ...]
    tolerance: float
    max_evaluations: int


def minimise(function: Function, start: Array, search: Search) -> Minimum:
    """Minimise the function of each problem.

    Parameters
    ----------
    function : callable
        Takes problems, shape (m,), and points, shape (m, ndim); returns values, shape
        (m,). NaN and infinity count as very bad.
    start : ndarray, shape (n, ndim)
    search : Search
    """
    simplexes = _Simplexes(function, start, search.step)
    active = np.arange(len(start))
    while active.size:
        simplexes.sort(active)
        spread = simplexes.value[active, -1] - simplexes.value[active, 0]
        used_up = simplexes.evaluations[active] >= search.max_evaluations
        active = active[~((spread <= search.tolerance) | used_up)]
        if active.size:
            simplexes.move(active)
    best = simplexes.point[:, 0].copy(), simplexes.value[:, 0].copy()
    return Minimum(*best, simplexes.evaluations)


class _Simplexes:
    """The simplexes of all problems: ``point`` (n, ndim + 1, ndim), ``value`` (n, ndim + 1)."""

    def __init__(self, function: Function, start: Array, step: tuple[float, ...]) -> None:
        n, ndim = start.shape
        self._function = function
        self.point = np.repeat(start[:, None, :], ndim + 1, axis=1)
        for corner in range(ndim):
            self.point[:, corner + 1, corner] += step[corner]
        self.evaluations = np.zeros(n, np.intp)
        self.value = self._evaluate_corners(np.arange(n), self.point)

    def sort(self, rows: Rows) -> None:
        """Put the best corner of each simplex first."""
        order = np.argsort(self.value[rows], axis=-1, kind="stable")
        self.value[rows] = np.take_along_axis(self.value[rows], order, axis=-1)
        self.point[rows] = np.take_along_axis(self.point[rows], order[..., None], axis=1)

    def move(self, rows: Rows) -> None:
        """Take one step with each of some sorted simplexes."""
        ndim = self.point.shape[-1]
        worst = self.point[rows, -1]
        centre = self.point[rows, 0]
        for corner in range(1, ndim):  # one by one, so that the order of the sum is fixed
            centre = centre + self.point[rows, corner]
        centre = centre / ndim
        reflected = centre + (centre - worst)
        at_reflected = self._evaluate(rows, reflected)
        expand = at_reflected < self.value[rows, 0]
        contract = at_reflected >= self.value[rows, -2]
        outside = contract & (at_reflected < self.value[rows, -1])
        self._replace_worst(rows[~contract], reflected[~contract], at_reflected[~contract])
        # the second point of those that need one: -1/2 inside, 1/2 outside, 2 beyond
        reach = np.where(expand, 2.0, np.where(outside, 0.5, -0.5))
        second = np.flatnonzero(expand | contract)
        trial = centre[second] + reach[second, None] * (centre[second] - worst[second])
        at_trial = self._evaluate(rows[second], trial)
        to_beat = np.where(outside | expand, at_reflected, self.value[rows, -1])[second]
        better = np.where(outside[second], at_trial <= to_beat, at_trial < to_beat)
        self._replace_worst(rows[second][better], trial[better], at_trial[better])
        self._shrink(rows[second][~better & contract[second]])

    def _replace_worst(self, rows: Rows, point: Array, value: Array) -> None:
        self.point[rows, -1], self.value[rows, -1] = point, value

    def _shrink(self, rows: Rows) -> None:
        if rows.size:
            corners = 0.5 * (self.point[rows, :1] + self.point[rows, 1:])
            self.point[rows, 1:] = corners
            self.value[rows, 1:] = self._evaluate_corners(rows, corners)

    def _evaluate_corners(self, rows: Rows, corners: Array) -> Array:
        """Return the values at k corners of each simplex: (m, k, ndim) to (m, k)."""
        m, k, ndim = corners.shape
        return self._evaluate(rows.repeat(k), corners.reshape(m * k, ndim)).reshape(m, k)

    def _evaluate(self, rows: Rows, point: Array) -> Array:
        if rows.size == 0:
            return np.empty(0)
        value = self._function(rows, point)
        self.evaluations += np.bincount(rows, minlength=len(self.evaluations))
        return np.where(np.isfinite(value), value, WORST)
