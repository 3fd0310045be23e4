"""The step between rounds, repeated and with damaged files."""

import math

import numpy as np
import pytest
from scans_support import (
    SEED,
    a_scan,
    changed,
    do_batch,
    do_round,
    do_scan,
    made_up,
    parent,
    pixel_rows,
    prepared,
    records_of,
)

from skyscan.batches import read_batch
from skyscan.errors import BadInput
from skyscan.pixels import Pixel
from skyscan.records import sign
from skyscan.results import write_results
from skyscan.rounds.collect import MissingResults, best_of, collect
from skyscan.rounds.next_round import open_round, seed_pixels
from skyscan.rounds.rule import choose, next_pixels
from skyscan.rounds.states import BatchState
from skyscan.startup import read_startup

SCAN = a_scan()
VERTEX = ("x", "y", "z", "time", "energy")


@pytest.fixture
def folder(tmp_path):
    return prepared(tmp_path / "scan", SCAN)


def files(folder):
    """Return the bytes of all files of the rounds."""
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in sorted((folder.path / "rounds").rglob("*"))
        if path.is_file()
    }


def vertex(record):
    return [float(record[name]) for name in VERTEX]


def found_with(rows):
    """Return Found of {(nside, pixel): llh}, each with its own vertex."""
    records = [made_up(pixel_rows(nside, [pixel])) for nside, pixel in rows]
    for i, (record, llh) in enumerate(zip(records, rows.values(), strict=True)):
        record["llh"] = llh
        for j, name in enumerate(VERTEX):
            record[name] = 100.0 * i + j
    return best_of(np.concatenate(records))


def test_the_first_round_is_the_whole_sky_from_the_seed_of_the_event(folder):
    states = open_round(folder, SCAN, 0)
    assert states == [BatchState(i, 4, 4, i) for i in range(3)]
    batches = [read_batch(folder.round(0).batch(i)) for i in range(3)]
    assert sorted(p for batch in batches for p in batch.pixels["pixel"]) == list(range(12))
    for batch in batches:
        assert (batch.scan_id, batch.round) == (SCAN.id, 0)
        for row in batch.pixels:
            assert vertex(row)[:4] == [SEED.x, SEED.y, SEED.z, SEED.time]
            assert math.isnan(row["energy"])
    assert all(folder.round(0).result(i).read_bytes() == b"" for i in range(3))
    assert folder.round(0).logs.is_dir()  # for the output of its jobs


def test_a_finer_pixel_starts_from_the_best_fit_of_the_pixel_that_contains_it(folder):
    do_round(folder, SCAN, 0)
    open_round(folder, SCAN, 1)
    coarse = {int(r["pixel"]): r for r in collect(folder, SCAN.id, [0]).best}
    rows = read_batch(folder.round(1).batch(0)).pixels
    assert len(rows) > 0
    for row in rows:
        assert vertex(row) == vertex(coarse[parent(2, 1, int(row["pixel"]))])


PIXEL = Pixel(8, 500)
COARSE, MIDDLE = (1, parent(8, 1, 500)), (4, parent(8, 4, 500))
LEVELS = ((1, 0), (4, 3), (8, 5))


@pytest.mark.parametrize(
    ("llhs", "seed"),
    [
        ({COARSE: 1.0, MIDDLE: 9.0}, 1),  # the nearest coarser one, not the best one
        ({MIDDLE: 9.0, COARSE: 1.0}, 0),
        ({COARSE: 1.0}, 0),  # the nearest one that was reconstructed
        ({COARSE: 1.0, MIDDLE: math.nan}, None),  # never a pixel of a still coarser nside
        ({COARSE: math.nan}, None),
        ({(4, MIDDLE[1] + 1): 1.0}, None),
    ],
    ids=["nearest", "order does not matter", "gap", "nan", "only nan", "not containing"],
)
def test_a_seed_is_that_of_the_nearest_coarser_pixel_or_the_event(folder, llhs, seed):
    startup = read_startup(folder.startup)
    chosen = {PIXEL.nside: np.array([PIXEL.pixel])}
    (row,) = seed_pixels(chosen, found_with(llhs), startup, LEVELS)
    expected = [SEED.x, SEED.y, SEED.z, SEED.time]
    if seed is not None:
        expected = [100.0 * seed + j for j in range(4)]
    assert vertex(row)[:4] == expected


