"""Results that jobs sent to where a scan was before its folder was moved."""

from model_support import copy_of, fit, opened_scan

from workflows.model.reading import read_model
from workflows.removal import take_results_from


def n_done(folder):
    return read_model(folder).rounds[0].n_done


def test_results_are_taken_from_where_a_scan_was_but_not_those_of_another_scan(tmp_path):
    here = opened_scan(tmp_path / "here")
    fit(here, 0)
    fit(here, 1, n=1)
    (tmp_path / "copies").mkdir()
    before = copy_of(here, tmp_path / "copies")
    other = opened_scan(tmp_path / "other", reco="crash_dummy")
    fit(before, 0, n=1)
    fit(before, 1)
    fit(before, 2, n=3)
    fit(other, 1, 2)
    take_results_from(other.path, here)
    assert n_done(here) == 4 + 1
    take_results_from(before.path, here)
    assert n_done(here) == 4 + 4 + 3
    take_results_from(tmp_path / "nowhere", here)
    (before.round(0).result(2)).write_bytes(b"\0" * 1000)
    take_results_from(before.path, here)
    assert n_done(here) == 4 + 4 + 3
