import numpy as np
import pytest

from skyscan.doms import are_alive
from skyscan.events.event import LC_FLAG, PULSE_DTYPE
from skyscan.geometry import positions
from skyscan.shower.doms import NEAR_M, doms_of


def pulses_at(rows):
    pulses = np.zeros(len(rows), PULSE_DTYPE)
    for i, (string, om, time, charge, flags) in enumerate(rows):
        pulses[i] = (string, om, 0, time, charge, 8.0, flags)
    return pulses


@pytest.fixture
def doms():
    return doms_of(
        pulses_at(
            [
                *((34, om, 10_000 + om, 2.0, LC_FLAG) for om in (8, 9, 10, 16)),
                (34, 18, 10_020.0, 500.0, LC_FLAG),
                (34, 20, 2000.0, 1.0, 0),  # noise, long before
                (81, 5, 10_000.0, 1.0, LC_FLAG),  # DeepCore
            ]
        )
    )


def at(doms, om):
    place = positions(34, om)
    return doms[(np.abs(doms["z"] - place[2]) < 1) & (np.abs(doms["x"] - place[0]) < 1)]


def test_hits_come_first_and_dark_doms_are_near_them(doms):
    n_hits = 5
    assert np.isfinite(doms["time"][:n_hits]).all()
    assert np.isnan(doms["time"][n_hits:]).all()
    assert (doms["charge"][n_hits:] == 0).all()
    places = np.stack([doms[name] for name in "xyz"], axis=-1)
    away = np.linalg.norm(places[n_hits:, None] - places[None, :n_hits], axis=-1).min(axis=1)
    assert len(away) > 20
    assert away.max() <= NEAR_M


def test_dead_doms_and_those_with_noise_are_not_dark(doms):
    assert not are_alive()[33, 10]
    assert len(at(doms, 11)) == 0  # dead
    assert len(at(doms, 20)) == 0  # noise only
    assert len(at(doms, 7)) == 1


def test_the_charge_of_a_saturated_dom_is_not_known(doms):
    assert not at(doms, 18)["has_charge"][0]
    assert doms["has_charge"].sum() == len(doms) - 1


@pytest.fixture
def late():
    """DOMs with pulses after the first; only that of DOM 8 counts."""
    after = [(0.0, 1.5), (10.0, 2.0), (60.0, 3.0), (1999.0, 0.5), (2001.0, 4.0)]
    rows = [(34, om, 10_000.0, 2.0, LC_FLAG) for om in (9, 10, 16)]
    rows += [(34, 8, 10_000.0 + time, charge, LC_FLAG) for time, charge in after]
    rows += [(34, 7, 10_005.0 + time, charge, 0) for time, charge in after]
    rows += [(34, 15, 10_005.0, 1.9, LC_FLAG), (34, 15, 10_050.0, 1.0, LC_FLAG)]
    return doms_of(pulses_at(rows))


def test_late_charge_is_counted_in_bins_after_the_first_photon(late):
    expected = [1.5 + 2.0 - 1.0, 0.0, 3.0, 0.0, 0.5]
    assert at(late, 8)["late"][0].tolist() == pytest.approx(expected)
    assert at(late, 8)["charge"][0] == pytest.approx(11)


def test_late_charge_of_dim_doms_and_those_without_coincidence_does_not_count(late):
    assert np.isfinite(at(late, 7)["time"][0])
    assert not at(late, 7)["late"].any()  # no local coincidence
    assert not at(late, 15)["late"].any()  # less than LEAST_PE
    assert len(late[late["late"].any(axis=-1)]) == 1


def test_doms_whose_late_charge_counts_come_first(late):
    assert late[0] == at(late, 8)[0]
    is_hit = np.isfinite(late["time"])
    assert is_hit[: is_hit.sum()].all()
