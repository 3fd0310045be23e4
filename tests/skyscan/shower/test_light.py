import numpy as np
import pytest

from skyscan.doms import efficiencies
from skyscan.geometry import dom_positions
from skyscan.light.cherenkov import LIGHT_SPEED
from skyscan.light.yields import profile_length
from skyscan.shower.light import ShowerLight, arrival
from skyscan.simulation.kernel import trace
from skyscan.simulation.light import n_photons, shower_steps
from skyscan.simulation.scene import Scene

ENERGY_GEV, OVERSIZE = 4000.0, 25.0
TRAVELS = np.array([0.6, 0.0, 0.8])
BEGINS = np.array([50.0, -80.0, -350.0])


@pytest.fixture(scope="module")
def light():
    return ShowerLight()


@pytest.fixture(scope="module")
def photons(light):
    """Photons of a shower that were followed one by one."""
    steps = shower_steps(BEGINS, 0.0, TRAVELS, ENERGY_GEV)
    numbers = n_photons(steps, OVERSIZE, np.full(len(steps), 0.5))
    return trace(Scene(light.ice, OVERSIZE), steps, numbers, 5)


@pytest.fixture(scope="module")
def paths(light):
    centre = BEGINS + profile_length(ENERGY_GEV) * TRAVELS
    doms = light.doms(dom_positions().reshape(-1, 3))
    return light.paths(centre[None], TRAVELS[None], doms)


def test_charges_are_those_of_photons_that_are_followed_one_by_one(light, photons, paths):
    expected = (ENERGY_GEV * light.charge_per_gev(paths))[0] * efficiencies().ravel()
    counted = np.bincount(photons.dom, minlength=len(expected))
    for near, far in ((25, 45), (45, 70), (70, 110), (110, 160)):
        doms = (paths.distance[0] >= near) & (paths.distance[0] < far)
        error = 0.08 + 3 / np.sqrt(counted[doms].sum())
        assert counted[doms].sum() == pytest.approx(expected[doms].sum(), rel=error)


def test_arrival_times_are_those_of_photons_that_are_followed_one_by_one(light, photons, paths):
    far = paths.distance[0, photons.dom] > 40  # the oversized DOMs blur times near by
    dom = photons.dom[far]
    passed = photons.time[far] - profile_length(ENERGY_GEV) / LIGHT_SPEED
    delay = np.full((1, *paths.distance.shape), np.nan)
    shares = []
    for k in range(0, len(dom), 7):  # each DOM is in an array of all of them
        delay[0, 0, :] = passed[k] - arrival(paths.distance[0])
        shares.append(np.exp(light.log_survival(delay, paths)[0, 0, dom[k]]))
    assert len(shares) > 100
    for level in (0.25, 0.5, 0.75):
        assert np.mean(np.array(shares) < level) == pytest.approx(level, abs=0.1)


def test_the_quick_light_is_nearly_the_exact_one(light, paths):
    quick = ShowerLight(is_quick=True)
    near = paths.distance[0] < 150
    ratio = quick.charge_per_gev(paths)[0, near] / light.charge_per_gev(paths)[0, near]
    assert np.abs(np.log(ratio)).max() < 0.15
    delay = np.full((1, *paths.distance.shape), 80.0)
    survival = [np.exp(it.log_survival(delay, paths)[0, 0, near]) for it in (quick, light)]
    assert np.abs(survival[0] - survival[1]).max() < 0.06


def test_no_photon_is_earlier_than_unscattered_light(light, paths):
    early = light.log_survival(np.full((1, *paths.distance.shape), -1.0), paths)
    assert (early == 0).all()


def test_far_away_it_gets_darker_beyond_the_end_of_the_table(light):
    heights = -400.0 + np.array([300, 400, 500, 600, 1e4])
    far = light.doms(np.column_stack([np.full(5, 400.0), np.zeros(5), heights]))
    paths = light.paths(np.array([[0.0, 0.0, -400.0]]), np.array([[1.0, 0.0, 0.0]]), far)
    charge = light.charge_per_gev(paths)[0]
    assert np.isfinite(charge).all()
    assert (np.diff(charge) < 0).all()


def test_directions_lie_between_the_nodes_around_them(light):
    nodes = light._psi
    for cos_psi in (
        np.linspace(-1, 1, 20_001),
        nodes,
        np.random.default_rng(1).uniform(-1, 1, 9999),
    ):
        below, part = light._psi_cell(cos_psi)
        start, end = (nodes[below.astype(int) + step] for step in (0, 1))
        inside = np.clip(cos_psi, nodes[0], nodes[-1])
        assert start + part * (end - start) == pytest.approx(inside, abs=1e-12)
