from dataclasses import replace

import numpy as np
import pytest

from skyscan.light.cherenkov import DirectLight
from skyscan.light.first_photon import density_of, sum_of_logs
from skyscan.light.grid import Grid
from skyscan.light.ice_model import IceModel, shipped_ice
from skyscan.light.layered import LayeredIce, resampled
from skyscan.light.tables import LightTable, shipped_table, survival

LEVEL = shipped_ice().without_tilt()
TOP = np.arange(1000.0, -1000, -10)


def uniform_ice(le, la):
    same = np.ones(len(TOP))
    return IceModel("uniform", "test", TOP, le * same, la * same, (0.5, 0.3), 0.35)


@pytest.fixture(scope="module")
def layered():
    return LayeredIce(LEVEL)


@pytest.fixture(scope="module")
def hits():
    """Return delay (ns), distance (m), cos eta and z (m) of many hits, in rows."""
    random = np.random.default_rng(4)
    shape = (40, 50)
    delay = random.uniform(0.5, 6, shape)
    return (
        np.exp(delay),
        np.exp(random.uniform(1, 5, shape)),
        random.uniform(-1, 1, shape),
        random.uniform(-480, 480, shape[1]),
    )


def test_no_photon_is_early_and_each_is_there_in_the_end(layered, hits):
    _, distance, cos_eta, z = hits
    for delay in (-100.0, 0.0):
        assert (layered.log_survival(np.full((40, 50), delay), distance, cos_eta, z) == 0).all()
    late = layered.log_survival(np.full((40, 50), 1e6), distance, cos_eta, z)
    assert np.isfinite(late).all()
    assert late.max() < -5


@pytest.mark.parametrize("is_quick", [False, True])
def test_survival_falls_with_the_delay(hits, is_quick):
    ice = LayeredIce(LEVEL, is_quick=is_quick)
    _, *place = hits
    delays = np.linspace(-10, 3000, 200)
    found = np.stack([ice.log_survival(np.full((40, 50), t), *place) for t in delays])
    assert (np.diff(found, axis=0) <= 1e-12).all()
    assert (found <= 0).all()


def test_the_quick_table_is_near_the_exact_one(layered, hits):
    exact = np.exp(layered.log_survival(*hits))
    quick = np.exp(LayeredIce(LEVEL, is_quick=True).log_survival(*hits))
    assert np.abs(exact - quick).mean() < 0.01
    assert np.abs(exact - quick).max() < 0.06


def test_in_uniform_ice_all_scales_with_the_scattering_length():
    small, large = LayeredIce(uniform_ice(20.0, 70.0)), LayeredIce(uniform_ice(40.0, 140.0))
    random = np.random.default_rng(5)
    delay, distance = random.uniform(5, 500, (1, 60)), random.uniform(5, 150, (1, 60))
    cos_eta, z = random.uniform(-1, 1, (1, 60)), np.zeros(60)
    one = small.log_survival(delay, distance, cos_eta, z)
    assert large.log_survival(2 * delay, 2 * distance, cos_eta, z) == pytest.approx(one)


def test_layers_of_any_thickness_go_on_beyond_their_ends():
    thick = uniform_ice(25.0, 100.0)
    thin = replace(
        thick,
        top=np.arange(100.0, -100, -1),
        scattering=thick.scattering[:1].repeat(200),
        absorption=thick.absorption[:1].repeat(200),
    )
    delay, distance = np.full((1, 9), 100.0), np.full((1, 9), 200.0)
    where = np.linspace(-0.9, 0.9, 9)[None], np.zeros(9)  # from as far as 240 m above and below
    found = LayeredIce(thin).log_survival(delay, distance, *where)
    assert found == pytest.approx(LayeredIce(thick).log_survival(delay, distance, *where))


def test_at_a_node_the_table_itself_is_found():
    table, ice = shipped_table("track"), uniform_ice(25.0, 25.0 * 4.6)
    light = table.light(ice.acceptance, np.array([0.5]))[:, 0, 3, 0]
    later = survival(light)[5]
    column = np.flatnonzero((later > 0.05) & (later < 0.95))[[0, 5]]
    delay = table.grid.time_edges[column] * 25.0 / 0.299792458
    place = np.full((1, 2), 25.0 * table.grid.radius[5]), np.full((1, 2), 0.5)
    found = LayeredIce(ice).log_survival(delay[None], *place, np.zeros(2))
    assert np.exp(found[0]) == pytest.approx(later[column], abs=0.004)


