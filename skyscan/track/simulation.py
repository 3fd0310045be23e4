"""Simulate a through-going track, with the light model that the track fit uses.

This is the simplest event on which a scan can be tried, and it contains the truth. The expected
charge of a DOM at the distance d from the track is ``BRIGHTNESS / d * exp(-d /
PROPAGATION_M)``. The number of photoelectrons has a Poisson distribution, and their delays
follow the Pandel function of bulk ice, with a Gaussian jitter. The rate of noise is constant. A
pulse is locally coincident (HLC) if a nearby DOM of its string has one within a microsecond.
The simulation does not include fluctuations of the energy losses, layers in the ice, the PMT's
acceptance (its effect on the delays is in the Pandel function), saturation or afterpulses.

All random numbers are uniform ones transformed by inverse distribution functions, because only
the stream of these is the same in every version of numpy.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from math import acos, cos, pi, sin
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv, ndtri, pdtr

from skyscan.events import truth as events
from skyscan.events.event import LC_FLAG, PULSE_DTYPE, Particle
from skyscan.events.simulated import INFINITE_TRACK, simulated_event
from skyscan.events.writer import write_event
from skyscan.geometry import FIRST_DEEPCORE_STRING, N_OMS, dom_positions
from skyscan.light.cherenkov import axes_of, direct_light, frames_of
from skyscan.light.pandel import DECAY_RATE, SCATTERING_M, effective_distance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.events.event import Event

    Array = NDArray[np.float64]

MAX_COS_ZENITH = 0.3
MAX_OFFSET_M = 200.0  #: of the track from the detector's centre
PASSES_AT_NS = 10_000.0

#: The expected charge near the track is this (PE m) over the distance: as bright as alerts.
BRIGHTNESS = 1500.0
PROPAGATION_M = 30.0
MAX_PHOTOELECTRONS = 500  #: of a DOM; a stand-in for saturation
CHARGE_WIDTH_PE = 0.3
JITTER_NS = 4.0

NOISE_RATE_PER_NS = 500e-9
READOUT_NS = (4000.0, 16000.0)

PULSE_WIDTH_NS = 8.0  #: photoelectrons nearer than this to a pulse's first are part of it
HLC_SPAN_OMS = 2
HLC_TIME_NS = 1000.0


@dataclass(frozen=True)
class Track:
    """A simulated track: its vertex (m, ns) and the direction it comes from (radians)."""

    x: float
    y: float
    z: float
    time: float
    zenith: float
    azimuth: float


def simulate(seed: int) -> Event:
    """Return a simulated event; the same seed gives the same event.

    Parameters
    ----------
    seed : int
        At least 0; it is also the event's id.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    track = draw_track(random)
    dom, time = draw_light(track, random)
    noise_dom, noise_time = draw_noise(random)
    dom, time = np.concatenate([dom, noise_dom]), np.concatenate([time, noise_time])
    in_readout = (time >= READOUT_NS[0]) & (time <= READOUT_NS[1])
    pulses = make_pulses(dom[in_readout], time[in_readout], random)
    truth = Particle(**vars(track), energy=np.nan, shape=INFINITE_TRACK)
    return simulated_event(seed, truth, pulses, {})


def truth_of(event: Event) -> tuple[float, float] | None:
    """Return the direction a simulated event comes from: (ra, dec) in radians, J2000.

    None if the event has no truth, or was simulated by another program.
    """
    truth = events.truth_of(event)
    return (truth.ra, truth.dec) if truth is not None and truth.has_equatorial else None


def draw_track(random: np.random.Generator) -> Track:
    """Draw a track through the detector that comes from below or from the side."""
    across, height, zenith, azimuth = random.random(4)
    zenith = acos(MAX_COS_ZENITH - (1 + MAX_COS_ZENITH) * zenith)
    azimuth, turn = 2 * pi * azimuth, 2 * pi * across
    x, y = MAX_OFFSET_M * cos(turn), MAX_OFFSET_M * sin(turn)
    return Track(x, y, MAX_OFFSET_M * (2 * height - 1), PASSES_AT_NS, zenith, azimuth)


