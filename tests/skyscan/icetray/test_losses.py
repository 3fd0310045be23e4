"""The energy that a track loses inside the instrumented volume."""

from types import SimpleNamespace

import pytest

from skyscan.icetray.losses import losses
from skyscan.light.cherenkov import LIGHT_SPEED


def at(x):
    return SimpleNamespace(x=x, y=0.0, z=0.0)


#: A track along x that is at the origin at 1000 ns.
TRACK = SimpleNamespace(pos=at(0.0), dir=at(1.0), time=1000.0)


def loss(x, energy, *, is_cascade=True):
    return SimpleNamespace(time=1000.0 + x / LIGHT_SPEED, energy=energy, is_cascade=is_cascade)


def test_losses_between_entry_and_exit_are_inside():
    segments = [loss(-300, 1.0), loss(-50, 10.0), loss(90, 100.0), loss(400, 1000.0)]
    assert losses(TRACK, segments, [at(-100.0), at(100.0)]) == (110.0, 1111.0)


@pytest.mark.parametrize(("x", "inside"), [(-159, 5), (-161, 0), (159, 5), (161, 0)])
def test_the_volume_is_sixty_metres_longer_at_both_ends(x, inside):
    assert losses(TRACK, [loss(x, 5.0)], [at(100.0), at(-100.0)]) == (inside, 5.0)


def test_only_cascades_count():
    segments = [loss(0, 5.0, is_cascade=False), loss(0, 7.0)]
    assert losses(TRACK, segments, [at(-10.0), at(10.0)]) == (7.0, 7.0)


def test_a_track_that_misses_the_volume_has_no_losses():
    assert losses(TRACK, [loss(0, 5.0)], []) == (0.0, 0.0)


def test_a_track_that_touches_the_volume_has_the_losses_near_that_point():
    assert losses(TRACK, [loss(30, 5.0), loss(130, 6.0)], [at(20.0)]) == (5.0, 11.0)
