"""The measured levels of the package, and when they hold."""

import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from skyscan.answer.levels import CONTAINMENTS, WILKS, calibration
from skyscan.answer.levels.calibration import calibrated_levels, shipped_calibrations, why_none
from skyscan.answer.levels.chosen import default_levels, parse_levels
from skyscan.coverage.calibrating import DIGITS, llh_of_shipped, settings_digest
from skyscan.coverage.quantiles import in_class, level_of
from skyscan.coverage.sample import rows_by_reco
from skyscan.errors import WrongUsage
from skyscan.likelihood import Likelihood, read_likelihood

EVENTS = Path(__file__).parents[4] / "benchmarks/coverage"
RECOS = sorted(shipped_calibrations())
MADE = {
    "settings_sha256": "abc",
    "simulation": {"kind": "muon"},
    "classes": [
        {
            "hits": [6, 29],
            "events": 40,
            "50": {"level": 1.1, "error": 0.2},
            "90": {"level": 5.0, "error": 0.7},
        },
        {
            "hits": [30, None],
            "events": 50,
            "50": {"level": 2.1, "error": 0.2},
            "90": {"level": 9.0, "error": 0.7},
        },
    ],
}
LIKELIHOOD = Likelihood("track", "abc", 29, 50.0)


@pytest.fixture
def made(monkeypatch):
    found = {"track": calibration._read("track", MADE)}
    monkeypatch.setattr(calibration, "shipped_calibrations", lambda: found)


@pytest.mark.usefixtures("made")
def test_levels_depend_on_the_number_of_hits():
    assert default_levels("track", LIKELIHOOD).table == ((0.5, 1.1), (0.9, 5.0))
    more = replace(LIKELIHOOD, n_hits=30)
    assert default_levels("auto", more).table == ((0.5, 2.1), (0.9, 9.0))
    assert (
        "40 simulated muons with 6 to 29 hits"
        in default_levels("track", LIKELIHOOD).description
    )
    assert "30 hits and more" in default_levels("track", more).description
    assert parse_levels("calibrated", "track", more) == default_levels("track", more)
    assert parse_levels("wilks", "track", more) is WILKS


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize(
    ("likelihood", "why"),
    [
        (None, "not recorded"),
        (replace(LIKELIHOOD, reco="cascade"), "none were measured for cascade"),
        (replace(LIKELIHOOD, settings_sha256="other"), "in other ice"),
        (replace(LIKELIHOOD, n_hits=5), "for 5 hits"),
    ],
)
def test_fits_that_were_not_calibrated_have_wilks_levels(likelihood, why):
    assert calibrated_levels(likelihood) is None
    assert why in why_none(likelihood)
    assert default_levels("track", likelihood) is WILKS
    with pytest.raises(WrongUsage, match=why):
        parse_levels("calibrated", "track", likelihood)


@pytest.mark.parametrize("reco", RECOS)
def test_the_shipped_levels_were_measured_with_the_likelihood_of_this_code(reco):
    text = resources.files("skyscan").joinpath("data", calibration.FILE).read_text("utf-8")
    kept = json.loads(text)["recos"][reco]
    advice = f"the likelihood of {reco} has changed: run `make coverage` with new samples"
    assert settings_digest(reco) == kept["settings_sha256"], advice
    llh = llh_of_shipped(reco)
    assert llh == pytest.approx(kept["llh_of_shipped_event"], rel=1e-6, abs=1e-3), advice


@pytest.mark.parametrize("reco", RECOS)
def test_the_shipped_levels_are_those_of_the_events_that_are_kept(reco):
    rows = rows_by_reco(EVENTS, "calibration")[reco]
    for it in shipped_calibrations()[reco].classes:
        values = np.array([row.two_delta_llh for row in in_class(rows, it.fewest, it.most)])
        made = [level_of(values, p) for p in CONTAINMENTS]
        assert len(values) == it.n_events
        assert it.levels == tuple(round(level.value, DIGITS) for level in made)
        assert it.errors == tuple(round(level.error, DIGITS) for level in made)


@pytest.mark.parametrize("reco", RECOS)
def test_the_shipped_levels_rise_and_have_small_errors(reco):
    for it in shipped_calibrations()[reco].classes:
        inner, outer = it.levels
        assert 0 < inner < outer
        assert len(it.errors) == len(CONTAINMENTS)
        assert all(0 < error < level for error, level in zip(it.errors, it.levels, strict=True))


def test_a_record_of_prep_that_is_damaged_is_none(tmp_path):
    path = tmp_path / "likelihood.json"
    assert read_likelihood(path) is None
    path.write_text(json.dumps(LIKELIHOOD.as_dict()))
    assert read_likelihood(path) == LIKELIHOOD
    path.write_text(json.dumps({**LIKELIHOOD.as_dict(), "n_hits": "many"}))
    assert read_likelihood(path) is None
    path.write_text("{")
    assert read_likelihood(path) is None
