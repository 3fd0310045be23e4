import numpy as np
import pytest

from skyscan import read_event
from skyscan.events.event import LC_FLAG, PULSE_DTYPE
from skyscan.geometry import positions
from skyscan.track.cleaning import (
    RT_ITERATIONS,
    RT_RADIUS_M,
    RT_TIME_NS,
    clean_hits,
    hits_of_doms,
    in_richest_window,
    is_near_seed,
)


def pulses_of(*rows: tuple[float, ...]):
    """Return pulses from (string, om, time, charge, is HLC)."""
    pulses = np.zeros(len(rows), PULSE_DTYPE)
    for pulse, (string, om, time, charge, is_hlc) in zip(pulses, rows, strict=True):
        pulse["string"], pulse["om"], pulse["time"] = string, om, time
        pulse["charge"], pulse["flags"] = charge, LC_FLAG if is_hlc else 0
    return pulses


def test_the_cleaning_reproduces_nch_and_qtot_of_the_bronze_alert(shared_events):
    hits = clean_hits(
        read_event(shared_events / "run00136662-evt000035405932-BRONZE.pkl").pulses
    )
    assert len(hits) == 133
    assert hits["charge"].sum() == pytest.approx(1326.45, abs=0.001)


def test_deepcore_and_icetop_are_left_out():
    pulses = pulses_of(
        (30, 10, 0, 1, True), (80, 10, 0, 1, True), (30, 61, 0, 1, True), (78, 10, 0, 1, True)
    )
    assert len(clean_hits(pulses)) == 2


def test_the_window_of_largest_charge_is_found():
    time = np.array([9000.0, 0.0, 100.0, 20000.0, 14999.0, 15001.0])
    charge = np.array([2.0, 3.0, 3.0, 6.5, 5.0, 50.0])
    assert in_richest_window(time, charge).tolist() == [False, False, False, True, True, True]


def test_among_equal_windows_the_earliest_counts():
    chosen = in_richest_window(np.array([0.0, 10000.0]), np.array([1.0, 1.0]))
    assert chosen.tolist() == [True, False]


def test_a_pulse_near_a_seed_is_kept_and_a_lone_one_is_not():
    pulses = pulses_of(
        (30, 10, 1000, 1, True),
        (30, 18, 1900, 1, False),  # 8 DOMs away: 136 m
        (30, 20, 1500, 1, False),  # 10 DOMs away: 170 m
        (30, 11, 2100, 1, False),  # within reach of the second pulse only: 0.2 us, 119 m
        (30, 10, 4000, 1, False),  # too late for all others
    )
    assert is_near_seed(pulses).tolist() == [True, True, True, True, False]


def near_seed_by_all_pairs(pulses):
    """Compare every pulse with every seed, as the rule of SeededRT reads."""
    place, time = positions(pulses["string"], pulses["om"]), pulses["time"]
    is_near = np.abs(time[:, None] - time) <= RT_TIME_NS
    is_near &= ((place[:, None] - place) ** 2).sum(axis=-1) <= RT_RADIUS_M**2
    kept = (pulses["flags"] & LC_FLAG) != 0
    for _ in range(RT_ITERATIONS):
        kept = kept | is_near[kept].any(axis=0)
    return kept


@pytest.mark.parametrize("seed", range(30))
def test_the_same_pulses_are_kept_as_by_a_look_at_all_pairs(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(0, 300))
    pulses = np.zeros(n, PULSE_DTYPE)
    pulses["string"] = rng.integers(1, 3 + 2 * seed, n)
    pulses["om"] = rng.integers(1, 61, n)
    # Half of the samples have steps of 500 ns: equal times, and differences of exactly 1000 ns.
    pulses["time"] = rng.integers(0, 12, n) * 500.0 if seed % 2 else rng.uniform(0, 6000, n)
    pulses["flags"] = np.where(rng.random(n) < 0.1, LC_FLAG, 0)
    kept = is_near_seed(pulses)
    assert kept.tolist() == near_seed_by_all_pairs(pulses).tolist()


def test_without_seeds_nothing_is_kept():
    assert not is_near_seed(pulses_of((1, 1, 0, 1, False), (1, 2, 0, 1, False))).any()


def test_a_chain_of_pulses_is_followed_for_three_rounds():
    chain = [(30, 1 + 8 * i, 0, 1, i == 0) for i in range(6)]
    assert is_near_seed(pulses_of(*chain)).tolist() == [True] * 4 + [False] * 2


def test_a_dom_has_one_hit_with_its_first_time_and_total_charge():
    hits = hits_of_doms(pulses_of((5, 7, 30, 1.5, 1), (2, 9, 50, 1, 1), (5, 7, 20, 2.5, 1)))
    assert hits["time"].tolist() == [50, 20]
    assert hits["charge"].tolist() == [1, 4]
    assert hits[["x", "y", "z"]][1].tolist() == tuple(positions(5, 7))


def test_no_pulses_give_no_hits():
    assert len(clean_hits(np.zeros(0, PULSE_DTYPE))) == 0
