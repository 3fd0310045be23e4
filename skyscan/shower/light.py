"""The light of a shower at DOMs: a table of scattered light, scaled by layered ice.

As for a track (`skyscan.light.layered`), the table is in units of the effective scattering
length le, and le and the absorption length la are averaged along the straight path to the DOM.
A shower shines from one point, the centre of its light.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP
from skyscan.light.ice_model import IceModel, shipped_ice
from skyscan.light.layered import axis_over
from skyscan.light.tables import LightTable, shipped_table, survival
from skyscan.light.yields import NOMINAL_RADIUS_M, PHOTONS_PER_M, TRACK_PER_GEV_M

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.compiled.shower import ShowerTables

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Paths that rise less than this (m) are in the ice of the shower's own depth.
LEVEL_M = 1.0
#: No DOM is nearer (m) to the centre of light than this; the shower is longer.
NEAREST_M = 2.0

N_RADII = 36
COSINES = np.array([-1.0, 1.0])  # the ends of cos eta
LOWEST = -30.0  #: of ln S
DARKEST = 1e-12


class Cell(NamedTuple):
    """Where values lie on an axis: the node below, and the way to the next one, 0 to 1.

    Without ``part``, the value of this node is taken.
    """

    below: Rows
    part: Array | None


class Paths(NamedTuple):
    """Direct light from m showers to DOMs; arrays of shape (m, ndom).

    ``distance`` (m), ``rate`` (1/le, 1/m), ``log_share`` (ln of la/le), ``cos_eta`` (z
    component of the light's direction), and the table's cells in cos psi (the cosine to the
    shower's axis) and distance.
    """

    distance: Array
    rate: Array
    log_share: Array
    cos_eta: Array
    psi: Cell
    radius: Cell

    def first(self, n: int) -> Paths:
        """Return the paths to the first DOMs."""
        distance, rate, log_share, cos_eta = (it[:, :n] for it in self[:4])
        psi, radius = _first(self.psi, n), _first(self.radius, n)
        return Paths(distance, rate, log_share, cos_eta, psi, radius)


class Doms(NamedTuple):
    """DOMs: places (ndom, 3) in m, and the integrals of 1/le and 1/la up to them (ndom,)."""

    places: Array
    scattering: Array
    absorption: Array


class _Nodes(NamedTuple):
    """Numbers of nodes in la/le and cos eta."""

    n_lengths: int
    n_cosines: int


#: For interpolation; and for the nearest node, where charges need more nodes than times.
EXACT, NEAREST_CHARGE, NEAREST_TIME = _Nodes(9, 13), _Nodes(33, 41), _Nodes(9, 17)


@dataclass(frozen=True)
class ShowerLight:
    """Expected charge and arrival times of a shower's light.

    Attributes
    ----------
    ice : IceModel
        The tilt of its layers is not used.
    table : LightTable
        Of a shower.
    is_quick : bool
        Take the nearest node in la/le and cos eta instead of interpolating: for a search.
    """

    ice: IceModel = field(default_factory=shipped_ice)
    table: LightTable = field(default_factory=lambda: shipped_table("shower"), repr=False)
    is_quick: bool = False
    _psi: Array = field(init=False, repr=False, compare=False)
    _log_charge: Array = field(init=False, repr=False, compare=False)
    _log_survival: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the acceptance into the table, and bring it to equal steps."""
        edges = self.table.grid.angle_edges
        light = self._folded(self._charge_nodes).sum(axis=-1)
        log_charge = self._on_equal_steps(
            np.log(np.maximum(light, DARKEST)), self._charge_nodes
        )
        later = survival(self._folded(self._time_nodes))
        later = np.log(np.maximum(later, np.exp(LOWEST)))
        log_survival = np.minimum(self._on_equal_steps(later, self._time_nodes), 0.0)
        object.__setattr__(self, "_psi", 0.5 * (edges[1:] + edges[:-1]))
        object.__setattr__(self, "_log_charge", log_charge.ravel())
        object.__setattr__(self, "_log_survival", log_survival.ravel())

    @property
    def _charge_nodes(self) -> _Nodes:
        return NEAREST_CHARGE if self.is_quick else EXACT

    @property
    def _time_nodes(self) -> _Nodes:
        return NEAREST_TIME if self.is_quick else EXACT

    def _folded(self, nodes: _Nodes) -> Array:
        """Return the light by la/le, cos eta, cos psi, distance and time."""
        light = self.table.light(self.ice.acceptance, np.linspace(-1.0, 1.0, nodes.n_cosines))
        return np.moveaxis(light, (2, 3), (0, 1)).swapaxes(2, 3)

    def _on_equal_steps(self, values: Array, nodes: _Nodes) -> Array:
        grid = self.table.grid
        log_radius, log_length = np.log(grid.radius), np.log(grid.absorption)
        radii = np.linspace(log_radius[0], log_radius[-1], N_RADII)
        lengths = np.linspace(log_length[0], log_length[-1], nodes.n_lengths)
        return _resampled(_resampled(values, log_radius, radii, 3), log_length, lengths, 0)

    def doms(self, places: Array) -> Doms:
        """Return DOMs, shape (ndom, 3), m, as the other methods take them."""
        return Doms(places, *self.ice.depths_of(places[:, 2]))

    def paths(self, centre: Array, travels: Array, doms: Doms) -> Paths:
        """Return the direct light's paths.

        Parameters
        ----------
        centre : ndarray, shape (m, 3), m
            Centres of the showers' light.
        travels : ndarray, shape (m, 3)
            Their directions of travel, unit vectors.
        doms : Doms
        """
        x, y, z = (doms.places[:, i] - centre[:, i : i + 1] for i in range(3))
        distance = np.maximum(np.sqrt(x * x + y * y + z * z), NEAREST_M)
        along = x * travels[:, :1] + y * travels[:, 1:2] + z * travels[:, 2:]
        level = np.abs(z) < LEVEL_M
        rise = np.where(level, LEVEL_M, z)
        rates = []
        ends = [self.ice.depths_of(centre[:, 2:] + shift) for shift in (0.0, 0.5, -0.5)]
        for dom, middle, above, below in zip(doms[1:], *ends, strict=True):
            rates.append(np.where(level, (above - below) / LEVEL_M, (dom - middle) / rise))
        rate = rates[0]
        psi, radius = self._psi_cell(along / distance), self._radius_cell(distance * rate)
        return Paths(distance, rate, np.log(rate / rates[1]), z / distance, psi, radius)

    def charge_per_gev(self, paths: Paths) -> Array:
        """Return the expected charge (PE/GeV) of nominal DOMs, shape (m, ndom)."""
        log_light = self._interpolated(self._log_charge, self._charge_nodes, paths)
        # Nearer and farther than the table, light falls as in its first and last step.
        beyond = np.minimum(self._farthest - paths.distance * paths.rate, 0.0)
        light = np.exp(log_light + beyond * np.exp(-0.5 * paths.log_share) * sqrt(3))
        return np.asarray(self.yield_per_gev * light / paths.distance**2)

    @property
    def yield_per_gev(self) -> float:
        """Expected charge (PE/GeV) of nominal DOMs at 1 m, all light being accepted."""
        per_gev = TRACK_PER_GEV_M * PHOTONS_PER_M * NOMINAL_RADIUS_M**2 / 4
        return per_gev * self.ice.efficiency

    @property
    def tables(self) -> ShowerTables:
        """What is looked up, for the compiled kernel."""
        from skyscan.compiled.shower import ShowerTables

        log_lengths = np.log(self.table.grid.absorption)
        axes = (
            axis_over(log_lengths, self._charge_nodes.n_lengths),
            axis_over(COSINES, self._charge_nodes.n_cosines),
            axis_over(log_lengths, self._time_nodes.n_lengths),
            axis_over(COSINES, self._time_nodes.n_cosines),
            axis_over(np.log(self.table.grid.radius), N_RADII),
            axis_over(np.log(self.table.grid.time_edges)),
        )
        return ShowerTables(
            *(self._log_charge, self._log_survival, axes, self._psi),
            *(self._farthest, LEVEL_M, NEAREST_M, self.is_quick),
        )

    def log_survival(self, delay: Array, paths: Paths) -> Array:
        """Return ln of the probability that a photon is later than a delay.

        Parameters
        ----------
        delay : ndarray, shape (k, m, ndom), ns
            After the arrival of unscattered light.
        paths : Paths

        Returns
        -------
        ndarray, shape (k, m, ndom)
            0 where the delay is not positive.
        """
        edges = np.log(self.table.grid.time_edges)
        step = (edges[-1] - edges[0]) / (len(edges) - 1)
        scaled = np.maximum(delay * (paths.rate * LIGHT_SPEED), np.exp(edges[0]))
        where = np.minimum((np.log(scaled) - edges[0]) / step, len(edges) - 1.000001)
        column = where.astype(np.intp)
        time = Cell(column, where - column)
        found = self._interpolated(self._log_survival, self._time_nodes, paths, time)
        return np.where(delay > 0, found, 0.0)

    @property
    def _farthest(self) -> float:
        return float(self.table.grid.radius[-1])

    def _psi_cell(self, cos_psi: Array) -> Cell:
        below = np.searchsorted(self._psi[1:-1], cos_psi, side="right")
        part = (cos_psi - self._psi[below]) * (1 / np.diff(self._psi))[below]
        return Cell(below, np.minimum(np.maximum(part, 0.0), 1.0))

    def _radius_cell(self, away: Array) -> Cell:
        first, last = np.log(self.table.grid.radius[[0, -1]]).tolist()
        return _uniform(np.log(away), first, last, N_RADII)

    def _interpolated(
        self, table: Array, nodes: _Nodes, paths: Paths, time: Cell | None = None
    ) -> Array:
        """Interpolate linearly; a table with times has as many as the light's."""
        first, last = np.log(self.table.grid.absorption[[0, -1]]).tolist()
        cell = _nearest if self.is_quick else _uniform
        cells = [
            (cell(paths.log_share, first, last, nodes.n_lengths), 1),
            (cell(paths.cos_eta, -1.0, 1.0, nodes.n_cosines), nodes.n_cosines),
            (paths.psi, len(self._psi)),
            (paths.radius, N_RADII),
        ]
        if time is not None:
            cells.append((time, len(self.table.grid.time_edges)))
        index, step = np.zeros(1, np.intp), 1
        axes: list[tuple[Array, int]] = []
        for (below, _), size in cells:
            index = index * size + below
        for (_, part), size in reversed(cells):
            if part is not None:
                axes.insert(0, (part, step))
            step *= size
        return _between(table, index, axes)


def arrival(distance: Array) -> Array:
    """Return the time (ns) that unscattered light takes for a distance (m)."""
    return np.asarray(distance * (N_GROUP / LIGHT_SPEED))


def _between(table: Array, index: Rows, axes: Sequence[tuple[Array, int]]) -> Array:
    """Return values from ``index`` on, linear along axes: the part of a step, and its size."""
    if not axes:
        return table.take(index)
    (part, step), *others = axes
    low = _between(table, index, others)
    found = _between(table, index + step, others)
    found -= low
    found *= part
    found += low
    return found


def _first(cell: Cell, n: int) -> Cell:
    return Cell(cell.below[:, :n], None if cell.part is None else cell.part[:, :n])


def _uniform(values: Array, first: float, last: float, n: int) -> Cell:
    steps = (values - first) * ((n - 1) / (last - first))
    steps = np.minimum(np.maximum(steps, 0.0), n - 1.000001)
    below = steps.astype(np.intp)
    return Cell(below, steps - below)


def _nearest(values: Array, first: float, last: float, n: int) -> Cell:
    steps = (values - first) * ((n - 1) / (last - first)) + 0.5
    steps = np.minimum(np.maximum(steps, 0.0), n - 0.5)
    return Cell(steps.astype(np.intp), None)


def _resampled(values: Array, nodes: Array, wanted: Array, axis: int) -> Array:
    """Interpolate linearly along an axis with nodes at any distance."""
    values = np.moveaxis(values, axis, 0)
    below = np.clip(np.searchsorted(nodes, wanted, side="right") - 1, 0, len(nodes) - 2)
    part = (wanted - nodes[below]) / (nodes[below + 1] - nodes[below])
    part = part.reshape(-1, *[1] * (values.ndim - 1))
    return np.moveaxis(values[below] * (1 - part) + values[below + 1] * part, 0, axis)
