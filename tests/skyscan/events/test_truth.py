"""The truth is found wherever a simulation puts it."""

from dataclasses import replace

import numpy as np
import pytest
from events_support import raw, simulated_event
from level2_support import frames_of

from skyscan.events.event import Particle, Truth
from skyscan.events.i3.frame import parse_frame
from skyscan.events.i3.objects import write_particle
from skyscan.events.reader import read_event
from skyscan.events.truth import truth_of
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
    assert truth_of(event(truth=own)) == own
    truth = truth_of(event(fits={"MCMostEnergeticTrack": MUON, "MCPrimary1": FAR}, truth=own))
    assert (truth.zenith, truth.azimuth) == (0.1, 0.2)
    assert (truth.energy, truth.x) == (1e5, 1.0)  # what it does not have


@pytest.mark.parametrize("info", ["", "{", "[1]", '{"ra_rad": "1"}', 3.0])
def test_an_event_without_a_truth_that_can_be_read_has_none(info):
    assert truth_of(event(scalars={"SimulatedTrackInfo": info})) is None


def test_true_particles_of_the_daq_frame_are_found(tmp_path):
    path = tmp_path / "x.i3"
    daq, split = frames_of(tmp_path, 1)
    objects = dict(parse_frame(daq).objects)
    objects["MCPrimary1"] = write_particle(FAR)
    path.write_bytes(raw("Q", objects) + split)
    truth = truth_of(read_event(path))
    assert (truth.zenith, truth.azimuth, truth.energy) == (1.5, 0.6, 1e5)


def test_a_damaged_truth_leaves_the_event_readable(tmp_path):
    path = tmp_path / "x.i3"
    daq, split = frames_of(tmp_path, 1)
    objects = dict(parse_frame(daq).objects)
    whole = write_particle(FAR)
    objects["MCPrimary1"] = replace(whole, buffer=whole.buffer[:-9])
    path.write_bytes(raw("Q", objects) + split)
    assert "MCPrimary1" not in read_event(path).fits
