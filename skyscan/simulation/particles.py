"""Draw the particles of simulated events, and the light that they make."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from math import acos, cos, pi, sin, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.light.cherenkov import LIGHT_SPEED, axes_of
from skyscan.simulation.light import STEP_FIELDS, hadronic_yield, shower_steps, track_step
from skyscan.simulation.losses import Loss, Path, propagate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

KINDS = ("muon", "shower", "starting", "stopping", "coincident")

#: A shower begins within this distance of the detector's axis and of its middle (m).
SHOWER_RADIUS_M, SHOWER_HALF_HEIGHT_M = 500.0, 450.0
#: A muon passes the detector's centre within this distance (m), and is followed inside this
#: sphere, which contains the detector. Its energy is that at the sphere.
LARGEST_OFFSET_M, SPHERE_M = 400.0, 900.0

#: When a shower begins, or a muon is nearest to the detector's centre, or starts or stops.
HAPPENS_AT_NS = 10_000.0

#: A muon that stops is followed over this length (m) at most: the range of some 10 TeV.
LONGEST_RANGE_M = 20_000.0
#: The second of two coincident muons comes this much earlier or later at most (ns), and is one
#: that the atmosphere makes: it comes from above, with a density of cos(zenith)^3.
LARGEST_DELAY_NS = 2000.0

#: A muon's own light is described by steps of at most this length, m.
TRACK_STEP_M = 20.0
#: Losses smaller than this (GeV) shine at one place.
SMALL_LOSS_GEV = 5.0


@dataclass(frozen=True)
class Primary:
    """A simulated particle.

    Attributes
    ----------
    kind : str
        One of KINDS.
    x, y, z, time : float, m, ns
        Where a shower begins, or a muon starts or stops; otherwise where a muon is nearest to
        the detector's centre.
    zenith, azimuth : float, radians
        The direction that it comes from, IceCube's local frame.
    energy_gev : float
        Of a muon, where it enters the sphere of SPHERE_M around the detector's centre; of one
        that stops, where it is followed from; of one that starts, with its first shower.
    deposited_gev : float
        Energy of the showers that make light: of a muon, its stochastic losses in the sphere.
    stops : bool
        Whether a muon that was to pass the sphere stops in it, after a large loss.
    """

    kind: str
    x: float
    y: float
    z: float
    time: float
    zenith: float
    azimuth: float
    energy_gev: float
    deposited_gev: float
    stops: bool = False


def draw_direction(random: np.random.Generator) -> tuple[float, float]:
    """Return zenith and azimuth (radians) of a direction drawn evenly from the whole sky."""
    cosine, turn = random.random(2)
    return acos(1 - 2 * cosine), 2 * pi * turn


def draw_primary(
    kind: str,
    energy_gev: float,
    direction: tuple[float, float],
    random: np.random.Generator,
    vertex: tuple[float, float, float] | None = None,
) -> tuple[Primary, Array]:
    """Return a particle and the steps of its light, shape (n, STEP_FIELDS).

    Parameters
    ----------
    kind : {"muon", "shower"}
    energy_gev : float
    direction : (float, float), radians
        Zenith and azimuth that the particle comes from.
    random : numpy.random.Generator
    vertex : (float, float, float), m, optional
        Where a shower begins, or a point that a muon passes; by default it is drawn.

    Raises
    ------
    BadInput
        The muon passes outside of the sphere in which muons are followed.
    """
    makers = {"shower": _shower, "starting": _starting, "stopping": _stopping}
    return makers.get(kind, _muon)(energy_gev, direction, random, vertex)


def draw_second(energy_gev: float, random: np.random.Generator) -> tuple[Primary, Array]:
    """Return the second of two coincident muons, and the steps of its light."""
    cosine, turn, delay = random.random(3)
    direction = acos(sqrt(sqrt(cosine))), 2 * pi * turn
    primary, steps = _muon(energy_gev, direction, random, None)
    delay = LARGEST_DELAY_NS * (2 * delay - 1)
    steps[:, 3] += delay
    return replace(primary, time=primary.time + delay), steps


def _shower(
    energy_gev: float,
    direction: tuple[float, float],
    random: np.random.Generator,
    vertex: tuple[float, float, float] | None,
) -> tuple[Primary, Array]:
    x, y, z = _inside(random, vertex)
    place = np.array([x, y, z])
    primary = Primary(
        "shower", x, y, z, HAPPENS_AT_NS, *direction, energy_gev, deposited_gev=energy_gev
    )
    return primary, shower_steps(place, HAPPENS_AT_NS, _travels(direction), energy_gev)


def _inside(
    random: np.random.Generator, vertex: tuple[float, float, float] | None
) -> tuple[float, float, float]:
    """Draw a place in the detector; one that is given is returned."""
    across, turn, height = random.random(3)
    radius = SHOWER_RADIUS_M * sqrt(across)
    x, y = radius * cos(2 * pi * turn), radius * sin(2 * pi * turn)
    return (x, y, SHOWER_HALF_HEIGHT_M * (2 * height - 1)) if vertex is None else vertex


def _travels(direction: tuple[float, float]) -> Array:
    axes = axes_of(*(np.array([angle]) for angle in direction))
    return np.asarray(axes.along[0])


def _starting(
    energy_gev: float,
    direction: tuple[float, float],
    random: np.random.Generator,
    vertex: tuple[float, float, float] | None,
) -> tuple[Primary, Array]:
    """Draw a neutrino's hadronic shower, and the muon that leaves it."""
    x, y, z = _inside(random, vertex)
    place, along = np.array([x, y, z]), _travels(direction)
    shower_gev = energy_gev * float(random.random()) ** 2
    path = propagate(energy_gev - shower_gev, 2 * SPHERE_M, random)
    first = _loss_steps(Loss(0.0, shower_gev, True), place, HAPPENS_AT_NS, along, random)  # noqa: FBT003
    steps = np.concatenate([first, _muon_steps(path, place, HAPPENS_AT_NS, along, random)])
    deposited = shower_gev + sum(loss.energy_gev for loss in path.losses)
    primary = Primary("starting", x, y, z, HAPPENS_AT_NS, *direction, energy_gev, deposited)
    return primary, steps


