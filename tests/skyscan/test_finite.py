"""Infinite values of a fit: no fit, wherever they come from."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scans_support import a_scan, a_startup, do_scan, pixel_rows, prepared, records_of

from skyscan.errors import BadInput
from skyscan.events.event import Vertex
from skyscan.events.source import Source
from skyscan.finite import LARGEST, without_infinities
from skyscan.job.worker import reconstruct
from skyscan.merge import merge
from skyscan.prep import prepare
from skyscan.records import FIT_DTYPE, RECORD_DTYPE, are_intact, sign
from skyscan.recos.dummy import Dummy
from skyscan.results import read_results, write_results
from skyscan.skymap import read_skymap

EVENT = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))
PIXELS = pixel_rows(8, range(100, 103))
SCAN = a_scan()
VALUES = st.sampled_from([np.inf, -np.inf, np.nan, 1.0, 1e308])


class Endless(Dummy):
    """The dummy, with values of its first fit that a test chooses."""

    changes: dict[str, float]

    def reconstruct(self, pixels, zenith, azimuth):
        """Return the dummy's fits with the changes in the first."""
        fits = super().reconstruct(pixels, zenith, azimuth)
        for name, value in self.changes.items():
            fits[name][0] = value
        return fits


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"llh": np.inf}, b"the fit returned llh inf"),
        ({"llh": -np.inf}, b"the fit returned llh -inf"),
        ({"llh": 4.5e307}, b"the fit returned llh 4.5e+307"),
        ({"E_in": np.inf, "x": -np.inf}, b"the fit returned E_in inf, x -inf"),
        ({"llh": np.nan, "energy": np.inf}, b"the fit returned energy inf"),
    ],
)
def test_an_infinite_value_is_no_fit_with_its_reason(changes, reason):
    reco = Endless("2021a")
    reco.changes = changes
    records = reconstruct(PIXELS, 1, reco, a_startup())
    assert all(np.isnan(records[0][name]) for name in FIT_DTYPE.names)
    assert records[0]["reason"] == reason
    assert np.isfinite(records["llh"][1:]).all()
    assert set(records["reason"][1:].tolist()) <= {b""}


def test_what_a_fit_does_not_determine_may_be_nan():
    reco = Endless("2021a")
    reco.changes = {"E_in": np.nan, "E_tot": np.nan}
    (record, *_) = reconstruct(PIXELS, 1, reco, a_startup())
    assert np.isfinite(record["llh"])
    assert record["reason"] == b""


@given(st.lists(st.tuples(*[VALUES] * len(FIT_DTYPE.names)), max_size=5))
def test_no_record_keeps_an_infinite_value_and_finite_ones_stay(fits):
    records = np.zeros(len(fits), RECORD_DTYPE)
    for name, values in zip(FIT_DTYPE.names, zip(*fits, strict=True), strict=False):
        records[name] = values
    after = without_infinities(records)
    for old, new in zip(records, after, strict=True):
        assert not any(np.abs(new[name]) > LARGEST for name in FIT_DTYPE.names)
        if not any(np.abs(old[name]) > LARGEST for name in FIT_DTYPE.names):
            assert old.tobytes() == new.tobytes()


def test_infinite_records_of_an_earlier_version_are_nan_in_the_map(tmp_path):
    folder = prepared(tmp_path / "scan", SCAN)
    do_scan(folder, SCAN)
    batch, records = records_of(folder, 0, 0)
    records = records.copy()
    records["llh"][0], records["E_tot"][1] = -np.inf, np.inf
    path = folder.round(0).result(0)
    write_results(path, batch, sign(records))
    read = read_results(path, batch).records
    assert np.isnan(read["llh"][:2]).all()
    assert are_intact(read).all()
    merge(folder, replace(SCAN, max_failed_pixels=1.0, max_rounds=3))
    (npz,) = folder.path.glob("run*.npz")
    assert np.isfinite(read_skymap(npz).best()[3])
    json.loads(npz.with_suffix(".json").read_text(), parse_constant=pytest.fail)


def test_an_infinite_seed_is_bad_input(tmp_path, monkeypatch):
    endless = Vertex(np.inf, 0.0, 0.0, 0.0)
    monkeypatch.setattr(Dummy, "prepare", lambda *_: endless)
    with pytest.raises(BadInput, match="not finite"):
        prepare("0" * 32, "dummy", Source(EVENT, is_real_event=False), tmp_path / "startup")
    assert not (tmp_path / "startup" / "startup.json").exists()
