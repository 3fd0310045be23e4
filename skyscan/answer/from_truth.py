"""How far an answer is from the truth of a simulated event."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite, log, log10, nan, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.coordinates import local_to_equatorial

if TYPE_CHECKING:
    from skyscan.answer.best import BestFit
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap
    from skyscan.answer.region import Region
    from skyscan.events.event import Truth

#: Radius of 50 % of a two-dimensional Gaussian, in units of its sigma.
RADIUS_50 = sqrt(2 * log(2))


@dataclass(frozen=True)
class FromTruth:
    """The truth, and the errors of a map; NaN where one of the two is unknown.

    Attributes
    ----------
    ra_deg, dec_deg : float
        The true direction, degrees, J2000; in a local map azimuth and elevation.
    energy_gev : float
        Energy of the primary.
    distance_deg : float
        Angle between the best fit and the true direction.
    pull : float
        The same in units of sigma, that of the Gaussian whose 50 % region is as large as the
        map's: its median is 1.18 if the regions are right.
    two_delta_llh : float
        At the true direction; infinite in unscanned sky.
    containment : float
        Probability of the smallest region that contains the true direction: distributed evenly
        from 0 to 1 if the regions are right.
    inside : dict of str to bool
        Whether the region of 50 % and that of 90 % contain it.
    log10_energy_ratio : float
        Of the fitted energy, the total one, to the true one.
    vertex_m : float
        Distance of the fitted vertex from the true one.
    across_m, along_m : float
        The same across and along the fitted direction: the vertex of a track may be anywhere
        along it.
    """

    ra_deg: float
    dec_deg: float
    energy_gev: float
    distance_deg: float
    pull: float
    two_delta_llh: float
    containment: float
    inside: dict[str, bool]
    log10_energy_ratio: float
    vertex_m: float
    across_m: float
    along_m: float

    def lines(self, direction: str) -> list[str]:
        """Return the errors as lines of the answer, after the true direction in words."""
        where = ", ".join(
            f"{'in' if is_in else 'not in'} {name} %" for name, is_in in self.inside.items()
        )
        first = (
            f"  truth     {direction}; {self.distance_deg:.2f} deg, {self.pull:.1f} sigma from "
            f"the best fit, {where}"
        )
        more = []
        if isfinite(self.energy_gev):
            more.append(f"energy {self.energy_gev:.4g} GeV")
        if isfinite(self.log10_energy_ratio):
            more.append(f"fitted energy {10**self.log10_energy_ratio:.2f} of it")
        if isfinite(self.vertex_m):
            across = f"{self.across_m:.1f} m across the direction"
            more.append(f"vertex {self.vertex_m:.1f} m away, {across}")
        return [first, f"            {'; '.join(more)}"] if more else [first]


def from_truth(
    skymap: SkyMap, levels: Levels, best: BestFit, regions: tuple[Region, ...]
) -> FromTruth | None:
    """Compare a map with the truth that came with its event; None if there is none."""
    truth = skymap.context.truth
    direction = None if truth is None else direction_of(truth, skymap)
    if truth is None or direction is None:
        return None
    here, there = unit_vectors(*skymap.best_deg), unit_vectors(*direction)
    value = float(skymap.surface.at(there[np.newaxis])[0])
    distance = float(separation(here, there))
    sigma = sqrt(regions[0].area_deg2 / pi) / RADIUS_50
    vertex, across, along = _vertex_errors(truth, best)
    return FromTruth(
        ra_deg=direction[0],
        dec_deg=direction[1],
        energy_gev=truth.energy,
        distance_deg=distance,
        pull=distance / sigma if sigma > 0 else nan,
        two_delta_llh=value,
        containment=skymap.scale(levels).containment(value),
        inside={
            f"{100 * p:g}": value <= region.two_delta_llh
            for p, region in zip(CONTAINMENTS, regions, strict=True)
        },
        log10_energy_ratio=_log_ratio(best.energy_total_gev, truth.energy),
        vertex_m=vertex,
        across_m=across,
        along_m=along,
    )


def direction_of(truth: Truth, skymap: SkyMap) -> tuple[float, float] | None:
    """Return the true direction in the coordinates of a map, degrees; None if unknown."""
    if truth.has_equatorial and not skymap.is_local:
        return float(np.rad2deg(truth.ra)), float(np.rad2deg(truth.dec))
    if not truth.has_local or not (skymap.is_local or isfinite(skymap.mjd)):
        return None
    mjd = nan if skymap.is_local else skymap.mjd
    longitude, latitude = local_to_equatorial(truth.zenith, truth.azimuth, mjd)
    return float(np.rad2deg(longitude)), float(np.rad2deg(latitude))


def _log_ratio(fitted: float, true: float) -> float:
    return log10(fitted / true) if fitted > 0 and true > 0 else nan


def _vertex_errors(truth: Truth, best: BestFit) -> tuple[float, float, float]:
    away = np.array([best.x_m - truth.x, best.y_m - truth.y, best.z_m - truth.z])
    axis = unit_vectors(best.azimuth_deg, 90.0 - best.zenith_deg)
    along = float(away @ axis)
    return float(np.linalg.norm(away)), float(np.linalg.norm(away - along * axis)), abs(along)
