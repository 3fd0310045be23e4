"""The light of a shower at DOMs: a table of scattered light, scaled by layered ice.

As for a track (`skyscan.light.layered`), the table is in units of the effective scattering
length le, and le and the absorption length la are averaged along the straight path to the DOM.
A shower shines from one point, the centre of its light.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP
from skyscan.light.ice_model import IceModel, shipped_ice
from skyscan.light.layered import axis_over, with_slopes
from skyscan.light.tables import LightTable, shipped_table, survival
from skyscan.light.yields import NOMINAL_RADIUS_M, PHOTONS_PER_M, TRACK_PER_GEV_M

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from skyscan.compiled.shower import ShowerTables

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Paths that rise less than this (m) are in the ice of the shower's own depth.
LEVEL_M = 1.0
#: No DOM is nearer (m) to the centre of light than this; the shower is longer.
NEAREST_M = 2.0

N_RADII = 36
N_PSI_BINS = 200  #: of cos psi, narrower than the distances of the table's nodes
COSINES = np.array([-1.0, 1.0])  # the ends of cos eta
LOWEST = -30.0  #: of ln S
DARKEST = 1e-12


class Cell(NamedTuple):
    """Where values lie on an axis: the node below, and the way to the next one, 0 to 1.

    Nodes are floats, whose arithmetic is quicker.
    """

    below: Array
    part: Array


class Paths(NamedTuple):
    """Direct light from m showers to DOMs; arrays of shape (m, ndom).

    ``distance`` (m), ``rate`` (1/le, 1/m), ``log_share`` (ln of la/le), ``cos_eta`` (z
    component of the light's direction), ``cos_psi`` (the cosine to the shower's axis), and the
    table's cells in cos psi and distance.
    """

    distance: Array
    rate: Array
    log_share: Array
    cos_eta: Array
    cos_psi: Array
    psi: Cell
    radius: Cell

    def first(self, n: int) -> Paths:
        """Return the paths to the first DOMs."""
        distance, rate, log_share, cos_eta, cos_psi = (it[:, :n] for it in self[:5])
        psi, radius = _first(self.psi, n), _first(self.radius, n)
        return Paths(distance, rate, log_share, cos_eta, cos_psi, psi, radius)


class Doms(NamedTuple):
    """DOMs: places (ndom, 3) in m, and the integrals of 1/le and 1/la up to them (ndom,)."""

    places: Array
    scattering: Array
    absorption: Array


class _Nodes(NamedTuple):
    """Numbers of nodes in la/le and cos eta."""

    n_lengths: int
    n_cosines: int


class _Logs(NamedTuple):
    """Logarithms of the ends of d/le and la/le, and of the edges of t c/le."""

    radii: tuple[float, float]
    lengths: tuple[float, float]
    times: Array


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
        distance = x * x
        distance += y * y
        distance += z * z
        np.sqrt(distance, out=distance)
        np.maximum(distance, NEAREST_M, out=distance)
        along = x * travels[:, :1]
        along += y * travels[:, 1:2]
        along += z * travels[:, 2:]
        along /= distance
        level = np.abs(z) < LEVEL_M
        rise = z.copy()
        rise[level] = LEVEL_M
        rates = []
        ends = self.ice.depths_of(centre[:, 2:, np.newaxis] + np.array([0.0, 0.5, -0.5]))
        for dom, end in zip(doms[1:], ends, strict=True):
            middle, above, below = (end[..., i] for i in range(3))
            lost = dom - middle
            lost /= rise
            np.copyto(lost, (above - below) / LEVEL_M, where=level)
            rates.append(lost)
        rate, share = rates[0], rates[0] / rates[1]
        psi, radius = self._psi_cell(along), self._radius_cell(distance * rate)
        z /= distance
        return Paths(distance, rate, np.log(share, out=share), z, along, psi, radius)

    def charge_per_gev(self, paths: Paths) -> Array:
        """Return the expected charge (PE/GeV) of nominal DOMs, shape (m, ndom)."""
        light = self._interpolated(self._charge_nodes, paths)
        # Nearer and farther than the table, light falls as in its first and last step.
        beyond = paths.distance * paths.rate
        np.subtract(self._farthest, beyond, out=beyond)
        np.minimum(beyond, 0.0, out=beyond)
        beyond *= np.exp(-0.5 * paths.log_share)
        beyond *= sqrt(3)
        light += beyond
        np.exp(light, out=light)
        light *= self.yield_per_gev
        light /= paths.distance**2
        return light

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
        edges = self._logs.times
        step = (edges[-1] - edges[0]) / (len(edges) - 1)
        where = delay * (paths.rate * LIGHT_SPEED)
        np.maximum(where, np.exp(edges[0]), out=where)
        np.log(where, out=where)
        where -= edges[0]
        where /= step
        np.minimum(where, len(edges) - 1.000001, out=where)
        column = np.trunc(where)
        where -= column
        found = self._interpolated(self._time_nodes, paths, Cell(column, where))
        np.putmask(found, ~(delay > 0), 0.0)
        return found

    @property
    def _farthest(self) -> float:
        return float(self.table.grid.radius[-1])

    def _psi_cell(self, cos_psi: Array) -> Cell:
        psi_bin = cos_psi + 1.0
        psi_bin *= 0.5 * N_PSI_BINS
        np.clip(psi_bin, 0.0, N_PSI_BINS - 0.5, out=psi_bin)
        index = psi_bin.astype(np.intp)
        nodes, lines = self._psi_bins
        above = cos_psi >= nodes.take(index, mode="clip")
        index *= 2
        index += above
        line = lines.take(index, axis=0, mode="clip")
        part = cos_psi - line[..., 1]
        part *= line[..., 2]
        return Cell(line[..., 0], np.clip(part, 0.0, 1.0, out=part))

    @cached_property
    def _psi_bins(self) -> tuple[Array, Array]:
        """Bins of cos psi: the node in each, and what is below and above it, (2 nbins, 3).

        This is the node below, its cos psi, and 1 over the distance to the next node.
        """
        inner = np.append(self._psi[1:-1], 2.0)  # no cosine is above the last one
        starts = np.linspace(-1.0, 1.0, N_PSI_BINS, endpoint=False)
        below = np.searchsorted(inner, starts, side="right")
        both = np.minimum(np.stack([below, below + 1], axis=-1).ravel(), len(inner) - 1)
        line = np.stack([both, self._psi[both], (1 / np.diff(self._psi))[both]], axis=-1)
        return inner[below], line

    def _radius_cell(self, away: Array) -> Cell:
        return _uniform(np.log(away), *self._logs.radii, N_RADII)

    @cached_property
    def _logs(self) -> _Logs:
        grid = self.table.grid
        radii, lengths = (np.log(it).tolist() for it in (grid.radius, grid.absorption))
        ends = (radii[0], radii[-1]), (lengths[0], lengths[-1])
        return _Logs(*ends, np.log(grid.time_edges))

    @cached_property
    def _charge_cells(self) -> Array:
        """The ln of charges here and at the next cos psi, each with its slope in distance."""
        lines = with_slopes(self._log_charge.reshape(-1, N_RADII))
        return np.hstack([lines, np.roll(lines, -N_RADII, axis=0)])

    def _interpolated(self, nodes: _Nodes, paths: Paths, time: Cell | None = None) -> Array:
        """Interpolate ln of the charge or, at times, ln of the survival linearly."""
        n_psi, n_times = len(self._psi), len(self.table.grid.time_edges)
        step = N_RADII if time is None else N_RADII * n_times
        axes = []
        if self.is_quick:
            length = _nearest(paths.log_share, *self._logs.lengths, nodes.n_lengths)
            cosine = _nearest(paths.cos_eta, -1.0, 1.0, nodes.n_cosines)
        else:
            length, more = _uniform(paths.log_share, *self._logs.lengths, nodes.n_lengths)
            cosine, up = _uniform(paths.cos_eta, -1.0, 1.0, nodes.n_cosines)
            axes = [(more, nodes.n_cosines * n_psi * step), (up, n_psi * step)]
        index = length * nodes.n_cosines
        index += cosine
        index *= n_psi
        index += paths.psi.below
        index *= N_RADII
        index += paths.radius.below
        if time is None:
            return _between(
                lambda here: self._charge_at(here, paths), index.astype(np.intp), axes
            )
        index = index * n_times + time.below
        axes += [(paths.psi.part, step), (paths.radius.part, n_times), (time.part, 1)]
        return _between(
            lambda here: self._log_survival.take(here, mode="clip"), index.astype(np.intp), axes
        )

    def _charge_at(self, index: Rows, paths: Paths) -> Array:
        """Interpolate ln of the charge in distance and cos psi, at nodes of the other axes."""
        cells = self._charge_cells.take(index, axis=0, mode="clip")
        low, high = (paths.radius.part * cells[..., i] for i in (1, 3))
        low += cells[..., 0]
        high += cells[..., 2]
        high -= low
        high *= paths.psi.part
        high += low
        return high


def arrival(distance: Array) -> Array:
    """Return the time (ns) that unscattered light takes for a distance (m)."""
    return np.asarray(distance * (N_GROUP / LIGHT_SPEED))


def _between(
    values: Callable[[Rows], Array], index: Rows, axes: Sequence[tuple[Array, int]]
) -> Array:
    """Return values from ``index`` on, linear along axes: the part of a step, and its size."""
    if not axes:
        return values(index)
    (part, step), *others = axes
    low = _between(values, index, others)
    found = _between(values, index + step, others)
    found -= low
    found *= part
    found += low
    return found


def _first(cell: Cell, n: int) -> Cell:
    return Cell(cell.below[:, :n], cell.part[:, :n])


def _uniform(values: Array, first: float, last: float, n: int) -> Cell:
    steps = values - first
    steps *= (n - 1) / (last - first)
    np.clip(steps, 0.0, n - 1.000001, out=steps)
    below = np.trunc(steps)
    steps -= below
    return Cell(below, steps)


def _nearest(values: Array, first: float, last: float, n: int) -> Array:
    steps = values - first
    steps *= (n - 1) / (last - first)
    steps += 0.5
    np.clip(steps, 0.0, n - 0.5, out=steps)
    return np.trunc(steps, out=steps)


def _resampled(values: Array, nodes: Array, wanted: Array, axis: int) -> Array:
    """Interpolate linearly along an axis with nodes at any distance."""
    values = np.moveaxis(values, axis, 0)
    below = np.clip(np.searchsorted(nodes, wanted, side="right") - 1, 0, len(nodes) - 2)
    part = (wanted - nodes[below]) / (nodes[below + 1] - nodes[below])
    part = part.reshape(-1, *[1] * (values.ndim - 1))
    return np.moveaxis(values[below] * (1 - part) + values[below + 1] * part, 0, axis)
