"""Simulated events, and the true track in the place of a best fit."""

import json
from functools import lru_cache

import numpy as np

from skyscan.alternatives.fitted import FittedEvent, FittedTrack
from skyscan.events.truth import TRUTH_INFO_KEY, TRUTH_KEY
from skyscan.light.ice_model import shipped_ice
from skyscan.simulation.events import Wanted, simulate_event
from skyscan.track.cleaning import clean_hits

#: From the horizon: the muon passes many strings.
DIRECTION = np.radians([200.0, 5.0])


@lru_cache
def simulated(kind, energy_gev, seed=1, vertex=(0.0, 0.0, 0.0)):
    """Return an event, what a fit sees of it, and its true track."""
    wanted = Wanted(kind, (energy_gev, energy_gev), tuple(DIRECTION), 20.0, vertex=vertex)
    event = simulate_event(wanted, shipped_ice(), seed)
    truth = event.fits[TRUTH_KEY]
    track = FittedTrack(
        np.array([truth.x, truth.y, truth.z]), truth.time, truth.zenith, truth.azimuth
    )
    return event, FittedEvent(clean_hits(event.pulses), event.pulses, shipped_ice()), track


def second_in(event):
    """Return the second muon of an event's truth."""
    return json.loads(event.scalars[TRUTH_INFO_KEY])["second"]
