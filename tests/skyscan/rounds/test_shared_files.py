"""Rounds of very many jobs, whose batches share files: as if each had a file of its own."""

import pytest
from scans_support import a_scan, fitted, prepared

from skyscan import batches
from skyscan.batches import read_batch, read_batches
from skyscan.errors import DamagedFile
from skyscan.merge import merge
from skyscan.results import read_results, write_results
from skyscan.rounds.collect import MissingResults, batches_of, collect
from skyscan.rounds.description import batch_files, read_description
from skyscan.rounds.earlier import KnownFits, set_aside
from skyscan.rounds.next_round import open_round

JOBS = 10
SCAN = a_scan(jobs_per_round=JOBS)


@pytest.fixture
def shared(monkeypatch):
    """Have rounds write four files at most."""
    monkeypatch.setattr(batches, "FILES", 4)


@pytest.fixture
def folder(tmp_path, shared):  # noqa: ARG001
    return prepared(tmp_path / "scan", SCAN)


def fit(folder, number, *, without=()):
    """Open a round and fit its batches."""
    states = open_round(folder, SCAN, number)
    for batch, path in batches_of(folder.round(number), SCAN.id) if states else ():
        if batch.number not in without:
            write_results(path, batch, fitted(batch.pixels))
    return states


def files(here):
    return {path.name: path.read_bytes() for path in (here.path / "batches").iterdir()}


def test_batches_share_files_and_have_results_of_their_own(folder):
    states = open_round(folder, SCAN, 0)
    here = folder.round(0)
    assert sorted(files(here)) == ["00000.npz", "00003.npz", "00006.npz", "00009.npz"]
    assert [state.file for state in states] == [0, 0, 0, 3, 3, 3, 6, 6, 6, 9]
    assert [state.number for state in states] == list(range(JOBS))
    for state in states:
        batch = read_batch(here.batch(state.file), state.number)
        assert (batch.number, len(batch.pixels)) == (state.number, state.n_pixels)
        assert here.result(state.number).read_bytes() == b""


def test_the_map_is_that_of_a_scan_with_a_file_for_each_batch(folder, tmp_path, monkeypatch):
    maps = []
    for place, most in ((folder, 4), (prepared(tmp_path / "alone" / "scan", SCAN), 1000)):
        monkeypatch.setattr(batches, "FILES", most)
        number = 0
        while fit(place, number):
            number += 1
        merge(place, SCAN)
        maps.append([path.read_bytes() for path in sorted(place.path.glob("run*.npz"))])
    assert maps[0]
    assert maps[0] == maps[1]


def test_a_round_is_opened_again_with_what_it_lacks(folder):
    fit(folder, 0, without=(4, 9))
    here = folder.round(0)
    written = files(here)
    assert [it.number for it in open_round(folder, SCAN, 0) if it.n_missing] == [4, 9]
    here.batch(3).write_bytes(written["00000.npz"])
    here.batch(6).unlink()
    here.result(0).unlink()
    with pytest.raises(DamagedFile, match=r"00003\.npz is damaged"):
        list(batches_of(here, SCAN.id))
    assert [it.number for it in open_round(folder, SCAN, 0) if it.n_missing] == [0, 4, 9]
    assert files(here) == written
    with pytest.raises(MissingResults, match=r"00004\.rec.*00009\.rec"):
        collect(folder, SCAN.id, [0])


def test_a_round_keeps_the_files_that_another_version_gave_it(folder, monkeypatch):
    monkeypatch.setattr(batches, "FILES", 1000)
    fit(folder, 0)
    here = folder.round(0)
    written, described = files(here), here.description.read_bytes()
    assert len(written) == JOBS
    monkeypatch.setattr(batches, "FILES", 4)
    assert [it.file for it in open_round(folder, SCAN, 0)] == list(range(JOBS))
    here.batch(7).unlink()
    open_round(folder, SCAN, 0)
    assert files(here) == written
    assert here.description.read_bytes() == described


def test_known_fits_are_taken_over_from_shared_files(folder):
    fit(folder, 0)
    kept = [read_results(path, it).records for it, path in batches_of(folder.round(0), SCAN.id)]
    set_aside(folder, ())
    known = KnownFits(folder, SCAN.id)
    assert all(it.n_missing == 0 for it in open_round(folder, SCAN, 0))
    for (batch, path), records in zip(batches_of(folder.round(0), SCAN.id), kept, strict=True):
        assert known.of(batch).tobytes() == records.tobytes()
        assert read_results(path, batch).records.tobytes() == records.tobytes()


def test_the_description_names_each_file_once(folder):
    open_round(folder, SCAN, 0)
    here = folder.round(0)
    described = list(batch_files(read_description(here)))
    assert [file.first for file in described] == [0, 3, 6, 9]
    for file in described:
        sizes = [len(batch.pixels) for batch in read_batches(here.batch(file.first))]
        assert file.sizes == sizes
