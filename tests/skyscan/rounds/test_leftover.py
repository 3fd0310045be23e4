"""Fits for which a round's jobs had no time: distributed again, and counted once."""

from itertools import count

import pytest
from scans_support import a_scan, do_scan, fitted, prepared

from skyscan.batches import read_batch
from skyscan.merge import merge
from skyscan.records import ids_of
from skyscan.results import read_results, write_results
from skyscan.rounds.collect import MissingResults, collect
from skyscan.rounds.earlier import set_aside
from skyscan.rounds.leftover import handed_on, left_behind, leftover_depth, time_budget
from skyscan.rounds.next_round import open_round

SCAN = a_scan(time_budget=60.0, max_rounds=20)


@pytest.fixture
def folder(tmp_path):
    return prepared(tmp_path / "scan", SCAN)


def do_some(folder, number, n, only=None):
    """Fit up to ``n`` pixels of each batch of a round, as jobs do; return the fits."""
    done = []
    for state in open_round(folder, SCAN, number):
        here = folder.round(number)
        batch = read_batch(here.batch(state.number))
        if only is not None and state.number != only:
            continue
        result = read_results(here.result(state.number), batch)
        todo = result.missing(batch)[:n]
        done += ids_of(todo)
        write_results(
            here.result(state.number),
            batch,
            joined(result.records, fitted(todo)) if len(todo) else result.records,
        )
    return done


def joined(a, b):
    import numpy as np

    return np.concatenate([a, b])


def do_all(folder, n):
    fits = []
    for number in count():
        states = open_round(folder, SCAN, number)
        if not states:
            return fits, number
        fits += do_some(folder, number, n * 2 ** leftover_depth(folder.round(number)))
    return fits, 0


def map_bytes(folder, scan):
    return (folder.path / f"{merge(folder, scan).name}.npz").read_bytes()


@pytest.fixture
def undisturbed(tmp_path):
    scan = a_scan()
    folder = prepared(tmp_path / "undisturbed", scan)
    do_scan(folder, scan)
    return map_bytes(folder, scan)


@pytest.mark.parametrize("n", [1, 3, 100])
def test_the_map_does_not_depend_on_leftovers(folder, undisturbed, n):
    fits, rounds = do_all(folder, n)
    assert len(fits) == len(set(fits))
    assert map_bytes(folder, SCAN) == undisturbed
    depths = [leftover_depth(folder.round(number)) for number in range(rounds)]
    assert any(depths) == (n < 100)
    assert depths[0] == 0


def test_leftovers_are_a_separate_round_with_the_same_seeds(folder):
    do_some(folder, 0, 3)
    states = open_round(folder, SCAN, 1)
    assert sum(state.n_missing for state in states) == 12 - 9
    assert leftover_depth(folder.round(1)) == 1
    rows = {
        row.tobytes()
        for number in range(2)
        for path in (folder.round(number).path / "batches").glob("*.npz")
        for row in read_batch(path).pixels
    }
    assert len(rows) == 12  # a leftover fit has the same row in both rounds


def test_a_round_with_leftovers_is_done_when_it_is_opened_again(folder):
    do_some(folder, 0, 3)
    open_round(folder, SCAN, 1)
    assert sum(state.n_missing for state in open_round(folder, SCAN, 0)) == 0


@pytest.mark.parametrize("open_next", [True, False], ids=["the next round not done", "done"])
def test_a_result_that_is_lost_later_is_repeated_in_its_own_round(
    folder, undisturbed, open_next
):
    do_some(folder, 0, 3)
    open_round(folder, SCAN, 1)
    if not open_next:
        do_some(folder, 1, 100)
    folder.round(0).result(1).unlink()
    lost = do_some(folder, 0, 100, only=1)
    assert len(lost) == (4 if open_next else 3)  # its job does not know the next round's
    do_all(folder, 100)
    assert map_bytes(folder, SCAN) == undisturbed


def test_each_leftover_round_in_a_row_has_twice_the_time_and_the_last_has_no_limit(folder):
    do_some(folder, 0, 1)
    assert time_budget(folder, SCAN, 0) == 60.0
    for number in (1, 2):
        open_round(folder, SCAN, number)
        assert time_budget(folder, SCAN, number) == 60.0 * 2**number
        assert time_budget(folder, SCAN, number - 1) == 0.0  # no new fit may be left over
        do_some(folder, number, 1)
    short = a_scan(time_budget=60.0, max_rounds=3)
    assert time_budget(folder, short, 2) == 0.0
    longer = a_scan(time_budget=60.0, max_rounds=4)
    assert time_budget(folder, longer, 2) == 60.0 * 2**2


def test_without_a_budget_missing_results_are_an_error(folder):
    do_some(folder, 0, 3)
    with pytest.raises(MissingResults, match="is missing 1 of 4"):
        open_round(folder, a_scan(), 1)
    with pytest.raises(MissingResults, match="is missing"):
        collect(folder, SCAN.id, [0])


def test_fits_of_the_next_round_are_copied_back(folder):
    do_some(folder, 0, 3)
    do_some(folder, 1, 100)
    later = handed_on(folder, SCAN.id, 0)
    assert len(later) == 3
    assert all(record is not None for record in later.values())
    assert handed_on(folder, SCAN.id, 1) == {}


def test_a_damaged_batch_of_leftovers_is_written_again(folder, undisturbed):
    do_some(folder, 0, 3)
    open_round(folder, SCAN, 1)
    path = folder.round(1).batch(0)
    before = path.read_bytes()
    path.write_bytes(before[:-9])
    open_round(folder, SCAN, 1)
    assert path.read_bytes() == before
    do_all(folder, 100)
    assert map_bytes(folder, SCAN) == undisturbed


def test_a_scan_with_leftovers_can_be_chosen_again(folder, undisturbed):
    do_all(folder, 3)
    set_aside(folder, ())
    fits, _ = do_all(folder, 3)
    assert fits == []
    assert map_bytes(folder, SCAN) == undisturbed


def test_damaged_results_are_repeated_in_their_own_round(folder):
    do_some(folder, 0, 3)
    path = folder.round(0).result(1)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(MissingResults, match="truncated"):
        open_round(folder, SCAN, 1)
    assert folder.chosen_rounds() == [0]


def left(folder, *ended: int):
    pixels, depth = left_behind(folder, SCAN.id, ended)
    return ids_of(pixels), depth


def test_only_leftovers_of_ended_rounds_that_no_later_round_has_are_left_behind(folder):
    assert left(folder) == ([], 1)
    done = do_some(folder, 0, 3)
    every = [(1, pixel, 0) for pixel in range(12)]
    missing = [fit for fit in every if fit not in done]
    assert len(missing) == 3
    assert left(folder, 0) == (missing, 1)
    open_round(folder, SCAN, 1)
    assert left(folder, 0) == ([], 1)  # the next round has them
    assert left(folder, 0, 1) == (missing, 2)  # and has left them over again
    do_some(folder, 1, 100)
    assert left(folder, 0, 1) == ([], 2)
    path = folder.round(0).result(1)
    path.write_bytes(path.read_bytes()[:-1])
    assert left(folder, 0)[0] == []  # its own job repeats that first


def test_only_leftover_rounds_take_over_fits(folder):
    do_some(folder, 0, 100)
    do_some(folder, 1, 100)
    assert leftover_depth(folder.round(1)) == 0
    assert handed_on(folder, SCAN.id, 0) == {}
