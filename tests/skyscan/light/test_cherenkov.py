import numpy as np
import pytest
from scipy.optimize import brentq

from skyscan.light.cherenkov import (
    COS_CHERENKOV,
    DOM_RADIUS_M,
    LIGHT_SPEED,
    N_GROUP,
    axes_of,
    direct_light,
    frames_of,
)


def travel(zenith, azimuth):
    """Return the direction of travel of a particle, by an independent formula."""
    return -np.array(
        [np.sin(zenith) * np.cos(azimuth), np.sin(zenith) * np.sin(azimuth), np.cos(zenith)]
    )


def light_by_hand(dom, vertex, along):
    """Return the direct light by a search for the point that the DOM sees under theta_c."""

    def excess(s: float) -> float:
        path = dom - (vertex + s * along)
        return path @ along / np.linalg.norm(path) - COS_CHERENKOV

    nearest = (dom - vertex) @ along
    s = brentq(excess, nearest - 1e5, nearest, xtol=1e-10)
    path = dom - (vertex + s * along)
    length = np.linalg.norm(path)
    return s / LIGHT_SPEED + length * N_GROUP / LIGHT_SPEED, path[2] / length


@pytest.mark.parametrize("zenith", [0.0, 0.3, np.pi / 2, 2.0, np.pi])
def test_direct_light_agrees_with_a_search_along_the_track(zenith):
    random = np.random.default_rng(5)
    azimuth = 4.0
    doms = random.uniform(-500, 500, (20, 3))
    axes = axes_of(np.array([zenith]), np.array([azimuth]))
    first, second = 30.0, -70.0
    vertex = first * axes.first[0] + second * axes.second[0]
    light = direct_light(frames_of(axes, doms), np.full((1, 1), first), np.full((1, 1), second))
    for i, dom in enumerate(doms):
        time, cos_eta = light_by_hand(dom, vertex, travel(zenith, azimuth))
        assert light.time[0, i] == pytest.approx(time, abs=1e-6)
        assert light.cos_eta[0, i] == pytest.approx(cos_eta, abs=1e-9)
        across = np.cross(dom - vertex, travel(zenith, azimuth))
        assert light.distance[0, i] == pytest.approx(np.linalg.norm(across))


def test_axes_are_right_handed_and_the_second_is_horizontal():
    axes = axes_of(np.array([0.0, 1.0, np.pi]), np.array([1.0, 2.0, 3.0]))
    assert np.allclose(np.cross(axes.second, axes.first), axes.along)
    assert (axes.second[:, 2] == 0).all()


def test_a_dom_on_the_track_is_a_dom_radius_away():
    axes = axes_of(np.array([0.0]), np.array([0.0]))
    nothing = np.zeros((1, 1))
    light = direct_light(frames_of(axes, np.array([[0.0, 0.0, 50.0]])), nothing, nothing)
    assert light.distance[0, 0] == DOM_RADIUS_M
    assert np.isfinite(light.cos_eta).all()