def draw_light(track: Track, random: np.random.Generator) -> tuple[NDArray[np.intp], Array]:
    """Draw the photoelectrons of a track.

    Returns
    -------
    dom : ndarray of int, shape (n,)
        Index of the DOM of each in the flattened ``dom_positions()``.
    time : ndarray, shape (n,), ns
    """
    places = _places() - np.array([track.x, track.y, track.z])
    axes = axes_of(np.array([track.zenith]), np.array([track.azimuth]))
    origin = np.zeros((1, 1))
    time, distance, cos_eta = (
        values[0] for values in direct_light(frames_of(axes, places), origin, origin)
    )
    expected = BRIGHTNESS / distance * np.exp(-distance / PROPAGATION_M)
    chances = random.random(len(places))
    counts = np.array([_poisson(*pair) for pair in zip(expected, chances, strict=True)])
    dom = np.repeat(np.arange(len(places)), counts)
    shape = effective_distance(distance, cos_eta)[dom] / SCATTERING_M
    delay = gammaincinv(shape, random.random(len(dom))) / DECAY_RATE
    jitter = JITTER_NS * ndtri(random.random(len(dom)))
    return dom, track.time + time[dom] + delay + jitter


def draw_noise(random: np.random.Generator) -> tuple[NDArray[np.intp], Array]:
    """Draw noise during the readout; see `draw_light` for the result."""
    n_doms, length = len(_places()), READOUT_NS[1] - READOUT_NS[0]
    n = _poisson(n_doms * length * NOISE_RATE_PER_NS, float(random.random()))
    dom = (n_doms * random.random(n)).astype(np.intp)
    return dom, READOUT_NS[0] + length * random.random(n)


def make_pulses(
    dom: NDArray[np.intp], time: Array, random: np.random.Generator
) -> NDArray[np.void]:
    """Return the pulses, dtype PULSE_DTYPE, of photoelectrons.

    Times and charges are rounded as the readout does, to 0.1 ns and 0.025 PE.
    """
    order = np.lexsort([time, dom])
    dom, time = dom[order], np.round(time[order], 1)
    charge = np.maximum(1 + CHARGE_WIDTH_PE * ndtri(random.random(len(dom))), 0.1)
    first = _first_of_pulse(dom, time)
    pulses = np.zeros(len(first), PULSE_DTYPE)
    pulses["string"], pulses["om"] = dom[first] // N_OMS + 1, dom[first] % N_OMS + 1
    pulses["time"] = time[first]
    pulses["charge"] = np.round(np.add.reduceat(charge, first) / 0.025) * 0.025
    pulses["width"] = PULSE_WIDTH_NS
    pulses["flags"] = np.where(_has_neighbour(pulses), LC_FLAG, 0)
    return pulses


def _places() -> Array:
    """Return the DOMs that see light, shape (ndom, 3): all except DeepCore's."""
    return dom_positions()[: FIRST_DEEPCORE_STRING - 1].reshape(-1, 3)


def _poisson(expected: float, chance: float) -> int:
    """Return the number at which the cumulative Poisson distribution reaches ``chance``."""
    numbers = np.arange(MAX_PHOTOELECTRONS)
    return int(np.searchsorted(pdtr(numbers, expected), chance))


def _first_of_pulse(dom: NDArray[np.intp], time: Array) -> NDArray[np.intp]:
    first: list[int] = []
    for i in range(len(dom)):
        begins = not first or dom[i] != dom[first[-1]]
        if begins or time[i] - time[first[-1]] > PULSE_WIDTH_NS:
            first.append(i)
    return np.array(first, np.intp)


def _has_neighbour(pulses: NDArray[np.void]) -> NDArray[np.bool_]:
    found = np.zeros(len(pulses), bool)
    for i, pulse in enumerate(pulses):
        oms_away = np.abs(pulses["om"] - pulse["om"])
        near = (pulses["string"] == pulse["string"]) & (oms_away >= 1)
        near &= oms_away <= HLC_SPAN_OMS
        found[i] = (near & (np.abs(pulses["time"] - pulse["time"]) <= HLC_TIME_NS)).any()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a simulated event as an i3live file."""
    parser = argparse.ArgumentParser(
        prog="python -m skyscan.track.simulation", description="Simulate a through-going track."
    )
    parser.add_argument("--seed", type=int, required=True, help="the same seed, the same event")
    parser.add_argument("--out", required=True, help="the JSON file to write")
    options = parser.parse_args(arguments)
    if options.seed < 0:
        parser.error("--seed must be at least 0")
    write_event(options.out, simulate(options.seed))


if __name__ == "__main__":
    main()
