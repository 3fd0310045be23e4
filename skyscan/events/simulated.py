"""Events that a simulation of this project makes, with their truth in the frame."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.coordinates import local_to_equatorial
from skyscan.events.event import Event, Vertex
from skyscan.events.formats import pulses_key_of
from skyscan.events.truth import TRUTH_INFO_KEY, TRUTH_KEY
from skyscan.geometry import dom_positions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skyscan.events.event import Particle

RUN_ID = 1  #: real runs have six digits
MJD = 60310.25
FORMAT = "2021a"
INFINITE_TRACK = 40  #: I3Particle::InfiniteTrack (icetray, dataclasses)
CASCADE = 30  #: I3Particle::Cascade
STARTING_TRACK = 50  #: I3Particle::StartingTrack
STOPPING_TRACK = 60  #: I3Particle::StoppingTrack


def simulated_event(
    seed: int, truth: Particle, pulses: NDArray[np.void], facts: Mapping[str, Any]
) -> Event:
    """Return the event of what was simulated.

    Parameters
    ----------
    seed : int
        Seed of the simulation, also the event's id.
    truth : Particle
        The particle, in IceCube's local frame.
    pulses : ndarray, dtype PULSE_DTYPE
        What the detector read out; the brightest one is the seed of fits.
    facts : mapping
        What else was simulated, as JSON beside the particle (`TRUTH_INFO_KEY`).
    """
    ra, dec = local_to_equatorial(truth.zenith, truth.azimuth, MJD)
    direction = {"ra_rad": round(float(ra), 9), "dec_rad": round(float(dec), 9)}
    return Event(
        run_id=RUN_ID,
        event_id=seed,
        sub_event_id=0,
        mjd=MJD,
        event_type="neutrino",
        format_version=FORMAT,
        pulses_key=pulses_key_of(FORMAT),
        pulses=pulses,
        seed=brightest(pulses),
        fits={TRUTH_KEY: truth},
        scalars={TRUTH_INFO_KEY: json.dumps({"seed": seed, **direction, **facts})},
    )


def brightest(pulses: NDArray[np.void]) -> Vertex:
    """Return the position and time of the brightest pulse, a seed without the truth."""
    pulse = pulses[np.argmax(pulses["charge"])]
    x, y, z = dom_positions()[pulse["string"] - 1, pulse["om"] - 1].tolist()
    return Vertex(x, y, z, float(pulse["time"]))
