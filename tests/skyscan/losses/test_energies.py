import numpy as np
import pytest
from scipy.optimize import minimize

from skyscan.losses import energies
from skyscan.losses.energies import LARGEST_GEV, Charges, energies_of
from skyscan.shower.model import charges_llh

SPREAD = 0.4
SHAPE = SPREAD**-2


def charges_of(charge, known=None):
    known = np.ones(len(charge), bool) if known is None else known
    return Charges(np.where(known, charge, 0.0), np.where(known, charge + SHAPE, 0.0), SHAPE)


@pytest.fixture
def light():
    """Light of 4 segments at 12 DOMs, of which the first 9 have hits."""
    away = np.linspace(0, 100, 4)[:, None] - np.linspace(-10, 110, 12)
    return 0.2 * np.exp(-np.abs(away) / 15)


def test_many_steps_find_the_most_likely_energies(light, monkeypatch):
    monkeypatch.setattr(energies, "N_STEPS", 5000)
    light = light[:, :9]
    charge = np.array([5.0, 2.0, 0.5, 3.0, 9.0, 1.0, 0.1, 2.0, 7.0])
    found, expected = energies_of(light, np.full(9, 1e-3), charges_of(charge))
    np.testing.assert_allclose(expected, found @ light + 1e-3)

    def llh(energy) -> float:
        return float(charges_llh(charge, (energy @ light)[None], SPREAD)[0])

    best = minimize(llh, np.full(4, 20.0), bounds=[(0, None)] * 4, method="L-BFGS-B")
    assert llh(found) == pytest.approx(best.fun, abs=1e-3)


def test_no_step_makes_charges_less_likely(light, monkeypatch):
    charge = np.arange(9.0)
    values = []
    for n in range(12):
        monkeypatch.setattr(energies, "N_STEPS", n)
        _, expected = energies_of(light[:, :9], np.full(9, 1e-3), charges_of(charge))
        values.append(float(charges_llh(charge, expected[None] - 1e-3, SPREAD)[0]))
    assert np.all(np.diff(values) < 1e-9)


def test_energies_of_known_light_are_found(light):
    true = np.array([0.0, 300.0, 0.0, 150.0])
    found, _ = energies_of(light, np.full(12, 1e-3), charges_of(true @ light))
    assert (found >= 0).all()
    assert found.sum() == pytest.approx(true.sum(), rel=0.1)
    assert found[1] > 200
    assert found[3] > 80


def test_dark_doms_lower_the_energy(light):
    charge = np.full(9, 2.0)
    alone, _ = energies_of(light[:, :9], np.full(9, 1e-3), charges_of(charge))
    with_dark, _ = energies_of(light, np.full(12, 1e-3), charges_of(charge))
    assert with_dark[-1] < 0.9 * alone[-1]


def test_charges_that_are_not_known_do_not_matter(light):
    known = np.arange(9) != 4
    charge = np.full(9, 2.0)
    changed = np.where(known, charge, 1e6)
    one, other = (
        energies_of(light, np.full(12, 1e-3), charges_of(it, known))[0]
        for it in (charge, changed)
    )
    assert one.tobytes() == other.tobytes()


def test_a_segment_without_light_has_no_energy(light):
    light[2] = 0.0
    found, expected = energies_of(light, np.full(12, 1e-3), charges_of(np.full(9, 2.0)))
    assert found[2] == 0
    assert np.isfinite(expected).all()


def test_a_segment_that_is_hardly_seen_is_left_out(light):
    light[2] *= 1e-6
    found, _ = energies_of(light, np.full(12, 1e-3), charges_of(np.full(9, 200.0)))
    assert found[2] == 0
    assert (found[[0, 1, 3]] > 0).all()


def test_energies_have_a_bound(light):
    found, _ = energies_of(light * 1e-3, np.full(12, 1e-3), charges_of(np.full(9, 1e9)))
    assert found.max() == LARGEST_GEV
