"""Layered ice: arrival times of a track's photons from a table of scattered light.

The table is in units of the effective scattering length le. For each DOM, le and the absorption
length la are averaged along the straight path from the point of emission; the table then gives
the survival function at the distance d/le, the delay t c/le, the absorption la/le and the
direction cos eta of the direct photon, which decides how much of the light the PMT sees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import LIGHT_SPEED, SIN_CHERENKOV
from skyscan.light.ice_model import SHORTEST_PATH_M, IceModel, shipped_ice
from skyscan.light.tables import LightTable, shipped_table, survival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: ln S is no smaller: later than the table's end, noise is all that is left.
LOWEST = -30.0

#: The outer layers go on as far as this; from farther away, no light is seen.
MARGIN_M = 1000.0

N_DISTANCES = 36
N_COSINES = 9
N_COSINES_NEAREST = 25


@dataclass(frozen=True)
class Axis:
    """Nodes at equal steps; beyond them the end values apply."""

    first: float
    step: float
    n: int

    def place(self, quantity: Array) -> tuple[Rows, Array]:
        """Return the node below each quantity, and how far it is to the next, 0 to 1."""
        steps = (quantity - self.first) * (1 / self.step)
        np.maximum(steps, 0.0, out=steps)
        np.minimum(steps, self.n - 1.000001, out=steps)
        below = steps.astype(np.intp)
        steps -= below
        return below, steps

    def nearest(self, quantity: Array) -> Rows:
        """Return the nearest node."""
        steps = (quantity - self.first) * (1 / self.step) + 0.5
        np.maximum(steps, 0.0, out=steps)
        np.minimum(steps, self.n - 0.5, out=steps)
        return steps.astype(np.intp)

    def values(self) -> Array:
        """Return the nodes, shape (n,)."""
        return np.asarray(self.first + self.step * np.arange(self.n))

    def interpolated(self, values: Array, quantity: Array) -> Array:
        """Return values at the nodes, shape (n,), interpolated at a quantity."""
        below, part = self.place(quantity)
        found = values.take(below)
        found += part * (values.take(below + 1) - found)
        return found


def axis_over(values: Array, n: int | None = None) -> Axis:
    """Return an axis from the first to the last of ascending values."""
    n = len(values) if n is None else n
    return Axis(float(values[0]), float(values[-1] - values[0]) / (n - 1), n)


class Tables(NamedTuple):
    """What `LayeredIce` looks up: ln S at the nodes of four axes, and integrals over depth.

    ``axes`` are those of ln(la/le), cos eta, ln(d/le) and ln(t c/le); ``log_survival`` is flat.
    ``depths`` are the integrals of 1/le and 1/la up to the nodes of ``depth_axis`` (z, m).
    """

    axes: tuple[Axis, Axis, Axis, Axis]
    log_survival: Array
    depth_axis: Axis
    depths: Array


@dataclass(frozen=True)
class LayeredIce:
    """A table of scattered light, scaled by layered ice; see `skyscan.light.ice.Ice`.

    Attributes
    ----------
    ice : IceModel
        ``dom_z`` of `log_survival` are places in its own column (`IceModel.untilted`).
    table : LightTable
        Of a track.
    jitter_ns : float
    charge_power : float
        A DOM's first pulse counts as the first of this power of its charge. This and the
        jitter are the ones that suit simulated muons (docs/track.md).
    is_quick : bool
        Take the nearest node in cos eta and la/le instead of interpolating: four times as
        fast, with small steps.
    """

    ice: IceModel = field(default_factory=shipped_ice)
    table: LightTable = field(default_factory=lambda: shipped_table("track"), repr=False)
    jitter_ns: float = 5.0
    charge_power: float = 0.5
    is_quick: bool = False
    _axes: tuple[Axis, Axis, Axis, Axis] = field(init=False, repr=False, compare=False)
    _log_survival: Array = field(init=False, repr=False, compare=False)
    _depths: Array = field(init=False, repr=False, compare=False)
    _depth_axis: Axis = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the acceptance into the table, and bring it to equal steps."""
        grid = self.table.grid
        axes = (
            axis_over(np.log(grid.absorption)),
            Axis(-1.0, 2.0 / (self._n_cosines - 1), self._n_cosines),
            axis_over(np.log(grid.radius), N_DISTANCES),
            axis_over(np.log(grid.time_edges)),
        )
        light = self.table.light(self.ice.acceptance, axes[1].values())[:, 0]
        later = np.maximum(survival(light), np.exp(LOWEST))
        later = np.moveaxis(np.log(later), 0, 2)  # la/le, cos eta, d/le, t
        later = resampled(later, np.log(grid.radius), axes[2].values(), axis=2)
        later = resampled(later, np.log(grid.absorption), axes[0].values(), axis=0)
        later = np.minimum.accumulate(np.minimum(later, 0.0), axis=-1)
        edges = self.ice.top[::-1]
        margin = ceil(MARGIN_M / self.ice.thickness)
        spread = self.ice.thickness * np.arange(1, margin + 1)
        edges = np.concatenate([edges[0] - spread[::-1], edges, edges[-1] + spread])
        object.__setattr__(self, "_axes", axes)
        object.__setattr__(self, "_log_survival", later.ravel())
        object.__setattr__(self, "_depths", np.stack(self.ice.depths_of(edges)))
        object.__setattr__(self, "_depth_axis", axis_over(edges))

    @property
    def tables(self) -> Tables:
        """What is looked up, for other code that does so."""
        return Tables(self._axes, self._log_survival, self._depth_axis, self._depths)

    @property
    def _n_cosines(self) -> int:
        return N_COSINES_NEAREST if self.is_quick else N_COSINES

    def n_photons(self, charge: Array) -> Array:
        """Return the power of the charge, at least 1."""
        return np.asarray(np.maximum(charge, 1.0) ** self.charge_power)

    def log_survival(
        self, delay: Array, distance: Array, cos_eta: Array, dom_z: Array
    ) -> Array:
        """Return ln of the probability that a photon is later than a delay; see `Ice`."""
        rate, share = self.rates(distance, cos_eta, dom_z)
        lengths, cosines, distances, times = self._axes
        row, far = distances.place(np.log(distance * rate))
        where = np.log(np.maximum(delay * (rate * LIGHT_SPEED), 1e-9))
        column, late = times.place(where)
        if self.is_quick:
            plane = lengths.nearest(np.log(share)) * cosines.n + cosines.nearest(cos_eta)
            found = self._in_plane(plane * distances.n + row, far, column, late)
        else:
            length, more = lengths.place(np.log(share))
            angle, up = cosines.place(cos_eta)
            found = np.zeros_like(late)
            for step, weight in ((0, 1 - more), (1, more)):
                for turn, part in ((0, 1 - up), (1, up)):
                    plane = (length + step) * cosines.n + (angle + turn)
                    value = self._in_plane(plane * distances.n + row, far, column, late)
                    found = found + (weight * part) * value
        return np.where(delay > 0, found, 0.0)

    def rates(self, distance: Array, cos_eta: Array, dom_z: Array) -> tuple[Array, Array]:
        """Return 1/le (1/m) and la/le along the direct photons."""
        rise = cos_eta * (distance * (1 / SIN_CHERENKOV))
        short = np.abs(rise) < SHORTEST_PATH_M
        rise = np.where(short, SHORTEST_PATH_M, rise)
        below, part = self._depth_axis.place(dom_z - rise)
        spans = []
        for depths in self._depths:
            start = depths.take(below)
            start += part * (depths.take(below + 1) - start)
            spans.append(self._depth_axis.interpolated(depths, dom_z) - start)
        return spans[0] / rise, spans[0] / spans[1]

    def _in_plane(self, row: Rows, far: Array, column: Rows, late: Array) -> Array:
        """Interpolate in distance and time, at one node of the other axes."""
        table, n_times = self._log_survival, self._axes[3].n
        corner = row * n_times + column
        near = table.take(corner)
        near += late * (table.take(corner + 1) - near)
        corner += n_times
        beyond = table.take(corner)
        beyond += late * (table.take(corner + 1) - beyond)
        beyond -= near
        beyond *= far
        near += beyond
        return near


def resampled(values: Array, nodes: Array, wanted: Array, axis: int) -> Array:
    """Interpolate by cubic polynomials through the four nearest nodes.

    Parameters
    ----------
    values : ndarray
    nodes : ndarray, shape (n,), ascending, n at least 4
        Of the axis ``axis`` of ``values``.
    wanted : ndarray, shape (m,)
        Within the nodes.
    """
    values = np.moveaxis(values, axis, 0)
    first = np.clip(np.searchsorted(nodes, wanted) - 2, 0, len(nodes) - 4)
    found = np.zeros((len(wanted), *values.shape[1:]))
    for i in range(4):
        weight = np.ones(len(wanted))
        for j in range(4):
            if j != i:
                a, b = nodes[first + i], nodes[first + j]
                weight *= (wanted - b) / (a - b)
        found += weight.reshape(-1, *[1] * (values.ndim - 1)) * values[first + i]
    return np.moveaxis(found, 0, axis)
