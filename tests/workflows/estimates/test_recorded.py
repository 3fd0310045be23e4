"""Recorded scans, predicted from their fits, slots, and what their logs say of the pool."""

from dataclasses import replace
from pathlib import Path
from statistics import fmean

import pytest
from recorded_scans import NAMES, OLD_NAMES, OLD_PLACE, Recording
from rounds_support import GivenRounds

from condor.sites import read_site
from workflows.estimates.behaviours import behaviour_of
from workflows.estimates.estimate import estimate
from workflows.estimates.seen import most_slots, seen_behaviour
from workflows.estimates.setting import Setting
from workflows.model.jobs import Job, Nodes, Start
from workflows.model.results import BatchResults
from workflows.model.rounds import Batch, ChosenRound

DOCS = Path(__file__).parents[3] / "docs" / "estimate.md"
NEAR = 0.2
HALVINGS = {"smaller": 2}


def recorded(name):
    return Recording(name, OLD_PLACE)


def rounds_of(recording):
    rounds = []
    for n, (described, nodes) in enumerate(
        zip(recording.value["rounds"], recording.whole, strict=True)
    ):
        jobs = dict(nodes.batches())
        batches = [
            Batch(n, at, size, jobs.get(at), BatchResults(len(seconds), sum(seconds)))
            for at, (size, seconds) in enumerate(described["batches"])
        ]
        here = ChosenRound(n, None, described["opened"], 0, (), batches, None)
        rounds.append(here)
    return rounds


def predictions(recording):
    """Return what was seen, and predicted with the defaults and with the scan's own figures."""
    value, rounds = recording.value, rounds_of(recording)
    fits = [it for each in value["rounds"] for _, seconds in each["batches"] for it in seconds]
    usual, _ = behaviour_of(
        read_site("personal", (), None, urgent=False), "dummy", sum(fits) / len(fits)
    )
    setting = Setting(
        batch_size=value["batch_size"],
        jobs_per_round=value["jobs_per_round"],
        halvings=HALVINGS.get(recording.name, 0),
        max_rounds=value["max_rounds"],
    )
    outer = Nodes()
    outer.take(recording.outer)
    slots = most_slots(rounds)
    sizes = [sum(it.n for it in each.batches) for each in rounds]
    idle, own = (
        estimate(setting, it, slots, sky=lambda: GivenRounds(sizes))
        for it in (usual, seen_behaviour(usual, rounds, outer.jobs.get("prep")))
    )
    return slots, recording.ended - recording.submitted, idle, own


@pytest.fixture(scope="module")
def found():
    """Return the predictions for the scans of today's workflow and of earlier ones."""
    of_old = {name: predictions(recorded(name)) for name in OLD_NAMES}
    return {name: predictions(Recording(name)) for name in NAMES}, of_old


def row(name, slots, seen, idle, own):
    """Return the row of the page."""
    off = round(100 * (own.seconds / seen - 1))
    return (
        f"| `{name}` | {slots} | {seen:.0f} s | {idle.seconds:.0f} s | {own.seconds:.0f} s "
        f"({own.low_seconds:.0f} to {own.high_seconds:.0f}) | {off:+d} % |"
    )


def test_most_scans_took_what_is_predicted_within_20_percent(found):
    for of_names in found:
        off = [own.seconds / seen - 1 for _, seen, _, own in of_names.values()]
        assert sum(abs(it) <= NEAR for it in off) >= 0.85 * len(off)
        assert abs(fmean(off)) <= 0.05


def test_the_page_has_what_was_predicted_and_seen(found):
    rows = [row(name, *it) for of_names in found for name, it in of_names.items()]
    page = DOCS.read_text().splitlines()
    assert [it for it in rows if it not in page] == []


def test_no_recorded_scan_was_quicker_than_on_an_idle_machine(found):
    for of_names in found:
        for _, seen, idle, _ in of_names.values():
            assert idle.seconds < seen


def test_a_scan_without_results_says_nothing_of_its_pool():
    rounds = rounds_of(recorded("even"))
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 1.0)
    for each in rounds:
        for batch in each.batches:
            batch.results = replace(batch.results, n=0, seconds=0.0)
    assert seen_behaviour(usual, rounds) == usual


def test_fits_of_jobs_that_have_not_ended_tell_how_long_one_takes():
    rounds = rounds_of(recorded("even"))
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 0.0)
    for each in rounds:
        for batch in each.batches:
            batch.job.state, batch.job.exit_code = "running", None
    own = seen_behaviour(usual, rounds)
    assert own.seconds_per_fit == pytest.approx(2.033, abs=0.001)
    assert own.set_up == usual.set_up  # that of a job which still runs is not known


