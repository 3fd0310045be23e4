"""Fits in the ice that a user chose."""

import json
from dataclasses import replace
from importlib import resources

import healpy
import numpy as np
import pytest

from skyscan import read_event
from skyscan.detector import DOM_DTYPE, Detector
from skyscan.errors import BadInput
from skyscan.events.source import Source
from skyscan.layout import CHOICE_JSON, LIGHT_JSON
from skyscan.light.ice_files import read_ice_model
from skyscan.light.ice_json import read_ice, write_ice
from skyscan.light.ice_model import shipped_ice
from skyscan.light.tables import shipped_table
from skyscan.prep import prepare
from skyscan.records import PIXEL_DTYPE
from skyscan.recos import _hypotheses, auto, reco_class
from skyscan.shower.rival import TrackLight
from skyscan.startup import check_files, read_startup
from skyscan.storage import write_sealed

EVENT = resources.files("skyscan") / "data" / "simulated_shower.json"
SHIPPED = shipped_ice()
#: The same with more dust; a user's model has another name and no source.
DUSTIER = replace(
    SHIPPED,
    name="dustier",
    scattering=0.8 * SHIPPED.scattering,
    absorption=0.8 * SHIPPED.absorption,
)


@pytest.fixture(scope="module")
def event():
    with resources.as_file(EVENT) as path:
        return read_event(path)


def prepared(reco, folder, ice):
    """Return the startup folder of the simulated shower, prepared as in a job."""
    path = None
    folder.mkdir()
    if ice is not None:
        path = folder / "ice.json"
        write_ice(path, ice)
    with resources.as_file(EVENT) as event:
        source = Source(event, is_real_event=False, ice=path)
        prepare("0" * 32, reco, source, folder / "startup")
    return folder / "startup"


def fitted(reco, folder, ice):
    """Return the fits of the 12 pixels of nside 1, the first batch of a small scan."""
    startup = prepared(reco, folder, ice)
    seed = read_startup(startup).seed
    fit = reco_class(reco)()
    fit.setup(startup)
    rows = np.zeros(12, PIXEL_DTYPE)
    for name in ("x", "y", "z", "time", "energy"):
        rows[name] = getattr(seed, name)
    return fit.reconstruct(rows, *healpy.pix2ang(1, np.arange(12)))


@pytest.mark.parametrize("reco", ["track", "cascade", "cascades"])
def test_equal_numbers_give_equal_bytes_and_other_ice_another_llh(tmp_path, reco):
    default = fitted(reco, tmp_path / "default", None)
    renamed = replace(SHIPPED, name="my ice", source="--ice-model")
    assert fitted(reco, tmp_path / "same", renamed).tobytes() == default.tobytes()
    other = fitted(reco, tmp_path / "other", DUSTIER)
    assert np.abs(other["llh"] - default["llh"]).min() > 0.01


def test_the_published_files_give_the_fit_of_the_shipped_ice(shared_events, tmp_path):
    # The shipped lengths are rounded to 1 mm, so that the last digits differ.
    published = read_ice_model(shared_events.parent / "ice")
    default = fitted("track", tmp_path / "default", None)
    found = fitted("track", tmp_path / "published", published)
    assert found["llh"] == pytest.approx(default["llh"], abs=0.05)


def test_auto_compares_both_hypotheses_in_the_ice_of_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(auto, "FIRST_NSIDES", {"track": 1, "cascade": 1})
    monkeypatch.setattr(_hypotheses, "N_REFINED", ())
    rivals = []
    monkeypatch.setattr(auto, "TrackLight", lambda ice: rivals.append(ice) or TrackLight(ice))
    llh = []
    for name, ice in (("default", None), ("other", DUSTIER)):
        startup = prepared("auto", tmp_path / name, ice)
        parts = json.loads((startup / CHOICE_JSON).read_text())["llh"]
        llh.append([value for of in parts.values() for value in of.values()])
    assert (np.abs(np.diff(llh, axis=0)) > 0.1).all()
    assert rivals[1].scattering.tolist() == DUSTIER.scattering.tolist()


def test_a_users_ice_is_used_around_another_detector_but_the_south_poles_is_not(event):
    track = reco_class("track")()
    doms = np.zeros(1, DOM_DTYPE)
    elsewhere = replace(event, detector=Detector(doms))
    kept = json.loads(str(track.kept(elsewhere)["ice"]))
    assert len(set(kept["scattering"])) == 1
    track.chosen_ice = DUSTIER
    kept = json.loads(str(track.kept(elsewhere)["ice"]))
    assert kept["scattering"] == DUSTIER.scattering.tolist()


def test_the_startup_folder_says_which_ice_and_tables_the_jobs_have(tmp_path):
    startup = prepared("cascade", tmp_path / "given", DUSTIER)
    light = json.loads((startup / LIGHT_JSON).read_text())
    assert light == {
        "ice": "dustier",
        "ice_sha256": DUSTIER.digest,
        "tables_sha256": {"shower": shipped_table("shower").digest},
    }
    with np.load(startup / "cascade.npz") as arrays:
        kept = json.loads(str(arrays["ice"]))
    assert kept["scattering"] == DUSTIER.scattering.tolist()
    (startup / LIGHT_JSON).write_text("{}")
    with pytest.raises(BadInput, match="is missing or damaged"):
        check_files(startup, read_startup(startup))
    bulk = prepared("track_bulk", tmp_path / "bulk", None)
    assert not (bulk / LIGHT_JSON).exists()


def test_a_file_of_ice_gives_the_same_numbers_again(tmp_path):
    write_ice(tmp_path / "ice.json", SHIPPED)
    again = read_ice(tmp_path / "ice.json")
    assert (again.digest, again.name) == (SHIPPED.digest, SHIPPED.name)


@pytest.mark.parametrize("numbers", [{}, {"name": "x", "top": "y"}, {"top": [1.0]}])
def test_a_file_that_is_no_ice_is_refused_by_its_name(tmp_path, numbers):
    write_sealed(tmp_path / "ice.json", numbers)
    with pytest.raises(BadInput, match=r"ice.json is not an ice model"):
        read_ice(tmp_path / "ice.json")
