import math

import numpy as np
import pytest
from scans_support import (
    SEED,
    a_scan,
    best_fits,
    do_scan,
    prepared,
    records_of,
)

from skyscan.batches import read_batch
from skyscan.errors import BadInput, ExitCode, ScanIncomplete
from skyscan.merge import merge, reasons, write_partial
from skyscan.records import RECORD_DTYPE, sign
from skyscan.recos.dummy import VARIATION_STEP_M
from skyscan.results import write_results
from skyscan.rounds.collect import MissingResults, collect_partial
from skyscan.skymap import read_skymap

SCAN = a_scan()
SIZES = {1: 12, 2: 12, 4: 24}
MAP = "run00136662.evt000035405932.neutrino_1_2_4"


@pytest.fixture
def folder(tmp_path):
    """Return a scan of the dummy that has converged."""
    made = prepared(tmp_path / "scan", SCAN)
    do_scan(made, SCAN)
    return made


def best_so_far(folder):
    return collect_partial(folder, SCAN.id).best


def maps(folder):
    return sorted(path.name for path in folder.path.rglob("run*"))


def fail(folder, number, batch):
    """Record failed fits for the pixels of a batch; return their number."""
    work, records = records_of(folder, number, batch)
    records = records.copy()
    records["llh"] = math.nan
    records["reason"] = b"no result within 600 s"
    write_results(folder.round(number).result(batch), work, sign(records))
    return len(records)


def in_map(fits):
    """Return {nside: rows} of a map with these {(nside, pixel): FIT_DTYPE row}."""
    return {
        nside: [
            (pixel, *fit[["llh", "E_in", "E_tot", "x", "y", "z", "time"]].item())
            for (of, pixel), fit in sorted(fits.items())
            if of == nside
        ]
        for nside in sorted({nside for nside, _ in fits})
    }


def rows_of(skymap):
    columns = ["index", "llh", "E_in", "E_tot", "X", "Y", "Z", "T"]
    return {nside: rows[columns].tolist() for nside, rows in skymap.pixels.items()}


def test_a_complete_scan_becomes_a_map_with_every_pixel_once(folder):
    skymap = merge(folder, SCAN)
    assert maps(folder) == [f"{MAP}.json", f"{MAP}.npz"]
    written = read_skymap(folder.path / f"{MAP}.npz")
    assert written.complete
    assert (written.run_id, written.mjd, written.is_real_event) == (136662, SCAN.mjd, True)
    fits = best_fits(folder, folder.chosen_rounds())
    assert rows_of(written) == rows_of(skymap) == in_map(fits)
    assert {nside: len(rows) for nside, rows in written.pixels.items()} == SIZES


