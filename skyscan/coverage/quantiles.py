"""Levels from samples, and how often they contain the truth."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skyscan.answer.levels import Levels
    from skyscan.coverage.sample import Row

    Array = NDArray[np.float64]

N_RESAMPLED = 1000
SEED = 1


class Level(NamedTuple):
    """A level of 2 delta llh, and its standard error by the bootstrap."""

    value: float
    error: float


class Contained(NamedTuple):
    """How many events of a sample have their true direction inside a region."""

    n_inside: int
    n_events: int
    containment: float

    @property
    def fraction(self) -> float:
        """The coverage."""
        return self.n_inside / self.n_events

    @property
    def sigma(self) -> float:
        """The standard deviation of the fraction if the region has the containment it says."""
        return sqrt(self.containment * (1 - self.containment) / self.n_events)

    @property
    def pull(self) -> float:
        """How many of these standard deviations the coverage is off."""
        return (self.fraction - self.containment) / self.sigma


def level_of(two_delta_llh: Array, containment: float) -> Level:
    """Return the 2 delta llh that contains a fraction of true directions.

    With the value between the order statistics at (n + 1) p, the next event is inside with
    the probability p, whatever the distribution is.

    Parameters
    ----------
    two_delta_llh : ndarray, shape (n,)
        Of the true directions of a sample.
    containment : float
    """
    random = np.random.Generator(np.random.PCG64(SEED))
    drawn = random.choice(two_delta_llh, (N_RESAMPLED, len(two_delta_llh)))
    again = np.quantile(drawn, containment, axis=1, method="weibull")
    value = np.quantile(two_delta_llh, containment, method="weibull")
    return Level(float(value), float(again.std()))


def in_class(rows: Sequence[Row], fewest: int, most: int | None) -> list[Row]:
    """Return the events that were scanned and have a number of hits in a range."""
    return [
        row
        for row in rows
        if row.is_scanned and fewest <= row.n_hits and (most is None or row.n_hits <= most)
    ]


def contained(
    rows: Sequence[Row], levels: Callable[[int], Levels | None], containment: float
) -> Contained:
    """Return how many true directions are inside the regions of a containment.

    Parameters
    ----------
    rows : sequence of Row
        Events that were scanned.
    levels : callable
        Returns the levels of an event with a number of hits; events without count not.
    containment : float
    """
    pairs = [(row.two_delta_llh, found) for row in rows if (found := levels(row.n_hits))]
    n_inside = sum(value <= found.at(containment) for value, found in pairs)
    return Contained(n_inside, len(pairs), containment)
