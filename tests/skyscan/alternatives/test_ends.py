"""Where tracks start and stop, by the DOMs that stay dark."""

from dataclasses import replace

import numpy as np
import pytest
from alternatives_support import simulated

from skyscan.alternatives.ends import ends_of
from skyscan.alternatives.fitted import FittedTrack
from skyscan.geometry import N_OMS, dom_positions


def found_in(event, *tracks: FittedTrack, llh=None):
    return ends_of(event, tracks, np.zeros(len(tracks)) if llh is None else np.array(llh))


def test_a_muon_through_the_detector_neither_starts_nor_stops():
    _, event, track = simulated("muon", 3000.0)
    start, stop = found_in(event, track)
    assert max(start.gain, stop.gain) < 2


def test_a_track_that_starts_in_the_middle_leaves_doms_before_it_dark():
    _, event, track = simulated("starting", 5000.0, seed=2)
    start, stop = found_in(event, track)
    assert start.gain > 10
    assert stop.gain < 2
    assert 5 < start.expected < start.n_dark
    assert 250 < start.length_m < 700  # half of the detector


def test_a_muon_that_stops_in_the_middle_leaves_doms_behind_it_dark():
    _, event, track = simulated("stopping", 300.0)
    start, stop = found_in(event, track)
    assert start.gain < 3
    assert stop.gain > 10


def test_a_start_at_the_edge_cannot_be_told_from_a_muon_that_comes_in():
    _, event, track = simulated("starting", 5000.0)
    outside = dom_positions()[:78].reshape(-1, 3) @ track.axes.along[0] < 0
    strings, oms = np.divmod(np.flatnonzero(outside), N_OMS)
    noise = np.zeros(len(strings), event.pulses.dtype)
    noise["string"], noise["om"], noise["time"], noise["charge"] = strings + 1, oms + 1, 9e3, 1
    # DOMs with pulses that are no hits count neither as hit nor as dark
    noisy = replace(event, pulses=np.concatenate([event.pulses, noise]))
    start, _ = found_in(noisy, track)
    assert start.gain < 3


def test_dark_doms_decide_between_directions_that_the_times_allow():
    _, event, track = simulated("muon", 3000.0)
    aside = replace(track, vertex=track.vertex + 60 * track.axes.first[0])
    alone, _ = found_in(event, aside)
    both, _ = found_in(event, aside, track, llh=[0.0, 1.0])
    assert both.gain < max(alone.gain, 1.0)


@pytest.mark.parametrize("shift_ns", [0.0, 5000.0])
def test_the_evidence_does_not_depend_on_the_time(shift_ns):
    _, event, track = simulated("starting", 5000.0)
    later = event.hits.copy()
    later["time"] += shift_ns
    start, _ = found_in(replace(event, hits=later), replace(track, time=track.time + shift_ns))
    assert start == found_in(event, track)[0]
