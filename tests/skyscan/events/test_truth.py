"""The truth is found wherever a simulation puts it."""

import numpy as np
import pytest
from events_support import simulated_event

from skyscan.events.event import Particle
from skyscan.events.truth import Truth, truth_of
from skyscan.track.simulation import simulate

FAR = Particle(0.0, 0.0, 6e6, 0.0, 1.5, 0.6, 1e5)
MUON = Particle(1.0, 2.0, 3.0, 10.0, 1.51, 0.61, 5e4)


def event(**changes: object):
    return simulated_event(**{"fits": {}, "scalars": {}, **changes})


def test_the_simulated_track_has_direction_and_vertex():
    truth = truth_of(simulate(1))
    assert truth.has_local
    assert truth.has_equatorial
    assert np.isfinite([truth.x, truth.y, truth.z, truth.time]).all()


def test_icecubes_primary_gives_direction_and_energy_and_a_particle_nearby_the_vertex():
    truth = truth_of(event(fits={"MCMostEnergeticTrack": MUON, "MCPrimary1": FAR}))
    assert (truth.zenith, truth.azimuth, truth.energy) == (1.5, 0.6, 1e5)
    assert (truth.x, truth.y, truth.z, truth.time) == (1.0, 2.0, 3.0, 10.0)
    assert not np.isfinite(truth_of(event(fits={"MCPrimary1": FAR})).x)


def test_a_truth_of_its_own_comes_first():
    own = Truth(zenith=0.1, azimuth=0.2)
    assert truth_of(event(fits={"MCPrimary1": FAR}, truth=own)) == own


@pytest.mark.parametrize("info", ["", "{", "[1]", '{"ra_rad": "1"}', 3.0])
def test_an_event_without_a_truth_that_can_be_read_has_none(info):
    assert truth_of(event(scalars={"SimulatedTrackInfo": info})) is None
