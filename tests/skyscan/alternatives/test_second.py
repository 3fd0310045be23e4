"""Two muons in one event, and what looks like them."""

import numpy as np
import pytest
from alternatives_support import second_in, simulated

from skyscan.alternatives.second import second_of
from skyscan.answer.one_track import LEAST_EXCESS


def source(zenith, azimuth):
    sine = np.sin(zenith)
    return np.array([sine * np.cos(azimuth), sine * np.sin(azimuth), np.cos(zenith)])


def test_the_second_of_two_muons_is_found_from_the_first():
    event, fitted, track = simulated("coincident", 3000.0, seed=5)
    found = second_of(fitted, track)
    truth = second_in(event)
    there = source(truth["zenith"], truth["azimuth"])
    away = np.arccos(source(found.track.zenith, found.track.azimuth) @ there)
    assert found.excess > LEAST_EXCESS
    assert np.degrees(away) < 10
    assert found.n_hits > 10


@pytest.mark.parametrize("seed", [1, 2])
def test_one_muon_explains_its_own_event(seed):
    _, fitted, track = simulated("muon", 5000.0, seed)
    assert second_of(fitted, track) is None


def test_late_light_of_a_shower_on_the_track_is_no_second_muon():
    _, fitted, track = simulated("starting", 10_000.0, seed=3)
    found = second_of(fitted, track)
    assert found is None or found.excess < LEAST_EXCESS


def test_the_same_event_later_has_the_same_second_muon():
    from dataclasses import replace

    _, fitted, track = simulated("coincident", 3000.0, seed=5)
    hits = fitted.hits.copy()
    hits["time"] += 1000.0
    later = second_of(replace(fitted, hits=hits), replace(track, time=track.time + 1000.0))
    assert later.gain == pytest.approx(second_of(fitted, track).gain, rel=1e-3)
