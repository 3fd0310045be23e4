"""Simulated scans: no fit is lost, and times are those of a formula where there is one."""

import json
from dataclasses import asdict, replace
from math import ceil

import numpy as np
import pytest
from rounds_support import GivenRounds

from skyscan.errors import WrongUsage
from skyscan.pixels import parents
from workflows.estimates.estimate import estimate
from workflows.estimates.setting import Behaviour, Setting
from workflows.estimates.sky import RuledSky
from workflows.estimates.workflow import simulate

IDEAL = Behaviour(seconds_per_fit=10.0)
ROUGH = Behaviour(
    seconds_per_fit=20.0,
    fit_spread=0.7,
    machine_spread=0.5,
    set_up=30.0,
    set_up_spread=0.5,
    match=60.0,
    claim=20.0,
    starts_per_second=10.0,
    evictions_per_hour=1.0,
    kept=0.3,
    held=0.05,
    failing=0.02,
    scan_interval=5.0,
    submit=0.05,
    dagman=3.0,
    script=4.0,
    prep=30.0,
    merge=10.0,
)
SMALL = Setting(
    progression=((2, 0), (4, 12), (16, 12)),
    n_variations=3,
    jobs_per_round=20,
    max_rounds=30,
    checkpoint_interval=600.0,
    max_retries=9,
)


@pytest.mark.parametrize("threshold", [1.0, 0.6])
@pytest.mark.parametrize("budget", [0.0, 100.0])
@pytest.mark.parametrize("seed", range(3))
def test_every_fit_comes_home_exactly_once(threshold, budget, seed):
    setting = replace(SMALL, threshold=threshold, time_budget=budget)
    found = simulate(setting, ROUGH, 8, seed)
    assert found.is_complete
    assert found.count.evictions > 0
    assert found.n_fits == 3 * found.n_pixels
    assert (found.results == 1).all()
    assert found.count.slots >= found.count.lost


@pytest.mark.parametrize(("jobs", "slots"), [(1, 1), (6, 6), (7, 3), (4, 10)])
def test_on_equal_machines_without_faults_the_time_is_that_of_the_formula(jobs, slots):
    behaviour = replace(IDEAL, set_up=7.0, dagman=2.0, script=3.0, merge=5.0, skip=1.0)
    setting = Setting(jobs_per_round=jobs, max_rounds=4)
    found = simulate(setting, behaviour, slots, 0, GivenRounds([84, 28]))
    rounds = sum(
        3.0 + 2.0 + ceil(jobs / slots) * (7.0 + ceil(n / jobs) * 10.0) for n in (84, 28)
    )
    prep, closing = 2.0 + 7.0, 3.0 + 2 * 1.0 + 5.0
    assert found.seconds == pytest.approx(prep + rounds + closing, abs=1e-3)
    assert found.count.slots == pytest.approx(7.0 + 2 * jobs * 7.0 + 112 * 10.0)


def test_a_scan_that_is_prepared_here_has_no_job_for_that():
    setting = Setting(jobs_per_round=1, max_rounds=1)
    behaviour = replace(IDEAL, match=60.0, prep=2.0, dagman=1.0, is_prepared_here=True)
    found = simulate(setting, behaviour, 1, 0, GivenRounds([4]))
    assert found.count.starts == 1
    assert 2.0 + 1.0 + 1.0 + 40.0 <= found.seconds <= 2.0 + 1.0 + 1.0 + 60.0 + 40.0


def test_more_slots_are_never_slower_on_average():
    setting = replace(SMALL, jobs_per_round=60)
    seconds = [estimate(setting, ROUGH, n, runs=12).seconds for n in (4, 16, 64)]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[0] > 2.0 * seconds[1]


def test_a_job_that_always_fails_is_tried_as_often_as_it_may_be():
    for retries in range(5):
        setting = Setting(jobs_per_round=1, max_rounds=1, max_retries=retries)
        found = simulate(setting, replace(IDEAL, failing=1.0), 2, 0, GivenRounds([4]))
        assert not found.is_complete
        assert found.count.starts == found.count.failures == retries + 1  # of prep
        assert found.n_jobs == 0


def test_a_job_that_is_always_held_is_released_three_times_for_each_submission():
    setting = Setting(jobs_per_round=1, max_rounds=1, max_retries=1)
    found = simulate(setting, replace(IDEAL, held=1.0, set_up=1.0), 1, 0, GivenRounds([4]))
    assert not found.is_complete
    assert found.count.holds == 2 * (3 + 1)


def test_a_time_budget_leaves_fits_to_rounds_of_their_own_with_twice_the_time():
    setting = Setting(jobs_per_round=1, max_rounds=9, time_budget=30.0)
    for n, rounds in ((3, 1), (9, 2), (21, 3), (22, 4)):  # 3, 6, 12 fits of 10 s, and so on
        found = simulate(setting, IDEAL, 1, 0, GivenRounds([n]))
        assert found.n_rounds == rounds
        assert (found.results == 1).all()


