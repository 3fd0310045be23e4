import itertools

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma

from skyscan.light.cherenkov import DirectLight
from skyscan.light.first_photon import minus_log_likelihood
from skyscan.light.ice import SMALLEST
from skyscan.light.pandel import BulkIce, effective_distance, log_survival
from skyscan.light.pandel_table import TabulatedBulkIce

# the numbers of the paper, copied independently
TAU, SCATTERING, ABSORPTION = 556.7, 33.29, 98.0
SPEED_IN_ICE = 0.299792458 / 1.35634
NO_DEPTH = np.zeros(1)


def pandel(t, effective):
    xi, rho = effective / SCATTERING, 1 / TAU + SPEED_IN_ICE / ABSORPTION
    return rho**xi * t ** (xi - 1) * np.exp(-rho * t) / gamma(xi)


def survival_by_quadrature(t, effective):
    return (
        quad(pandel, t, t + 300, args=(effective,))[0]
        + quad(pandel, t + 300, np.inf, args=(effective,))[0]
    )


@pytest.mark.parametrize("effective", [3.0, 20.0, 75.0, 200.0])
@pytest.mark.parametrize("delay", [1.0, 40.0, 300.0, 1500.0])
def test_survival_is_the_integral_of_the_pandel_function(effective, delay):
    found = np.exp(log_survival(np.array(delay), np.array(effective)))
    assert found == pytest.approx(survival_by_quadrature(delay, effective), rel=1e-6)


def test_no_photon_is_early_and_the_logarithm_is_finite():
    delay = np.array([[-1e4, -1.0, 0.0, 1e9]])
    found = log_survival(delay, np.full((1, 4), 10.0))
    assert found[0, :3].tolist() == [0, 0, 0]
    assert found[0, 3] == np.log(SMALLEST)


def test_light_from_above_has_a_larger_effective_distance():
    down, up = effective_distance(np.full(2, 20.0), np.array([-1.0, 1.0]))
    assert down == pytest.approx(0.8395 * 20 + 3.094 + 3.946 + 4.636)
    assert up == pytest.approx(0.8395 * 20 + 3.094 - 3.946 + 4.636)


def density(residual, charge, distance, ice):
    """Return the likelihood of one DOM's time, 1/ns."""
    light = DirectLight(np.zeros((1, 1)), np.full((1, 1), distance), np.full((1, 1), 0.3))
    photons = ice.n_photons(np.array([charge]))
    residual = np.full((1, 1), residual)
    return np.exp(-minus_log_likelihood(residual, light, NO_DEPTH, photons, ice)[0])


@pytest.mark.parametrize("charge", [0.3, 1.0, 7.0, 200.0])
@pytest.mark.parametrize("distance", [0.2, 15.0, 80.0])
def test_the_density_of_the_first_photon_integrates_to_one(charge, distance):
    edges = [-1e6, -3000, -200, -26, -25.9, 0, 25.9, 26, 26.1, 27, 40, 100, 500, 3000, 2e4, 1e6]
    total = sum(
        quad(density, a, b, args=(charge, distance, BulkIce()), limit=200)[0]
        for a, b in itertools.pairwise(edges)
    )
    assert total == pytest.approx(1 + 2e-5, abs=2e-5)


@pytest.mark.parametrize("charge", [1.0, 5.0])
def test_without_jitter_the_density_is_that_of_the_first_of_n(charge):
    residual, distance = 40.0, 60.0
    effective = effective_distance(np.array(distance), np.array(0.3))
    late = survival_by_quadrature(residual, float(effective))
    expected = charge * pandel(residual, float(effective)) * late ** (charge - 1)
    found = density(residual, charge, distance, BulkIce(jitter_ns=0.01))
    assert found == pytest.approx(expected, rel=2e-3)


def test_the_jitter_box_has_the_standard_deviation_of_the_jitter():
    outside, inside = (density(t, 200.0, 1.0, BulkIce()) for t in (-26.0, -25.9))
    assert outside < 1e-6
    assert inside > 5e-3
    assert 26.0 > 15 * 3**0.5 > 25.9


def test_noise_makes_impossible_times_finitely_unlikely():
    early = density(-5000.0, 10.0, 20.0, BulkIce())
    broad = 1e-3 / (np.pi * 2000 * (1 + 2.5**2))
    narrow = 2e-5 / (np.pi * 100 * (1 + 50.0**2))
    assert early == pytest.approx(broad + narrow)


def test_the_table_agrees_with_the_formula_where_light_is_likely():
    random = np.random.default_rng(2)
    delay = random.uniform(-50, 2000, (40, 300))
    distance = random.uniform(0.16, 300, (40, 300))
    cos_eta = random.uniform(-1, 1, (40, 300))
    exact = BulkIce().log_survival(delay, distance, cos_eta, NO_DEPTH)
    found = TabulatedBulkIce().log_survival(delay, distance, cos_eta, NO_DEPTH)
    assert np.abs(np.exp(found) - np.exp(exact)).max() < 5e-3


def test_the_table_has_end_values_beyond_its_ends():
    delay, distance = np.array([[1e-9, 1e8, 1e8]]), np.array([[1e6, 0.16, 1e6]])
    found = TabulatedBulkIce().log_survival(delay, distance, np.full((1, 3), 0.4), NO_DEPTH)
    assert np.isfinite(found).all()
