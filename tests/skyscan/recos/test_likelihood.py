"""Prep records which likelihood the fits have, by which the levels of regions are chosen."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

import pytest

from skyscan import read_event
from skyscan.events.source import Source
from skyscan.layout import LIKELIHOOD_JSON
from skyscan.light.ice_json import write_ice
from skyscan.light.ice_model import shipped_ice
from skyscan.likelihood import read_likelihood
from skyscan.prep import prepare
from skyscan.recos import reco_class
from skyscan.recos.auto import Auto

TRACK = Path(str(resources.files("skyscan") / "data" / "simulated_track.json"))


def recorded(reco, folder, ice=None):
    file = None
    if ice is not None:
        folder.mkdir()
        file = folder / "ice.json"
        write_ice(file, ice)
    prepare("0" * 64, reco, Source(TRACK, is_real_event=False, ice=file), folder / "startup")
    return read_likelihood(folder / "startup" / LIKELIHOOD_JSON)


def test_another_ice_is_another_likelihood_of_layered_fits(tmp_path):
    own = recorded("track", tmp_path / "own")
    ice = shipped_ice()
    same = recorded("track", tmp_path / "same", ice)
    dustier = recorded("track", tmp_path / "other", replace(ice, scattering=ice.scattering / 2))
    assert own == same
    assert dustier.settings_sha256 != own.settings_sha256
    assert (dustier.n_hits, dustier.charge_pe) == (own.n_hits, own.charge_pe)
    assert own.reco == "track"


@pytest.mark.parametrize("reco", ["track_bulk", "cascade", "cascades"])
def test_each_open_reconstruction_has_its_own_likelihood(tmp_path, reco):
    own, other = recorded("track", tmp_path / "track"), recorded(reco, tmp_path / reco)
    assert other.reco == reco
    assert other.settings_sha256 != own.settings_sha256
    assert other.n_hits == own.n_hits


def test_a_reconstruction_of_icecubes_has_none(tmp_path):
    assert recorded("dummy", tmp_path / "dummy") is None


@pytest.mark.parametrize("chosen", ["track", "cascade"])
def test_auto_has_that_of_its_choice(chosen):
    event, both = read_event(TRACK), Auto()
    both._choice = chosen
    assert both.likelihood(event) == reco_class(chosen)().likelihood(event)