def test_each_variation_is_a_separate_fit(tmp_path):
    folder = prepared(tmp_path / "scan", SCAN, n_variations=3)
    states = open_round(folder, SCAN, 0)
    assert [state.n_pixels for state in states] == [12, 12, 12]
    rows = [read_batch(folder.round(0).batch(i)).pixels for i in range(3)]
    fits = sorted((int(r["pixel"]), int(r["variation"])) for part in rows for r in part)
    assert fits == [(pixel, variation) for pixel in range(12) for variation in range(3)]


def test_the_best_variation_is_the_seed_of_the_next_round(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_DUMMY_VARIATIONS", "3")
    folder = prepared(tmp_path / "scan", SCAN, n_variations=3)
    do_round(folder, SCAN, 0)
    open_round(folder, SCAN, 1)
    found = collect(folder, SCAN.id, [0])
    assert len(found.records) == 36
    assert len(set(found.best["variation"].tolist())) > 1
    best = {int(r["pixel"]): r for r in found.best}
    for row in read_batch(folder.round(1).batch(0)).pixels:
        assert vertex(row) == vertex(best[parent(2, 1, int(row["pixel"]))])


def test_batches_have_the_requested_size(tmp_path):
    scan = a_scan(batch_size=5, jobs_per_round=None)
    folder = prepared(tmp_path / "scan", scan)
    assert [state.n_pixels for state in open_round(folder, scan, 0)] == [4, 4, 4]


def test_a_complete_scan_converges_as_the_rule_says(folder):
    rounds = do_scan(folder, SCAN)
    assert 3 <= rounds < SCAN.max_rounds
    assert folder.chosen_rounds() == list(range(rounds))
    llhs = collect(folder, SCAN.id, folder.chosen_rounds()).llhs()
    assert choose(llhs, SCAN.progression) == {}
    assert open_round(folder, SCAN, rounds) == []
    assert open_round(folder, SCAN, rounds + 1) == []
    assert not folder.round(rounds).path.exists()


def test_running_it_again_writes_the_same_bytes_and_keeps_results(folder):
    do_round(folder, SCAN, 0)
    do_round(folder, SCAN, 1)
    before = files(folder)
    for number in (0, 1):
        assert all(state.n_missing == 0 for state in open_round(folder, SCAN, number))
    assert files(folder) == before


def test_only_damaged_records_of_a_result_file_are_lost(folder):
    do_round(folder, SCAN, 0)
    path = folder.round(0).result(1)
    _, records = records_of(folder, 0, 1)
    path.write_bytes(path.read_bytes()[:-1])
    states = open_round(folder, SCAN, 0)
    assert [state.n_missing for state in states] == [0, 1, 0]
    work, kept = records_of(folder, 0, 1)
    assert kept.tobytes() == records[:-1].tobytes()
    clean = path.read_bytes()
    write_results(path, work, kept)
    assert path.read_bytes() == clean


@pytest.mark.parametrize("content", [None, b"rubbish"])
def test_a_missing_or_foreign_result_becomes_an_empty_file(folder, content):
    do_round(folder, SCAN, 0)
    path = folder.round(0).result(1)
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert [state.n_missing for state in open_round(folder, SCAN, 0)] == [0, 4, 0]
    assert path.read_bytes() == b""


def test_a_missing_batch_file_is_written_again(folder):
    do_round(folder, SCAN, 0)
    before = files(folder)
    folder.round(0).batch(1).unlink()
    folder.round(0).batch(2).write_bytes(b"rubbish")
    open_round(folder, SCAN, 0)
    assert files(folder) == before


@pytest.mark.parametrize("is_sparse", [False, True], ids=["empty", "zeros"])
def test_what_a_power_failure_leaves_of_rounds_is_written_again(folder, is_sparse):
    # Files that were not synced: renamed already, and their content empty or zeros.
    do_round(folder, SCAN, 0)
    do_round(folder, SCAN, 1)
    before = files(folder)
    lost = folder.round(1).result(0)
    for number in (0, 1):
        here = folder.round(number)
        for path in [*here.path.rglob("*.npz"), here.description, lost]:
            path.write_bytes(b"\0" * path.stat().st_size * is_sparse)
    assert all(state.n_missing == 0 for state in open_round(folder, SCAN, 0))
    states = open_round(folder, SCAN, 1)
    assert [state.n_missing > 0 for state in states] == [state.number == 0 for state in states]
    do_batch(folder, 1, 0)
    assert files(folder) == before


def test_a_round_waits_for_all_results_of_the_one_before(folder):
    do_round(folder, SCAN, 0)
    folder.round(0).result(1).unlink()
    with pytest.raises(MissingResults, match=r"00001\.rec"):
        open_round(folder, SCAN, 1)
    do_batch(folder, 0, 1)
    assert open_round(folder, SCAN, 1)


def changed_best(folder):
    """Make another pixel of round 0 the best one, which no repetition does."""
    work, records = records_of(folder, 0, 0)
    worst = int(records["llh"].argmax())
    write_results(folder.round(0).result(0), work, changed(records, worst, llh=-1e4))


def test_edited_results_are_refused_and_nothing_is_overwritten(folder):
    do_round(folder, SCAN, 0)
    do_round(folder, SCAN, 1)
    changed_best(folder)
    before = files(folder)
    with pytest.raises(BadInput, match="a file was changed"):
        open_round(folder, SCAN, 1)
    assert files(folder) == before


def test_an_existing_round_that_the_rule_does_not_choose_is_refused(folder):
    do_round(folder, SCAN, 0)
    do_round(folder, SCAN, 1)
    for batch in range(3):
        work, records = records_of(folder, 0, batch)
        records = records.copy()
        records["llh"] = math.nan
        write_results(folder.round(0).result(batch), work, sign(records))
    with pytest.raises(BadInput, match="a file was changed"):
        open_round(folder, SCAN, 1)


def test_the_startup_folder_of_another_scan_is_refused(folder):
    other = a_scan(reco="track")
    with pytest.raises(BadInput, match="belongs to another scan"):
        open_round(folder, other, 0)


def test_a_pointed_scan_starts_around_its_direction(tmp_path):
    scan = a_scan(progression=((16, 0), (32, 5)))
    folder = prepared(tmp_path / "scan", scan, pointing=(1.0, 0.2, 0.1))
    (n,) = {sum(state.n_pixels for state in open_round(folder, scan, 0))}
    assert 0 < n < 20
    assert next_pixels({}, scan.progression, (1.0, 0.2, 0.1)) == {
        Pixel(16, int(p))
        for i in range(3)
        for p in read_batch(folder.round(0).batch(i)).pixels["pixel"]
    }


def repeat_elsewhere(folder, change):
    """Have the fits of round 0 repeated on another kind of CPU."""
    for path in sorted((folder.round(0).path / "batches").iterdir()):
        batch, records = records_of(folder, 0, int(path.stem))
        records = records.copy()
        for name in ("llh", *VERTEX):
            records[name] = change(records[name])
        write_results(folder.round(0).result(batch.number), batch, sign(records))


@pytest.mark.parametrize("towards", [-np.inf, np.inf])
def test_other_last_bits_of_a_repeated_fit_keep_the_rounds_that_follow(folder, towards):
    do_scan(folder, SCAN)
    before = files(folder)
    repeat_elsewhere(folder, lambda values: np.nextafter(values, towards))
    states = open_round(folder, SCAN, 1)
    assert states
    assert all(state.n_missing == 0 for state in states)
    after = files(folder)
    assert {k: v for k, v in after.items() if k.startswith("rounds/001")} == {
        k: v for k, v in before.items() if k.startswith("rounds/001")
    }


def test_another_vertex_of_a_repeated_fit_does_not(folder):
    do_scan(folder, SCAN)
    repeat_elsewhere(folder, lambda values: values + 1e-3)
    with pytest.raises(BadInput, match="retry --anew"):
        open_round(folder, SCAN, 1)


@pytest.mark.parametrize(("names", "value"), [(("energy",), np.nan), (VERTEX, 0.0)])
def test_a_seed_without_an_energy_or_at_zero_keeps_the_rounds_that_follow(folder, names, value):
    do_round(folder, SCAN, 0)
    for path in sorted((folder.round(0).path / "batches").iterdir()):
        batch, records = records_of(folder, 0, int(path.stem))
        records = records.copy()
        for name in names:
            records[name] = value
        write_results(folder.round(0).result(batch.number), batch, sign(records))
    do_round(folder, SCAN, 1)
    repeat_elsewhere(folder, lambda values: values + 5e-7)
    states = open_round(folder, SCAN, 1)
    assert states
    assert all(state.n_missing == 0 for state in states)
