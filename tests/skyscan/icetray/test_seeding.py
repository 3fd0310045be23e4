"""The seed time from the closest DOM, and the seeds of random services."""

import math

import numpy as np
import pytest
from scans_support import pixel_rows

from skyscan.icetray.seeding import closest_dom_time, random_seed, travel_direction
from skyscan.light.cherenkov import LIGHT_SPEED, N_PHASE

DOWN = travel_direction(0.0, 0.0)
VERTEX = np.array([10.0, -20.0, 30.0])


def light_arrives(place, time_at_vertex, direction):
    """Return when a DOM sees the Cherenkov light of a track, by rays, without the formula."""
    along = np.linspace(-2000, 2000, 4_000_001)
    points = VERTEX + along[:, None] * direction
    distance = np.linalg.norm(place - points, axis=1)
    return (time_at_vertex + (along + distance * N_PHASE) / LIGHT_SPEED).min()


@pytest.mark.parametrize("zenith", [0.0, 0.7, 2.2])
def test_direct_light_reaches_the_closest_dom_at_its_hit_time(zenith):
    direction = travel_direction(zenith, 1.1)
    place = VERTEX + np.array([30.0, 5.0, -12.0])
    hit = light_arrives(place, 9800.0, direction)
    far, early = VERTEX + np.array([400.0, 300.0, 0.0]), 1.0
    found = closest_dom_time(
        VERTEX, 0.0, direction, np.array([far, place]), np.array([early, hit])
    )
    assert found == pytest.approx(9800.0, abs=0.01)


def test_without_hits_the_time_does_not_change():
    assert closest_dom_time(VERTEX, 77.0, DOWN, np.empty((0, 3)), np.empty(0)) == 77.0


def test_of_two_equally_close_doms_the_first_counts():
    places = VERTEX + np.array([[5.0, 0, 0], [-5.0, 0, 0]])
    found = [
        closest_dom_time(VERTEX, 0.0, DOWN, places, np.array(times))
        for times in ([100.0, 900.0], [900.0, 100.0])
    ]
    assert found[1] - found[0] == pytest.approx(800.0)


def test_a_dom_on_the_track_is_allowed():
    found = closest_dom_time(VERTEX, 0.0, DOWN, np.array([VERTEX]), np.array([500.0]))
    assert found == pytest.approx(500.0)


def test_random_seeds_depend_on_all_ids_and_on_nothing_else():
    pixels = pixel_rows(2, range(24))
    seeds = [random_seed(pixel) for pixel in pixels]
    assert len(set(seeds)) == len(pixels)
    moved = pixels[0].copy()
    moved["x"] += 1
    assert random_seed(moved) == seeds[0]
    for name in ("nside", "pixel", "variation"):
        other = pixels[0].copy()
        other[name] += 1
        assert random_seed(other) != seeds[0]
    assert all(0 <= seed < 2**32 and not math.isnan(seed) for seed in seeds)
