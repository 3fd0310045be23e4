import numpy as np
import pytest
from scipy.integrate import trapezoid
from scipy.special import gammaln

from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP
from skyscan.shower.doms import DOM_DTYPE, LATE_EDGES_NS, N_BINS
from skyscan.shower.light import ShowerLight, arrival
from skyscan.shower.times import (
    EVEN_SHARE,
    JITTER_NS,
    LENGTH_M,
    PHOTONS_PER_PE,
    SHARE_SPREAD,
    Times,
    half_widths,
)

TRAVELS = np.array([[0.0, 0.6, 0.8]])
CENTRE = np.array([[10.0, -20.0, -300.0]])
DOM = np.add(CENTRE, (30.0, 40.0, 20.0))
DELAYS = np.arange(-400.0, 8000.0, 2.0)


@pytest.fixture(scope="module")
def light():
    return ShowerLight()


def hit(charge, late=0.0):
    hits = np.zeros(1, DOM_DTYPE)
    (hits["x"],), (hits["y"],), (hits["z"],) = DOM.T
    hits["time"], hits["charge"], hits["late"] = 5000.0, charge, late
    return hits


def paths_to_the_dom(light, n=1):
    return light.paths(np.repeat(CENTRE, n, 0), np.repeat(TRAVELS, n, 0), light.doms(DOM))


def times_of(delay, distance):
    """Return times of showers after whose unscattered light the hit is by a delay."""
    return 5000.0 - arrival(distance) - delay[:, None]


@pytest.mark.parametrize("charge", [0.4, 1.0, 6.0, 60.0])
def test_the_density_of_the_first_pulse_is_normalised(light, charge):
    paths = paths_to_the_dom(light, len(DELAYS))
    llh = Times(hit(charge)).of_first(times_of(DELAYS, paths.distance[:1]), paths, light)
    assert trapezoid(np.exp(-llh), DELAYS) == pytest.approx(1, abs=0.05)


def test_the_first_of_many_photons_is_early(light):
    paths = paths_to_the_dom(light, len(DELAYS))
    best = []
    for charge in (1.0, 10.0, 100.0):
        llh = Times(hit(charge)).of_first(times_of(DELAYS, paths.distance[:1]), paths, light)
        weights = np.exp(-llh)
        best.append((DELAYS * weights).sum() / weights.sum())
    assert best == sorted(best, reverse=True)
    assert best[0] > best[-1] + 20


def test_a_photon_is_blurred_by_jitter_and_by_the_length_of_the_shower():
    at_once = 1 / N_GROUP  # where light of all parts of the shower arrives at the same time
    width = half_widths(np.array([at_once, -1.0]))
    assert width[0] == pytest.approx(np.sqrt(3) * JITTER_NS)
    behind = LENGTH_M * (1 + N_GROUP) / LIGHT_SPEED
    assert width[1] == pytest.approx(np.sqrt(3) * np.hypot(JITTER_NS, behind))


def shares_of(light, delay):
    """Return the expected shares of the bins after a first pulse, without the box."""
    ends = delay + np.array(LATE_EDGES_NS)[:, None, None]
    later = np.exp(light.log_survival(ends, paths_to_the_dom(light)))[:, 0, 0]
    share = (later[:-1] - later[1:]) / (later[0] - later[-1])
    return (1 - EVEN_SHARE) * share + EVEN_SHARE / N_BINS


def late_llh(light, late, delay):
    """Return -ln L of the late charge after a first pulse."""
    paths = paths_to_the_dom(light)
    times = Times(hit(30.0, late))
    time = times_of(np.array([delay]), paths.distance)
    return float((times.of_all(time, paths, light) - times.of_first(time, paths, light))[0])


def test_the_charge_after_the_first_pulse_is_most_likely_in_its_shares(light):
    share = shares_of(light, 40.0)
    best = late_llh(light, 24 * share, 40.0)
    for moved in (np.roll(share, 1), share[::-1], np.full(N_BINS, 1 / N_BINS)):
        assert late_llh(light, 24 * moved, 40.0) > best + 1


def test_the_charge_after_the_first_pulse_is_gamma_poisson_given_its_sum(light):
    """With the sum's probability as it is, and not after Stirling."""
    late, shape = np.array([9.0, 6.0, 5.0, 3.0, 1.0]), SHARE_SPREAD**-2
    total = late.sum()

    def exact(delay: float) -> float:
        share = shares_of(light, delay)
        mean = total * share
        each = gammaln(late + shape) - gammaln(shape) - gammaln(late + 1)
        each += shape * np.log(shape / (mean + shape)) + late * np.log(mean / (mean + shape))
        of_sum = shape / (share**2).sum()
        given = gammaln(total + of_sum) - gammaln(of_sum) - gammaln(total + 1)
        given += of_sum * np.log(of_sum / (total + of_sum))
        return float(-each.sum() + given + total * np.log(total / (total + of_sum)))

    delays = np.array([30.0, 60.0, 100.0, 200.0])
    found = np.array([late_llh(light, late, delay) for delay in delays])
    right = np.array([exact(delay) for delay in delays])
    assert np.ptp(right) > 3
    assert found - found[0] == pytest.approx(right - right[0], abs=0.06)


def test_one_photon_more_or_less_changes_little(light):
    """No bin is so unlikely that a single photon excludes a direction."""
    share = shares_of(light, 40.0)
    late = 24 * share
    odd = late + np.eye(N_BINS)[-1]
    assert abs(late_llh(light, odd, 40.0) - late_llh(light, late, 40.0)) < 4


def test_light_that_comes_too_early_is_still_finite(light):
    assert np.isfinite(late_llh(light, np.full(N_BINS, 3.0), -3000.0))
    assert np.isfinite(late_llh(light, np.full(N_BINS, 3.0), 1e6))


def test_photons_are_in_proportion_to_the_charge_and_at_least_one():
    assert Times(hit(10.0)).photons[0] == pytest.approx(10 * PHOTONS_PER_PE)
    assert Times(hit(0.3)).photons[0] == 1
