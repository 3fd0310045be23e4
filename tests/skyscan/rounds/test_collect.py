"""The results of rounds: the best variation, and no result lost without an error."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scans_support import (
    a_scan,
    changed,
    do_scan,
    fitted,
    made_up,
    pixel_rows,
    prepared,
    records_of,
)

from skyscan.batches import read_batch
from skyscan.errors import BadInput, ExitCode
from skyscan.records import ids_of
from skyscan.results import header, write_results
from skyscan.rounds.collect import (
    MissingResults,
    best_of,
    collect,
    collect_partial,
    gather,
)
from skyscan.storage import read_json, write_json

SCAN = a_scan()
NAN = math.nan


@pytest.fixture
def folder(tmp_path):
    """Return a scan of two rounds with three batches each, all fitted."""
    made = prepared(tmp_path / "scan", SCAN)
    do_scan(made, SCAN, rounds=2)
    return made


def best_variation(llhs):
    records = made_up(pixel_rows(8, [5], n_variations=len(llhs)))
    records["llh"] = llhs
    (best,) = best_of(records).best
    return int(best["variation"])


@pytest.mark.parametrize(
    ("llhs", "variation"),
    [
        ((3.0, 1.0, 2.0), 1),
        ((NAN, 1.0, 2.0), 1),
        ((NAN, 2.0, NAN, 2.0), 1),
        ((1.0, 1.0, 1.0), 0),
        ((NAN, NAN), 0),
        ((0.0, -0.0), 0),
        ((5.0, -math.inf, NAN), 1),
    ],
    ids=str,
)
def test_the_lowest_llh_wins_and_nan_never_does_and_ties_go_to_the_lower_variation(
    llhs, variation
):
    assert best_variation(llhs) == variation


@pytest.mark.parametrize("where", [0, 1, 2])
def test_variations_of_one_pixel_alone_are_chosen_from(where):
    pixels = [pixel_rows(8, [n], n_variations=1 + (n == where)) for n in range(3)]
    records = made_up(np.concatenate(pixels))
    records["llh"] = np.arange(len(records))[::-1]
    best = best_of(records).best
    assert ids_of(best) == [(8, n, int(n == where)) for n in range(3)]


def test_rounds_that_are_whole_have_no_damage_and_leave_nothing(folder):
    gathered = gather(folder, SCAN.id, [0, 1])
    assert (gathered.damage, gathered.incomplete, len(gathered.leftover)) == ({}, {}, 0)


@given(
    st.lists(st.lists(st.sampled_from([NAN, 1.0, 2.0, 3.0]), min_size=3, max_size=3)),
    st.randoms(use_true_random=False),
)
def test_the_best_of_each_pixel_does_not_depend_on_the_order_of_records(llhs, random):
    records = made_up(pixel_rows(8, range(len(llhs)), n_variations=3))
    records["llh"] = np.reshape(llhs, -1)
    order = sorted(range(len(records)), key=lambda _: random.random())
    best = best_of(records[order]).best
    assert best["pixel"].tolist() == list(range(len(llhs)))
    for record, of_pixel in zip(best, llhs, strict=True):
        numbers = [llh for llh in of_pixel if not math.isnan(llh)]
        expected = of_pixel.index(min(numbers)) if numbers else 0
        assert record["variation"] == expected


def test_pixels_of_two_nsides_with_the_same_number_are_different():
    records = np.concatenate([made_up(pixel_rows(n, [5, 6])) for n in (64, 8)])
    assert [r["nside"] for r in best_of(records).best] == [8, 8, 64, 64]
    llhs = best_of(records).llhs()
    assert {n: (pixels.tolist(), llh.tolist()) for n, (pixels, llh) in llhs.items()} == {
        8: ([5, 6], [0.0, 1.0]),
        64: ([5, 6], [0.0, 1.0]),
    }


def test_all_rounds_are_collected(folder):
    found = collect(folder, SCAN.id, [0, 1])
    n = sum(len(records_of(folder, r, b)[1]) for r in (0, 1) for b in (0, 1, 2))
    assert len(found.best) == len(found.records) == n > 12
    assert collect_partial(folder, SCAN.id).best.tobytes() == found.best.tobytes()


def remove(path, _batch, _records):
    path.unlink()


def cut(path, _batch, _records):
    path.write_bytes(path.read_bytes()[:-1])


def shorten(path, batch, records):
    write_results(path, batch, records[:-1])


def double(path, batch, records):
    write_results(path, batch, np.concatenate([records, changed(records, 0, llh=-1.0)[:1]]))


def flip(path, _batch, _records):
    content = bytearray(path.read_bytes())
    content[-30] ^= 1
    path.write_bytes(bytes(content))


def take_the_next_batchs(path, _batch, _records):
    path.write_bytes((path.parents[1] / "00002/00002.rec").read_bytes())


def take_another_scans(path, batch, records):
    other = batch.__class__("f" * 32, batch.round, batch.number, batch.pixels)
    path.write_bytes(header(other) + records.tobytes())


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (remove, "missing"),
        (cut, "truncated"),
        (shorten, "is missing 1 of"),
        (double, "twice"),
        (flip, "1 damaged"),
        (take_the_next_batchs, "of another scan, round or batch"),
        (take_another_scans, "of another scan, round or batch"),
    ],
)
def test_incomplete_results_are_an_error_that_names_them(folder, damage, why):
    path = folder.round(1).result(1)
    damage(path, *records_of(folder, 1, 1))
    with pytest.raises(MissingResults, match=why) as caught:
        collect(folder, SCAN.id, [0, 1])
    assert str(path) in str(caught.value)
    assert "skyscan resume" in str(caught.value)
    assert str(folder.round(1).result(0)) not in str(caught.value)
    assert caught.value.exit_code == ExitCode.TRY_AGAIN


def test_one_error_names_all_that_is_missing(folder):
    paths = [folder.round(0).result(2), folder.round(1).result(0)]
    for path in paths:
        path.unlink()
    with pytest.raises(MissingResults) as caught:
        collect(folder, SCAN.id, [0, 1])
    assert all(str(path) in str(caught.value) for path in paths)


def test_a_changed_batch_is_bad_input(folder):
    path = folder.round(1).batch(1)
    path.write_bytes(folder.round(1).batch(0).read_bytes())
    with pytest.raises(BadInput, match=r"00001\.npz is damaged"):
        collect(folder, SCAN.id, [0, 1])


def test_rounds_of_another_scan_are_bad_input(folder):
    with pytest.raises(BadInput, match=r"00000\.npz is damaged or belongs to another scan"):
        collect(folder, "f" * 32, [0])


def test_remaining_fits_are_ordered_and_unique(folder):
    lost = []
    for number, batch in ((1, 2), (1, 0), (0, 2)):
        folder.round(number).result(batch).unlink()
        lost += ids_of(read_batch(folder.round(number).batch(batch)).pixels)
    gathered = gather(folder, SCAN.id, [1, 0])
    assert ids_of(gathered.leftover) == sorted(lost)
    n = len(read_batch(folder.round(0).batch(2)).pixels)
    path = folder.round(0).result(2)
    assert gathered.incomplete[0] == [f"{path} is missing {n} of {n} pixels"]
    assert gathered.damage[0] == [f"{path} is missing"]
    assert {n: len(texts) for n, texts in gathered.incomplete.items()} == {
        0: 1,
        1: 2,
    }


@pytest.mark.parametrize("content", [{}, {"batches": 3}, {"batches": [{"number": 1}]}])
def test_a_damaged_description_is_bad_input(folder, content):
    write_json(folder.round(1).description, content)
    with pytest.raises(BadInput, match=r"round\.json is damaged"):
        collect(folder, SCAN.id, [0, 1])


def test_a_partial_map_has_every_existing_record(folder):
    folder.round(0).result(1).unlink()
    cut(folder.round(1).result(1), None, None)
    folder.round(1).batch(2).write_bytes(b"")
    kept = len(collect_partial(folder, SCAN.id).records)
    counts = [[len(records_of(folder, r, b)[1]) for b in (0, 1)] for r in (0, 1)]
    last_of_round_0 = len(records_of(folder, 0, 2)[1])
    assert kept == counts[0][0] + last_of_round_0 + counts[1][0] + counts[1][1]
    assert counts[0][1] == 0


@pytest.mark.parametrize("damage", ["emptied", "deleted", "of another batch"])
def test_a_partial_map_has_all_batches_but_a_damaged_one(folder, damage):
    counts = [[len(records_of(folder, r, b)[1]) for b in range(3)] for r in (0, 1)]
    batch = folder.round(0).batch(0)
    if damage == "deleted":
        batch.unlink()
    else:
        batch.write_bytes(b"" if damage == "emptied" else folder.round(0).batch(1).read_bytes())
    kept = len(collect_partial(folder, SCAN.id).records)
    assert kept == sum(counts[0][1:]) + sum(counts[1])


def test_a_partial_map_has_the_results_of_rounds_after_a_damaged_description(folder):
    later = [len(records_of(folder, 1, batch)[1]) for batch in range(3)]
    folder.round(0).description.write_bytes(b"")
    assert len(collect_partial(folder, SCAN.id).records) == sum(later) > 0


def test_a_partial_map_has_results_that_are_not_in_the_scan_folder_yet(folder, tmp_path):
    (batch, records), result = records_of(folder, 1, 1), folder.round(1).result(1)
    everything = collect_partial(folder, SCAN.id)
    scratch = [tmp_path / f"{part}.rec" for part in range(2)]
    for path, part in zip(scratch, (records[:2], records[2:-1]), strict=True):
        write_results(path, batch, part)
    write_results(result, batch, records[-1:])
    assert len(collect_partial(folder, SCAN.id).best) == len(everything.best) - len(records) + 1
    found = collect_partial(folder, SCAN.id, {1: {1: scratch}})
    assert sorted(found.best.tolist()) == sorted(everything.best.tolist())


def test_a_scan_without_rounds_has_no_results(tmp_path):
    made = prepared(tmp_path / "scan", SCAN)
    assert len(collect_partial(made, SCAN.id).best) == 0
    assert collect(made, SCAN.id, []).llhs() == {}


def test_the_fits_of_the_dummy_are_kept_to_the_last_bit(folder):
    work, records = records_of(folder, 0, 0)
    assert records.tobytes() == fitted(work.pixels).tobytes()
    assert len(read_json(folder.round(0).description)["batches"]) == 3