def test_the_last_round_has_no_time_budget():
    setting = Setting(jobs_per_round=1, max_rounds=2, time_budget=30.0)
    found = simulate(setting, IDEAL, 1, 0, GivenRounds([20]))
    assert found.n_rounds == 2
    assert (found.results == 1).all()


def test_a_checkpoint_costs_a_set_up_and_saves_what_an_eviction_would_lose():
    setting = Setting(jobs_per_round=1, max_rounds=1, checkpoint_interval=100.0)
    behaviour = replace(IDEAL, set_up=1.0)
    calm = simulate(setting, behaviour, 1, 0, GivenRounds([100]))
    assert calm.count.starts == 1 + 10  # prep too
    evicted = replace(behaviour, evictions_per_hour=10.0)
    often = [simulate(setting, evicted, 1, seed, GivenRounds([100])) for seed in range(5)]
    rare = replace(setting, checkpoint_interval=0.0)
    never = [simulate(rare, evicted, 1, seed, GivenRounds([100])) for seed in range(5)]
    assert sum(it.count.lost for it in often) < 0.5 * sum(it.count.lost for it in never)


def test_predictive_scanning_is_faster_where_a_slow_machine_delays_a_round():
    behaviour = replace(IDEAL, fit_spread=1.5, look=5.0)
    waits = estimate(SMALL, behaviour, 20, runs=8).seconds
    ahead = estimate(replace(SMALL, threshold=0.7), behaviour, 20, runs=8)
    assert ahead.seconds < waits


def test_dagman_submits_no_faster_than_it_may():
    setting = Setting(jobs_per_round=40, max_rounds=1)
    behaviour = replace(IDEAL, submits=10, scan_interval=100.0)
    found = simulate(setting, behaviour, 40, 0, GivenRounds([40]))
    assert found.seconds >= 3 * 100.0 + 10.0


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not():
    first, again, other = (
        json.dumps(asdict(estimate(SMALL, ROUGH, 10, runs=3, seed=seed))) for seed in (5, 5, 50)
    )
    assert first == again
    assert first != other


def test_the_generators_of_the_oldest_numpy_are_enough(monkeypatch):
    class Old(np.random.Generator):
        spawn = None  # it is new in 1.25

    expected = simulate(SMALL, ROUGH, 10, 5)
    with monkeypatch.context() as old:
        old.setattr(np.random, "default_rng", lambda seed: Old(np.random.PCG64(seed)))
        assert simulate(SMALL, ROUGH, 10, 5).seconds == expected.seconds


def test_a_pool_on_which_no_fit_ever_ends_is_refused():
    setting = replace(SMALL, progression=((2, 0),))
    behaviour = replace(IDEAL, seconds_per_fit=864_000.0, evictions_per_hour=0.05)
    with pytest.raises(WrongUsage, match="does not end on such a pool"):
        simulate(setting, behaviour, 10, 0)


def test_evictions_from_which_a_scan_recovers_are_no_error():
    behaviour = replace(IDEAL, seconds_per_fit=600.0, evictions_per_hour=12.0)
    setting = Setting(jobs_per_round=20, max_rounds=1, checkpoint_interval=1.0)
    found = simulate(setting, behaviour, 5, 0, GivenRounds([40]))
    assert found.is_complete
    assert found.count.evictions > 40


def test_a_gate_looks_only_where_there_is_news():
    looks = []

    class Sky(GivenRounds):
        def ask(self, done: np.ndarray) -> int:
            looks.append(len(done))
            return super().ask(done)

    setting = Setting(jobs_per_round=4, max_rounds=9, threshold=0.5)
    behaviour = replace(IDEAL, seconds_per_fit=1e12, look=5.0)  # 2e11 looks
    found = simulate(setting, behaviour, 4, 0, Sky([4, 4]))
    assert found.is_complete
    assert 0 < len(looks) < 20


def test_the_rule_asks_for_as_many_pixels_as_in_scans_that_have_run():
    rounds = []
    for seed in range(10):
        sky = RuledSky(((8, 0), (64, 12), (512, 24)), 1, np.random.default_rng(seed))
        done = np.empty(0, bool)
        rounds.append([])
        while n := sky.ask(done):
            rounds[-1].append(n)
            done = np.ones(len(done) + n, bool)
    # The demo's scan: 768, 576, 1728 and 128.
    assert all(it[0] == 768 for it in rounds)
    assert {len(it) for it in rounds} <= {3, 4, 5}
    assert 2900 < np.mean([sum(it) for it in rounds]) < 3500


def test_pixels_ahead_wait_for_the_coarser_one_that_gives_their_seed():
    sky = RuledSky(((2, 0), (4, 12)), 1, np.random.default_rng(3))
    n = sky.ask(np.empty(0, bool))
    done = np.random.default_rng(0).random(n) < 0.5
    ahead = sky.ask(done)
    coarser = parents(4, 2, sky._pixels[n:])
    assert len(coarser) == ahead > 0
    assert done[coarser].all()  # the pixels of the first nside are numbered as they are
    assert sky.ask(np.ones(n + ahead, bool)) > 0
