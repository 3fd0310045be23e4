"""What photons meet: the ice's layers, the DOMs, and a grid by which strings are found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skyscan.doms import efficiencies
from skyscan.geometry import dom_positions
from skyscan.light.yields import NOMINAL_RADIUS_M

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.light.ice_model import IceModel

    Array = NDArray[np.float64]

#: Photons fly at most this far (m) before they are looked at again.
LONGEST_PIECE_M = 10.0
CELL_M = 10.0
#: Photons farther than this (m) outside of the detector are given up: nearly none returns.
MARGIN_M = 200.0


@dataclass(frozen=True)
class Scene:
    """The ice and the detector, as the kernels take them.

    The DOMs are larger than real ones by the factor ``oversize`` in radius, so that
    ``oversize**2`` times fewer photons are needed. A photon hits a DOM where its straight path
    passes the DOM's centre most closely: a disc across the path. Its time is that at the disc,
    which keeps arrival times true except where the light is emitted within the disc's radius.

    Attributes
    ----------
    ice : IceModel
        Its layers; the tilt is not used.
    oversize : float
    """

    ice: IceModel
    oversize: float
    strings: Array = field(init=False)  #: (86, 2), m
    dom_z: Array = field(init=False)  #: (86, 60), m, from the top
    efficiency: Array = field(init=False)  #: (86, 60), 0 for dead DOMs
    scattering: Array = field(init=False)  #: from the lowest layer, m; between scatterings
    absorption: Array = field(init=False)
    cell_start: NDArray[np.int32] = field(init=False)
    cell_strings: NDArray[np.int32] = field(init=False)
    corner: tuple[float, float] = field(init=False)
    n_cells: tuple[int, int] = field(init=False)

    def __post_init__(self) -> None:
        """Arrange the arrays."""
        places = dom_positions()
        values = {
            "strings": np.ascontiguousarray(places[:, 0, :2]),
            "dom_z": np.ascontiguousarray(places[..., 2]),
            "efficiency": efficiencies() * self.ice.efficiency,
            "scattering": self.ice.scattering[::-1] * (1 - self.ice.g),
            "absorption": self.ice.absorption[::-1].copy(),
            **_grid(places[:, 0, :2], self.radius),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def radius(self) -> float:
        """Radius of the oversized DOMs, m."""
        return NOMINAL_RADIUS_M * self.oversize

    @property
    def lowest_z(self) -> float:
        """Lower end of the lowest layer, m."""
        return float(self.ice.top[-1]) - self.ice.thickness

    @property
    def limits(self) -> tuple[float, float, float]:
        """Distance from the axis, lowest and highest z (m) at which photons are given up."""
        farthest = float(np.hypot(*self.strings.T).max()) + MARGIN_M
        return farthest, float(self.dom_z.min()) - MARGIN_M, float(self.dom_z.max()) + MARGIN_M


def _grid(strings: Array, radius: float) -> dict[str, object]:
    """Return, for each cell, the strings that a piece of path in it can reach."""
    reach = LONGEST_PIECE_M + radius
    low = strings.min(axis=0) - reach - CELL_M
    n_x, n_y = np.ceil((strings.max(axis=0) + reach + CELL_M - low) / CELL_M).astype(int)
    x = low[0] + (np.arange(n_x) + 0.5) * CELL_M
    y = low[1] + (np.arange(n_y) + 0.5) * CELL_M
    dx, dy = x[:, None] - strings[:, 0], y[:, None] - strings[:, 1]
    away = np.hypot(dx[:, None, :], dy[None, :, :]).reshape(n_x * n_y, -1)
    cell, string = np.nonzero(away <= reach + CELL_M / np.sqrt(2))
    return {
        "cell_start": np.searchsorted(cell, np.arange(n_x * n_y + 1)).astype(np.int32),
        "cell_strings": string.astype(np.int32),
        "corner": (float(low[0]), float(low[1])),
        "n_cells": (int(n_x), int(n_y)),
    }
