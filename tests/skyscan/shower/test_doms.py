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
