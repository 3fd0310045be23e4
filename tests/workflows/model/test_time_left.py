"""The remaining time of a scan: at each second of recorded scans, and in made-up ones."""

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path
from statistics import fmean, median

import pytest
from recorded_scans import NAMES, Recording

from workflows.model.time_left import AT_LEAST, REPORT, pace_of, time_left
from workflows.model.work import BatchWork, Closing, RoundWork, Work

DOCS = Path(__file__).parents[3] / "docs" / "why.md"
ROW = re.compile(r"^\| `([\w-]+)` \|[^|]*\| (\d+) s \| (\d+) % \|", re.MULTILINE)
NEAR = 1.5  # the factor within which an estimate is good
GOAL = 0.8  # of the second half


def left(work):
    return time_left(work, pace_of(work))


def second_half(recording):
    """Yield the true remaining time and the estimate for each second of the second half."""
    for since in range(int(recording.ended - recording.submitted) // 2 + 1):
        now = recording.ended - since
        yield float(since), left(recording.work(now))


@pytest.fixture(scope="module")
def good():
    """Return for each second of the second half of each scan whether the estimate was good."""
    found = {}
    for name in NAMES:
        pairs = [it for it in second_half(Recording(name)) if it[0] > 0]
        found[name] = [e is not None and t / NEAR <= e.likely <= t * NEAR for t, e in pairs]
    return found


@pytest.fixture(scope="module")
def parts(good):
    """Return the part of the second half of each scan in which the estimate was good."""
    return {name: fmean(it) for name, it in good.items()}


def test_most_recorded_scans_reach_the_goal(parts):
    assert median(parts.values()) >= GOAL
    assert sum(it >= GOAL for it in parts.values()) >= 0.75 * len(parts)


def test_the_page_says_how_good_each_estimate_was(parts):
    rows = {name: int(percent) for name, _, percent in ROW.findall(DOCS.read_text())}
    assert rows == {name: pytest.approx(100 * it, abs=1.0) for name, it in parts.items()}


def test_the_page_says_how_often_estimates_were_good_in_all(good):
    of_all = fmean(chain.from_iterable(good.values()))
    of_others = fmean(chain.from_iterable(it for name, it in good.items() if name[:2] == "h-"))
    text = " ".join(DOCS.read_text().split())
    assert f"within a factor of 1.5 in {of_all:.0%}".replace("%", " %") in text
    assert f"in those of the 6 in {of_others:.0%}".replace("%", " %") in text


@pytest.mark.parametrize("name", NAMES)
def test_an_estimate_is_never_nothing_before_the_end(name):
    recording = Recording(name)
    estimates = [it for _, it in second_half(recording) if it is not None]
    assert min(it.likely for it in estimates) >= AT_LEAST
    for it in estimates:
        assert AT_LEAST <= it.low <= it.likely <= it.high
        assert it.likely == pytest.approx(it.work + it.waiting)


def done(n=10, began=100.0, seconds=10.0):
    """Return a job that has ended, with two seconds of start-up."""
    return BatchWork(n, n, seconds, began, began + seconds + 2.0)


def work(*rounds: RoundWork, now: float, **more: object) -> Work:
    values = {"progression": ((1, 0),), "max_rounds": 1, "jobs_per_round": 2}
    return Work(now=now, ready=90.0, rounds=rounds, **{**values, **more})


def test_jobs_that_run_end_at_their_own_pace():
    first = RoundWork((1,), 98.0, (done(), BatchWork(10, 5, 0.0, 100.0)))
    slow = left(work(first, now=122.0))
    # five fits in the twenty seconds after its start-up: twenty more for the others
    assert slow.work == pytest.approx(20.0)
    assert slow.likely > slow.work


def test_jobs_that_wait_follow_on_the_slots_that_there_are():
    some = [done(), *(BatchWork(10, 0) for _ in range(4)), BatchWork(10, 0, 0.0, 112.0)]
    one = left(work(RoundWork((1,), 98.0, tuple(some)), now=112.0))
    two = [*some[:-2], *(BatchWork(10, 0, 0.0, 112.0) for _ in range(2))]
    assert left(work(RoundWork((1,), 98.0, tuple(two)), now=112.0)).work < 0.75 * one.work


def test_rounds_that_are_not_chosen_yet_are_foreseen():
    whole = RoundWork((1,), 98.0, (done(), done()))
    coarse = work(whole, now=113.0)
    finer = replace(coarse, progression=((1, 0), (2, 12), (4, 12)), max_rounds=9)
    assert left(coarse).more_rounds == 0
    assert left(finer).more_rounds > 2
    # 12 pixels of the coarser resolution, four each, in two jobs of a second per fit
    assert left(finer).work >= 2 * 24


def test_a_round_may_follow_until_one_has_been_skipped():
    rounds = (RoundWork((1,), 98.0, (done(),)), RoundWork((2,), 115.0, (done(began=118.0),)))
    two = {"progression": ((1, 0), (2, 1)), "max_rounds": 8}
    ended = work(*rounds, now=131.0, **two)
    assert left(ended).more_rounds > 0
    closing = replace(ended, closing=Closing(n_skipped=1, skipped=132.0), now=132.0)
    assert left(closing).more_rounds == 0
    merged = replace(closing, closing=Closing(6, 140.0, 141.0, 145.0), now=400.0)
    assert left(merged).likely >= AT_LEAST


def test_the_end_is_foreseen_from_what_the_scans_own_scripts_took_of_late():
    def ends_after(*gaps: float) -> float:
        ready, rounds = 90.0, []
        for gap in gaps:
            rounds.append(RoundWork((1,), ready + gap, (done(began=ready + gap + 3.0),)))
            ready = rounds[-1].ended
        closing = Closing(2, ready + 3.0, ready + 4.0, ready + 5.0)
        return left(work(*rounds, now=ready + 5.0, closing=closing)).likely

    quick, slow = ends_after(3.0, 3.0, 3.0), ends_after(9.0, 9.0, 9.0)
    assert slow > 2.0 * quick
    assert ends_after(9.0, 3.0, 3.0) == pytest.approx(quick)
    assert quick < ends_after(3.0, 3.0, 9.0) < slow


def test_the_report_is_foreseen_from_what_merge_has_just_taken():
    rounds = (RoundWork((1,), 93.0, (done(),)),)

    def likely(merge: float) -> float:
        closing = Closing(1, 115.0, merge_ended=115.0 + merge)
        return left(work(*rounds, now=115.0 + merge, closing=closing)).likely

    assert likely(10.0) - likely(2.0) == pytest.approx(8.0 * REPORT)
    # a job of merge also waited for the schedd
    job = Closing(1, 115.0, 116.0, 125.0)
    assert left(work(*rounds, now=125.0, closing=job)).likely < likely(10.0)


def test_the_choices_of_a_predictive_scan_do_not_tell_how_long_its_scripts_take():
    first = RoundWork((1,), 94.0, (done(),))  # ends at 112
    early, late = (RoundWork((2,), at, (done(began=155.0),)) for at in (107.0, 152.0))
    ahead, waits = (left(work(first, it, now=168.0, max_rounds=9)) for it in (early, late))
    assert ahead.likely < 0.5 * waits.likely


def test_a_wait_for_machines_is_told_apart_from_work():
    waiting = RoundWork((1,), 120.0, (BatchWork(10), BatchWork(10)))
    rounds = (RoundWork((1,), 98.0, (done(), done())), waiting)
    soon, late = (left(work(*rounds, now=now, max_rounds=2)) for now in (121.0, 420.0))
    assert soon.work == pytest.approx(late.work)
    assert late.waiting > soon.waiting + 100.0


def test_a_delay_of_the_schedd_adds_to_the_wait():
    now = work(RoundWork((1,), 98.0, (done(), BatchWork(10, 5, 0.0, 100.0))), now=122.0)
    delayed = time_left(now, pace_of(now), 300.0)
    assert delayed.waiting == pytest.approx(left(now).waiting + 300.0)


def test_fits_beyond_a_time_budget_are_a_round_of_their_own():
    long = RoundWork((1,), 98.0, (done(), BatchWork(100, 10, 0.0, 100.0)))
    without = work(long, now=112.0, max_rounds=5)
    budget = left(replace(without, time_budget=20.0))
    assert budget.more_rounds > left(without).more_rounds


def test_nothing_is_said_before_a_fit_is_done():
    assert left(work(now=100.0)) is None
    assert left(work(RoundWork((1,), 98.0, (BatchWork(10),)), now=100.0)) is None
