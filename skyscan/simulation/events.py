"""Simulate events: a particle, its photons, the detector's response, and the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.coordinates import equatorial_to_local
from skyscan.errors import BadInput
from skyscan.events.event import Particle
from skyscan.events.simulated import (
    CASCADE,
    INFINITE_TRACK,
    MJD,
    STARTING_TRACK,
    STOPPING_TRACK,
    simulated_event,
)
from skyscan.simulation.detector import detector_response
from skyscan.simulation.kernel import Hits, best_kernel, trace
from skyscan.simulation.light import n_photons
from skyscan.simulation.particles import (
    Primary,
    draw_direction,
    draw_primary,
    draw_second,
)
from skyscan.simulation.scene import Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.events.event import Event
    from skyscan.light.ice_model import IceModel

    Array = NDArray[np.float64]

MOST_TRIES = 200  #: until the detector is triggered
OVERSIZE = 10.0
#: The shapes of I3Particle; a coincident muon is an infinite track.
SHAPES = {"shower": CASCADE, "starting": STARTING_TRACK, "stopping": STOPPING_TRACK}
#: Each of two coincident muons must light this many DOMs: otherwise it is an event of one.
FEWEST_DOMS = 8


@dataclass(frozen=True)
class Wanted:
    """What to simulate.

    Attributes
    ----------
    kind : {"muon", "shower", "starting", "stopping", "coincident"}
    energies_gev : (float, float)
        The energy is drawn evenly in its logarithm between these.
    direction : (float, float) or None
        Right ascension and declination, radians, J2000; None draws from the whole sky.
    oversize : float
        Factor of the DOMs' radius, see `Scene`.
    kernel : {"auto", "c", "numpy"}
    vertex : (float, float, float) or None
        Where a shower begins, or a muon starts or stops, or a point that it passes, m; None
        draws it.
    """

    kind: str
    energies_gev: tuple[float, float]
    direction: tuple[float, float] | None = None
    oversize: float = OVERSIZE
    kernel: str = "auto"
    vertex: tuple[float, float, float] | None = None


class _Seen(NamedTuple):
    """A particle, and its photons that DOMs detected."""

    primary: Primary
    hits: Hits

    @property
    def n_doms(self) -> int:
        return len(np.unique(self.hits.dom))


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
        particles, pulses = _try(wanted, scene, random)
        if pulses is not None:
            return _event(wanted, ice, seed, particles, pulses, n_before)
    raise BadInput(
        f"None of {MOST_TRIES} events ({wanted.kind}) with seed {seed} triggers the detector; "
        "choose a higher energy."
    )


def _try(
    wanted: Wanted, scene: Scene, random: np.random.Generator
) -> tuple[list[_Seen], NDArray[np.void] | None]:
    """Return the particles, and the pulses if they are an event of what is wanted."""
    energy = _energy(wanted, random)
    direction = draw_direction(random)
    if wanted.direction is not None:
        zenith, azimuth = equatorial_to_local(*wanted.direction, MJD)
        direction = float(zenith), float(azimuth)
    drawn = draw_primary(wanted.kind, energy, direction, random, wanted.vertex)
    particles = [_followed(*drawn, wanted, scene, random)]
    if wanted.kind == "coincident":
        second = draw_second(_energy(wanted, random), random)
        particles.append(_followed(*second, wanted, scene, random))
        if any(it.n_doms < FEWEST_DOMS for it in particles):
            return particles, None
    dom, time = (np.concatenate([it.hits[i] for it in particles]) for i in (0, 1))
    pulses, is_triggered = detector_response(dom, time, random)
    return particles, pulses if is_triggered else None


def _energy(wanted: Wanted, random: np.random.Generator) -> float:
    low, high = wanted.energies_gev
    return low * float(np.exp(log(high / low) * random.random()))


def _followed(
    primary: Primary, steps: Array, wanted: Wanted, scene: Scene, random: np.random.Generator
) -> _Seen:
    photons = n_photons(steps, scene.oversize, random.random(len(steps)))
    seed = int(random.integers(2**62))
    return _Seen(primary, trace(scene, steps, photons, seed, wanted.kernel))


def _event(  # noqa: PLR0917
    wanted: Wanted,
    ice: IceModel,
    seed: int,
    particles: list[_Seen],
    pulses: NDArray[np.void],
    n_before: int,
) -> Event:
    primary = particles[0].primary
    truth = Particle(
        *(primary.x, primary.y, primary.z, primary.time, primary.zenith, primary.azimuth),
        energy=primary.energy_gev,
        shape=SHAPES.get(wanted.kind, INFINITE_TRACK),
    )
    facts = {
        "kind": wanted.kind,
        "energy_gev": primary.energy_gev,
        "deposited_gev": primary.deposited_gev,
        "not_triggered_before": n_before,
        "ice": ice.name,
        "ice_sha256": ice.digest,
        "oversize": wanted.oversize,
        "kernel": best_kernel() if wanted.kernel == "auto" else wanted.kernel,
    }
    if primary.stops:
        facts["stops"] = True
    if len(particles) > 1:
        facts["second"] = asdict(particles[1].primary) | {"n_doms": particles[1].n_doms}
    return simulated_event(seed, truth, pulses, facts)
