"""Simulate events that are like the best fit of a scan."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from skyscan.coordinates import local_to_equatorial
from skyscan.coverage.sample import KINDS, OVERSIZE
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.simulated import MJD
from skyscan.simulation.events import Wanted, simulate_event
from skyscan.track.cleaning import clean_hits

if TYPE_CHECKING:
    from skyscan.answer.answer import Answer
    from skyscan.light.ice_model import IceModel

FIRST_ENERGY_GEV = 10_000.0
LEAST_GEV, MOST_GEV = 100.0, 1e7
#: A muon's energy is changed at most this often, to give the charge of the scan's event; each
#: time, this many events are simulated.
MOST_STEPS, N_PILOTS = 4, 3
CLOSE = 1.2
#: The seeds of these events, far from those of a sample.
PILOT_SEED = 2_000_000_000


@dataclass(frozen=True)
class BestFit:
    """What is simulated again.

    Attributes
    ----------
    reco : str
    zenith, azimuth : float, radians
    vertex : (float, float, float), m
    energy_gev : float
        NaN if the reconstruction has none.
    charge_pe : float
        Of the event's hits.
    """

    reco: str
    zenith: float
    azimuth: float
    vertex: tuple[float, float, float]
    energy_gev: float
    charge_pe: float


def best_fit_of(answer: Answer) -> BestFit:
    """Return the best fit of a scan by a reconstruction whose events can be simulated.

    Raises
    ------
    WrongUsage
        The reconstruction is none of these, or the scan does not say which hits it fitted.
    BadInput
        The best fit has no vertex, or the event has no time.
    """
    known = answer.likelihood
    if known is None or known.reco not in KINDS:
        raise WrongUsage(
            f"{answer.name}: `skyscan calibrate` simulates events of {', '.join(KINDS)}, and "
            f"needs a scan that recorded its likelihood (startup/likelihood.json), not one by "
            f"{answer.reco or 'an unknown reconstruction'}; scan the event again."
        )
    best = answer.best
    vertex = best.x_m, best.y_m, best.z_m
    if not all(map(isfinite, (*vertex, best.zenith_deg, best.azimuth_deg))):
        raise BadInput(f"{answer.name}: the best fit has no vertex or no direction.")
    zenith, azimuth = np.radians([best.zenith_deg, best.azimuth_deg]).tolist()
    return BestFit(known.reco, zenith, azimuth, vertex, best.energy_total_gev, known.charge_pe)


def wanted_like(best: BestFit, ice: IceModel) -> Wanted:
    """Return what to simulate: the particle of a best fit, as bright as its event.

    A shower has the energy of the fit. A muon, whose fit has none, has the one with which the
    median charge of events is that of the scan's.
    """
    ra, dec = local_to_equatorial(best.zenith, best.azimuth, MJD)
    direction, kind = (float(ra), float(dec)), KINDS[best.reco]

    def of_energy(energy: float) -> Wanted:
        return Wanted(kind, (energy, energy), direction, oversize=OVERSIZE, vertex=best.vertex)

    if isfinite(best.energy_gev):
        return of_energy(min(max(best.energy_gev, LEAST_GEV), MOST_GEV))
    energy = FIRST_ENERGY_GEV
    for _ in range(MOST_STEPS):
        ratio = best.charge_pe / _median_charge(of_energy(energy), ice)
        energy = min(max(energy * ratio, LEAST_GEV), MOST_GEV)
        if 1 / CLOSE < ratio < CLOSE:
            break
    return of_energy(energy)


def _median_charge(wanted: Wanted, ice: IceModel) -> float:
    seeds = range(PILOT_SEED, PILOT_SEED + N_PILOTS)
    events = (simulate_event(wanted, ice, seed) for seed in seeds)
    charges = [float(clean_hits(event.pulses)["charge"].sum()) for event in events]
    return max(float(np.median(charges)), 1.0)
