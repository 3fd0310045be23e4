"""The light of a track's segments, and of the bare muon, at DOMs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.light.cherenkov import SIN_CHERENKOV
from skyscan.light.layered import Axis, LayeredIce, axis_over, resampled
from skyscan.light.yields import NOMINAL_RADIUS_M, PHOTONS_PER_M
from skyscan.shower.light import LEVEL_M, NEAREST_M, Paths, ShowerLight

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.light.cherenkov import DirectLight

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Nodes in cos eta and ln(d/le) of the charge of a bare muon.
N_COSINES, N_DISTANCES = 13, 36
DARKEST = 1e-12


class Pairs(NamedTuple):
    """Pairs of a segment and a DOM of one direction, all of shape (n_pairs,).

    ``x``, ``y``, ``z`` (m) lead from the segments of a track through the charge centre to the
    DOMs, ``along`` is their component along the track. ``scattering`` and ``absorption`` are
    the integrals of 1/le and 1/la up to the DOMs. ``n_of_segment``, shape (n_segments,), is the
    number of pairs of each segment, in the order of the segments.
    """

    x: Array
    y: Array
    z: Array
    along: Array
    scattering: Array
    absorption: Array
    n_of_segment: Rows


class SegmentLight(ShowerLight):
    """The light of segments, each a shower that shines from one point."""

    def between(self, pairs: Pairs, shift: Array, level: Array) -> Paths:
        """Return the direct light's paths of pairs, arrays of shape (n_pairs,).

        Parameters
        ----------
        pairs : Pairs
        shift : ndarray, shape (3,), m
            From the charge centre to the point of the track nearest to it.
        level : ndarray, shape (n_segments,), m
            z of the segments.
        """
        x, y, z = pairs.x - shift[0], pairs.y - shift[1], pairs.z - shift[2]
        distance = np.maximum(np.sqrt(x * x + y * y + z * z), NEAREST_M)
        is_level = np.abs(z) < LEVEL_M
        rise = np.where(is_level, LEVEL_M, z)
        half = 0.5 * LEVEL_M
        ends = [self.ice.depths_of(level + up) for up in (0.0, half, -half)]
        rates = []
        for dom, middle, above, below in zip(pairs[4:6], *ends, strict=True):
            rate = (dom - np.repeat(middle, pairs.n_of_segment)) / rise
            on_level = np.repeat((above - below) / LEVEL_M, pairs.n_of_segment)
            rates.append(np.where(is_level, on_level, rate))
        rate, along = rates[0], pairs.along / distance
        psi, radius = self._psi_cell(along), self._radius_cell(distance * rate)
        log_share = np.log(rate / rates[1])
        return Paths(distance, rate, log_share, z / distance, along, psi, radius)


@dataclass(frozen=True)
class MuonLight:
    """Charge and arrival times of a bare muon's light: an infinite track that shines evenly.

    Attributes
    ----------
    layered : LayeredIce
        The arrival times, and the table and the ice of both.
    """

    layered: LayeredIce
    axes: tuple[Axis, Axis, Axis] = field(init=False, repr=False, compare=False)
    log_charge: Array = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Fold the acceptance into the table, and bring it to equal steps."""
        table, acceptance = self.layered.table, self.layered.ice.acceptance
        grid = table.grid
        axes = (
            axis_over(np.log(grid.absorption)),
            Axis(-1.0, 2.0 / (N_COSINES - 1), N_COSINES),
            axis_over(np.log(grid.radius), N_DISTANCES),
        )
        light = table.light(acceptance, axes[1].values())[:, 0].sum(axis=-1)
        light = np.log(np.maximum(light, DARKEST))
        light = np.moveaxis(light, 0, 2)  # la/le, cos eta, d/le
        light = resampled(light, np.log(grid.radius), axes[2].values(), axis=2)
        light = resampled(light, np.log(grid.absorption), axes[0].values(), axis=0)
        object.__setattr__(self, "axes", axes)
        object.__setattr__(self, "log_charge", light.ravel())

    @property
    def charge_per_m(self) -> float:
        """Charge (PE) of nominal DOMs at 1 m from a bare muon, all light being accepted."""
        density = PHOTONS_PER_M * NOMINAL_RADIUS_M**2 / (2 * SIN_CHERENKOV)
        return density * self.layered.ice.efficiency

    @property
    def farthest(self) -> float:
        """The largest d/le of the table."""
        return float(self.layered.table.grid.radius[-1])

    def charge(self, light: DirectLight, dom_z: Array) -> Array:
        """Return the expected charge (PE) of nominal DOMs, shape (n, ndom).

        Parameters
        ----------
        light : DirectLight
            Of n tracks.
        dom_z : ndarray, shape (ndom,), m
        """
        rate, share = self.layered.rates(light.distance, light.cos_eta, dom_z)
        lengths, cosines, distances = self.axes
        away = light.distance * rate
        length, more = lengths.place(np.log(share))
        angle, up = cosines.place(light.cos_eta)
        step, far = distances.place(np.log(away))
        found = np.zeros_like(away)
        for over, weight in ((0, 1 - more), (1, more)):
            for turn, part in ((0, 1 - up), (1, up)):
                at = ((length + over) * cosines.n + (angle + turn)) * distances.n + step
                near = self.log_charge.take(at)
                found += weight * part * (near + far * (self.log_charge.take(at + 1) - near))
        # Farther than the table, light falls as that of diffusion does.
        beyond = np.minimum(self.farthest - away, 0.0)
        bright = np.exp(found + beyond * np.sqrt(3 / share))
        return np.asarray(self.charge_per_m * bright / light.distance)
