"""Layered ice: arrival times of a track's photons from a table of scattered light.

The table is in units of the effective scattering length le. For each DOM, le and the absorption
length la are averaged along the straight path from the point of emission; the table then gives
the survival function at the distance d/le, the delay t c/le, the absorption la/le and the
direction cos eta of the direct photon, which decides how much of the light the PMT sees.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
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
        below, part = self.cell(quantity)
        return below.astype(np.intp), part

    def cell(self, quantity: Array) -> tuple[Array, Array]:
        """Return the same as `place`, nodes as floats: their arithmetic is quicker."""
        steps = quantity - self.first
        steps *= 1 / self.step
        np.clip(steps, 0.0, self.n - 1.000001, out=steps)
        below = np.floor(steps)
        steps -= below
        return below, steps

    def nearest(self, quantity: Array) -> Array:
        """Return the nearest node as a float."""
        steps = quantity - self.first
        steps *= 1 / self.step
        steps += 0.5
        np.clip(steps, 0.0, self.n - 0.5, out=steps)
        return np.floor(steps, out=steps)

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
    one_photon : float
        Probability that it is the first of one photon, whatever the charge.
    is_quick : bool
        Take the nearest node in cos eta and la/le instead of interpolating: four times as
        fast, with small steps.
    """

    ice: IceModel = field(default_factory=shipped_ice)
    table: LightTable = field(default_factory=lambda: shipped_table("track"), repr=False)
    jitter_ns: float = 5.0
    charge_power: float = 0.5
    one_photon: float = 0.2
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

    @cached_property
    def _cells(self) -> Array:
        """``ln S`` at a time, here and at the next distance, each with its slope: (size, 4)."""
        n_times = self._axes[3].n
        lines = with_slopes(self._log_survival.reshape(-1, n_times))
        return np.hstack([lines, np.roll(lines, -n_times, axis=0)])

    @cached_property
    def _depth_cells(self) -> Array:
        """The integrals of 1/le and 1/la up to nodes of depth, each with its slope: (n, 4)."""
        return np.hstack([*map(with_slopes, self._depths)])

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
        row, far = distances.cell(np.log(distance * rate))
        where = delay * (rate * LIGHT_SPEED)
        np.clip(where, 1e-9, np.inf, out=where)
        column, late = times.cell(np.log(where, out=where))
        log_share = np.log(share)
        if self.is_quick:
            corner = self._corner(lengths.nearest(log_share), cosines.nearest(cos_eta), row)
            found = self._in_plane((corner + column).astype(np.intp), far, late)
        else:
            length, more = lengths.cell(log_share)
            angle, up = cosines.cell(cos_eta)
            index = (self._corner(length, angle, row) + column).astype(np.intp)
            in_plane = distances.n * times.n
            found = np.zeros_like(late)
            for step, weight in ((0, 1 - more), (1, more)):
                for turn, part in ((0, 1 - up), (1, up)):
                    plane = (step * cosines.n + turn) * in_plane
                    value = self._in_plane(index + plane, far, late)
                    value *= weight * part
                    found += value
        np.putmask(found, ~(delay > 0), 0.0)
        return found

    def rates(self, distance: Array, cos_eta: Array, dom_z: Array) -> tuple[Array, Array]:
        """Return 1/le (1/m) and la/le along the direct photons."""
        rise = distance * (1 / SIN_CHERENKOV)
        rise *= cos_eta
        rise[np.abs(rise) < SHORTEST_PATH_M] = SHORTEST_PATH_M
        scattering, absorption = (
            np.subtract(end, start, out=start)
            for end, start in zip(
                self._depths_at(dom_z), self._depths_at(dom_z - rise), strict=True
            )
        )
        share = scattering / absorption
        scattering /= rise
        return scattering, share

    def _depths_at(self, z: Array) -> tuple[Array, Array]:
        """Return the integrals of 1/le and 1/la up to z."""
        below, part = self._depth_axis.cell(z)
        cells = self._depth_cells.take(below.astype(np.intp), axis=0, mode="clip")
        absorption = part * cells[..., 3]
        absorption += cells[..., 2]
        part *= cells[..., 1]
        part += cells[..., 0]
        return part, absorption

    def _corner(self, length: Array, cosine: Array, row: Array) -> Array:
        """Return where the times of nodes begin; it is a float, as they are."""
        _, cosines, distances, times = self._axes
        corner = length * cosines.n
        corner += cosine
        corner *= distances.n
        corner += row
        corner *= times.n
        return corner

    def _in_plane(self, index: Rows, far: Array, late: Array) -> Array:
        """Interpolate in distance and time, at one node of the other axes."""
        cells = self._cells.take(index, axis=0, mode="clip")
        near, beyond = late * cells[..., 1], late * cells[..., 3]
        near += cells[..., 0]
        beyond += cells[..., 2]
        beyond -= near
        beyond *= far
        near += beyond
        return near


def with_slopes(values: Array) -> Array:
    """Return values, and how much larger the next one along the last axis is: (size, 2)."""
    slopes = np.diff(values, axis=-1, append=values[..., -1:])
    return np.stack([values.ravel(), slopes.ravel()], axis=-1)


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
