import json
from dataclasses import replace
from importlib import resources

import numpy as np
import pytest

from skyscan import read_event
from skyscan.detector import DOM_DTYPE, Detector
from skyscan.errors import BadInput
from skyscan.geometry import positions
from skyscan.layout import CHOICE_JSON
from skyscan.records import PIXEL_DTYPE
from skyscan.recos import _hypotheses, auto, reco_class
from skyscan.recos.auto import Auto

SEED_FIELDS = ("x", "y", "z", "time", "energy")


@pytest.fixture(autouse=True)
def few_directions(monkeypatch):
    """Enough for events as clear as those of the package."""
    monkeypatch.setattr(auto, "FIRST_NSIDES", {"track": 1, "cascade": 1})
    monkeypatch.setattr(_hypotheses, "N_REFINED", (2,))


def shipped(name):
    with resources.as_file(resources.files("skyscan") / "data" / name) as path:
        return read_event(path)


@pytest.mark.parametrize(
    ("file", "chosen"),
    [("simulated_shower.json", "cascade"), ("simulated_track.json", "track")],
)
def test_a_shower_is_scanned_as_a_shower_and_a_track_as_a_track(file, chosen, tmp_path):
    event = shipped(file)
    seed = Auto().prepare(event, tmp_path)
    choice = json.loads((tmp_path / CHOICE_JSON).read_text())
    assert choice["chosen"] == chosen
    better = {"cascade": "one shower fits better", "track": "one track fits better"}
    assert choice["reason"].startswith(better[chosen])
    llh = {name: sum(parts.values()) for name, parts in choice["llh"].items()}
    assert llh[chosen] == min(llh.values())

    rows = np.zeros(2, PIXEL_DTYPE)
    for name in SEED_FIELDS:
        rows[name] = getattr(seed, name)
    direction = np.array([1.0, 2.0]), np.array([0.5, 4.0])
    either, alone = Auto(), reco_class(chosen)()
    for reco in (either, alone):
        reco.setup(tmp_path)
    fits = either.reconstruct(rows, *direction)
    assert fits.tobytes() == alone.reconstruct(rows, *direction).tobytes()


def test_a_track_is_compared_by_the_hits_of_the_doms_that_a_shower_is_fitted_to(tmp_path):
    event = shipped("simulated_track.json")
    track = reco_class("track")()
    seed = track.prepare(event, tmp_path)
    track.setup(tmp_path)
    rows = np.zeros(1, PIXEL_DTYPE)
    for name in SEED_FIELDS:
        rows[name] = getattr(seed, name)
    direction = np.array([1.0]), np.array([0.5])
    fit = track.reconstruct(rows, *direction)
    hits = track._hits
    parts = [track.llh_of(it, fit, *direction) for it in (hits[:7], hits[7:], hits)]
    assert parts[2] == pytest.approx(fit["llh"])
    assert parts[0] + parts[1] == pytest.approx(parts[2])
    assert parts[0] < parts[1]


def test_an_event_that_neither_can_fit_is_refused(tmp_path):
    event = shipped("simulated_shower.json")
    with pytest.raises(BadInput, match="needs 6"):
        Auto().prepare(replace(event, pulses=event.pulses[:2]), tmp_path)


def test_an_event_that_cannot_be_a_shower_is_a_track(tmp_path):
    event = shipped("simulated_track.json")
    saturated = event.pulses.copy()
    saturated["charge"] = 1e6
    Auto().prepare(replace(event, pulses=saturated), tmp_path)
    choice = json.loads((tmp_path / CHOICE_JSON).read_text())
    assert choice["chosen"] == "track"
    assert choice["reason"].startswith("no fit as a shower: ")
    assert "saturated" in choice["reason"]


def test_an_event_in_another_detector_is_a_track(tmp_path):
    event = shipped("simulated_shower.json")
    hit = np.unique(event.pulses[["string", "om"]])
    doms = np.zeros(len(hit), DOM_DTYPE)
    doms["string"], doms["om"] = hit["string"], hit["om"]
    places = positions(doms["string"], doms["om"])
    for name, values in zip("xyz", places.T, strict=True):
        doms[name] = values
    Auto().prepare(replace(event, detector=Detector(doms)), tmp_path)
    choice = json.loads((tmp_path / CHOICE_JSON).read_text())
    assert choice["chosen"] == "track"
    assert "another detector" in choice["reason"]