def test_dusty_ice_delays_light(layered):
    z = np.array([1948.07 - 2050, 1948.07 - 2300])  # the dust layer, and the clearest ice
    place = np.full((1, 2), 40.0), np.zeros((1, 2))
    dusty, clear = layered.log_survival(np.full((1, 2), 100.0), *place, z)[0]
    assert dusty > clear + 0.6


def test_the_ice_on_the_way_counts_and_not_only_that_at_the_dom():
    # below the dust layer: light from above comes through it, light from below does not
    ice = LayeredIce(replace(LEVEL, acceptance=(1.0,)))
    z, delay = np.array([1948.07 - 2090.0]), np.full((1, 1), 100.0)
    distance, up = np.full((1, 1), 50.0), np.ones((1, 1))
    from_above = ice.log_survival(delay, distance, -up, z)
    from_below = ice.log_survival(delay, distance, up, z)
    assert float(from_above[0, 0]) > float(from_below[0, 0]) + 0.3


def test_another_acceptance_is_another_answer(hits):
    looking_down = LayeredIce(LEVEL).log_survival(*hits)
    everywhere = LayeredIce(replace(LEVEL, acceptance=(1.0,))).log_survival(*hits)
    assert np.abs(looking_down - everywhere).max() > 0.1


def test_a_charge_counts_as_a_power_of_itself():
    charge = np.array([0.2, 1.0, 9.0])
    assert LayeredIce(charge_power=0.5).n_photons(charge).tolist() == [1, 1, 3]


def density(ice, residual, charge):
    """Return the density (1/ns) of the first pulse of a DOM at 20 m, at each of some times."""
    place = [np.full((len(residual), 1), it) for it in (0.0, 20.0, 0.3)]
    photons = ice.n_photons(np.array([charge]))
    found = density_of(residual[:, None], DirectLight(*place), np.zeros(1), photons, ice)
    return found[:, 0]


@pytest.mark.parametrize("charge", [0.5, 4.0, 100.0])
def test_the_density_of_a_first_pulse_integrates_to_one(layered, charge):
    residual = np.arange(-10.0, 20000, 0.25)
    assert 0.25 * density(layered, residual, charge).sum() == pytest.approx(1, abs=2e-3)


def test_a_pulse_may_be_of_one_photon_whatever_the_charge(layered):
    residual = np.linspace(-20.0, 2000.0, 300)
    of_one = density(layered, residual, 1.0)
    certain = density(replace(layered, one_photon=0.0), residual, 100.0)
    found = density(replace(layered, one_photon=0.3), residual, 100.0)
    assert found == pytest.approx(0.7 * certain + 0.3 * of_one, rel=1e-12)
    assert found[-1] > 1000 * certain[-1]


@pytest.mark.parametrize("n_doms", [1, 7, 8, 9, 133])
def test_logarithms_of_products_are_those_of_their_factors(n_doms):
    values = np.exp(np.random.default_rng(6).uniform(-40, -1, (5, n_doms)))
    assert sum_of_logs(values) == pytest.approx(np.log(values).sum(axis=-1), rel=1e-13)


def test_cubic_polynomials_are_resampled_exactly():
    nodes, wanted = np.array([0.0, 1, 3, 4, 7, 8]), np.linspace(0, 8, 17)
    values = np.stack([nodes**3 - nodes, 2 * nodes**2])
    found = resampled(values, nodes, wanted, axis=1)
    assert found == pytest.approx(np.stack([wanted**3 - wanted, 2 * wanted**2]), abs=1e-9)


def test_a_table_without_light_is_finite():
    grid = shipped_table("track").grid
    empty = LightTable(Grid(**vars(grid)), np.zeros(grid.shape), {})
    ice = LayeredIce(LEVEL, empty)
    found = ice.log_survival(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)), np.zeros(1))
    assert np.isfinite(found).all()
