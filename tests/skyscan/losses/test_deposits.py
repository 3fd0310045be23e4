import numpy as np
import pytest

from skyscan.losses.deposits import ENERGY_PER_LOSS_M, deposits_of
from skyscan.losses.segments import segments_of
from skyscan.shower.volume import are_inside

DOWN = np.array([[0.0, 0.0, -1.0]])


def deposits(vertex, energy_of):
    parts = segments_of(np.linspace(-900, 900, 50), 50)
    energy = energy_of(parts.place)
    return parts, energy, deposits_of([parts], [energy], np.array([vertex]), DOWN)


def test_energy_inside_is_that_of_segments_between_first_and_last_doms():
    parts, energy, found = deposits([0.0, 0.0, 0.0], lambda place: 10 + 0.001 * place)
    places = np.array([0.0, 0.0, 0.0]) + parts.place[:, None] * DOWN
    certain = energy[are_inside(places)].sum()
    assert found.inside[0] == pytest.approx(certain, abs=2 * energy.max())
    assert 0 < found.inside[0] < found.total[0]
    assert found.total[0] == pytest.approx(energy.sum())


def test_a_muons_energy_is_in_proportion_to_its_losses_per_metre():
    parts, _, found = deposits([0.0, 0.0, 0.0], lambda place: np.full_like(place, 30.0))
    assert found.muon[0] == pytest.approx(ENERGY_PER_LOSS_M * 30.0 / parts.length)


def test_a_track_outside_has_no_energy_inside_and_still_an_estimate():
    parts, _, found = deposits([2000.0, 0.0, 0.0], lambda place: np.full_like(place, 30.0))
    assert found.inside[0] == 0
    assert found.muon[0] == pytest.approx(ENERGY_PER_LOSS_M * 30.0 / parts.length)
