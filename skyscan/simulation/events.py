"""Simulate events: a particle, its photons, the detector's response, and the truth."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

import numpy as np

from skyscan.coordinates import equatorial_to_local
from skyscan.errors import BadInput
from skyscan.events.event import Particle
from skyscan.events.simulated import CASCADE, INFINITE_TRACK, MJD, simulated_event
from skyscan.simulation.detector import detector_response
from skyscan.simulation.kernel import best_kernel, trace
from skyscan.simulation.light import n_photons
from skyscan.simulation.particles import Primary, draw_direction, draw_primary
from skyscan.simulation.scene import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.events.event import Event
    from skyscan.light.ice_model import IceModel

MOST_TRIES = 200  #: until the detector is triggered
OVERSIZE = 10.0


@dataclass(frozen=True)
class Wanted:
    """What to simulate.

    Attributes
    ----------
    kind : {"muon", "shower"}
    energies_gev : (float, float)
        The energy is drawn evenly in its logarithm between these.
    direction : (float, float) or None
        Right ascension and declination, radians, J2000; None draws from the whole sky.
    oversize : float
        Factor of the DOMs' radius, see `Scene`.
    kernel : {"auto", "c", "numpy"}
    vertex : (float, float, float) or None
        Where a shower begins, or a point that a muon passes, m; None draws it.
    """

    kind: str
    energies_gev: tuple[float, float]
    direction: tuple[float, float] | None = None
    oversize: float = OVERSIZE
    kernel: str = "auto"
    vertex: tuple[float, float, float] | None = None


def simulate_event(wanted: Wanted, ice: IceModel, seed: int) -> Event:
    """Return a simulated event that triggers the detector; the same seed, the same event.

    Events that do not trigger are thrown away, and the next one is drawn.

    Parameters
    ----------
    wanted : Wanted
    ice : IceModel
        The tilt of its layers is not used.
    seed : int
        At least 0; it is also the event's id.

    Raises
    ------
    BadInput
        The detector is not triggered in MOST_TRIES tries.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    scene = Scene(ice, wanted.oversize)
    for n_before in range(MOST_TRIES):
        primary, pulses = _try(wanted, scene, random)
        if pulses is not None:
            return _event(wanted, ice, seed, primary, pulses, n_before)
    raise BadInput(
        f"None of {MOST_TRIES} {wanted.kind}s with seed {seed} triggers the detector; "
        "choose a higher energy."
    )


def _try(
    wanted: Wanted, scene: Scene, random: np.random.Generator
) -> tuple[Primary, NDArray[np.void] | None]:
    low, high = wanted.energies_gev
    energy = low * float(np.exp(log(high / low) * random.random()))
    direction = draw_direction(random)
    if wanted.direction is not None:
        zenith, azimuth = equatorial_to_local(*wanted.direction, MJD)
        direction = float(zenith), float(azimuth)
    primary, steps = draw_primary(wanted.kind, energy, direction, random, wanted.vertex)
    photons = n_photons(steps, scene.oversize, random.random(len(steps)))
    seed = int(random.integers(2**62))
    hits = trace(scene, steps, photons, seed, wanted.kernel)
    pulses, is_triggered = detector_response(hits.dom, hits.time, random)
    return primary, pulses if is_triggered else None


def _event(  # noqa: PLR0917
    wanted: Wanted,
    ice: IceModel,
    seed: int,
    primary: Primary,
    pulses: NDArray[np.void],
    n_before: int,
) -> Event:
    shape = INFINITE_TRACK if primary.kind == "muon" else CASCADE
    truth = Particle(
        *(primary.x, primary.y, primary.z, primary.time, primary.zenith, primary.azimuth),
        energy=primary.energy_gev,
        shape=shape,
    )
    facts = {
        "kind": primary.kind,
        "energy_gev": primary.energy_gev,
        "deposited_gev": primary.deposited_gev,
        "not_triggered_before": n_before,
        "ice": ice.name,
        "ice_sha256": ice.digest,
        "oversize": wanted.oversize,
        "kernel": best_kernel() if wanted.kernel == "auto" else wanted.kernel,
    }
    return simulated_event(seed, truth, pulses, facts)
