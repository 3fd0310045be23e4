from importlib import resources

import numpy as np
import pytest

from skyscan import read_event
from skyscan.losses.doms import BRIGHT_FACTOR, DARK_STEP, doms_of
from skyscan.shower import doms as shower_doms


@pytest.fixture(scope="module")
def pulses():
    with resources.as_file(
        resources.files("skyscan") / "data" / "simulated_track.json"
    ) as path:
        return read_event(path).pulses


def test_hits_are_those_of_a_shower_and_every_second_dark_dom_counts_twice(pulses):
    found, other = doms_of(pulses), shower_doms.doms_of(pulses)
    n = np.isfinite(other["time"]).sum()
    same = ["x", "y", "z", "time", "charge", "efficiency"]
    assert found[:n][same].tolist() == other[:n][same].tolist()
    assert len(found) == n + -(-(len(other) - n) // DARK_STEP)
    assert found["efficiency"][n:].sum() == pytest.approx(
        other["efficiency"][n:].sum(), rel=0.02
    )


def test_the_charge_of_a_bright_dom_is_left_out_and_its_time_is_not(pulses):
    hit = doms_of(pulses)[0]
    changed = pulses.copy()
    own = shower_doms.doms_of(pulses)
    mean = own["charge"][np.isfinite(own["time"])].mean()
    places = np.flatnonzero(changed["time"] == hit["time"])
    changed["charge"][places[0]] = 5 * BRIGHT_FACTOR * mean
    found = doms_of(changed)[0]
    assert hit["has_charge"]
    assert not found["has_charge"]
    assert found["time"] == hit["time"]
