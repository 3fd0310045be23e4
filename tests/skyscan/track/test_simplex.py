import numpy as np
import pytest

from skyscan.track.simplex import Search, minimise

STEP = (1.0, 2.0, 0.5)


def valleys(n):
    """Return n curved valleys, each with its own minimum: (minima, function)."""
    minima = np.random.default_rng(4).normal(0, 3, (n, 3))

    def function(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
        a, b, c = np.moveaxis(points - minima[rows], -1, 0)
        return a**2 + 10 * (b - a**2) ** 2 + 3 * (c + 0.5 * b) ** 2

    return minima, function


def solve(function, rows, max_evaluations=2000):
    return minimise(
        lambda k, points: function(rows[k], points),
        START[rows],
        Search(STEP, 1e-10, max_evaluations),
    )


START = np.zeros((50, 3))


def test_each_problem_finds_its_own_minimum():
    minima, function = valleys(50)
    found = solve(function, np.arange(50))
    assert np.abs(found.point - minima).max() < 1e-3
    assert found.value.max() < 1e-8


def test_a_problem_takes_the_same_steps_alone_and_among_others():
    _, function = valleys(50)
    together = solve(function, np.arange(50))
    shuffled = np.random.default_rng(1).permutation(50)
    mixed = solve(function, shuffled)
    for i in range(50):
        alone = solve(function, np.array([i]))
        assert alone.point.tobytes() == together.point[i].tobytes()
        assert alone.evaluations[0] == together.evaluations[i]
    assert mixed.point.tobytes() == together.point[shuffled].tobytes()


def test_a_finished_problem_does_not_change():
    _, function = valleys(50)
    calls = np.zeros(50, int)

    def counting(rows: np.ndarray, points: np.ndarray) -> np.ndarray:
        np.add.at(calls, rows, 1)
        return function(rows, points)

    found = solve(counting, np.arange(50))
    assert (calls == found.evaluations).all()
    assert len(set(calls)) > 5


def test_the_number_of_evaluations_is_limited():
    _, function = valleys(50)
    found = solve(function, np.arange(50), max_evaluations=20)
    assert found.evaluations.max() < 20 + 5  # a step is completed: at most 2 + ndim


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_nan_and_infinity_are_avoided(bad):
    def half_bad(_: np.ndarray, points: np.ndarray) -> np.ndarray:
        return np.where(points[:, 0] < -0.5, bad, ((points - 1) ** 2).sum(axis=-1))

    start = np.array([[-2.0, 0.0, 0.0]])
    found = minimise(half_bad, start, Search((2.0, 1.0, 1.0), 1e-9, 500))
    assert np.abs(found.point - 1).max() < 1e-3
