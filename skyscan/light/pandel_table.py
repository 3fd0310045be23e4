"""The Pandel function from a table: ten times as fast, and accurate enough for a search.

The logarithm of the survival probability is interpolated linearly in ln(rho t) and
ln(xi). It is nearly linear in these at early times and near the track, where it matters most.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, log
from typing import TYPE_CHECKING

import numpy as np

from skyscan.light.pandel import (
    DECAY_RATE,
    SCATTERING_M,
    BulkIce,
    effective_distance,
    log_survival,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]


@dataclass(frozen=True)
class Nodes:
    """Nodes equally spaced in the log of a quantity; beyond them the end values apply."""

    first: float
    last: float
    step: float

    def __len__(self) -> int:
        """Return the number of nodes."""
        return ceil(log(self.last / self.first) / self.step) + 2

    def values(self) -> Array:
        """Return the nodes themselves, shape (len,)."""
        return np.asarray(self.first * np.exp(self.step * np.arange(len(self))))

    def place(self, quantity: Array) -> tuple[NDArray[np.intp], Array]:
        """Return the node below each quantity and how far it is to the next, 0 to 1."""
        inside = np.minimum(np.maximum(quantity, self.first), self.last)
        steps = (np.log(inside) - log(self.first)) / self.step
        below = steps.astype(np.intp)
        return below, steps - below


#: Scaled delays rho t from 0.2 ps to 100 us, and xi from the smallest effective distance of any
#: direction (2.25 m) to 6.6 km, as far as a fit in a wrong direction may move a track.
DELAYS = Nodes(1e-6, 400.0, 0.05)
SHAPES = Nodes(0.067, 200.0, 0.05)


def _tabulate() -> Array:
    delay, effective = DELAYS.values() / DECAY_RATE, SHAPES.values() * SCATTERING_M
    return log_survival(delay, effective[:, None]).ravel()


@dataclass(frozen=True)
class TabulatedBulkIce(BulkIce):
    """`BulkIce`, with an error of ln S of less than 1e-3 where S > 1e-3."""

    _table: Array = field(default_factory=_tabulate, repr=False, compare=False)

    def log_survival(
        self,
        delay: Array,
        distance: Array,
        cos_eta: Array,
        dom_z: Array,  # noqa: ARG002
    ) -> Array:
        """Return ln of the probability that a photon is later than a delay; see `Ice`."""
        row, down = SHAPES.place(effective_distance(distance, cos_eta) / SCATTERING_M)
        column, right = DELAYS.place(DECAY_RATE * delay)
        width = len(DELAYS)
        corner = row * width + column
        near, far = self._table[corner], self._table[corner + width]
        near = near + right * (self._table[corner + 1] - near)
        far = far + right * (self._table[corner + width + 1] - far)
        return np.where(delay > 0, near + down * (far - near), 0.0)