def test_fits_count_without_the_logs_of_their_jobs():
    rounds = rounds_of(recorded("even"))
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 0.0)
    for each in rounds:
        for batch in each.batches:
            batch.job = None
    own = seen_behaviour(usual, rounds)
    assert own.seconds_per_fit == pytest.approx(2.033, abs=0.001)
    assert own.match == usual.match
    assert most_slots(rounds) == 1


def test_merge_and_report_take_longer_where_scripts_do():
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 1.0)
    quick, slow = (
        seen_behaviour(usual, rounds_of(Recording(it))) for it in ("zero-23", "track-23")
    )
    assert slow.script > 2 * quick.script
    assert slow.merge > 2 * quick.merge > 2 * usual.merge


def test_a_few_evictions_in_minutes_are_not_the_rate_of_hours():
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 1.0)
    for name, n in (("checkpoints", 2), ("evicted", 1), ("even", 0)):
        own = seen_behaviour(usual, rounds_of(recorded(name)))
        assert 0.8 * n <= own.evictions_per_hour <= n


def slots_of(*times: tuple[float, float | None]) -> int:
    job = Job("batch", 0.0)
    job.starts = [Start(began, "machine", ended=ended) for began, ended in times]
    return most_slots([ChosenRound(0, None, 0.0, 0, (), [Batch(0, 0, 1, job, None)], None)])


def test_slots_are_counted_when_jobs_start_end_and_still_run():
    assert slots_of() == slots_of((5.0, 5.0)) == 1
    assert slots_of((5.0, 9.0), (9.0, 12.0)) == 1  # one after the other
    assert slots_of((5.0, 9.0), (5.0, 5.0)) == 2
    assert slots_of((5.0, None), (7.0, None), (8.0, None)) == 3


def test_a_copied_folder_has_no_times_of_choices():
    rounds = rounds_of(recorded("demo"))
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 1.0)
    own = seen_behaviour(usual, rounds)
    for each in rounds:
        each.opened += 1e6  # the time of round.json
    copied = seen_behaviour(usual, rounds)
    assert own.script != usual.script
    assert own.merge != usual.merge
    kept = {"script", "dagman", "round_dag", "merge"}
    assert copied == replace(own, **{name: getattr(usual, name) for name in kept})


def test_failures_and_paces_of_machines_are_seen():
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", 1.0)
    flaky = seen_behaviour(usual, rounds_of(recorded("flaky")))
    slow = seen_behaviour(usual, rounds_of(recorded("slow-slots")))
    even = seen_behaviour(usual, rounds_of(recorded("even")))
    assert flaky.failing == pytest.approx(1 / 3)
    assert slow.machine_spread > 0.3 > 10 * even.machine_spread
    assert even.seconds_per_fit == pytest.approx(2.033, abs=0.001)


BENCHMARKS = {
    # What it is: its progression, seconds per fit, slots' slowness, halvings, what was seen.
    "zero-cost": (((8, 0), (64, 12), (512, 24)), 0.0, (1.0, 1.0), 0, (16.7, 16.7)),
    "0.5 s": (((8, 0), (16, 192)), 0.5, (1.0, 1.0), 0, (402.8,)),
    "uneven": (((4, 0),), 0.5, (4.0, 1.0, 1.0, 1.0), 0, (120.3,)),
    "uneven, smaller batches": (((4, 0),), 0.5, (4.0, 1.0, 1.0, 1.0), 2, (67.2,)),
}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_benchmarks_of_whole_scans_took_what_is_predicted_within_20_percent(name):
    progression, seconds, slowness, halvings, seen = BENCHMARKS[name]
    usual, _ = behaviour_of(read_site("personal", (), None, urgent=False), "dummy", seconds)
    setting = Setting(
        progression=progression,
        jobs_per_round=len(slowness),
        halvings=halvings,
        max_rounds=len(progression) + 6,
    )
    now = estimate(setting, replace(usual, slowness=slowness), len(slowness))
    assert now.seconds == pytest.approx(sum(seen) / len(seen), rel=NEAR)
    shown = " and ".join(f"{it:g}" for it in seen)
    row = f"| {name} | {shown} s | {now.seconds:.1f} s ("
    assert row in DOCS.read_text()
