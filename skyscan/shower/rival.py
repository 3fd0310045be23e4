"""The charges of a track, the rival of a shower: an infinite track of free brightness."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from skyscan.light.cherenkov import SIN_CHERENKOV, axes_of, direct_light, frames_of
from skyscan.light.ice_model import IceModel, shipped_ice
from skyscan.light.tables import LightTable, shipped_table
from skyscan.light.yields import NOMINAL_RADIUS_M, PHOTONS_PER_M
from skyscan.shower.model import charges_llh, energies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Relative spread of a DOM's charge around that of a track that shines evenly: its losses are
#: few and large. Chosen on simulated muons.
TRACK_SPREAD = 1.0

_COSINES = np.linspace(-1.0, 1.0, 13)


@dataclass(frozen=True)
class TrackLight:
    """Expected charge of tracks, from the table of scattered light; see `ShowerLight`."""

    ice: IceModel = field(default_factory=shipped_ice)
    table: LightTable = field(default_factory=lambda: shipped_table("track"), repr=False)

    def charge_per_brightness(
        self, places: Array, vertex: Array, zenith: float, azimuth: float
    ) -> Array:
        """Return the charge (PE) at DOMs of a track that shines as a bare muon.

        Parameters
        ----------
        places : ndarray, shape (ndom, 3), m
        vertex : ndarray, shape (3,), m
            A point of the track.
        zenith, azimuth : float, radians
            Where it comes from.

        Returns
        -------
        ndarray, shape (ndom,)
        """
        axes = axes_of(np.array([zenith]), np.array([azimuth]))
        frames = frames_of(axes, places - vertex)
        _, distance, cos_eta = (
            it[0] for it in direct_light(frames, np.zeros((1, 1)), np.zeros((1, 1)))
        )
        rise = cos_eta * distance / SIN_CHERENKOV
        le, la = self.ice.mean_lengths(places[:, 2] - rise, places[:, 2])
        light = self._light(distance / le, cos_eta, la / le)
        density = PHOTONS_PER_M * NOMINAL_RADIUS_M**2 / (2 * SIN_CHERENKOV)
        return np.asarray(density * self.ice.efficiency * light / distance)

    @cached_property
    def _log_light(self) -> Array:
        """Return ln of the light at the table's nodes of radius, la/le and cos eta."""
        light = self.table.light(self.ice.acceptance, _COSINES)[:, 0].sum(axis=-1)
        return np.asarray(np.log(np.maximum(light, 1e-12)))

    def _light(self, away: Array, cos_eta: Array, share: Array) -> Array:
        """Interpolate ln of the light linearly in ln(d/le), cos eta and ln(la/le)."""
        grid, light = self.table.grid, self._log_light
        nodes = np.log(grid.radius), np.log(grid.absorption), _COSINES
        values = np.log(away), np.log(share), cos_eta
        found = np.zeros(len(away))
        cells = [_cell(axis, value) for axis, value in zip(nodes, values, strict=True)]
        for corner in np.ndindex(2, 2, 2):
            weight = np.ones(len(away))
            for (_, part), step in zip(cells, corner, strict=True):
                weight = weight * (part if step else 1 - part)
            index = tuple(below + step for (below, _), step in zip(cells, corner, strict=True))
            found += weight * light[index]
        beyond = np.minimum(grid.radius[-1] - away, 0.0)
        return np.asarray(np.exp(found + beyond * np.sqrt(3 / share)))


def track_charges_llh(
    doms: NDArray[np.void], light: TrackLight, vertex: Array, zenith: float, azimuth: float
) -> float:
    """Return -ln L of charges under a track of the most likely brightness.

    Parameters
    ----------
    doms : ndarray, shape (ndom,), dtype DOM_DTYPE
        The same as those of the shower that it is compared with.
    light : TrackLight
    vertex, zenith, azimuth
        As for `TrackLight.charge_per_brightness`.
    """
    places = np.stack([doms[name] for name in "xyz"], axis=-1)
    per_brightness = light.charge_per_brightness(places, vertex, zenith, azimuth)
    per_brightness = (per_brightness * doms["efficiency"])[None]
    brightness = energies(doms["charge"], per_brightness, TRACK_SPREAD)
    expected = brightness[:, None] * per_brightness
    return float(charges_llh(doms["charge"], expected, TRACK_SPREAD)[0])


def _cell(nodes: Array, values: Array) -> tuple[NDArray[np.intp], Array]:
    below = np.clip(np.searchsorted(nodes, values, side="right") - 1, 0, len(nodes) - 2)
    part = (values - nodes[below]) / (nodes[below + 1] - nodes[below])
    return below, np.clip(part, 0.0, 1.0)
