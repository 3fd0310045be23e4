import numpy as np
import pytest

from skyscan.simulation.losses import (
    B_BREMSSTRAHLUNG,
    B_NUCLEAR,
    B_PAIRS,
    ICE_G_PER_CM3,
    IONISATION_GEV_PER_M,
    SMALLEST_GEV,
    propagate,
)


def test_a_muon_loses_what_the_sum_of_its_losses_says():
    random = np.random.Generator(np.random.PCG64(5))
    path = propagate(20_000.0, 800.0, random)
    lost = path.energy_gev[0] - path.energy_gev[-1]
    assert path.distance[-1] == pytest.approx(800.0)
    assert min(loss.energy_gev for loss in path.losses) >= SMALLEST_GEV
    stochastic = sum(loss.energy_gev for loss in path.losses)
    assert stochastic < lost < stochastic + 0.05 * 20_000


def test_the_mean_loss_is_that_of_the_literature():
    random = np.random.Generator(np.random.PCG64(1))
    ends = np.array([propagate(1000.0, 100.0, random).energy_gev[-1] for _ in range(400)])
    b = (B_BREMSSTRAHLUNG + B_PAIRS + B_NUCLEAR) * ICE_G_PER_CM3
    expected = 100 * (IONISATION_GEV_PER_M + b * 980)
    spread = ends.std() / np.sqrt(len(ends))
    assert 1000 - ends.mean() == pytest.approx(expected, abs=4 * spread)


def test_a_muon_of_low_energy_stops():
    path = propagate(30.0, 1000.0, np.random.Generator(np.random.PCG64(2)))
    assert path.distance[-1] < 150
