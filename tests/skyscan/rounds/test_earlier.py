"""Rounds that are set aside and chosen again: known fits are not repeated."""

from pathlib import Path

import numpy as np
import pytest
from scans_support import a_scan, do_scan, prepared

from skyscan.batches import read_batch
from skyscan.errors import BadInput
from skyscan.merge import merge
from skyscan.records import RECORD_DTYPE, ids_of, sign
from skyscan.results import read_results, write_results
from skyscan.rounds.collect import collect
from skyscan.rounds.earlier import KnownFits, fits_in, set_aside
from skyscan.rounds.next_round import open_round
from skyscan.skymap import read_skymap

SCAN = a_scan()


@pytest.fixture
def folder(tmp_path):
    made = prepared(tmp_path / "scan", SCAN)
    do_scan(made, SCAN)
    return made


def map_bytes(folder, scan=SCAN):
    skymap = merge(folder, scan)
    return (folder.path / f"{skymap.name}.npz").read_bytes()


def missing(folder, scan, number):
    return sum(state.n_missing for state in open_round(folder, scan, number))


def rounds_of(folder):
    return folder.chosen_rounds()


def test_a_scan_that_is_chosen_again_has_nothing_to_fit_and_the_same_map(folder):
    before, rounds = map_bytes(folder), rounds_of(folder)
    where = set_aside(folder, ())
    assert rounds_of(folder) == []
    assert not list(folder.path.glob("run*.npz"))
    assert list(where.glob("run*.npz"))
    for number in rounds:
        assert missing(folder, SCAN, number) == 0
    assert map_bytes(folder) == before


def test_only_forgotten_fits_are_fitted_again(folder):
    before = map_bytes(folder)
    batch, _ = next(iter(fits_in(folder.rounds, SCAN.id)))
    forget = ids_of(batch.pixels)[1:3]
    set_aside(folder, forget)
    assert missing(folder, SCAN, 0) == 2
    do_scan(folder, SCAN)
    assert map_bytes(folder) == before
    # and a second time, with the new fits
    set_aside(folder, ())
    assert missing(folder, SCAN, 0) == 0


def test_a_pixel_whose_seed_has_changed_is_fitted_again(folder):
    # another vertex for every coarse pixel: each finer one gets another seed
    for batch, records in list(fits_in(folder.rounds, SCAN.id)):
        if batch.round == 0:
            moved = records.copy()
            moved["x"] += 1.0
            write_results(folder.round(0).result(batch.number), batch, sign(moved))
    set_aside(folder, ())
    assert missing(folder, SCAN, 0) == 0
    finer = open_round(folder, SCAN, 1)
    assert sum(state.n_missing for state in finer) == sum(state.n_pixels for state in finer) > 0


def test_fits_of_another_scan_are_not_reused(folder):
    set_aside(folder, ())
    batch = read_batch(next((folder.earlier / "001").glob("rounds/000/batches/*.npz")))
    assert len(KnownFits(folder, SCAN.id).of(batch)) == len(batch.pixels)
    foreign = KnownFits(folder, "0" * 32).of(batch)
    assert (len(foreign), foreign.dtype) == (0, RECORD_DTYPE)


@pytest.mark.parametrize("content", ["{}", '{"fits": [1]}', '{"fits": [["a", 1, 2]]}'])
def test_a_damaged_list_of_forgotten_fits_is_named(folder, content):
    (set_aside(folder, ()) / "forget.json").write_text(content)
    with pytest.raises(BadInput, match=r"earlier/001/forget\.json has no list of fits"):
        KnownFits(folder, SCAN.id)


def test_a_damaged_result_costs_its_records_only(folder):
    set_aside(folder, ())
    path = next((folder.earlier / "001").glob("rounds/000/results/*/*.rec"))
    path.write_bytes(path.read_bytes()[:-1])
    assert missing(folder, SCAN, 0) == 1


def test_a_damaged_batch_file_costs_its_batch(folder):
    set_aside(folder, ())
    path = next((folder.earlier / "001").glob("rounds/000/batches/*.npz"))
    n = len(read_batch(path).pixels)
    path.write_bytes(path.read_bytes()[:-100])
    assert missing(folder, SCAN, 0) == n


def test_a_scan_that_is_extended_keeps_its_coarser_pixels(folder):
    further = a_scan(progression=(*SCAN.progression, (8, 3)))
    assert further.id == SCAN.id
    merge(folder, SCAN)
    known = set(ids_of(collect(folder, SCAN.id, rounds_of(folder)).records))
    set_aside(folder, ())
    number, fitted = 0, set()
    while states := open_round(folder, further, number):
        for state in states:
            batch = read_batch(folder.round(number).batch(state.number))
            result = read_results(folder.round(number).result(state.number), batch)
            fitted |= set(ids_of(result.missing(batch)))
        do_scan(folder, further, number + 1)
        number += 1
    assert not fitted & known
    skymap = merge(folder, further)
    assert 8 in skymap.pixels
    fresh = prepared(folder.path.parent / "fresh", further)
    do_scan(fresh, further)
    assert map_bytes(folder, further) == map_bytes(fresh, further)
    assert np.array_equal(
        read_skymap(folder.path / f"{skymap.name}.npz").pixels[8]["llh"],
        read_skymap(fresh.path / f"{skymap.name}.npz").pixels[8]["llh"],
        equal_nan=True,
    )


def test_the_products_of_the_rounds_and_nothing_else_move_with_them(folder):
    merge(folder, SCAN)
    for name in ("round_000.dag", "round_000.dag.nodes.log", "scan.dag"):
        folder.workflow.mkdir(exist_ok=True)
        (folder.workflow / name).write_text(name)
    where = set_aside(folder, ())
    assert where == folder.earlier / "001"
    moved = {path.name for path in where.iterdir()}
    name = f"{SCAN.name}_1_2_4"
    dags = {"round_000.dag", "round_000.dag.nodes.log"}
    assert moved == {"forget.json", "rounds", f"{name}.npz", f"{name}.json", *dags}
    assert (folder.workflow / "scan.dag").exists()
    assert list(folder.rounds.iterdir()) == []


def test_an_attempt_that_was_killed_can_be_repeated(folder):
    half = folder.earlier / "001"
    half.mkdir(parents=True)
    assert set_aside(folder, ()) == half
    folder.rounds.rmdir()  # killed after the rename
    assert set_aside(folder, ()) == folder.earlier / "002"
    assert missing(folder, SCAN, 0) == 0


def test_the_latest_fit_counts_in_any_order_of_folders(folder, monkeypatch):
    batch, records = next(iter(fits_in(folder.rounds, SCAN.id)))
    set_aside(folder, ())
    open_round(folder, SCAN, 0)
    newer = records.copy()
    newer["llh"] -= 1.0
    write_results(folder.round(0).result(batch.number), batch, sign(newer))
    assert KnownFits(folder, SCAN.id).of(batch).tobytes() == sign(newer).tobytes()
    set_aside(folder, ())
    assert KnownFits(folder, SCAN.id).of(batch).tobytes() == sign(newer).tobytes()
    listed = Path.glob
    monkeypatch.setattr(Path, "glob", lambda *it: sorted(listed(*it), reverse=True))
    assert KnownFits(folder, SCAN.id).of(batch).tobytes() == sign(newer).tobytes()