def test_the_map_has_the_best_variation_of_each_pixel(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_DUMMY_VARIATIONS", "3")
    folder = prepared(tmp_path / "scan", SCAN, n_variations=3)
    do_scan(folder, SCAN)
    skymap = merge(folder, SCAN)
    fits = best_fits(folder, folder.chosen_rounds())
    assert rows_of(skymap) == in_map(fits)
    shifts = [fit["x"] - SEED.x for fit in best_fits(folder, [0]).values()]
    assert {round(shift / VARIATION_STEP_M) for shift in shifts} == {0, 1, 2}


@pytest.mark.parametrize(("mjd", "is_local"), [(SCAN.mjd, False), (None, True)])
def test_the_map_says_whose_it_is_and_in_which_frame(tmp_path, mjd, is_local):
    scan = a_scan(mjd=mjd)
    folder = prepared(tmp_path / "scan", scan)
    do_scan(folder, scan)
    skymap = merge(folder, scan)
    assert (skymap.event, skymap.is_local) == (scan.name, is_local)
    assert math.isnan(skymap.mjd) == is_local


def test_merging_again_gives_the_same_bytes(folder):
    merge(folder, SCAN)
    before = [(folder.path / f"{MAP}.{e}").read_bytes() for e in ("npz", "json")]
    merge(folder, SCAN)
    assert [(folder.path / f"{MAP}.{e}").read_bytes() for e in ("npz", "json")] == before


def test_a_missing_result_is_an_error_and_nothing_is_written(folder):
    path = folder.round(1).result(2)
    path.unlink()
    with pytest.raises(MissingResults, match=str(path)):
        merge(folder, SCAN)
    assert maps(folder) == []


def test_a_missing_round_is_an_error_and_nothing_is_written(folder):
    folder.round(1).description.unlink()
    with pytest.raises(BadInput, match=r"rounds \[0, 2"):
        merge(folder, SCAN)
    assert maps(folder) == []


def test_a_missing_last_round_is_an_error_and_nothing_is_written(folder):
    last = folder.round(folder.chosen_rounds()[-1]).description
    last.unlink()
    with pytest.raises(BadInput, match=rf"{last} is missing, but \d+ pixels remain"):
        merge(folder, SCAN)
    assert maps(folder) == []


def test_a_scan_without_a_round_is_an_error(tmp_path):
    with pytest.raises(BadInput, match=r"rounds \[\]"):
        merge(prepared(tmp_path / "scan", SCAN), SCAN)


def test_the_map_of_a_stopped_scan_is_marked_incomplete(tmp_path):
    stopped = a_scan(max_rounds=2)
    folder = prepared(tmp_path / "scan", stopped)
    do_scan(folder, stopped, rounds=2)
    with pytest.raises(ScanIncomplete, match=r"2 rounds.*--max-rounds") as caught:
        merge(folder, stopped)
    assert caught.value.exit_code == ExitCode.INCOMPLETE
    assert not read_skymap(folder.path / f"{SCAN.name}_1_2.npz").complete


def test_too_many_failed_pixels_are_an_error_with_a_map_and_the_reasons(folder):
    n = sum(SIZES.values())
    failed = fail(folder, folder.chosen_rounds()[-1], 0)
    merge(folder, a_scan(max_failed_pixels=failed / n))
    assert read_skymap(folder.path / f"{MAP}.npz").complete
    why = f"{failed} of {n} pixels.*{failed} x no result within 600 s"
    with pytest.raises(ScanIncomplete, match=why):
        merge(folder, a_scan(max_failed_pixels=(failed - 0.01) / n))
    skymap = read_skymap(folder.path / f"{MAP}.npz")
    assert not skymap.complete
    assert sum(np.isnan(rows["llh"]).sum() for rows in skymap.pixels.values()) == failed


def test_a_scan_without_any_fit_is_incomplete(tmp_path):
    folder = prepared(tmp_path / "scan", SCAN)
    do_scan(folder, SCAN, rounds=1)
    assert sum(fail(folder, 0, batch) for batch in range(3)) == 12
    with pytest.raises(ScanIncomplete, match=r"12 of 12 pixels.*12 x no result"):
        merge(folder, SCAN)
    assert read_skymap(folder.path / f"{SCAN.name}_1.npz").best() is None


def test_a_partial_map_is_separate_and_is_removed_when_the_scan_is_complete(folder):
    path = folder.round(1).result(2)
    content = path.read_bytes()
    n_lost = len(records_of(folder, 1, 2)[1])
    path.unlink()
    partial = write_partial(folder, SCAN, best_so_far(folder))
    assert partial == folder.partial / f"{MAP}.npz"
    skymap = read_skymap(partial)
    assert not skymap.complete
    lost = {row.item()[:2] for row in read_batch(folder.round(1).batch(2)).pixels}
    assert len(lost) == n_lost > 0
    fits = best_fits(folder, folder.chosen_rounds())
    assert rows_of(skymap) == in_map({ids: fits[ids] for ids in fits.keys() - lost})
    path.write_bytes(content)
    merge(folder, SCAN)
    assert not folder.partial.exists()


def test_a_partial_map_is_replaced_and_other_files_stay(folder):
    write_partial(folder, SCAN, best_so_far(folder))
    note = folder.partial / "note.txt"
    note.write_text("mine")
    for number in folder.chosen_rounds()[1:]:
        folder.round(number).description.unlink()
    assert (
        write_partial(folder, SCAN, best_so_far(folder))
        == folder.partial / f"{SCAN.name}_1.npz"
    )
    assert sorted(path.name for path in folder.partial.iterdir()) == [
        "note.txt",
        f"{SCAN.name}_1.json",
        f"{SCAN.name}_1.npz",
    ]


def test_without_results_there_is_no_partial_map(tmp_path):
    folder = prepared(tmp_path / "scan", SCAN)
    assert write_partial(folder, SCAN, best_so_far(folder)) is None
    assert not folder.partial.exists()


def test_reasons_are_counted_and_sorted_by_frequency():
    failed = np.zeros(4, RECORD_DTYPE)
    failed["reason"] = [b"rare", b"often", b"", b"often"]
    assert reasons(failed) == "2 x often, 1 x rare, 1 x the fit returned NaN"
    many = np.zeros(2 + 9, RECORD_DTYPE)
    many["reason"] = [b"often", *(f"{letter}!".encode() for letter in "abcdefghi"), b"often"]
    assert reasons(many).startswith("2 x often, 1 x ")
    assert reasons(many).endswith("!, and 2 other reasons")
    cut = np.zeros(1, RECORD_DTYPE)
    cut["reason"] = "\u00fc".encode()[:1]
    assert reasons(cut) == "1 x \ufffd"


@pytest.mark.parametrize("text", ["a\nnew: complete", "a\r\x1b[2Jb", "a\u2028b", " a \t\n b "])
def test_a_reason_is_one_printable_line(folder, text):
    _, records = records_of(folder, 0, 0)
    records = records.copy()
    records["reason"] = text.encode()
    (line,) = reasons(records).splitlines()
    assert line.isprintable()