def _stopping(
    energy_gev: float,
    direction: tuple[float, float],
    random: np.random.Generator,
    vertex: tuple[float, float, float] | None,
) -> tuple[Primary, Array]:
    """Draw a muon whose path ends in the detector."""
    x, y, z = _inside(random, vertex)
    path = propagate(energy_gev, LONGEST_RANGE_M, random)
    length, along = float(path.distance[-1]), _travels(direction)
    start, begins = np.array([x, y, z]) - length * along, HAPPENS_AT_NS - length / LIGHT_SPEED
    deposited = sum(loss.energy_gev for loss in path.losses)
    primary = Primary("stopping", x, y, z, HAPPENS_AT_NS, *direction, energy_gev, deposited)
    return primary, _muon_steps(path, start, begins, along, random)


def _muon(
    energy_gev: float,
    direction: tuple[float, float],
    random: np.random.Generator,
    vertex: tuple[float, float, float] | None,
) -> tuple[Primary, Array]:
    axes = axes_of(*(np.array([angle]) for angle in direction))
    across, turn = random.random(2)
    offset = LARGEST_OFFSET_M * sqrt(across)
    nearest = offset * (
        np.cos(2 * pi * turn) * axes.first[0] + np.sin(2 * pi * turn) * axes.second[0]
    )
    if vertex is not None:
        nearest = np.array(vertex) - (np.array(vertex) @ axes.along[0]) * axes.along[0]
        offset = float(np.linalg.norm(nearest))
    if offset >= SPHERE_M:
        raise BadInput(
            f"The muon passes the detector's centre at {offset:.0f} m; only muons within "
            f"{SPHERE_M:.0f} m can be simulated."
        )
    half = sqrt(SPHERE_M**2 - offset**2)
    path = propagate(energy_gev, 2 * half, random)
    start, begins = nearest - half * axes.along[0], HAPPENS_AT_NS - half / LIGHT_SPEED
    steps = _muon_steps(path, start, begins, axes.along[0], random)
    deposited = sum(loss.energy_gev for loss in path.losses)
    x, y, z = nearest.tolist()
    stops = bool(path.distance[-1] < 2 * half)
    primary = Primary("muon", x, y, z, HAPPENS_AT_NS, *direction, energy_gev, deposited, stops)
    return primary, steps


def _muon_steps(
    path: Path, start: Array, begins: float, along: Array, random: np.random.Generator
) -> Array:
    """Return the steps of all light of a muon; it starts at a place (m) and a time (ns)."""
    steps = [np.empty((0, STEP_FIELDS)), *_track_steps(path, start, begins, along)]
    for loss in path.losses:
        place, at = start + loss.distance * along, begins + loss.distance / LIGHT_SPEED
        steps.append(_loss_steps(loss, place, at, along, random))
    return np.concatenate(steps)


def _track_steps(path: Path, start: Array, begins: float, along: Array) -> list[Array]:
    """Return the steps of a muon's own light; it starts at a place (m) and a time (ns)."""
    edges = np.append(np.arange(0.0, path.distance[-1], TRACK_STEP_M), path.distance[-1])
    steps = []
    for low, high in pairwise(edges):
        energy = max(float(np.interp(low, path.distance, path.energy_gev)), 1.0)
        place, at = start + low * along, begins + low / LIGHT_SPEED
        steps.append(track_step(place, at, along, high - low, energy))
    return steps


def _loss_steps(
    loss: Loss, place: Array, time: float, along: Array, random: np.random.Generator
) -> Array:
    steps = shower_steps(place, time, along, loss.energy_gev)
    if loss.is_hadronic:
        mean, spread = hadronic_yield(loss.energy_gev)
        # A normal distribution, by the sum of 12 uniform numbers.
        share = mean + spread * (float(random.random(12).sum()) - 6)
        steps[:, 9] *= min(max(share, 0.0), 1.2)
    if loss.energy_gev < SMALL_LOSS_GEV:
        light = steps[:, 9].sum()
        steps = steps[len(steps) // 2 : len(steps) // 2 + 1].copy()
        steps[:, 9] = light
    return steps
