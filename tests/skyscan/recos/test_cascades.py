import json
from dataclasses import replace
from importlib import resources
from pathlib import Path

import healpy
import numpy as np
import pytest
from scipy.stats import spearmanr

from skyscan import equatorial_to_local, read_event
from skyscan.errors import BadInput
from skyscan.events.event import Vertex
from skyscan.events.truth import TRUTH_INFO_KEY, TRUTH_KEY
from skyscan.light.ice_model import shipped_ice
from skyscan.losses.fit import LossFits
from skyscan.records import PIXEL_DTYPE
from skyscan.recos import cascades, reco_class
from skyscan.recos.cascades import Cascades
from skyscan.simulation.events import Wanted, simulate_event

SEED_FIELDS = ("x", "y", "z", "time", "energy")
BRONZE = "run00136662-evt000035405932-BRONZE.pkl"
OFFICIAL = "official/run00136662-evt000035405932-BRONZE-8_64_512.npz"


@pytest.fixture(scope="module")
def event():
    """A muon through the middle of the detector, with its truth."""
    wanted = Wanted("muon", (1e4, 1e4), vertex=(30.0, -40.0, -250.0))
    return simulate_event(wanted, shipped_ice(), 4)


def set_up(event, folder):
    seed = Cascades().prepare(event, folder)
    reco = Cascades()
    reco.setup(folder)
    return reco, seed


@pytest.fixture(scope="module")
def ready(event, tmp_path_factory):
    return set_up(event, tmp_path_factory.mktemp("startup"))


def rows_of(n, seed):
    rows = np.zeros(n, PIXEL_DTYPE)
    for name in SEED_FIELDS:
        rows[name] = getattr(seed, name) if isinstance(seed, Vertex) else seed[name]
    return rows


def directions_of(event, *away):  # noqa: ANN002
    truth = event.fits[TRUTH_KEY]
    return truth.zenith + np.array(away), np.full(len(away), truth.azimuth)


@pytest.fixture(scope="module")
def fits(event, ready):
    """Fits at the true direction, and beside it."""
    reco, seed = ready
    return reco.reconstruct(rows_of(3, seed), *directions_of(event, 0.0, 0.05, 0.3))


def test_is_a_reconstruction():
    assert reco_class("cascades") is Cascades


def test_a_muons_losses_are_found(event, fits):
    deposited = json.loads(event.scalars[TRUTH_INFO_KEY])[
        "deposited_gev"
    ]  # in a sphere larger than the segments' range
    at_truth = fits[0]
    assert 0 < at_truth["E_in"] < at_truth["E_tot"]
    assert 0.4 * deposited < at_truth["E_tot"] < 1.3 * deposited
    truth = event.fits[TRUTH_KEY]
    assert truth.energy / 4 < at_truth["energy"] < truth.energy * 4


def test_the_true_direction_fits_best(fits):
    assert fits["llh"][0] < fits["llh"][1] - 2
    assert fits["llh"][1] < fits["llh"][2]


def test_all_quantities_are_determined(fits):
    for name in fits.dtype.names:
        assert np.isfinite(fits[name]).all()


def test_every_direction_of_the_sky_has_a_fit(tmp_path):
    # far from the best ones, a track may lie where hardly any light comes from
    with resources.as_file(
        resources.files("skyscan") / "data" / "simulated_track.json"
    ) as path:
        reco, seed = set_up(read_event(path), tmp_path)
    found = reco.reconstruct(rows_of(12, seed), *healpy.pix2ang(1, np.arange(12)))
    assert all(np.isfinite(found[name]).all() for name in found.dtype.names)


def test_a_pixel_has_the_same_bytes_alone_and_among_others(event, ready, fits):
    reco, seed = ready
    zenith, azimuth = directions_of(event, 0.001, 0.05, 0.301)
    rows = rows_of(3, seed)
    for name in SEED_FIELDS:
        rows[name][::2] = fits[name][::2]  # the others have no first guess
    together = reco.reconstruct(rows, zenith, azimuth)
    assert together[1].tobytes() == fits[1].tobytes()
    for i in range(3):
        alone = reco.reconstruct(rows[i : i + 1], zenith[i : i + 1], azimuth[i : i + 1])
        assert alone.tobytes() == together[i : i + 1].tobytes()


def test_a_later_event_has_the_same_fit_at_a_later_time(event, fits, tmp_path):
    pulses = event.pulses.copy()
    pulses["time"] += 1024.0
    reco, seed = set_up(replace(event, pulses=pulses), tmp_path)
    later = reco.reconstruct(rows_of(1, seed), *directions_of(event, 0.0))[0]
    assert later["llh"] == pytest.approx(fits["llh"][0], abs=0.01)
    assert later["time"] == pytest.approx(fits["time"][0] + 1024.0, abs=0.1)


def test_an_event_with_few_hits_is_refused(event, tmp_path):
    few = event.pulses[event.pulses["string"] == event.pulses["string"][0]][:2]
    with pytest.raises(BadInput, match="needs 6"):
        Cascades().prepare(replace(event, pulses=few), tmp_path)


@pytest.mark.parametrize(
    ("point", "energy", "named"),
    [
        ((2000.0, 0.0, 1e4), 10.0, "x"),
        ((0.0, np.nan, 1e4), 10.0, "y"),
        ((0.0, 0.0, 1e4), cascades.LARGEST_GEV, "E_tot"),
    ],
)
def test_a_fit_that_has_run_away_says_how(  # noqa: PLR0917
    event, ready, monkeypatch, point, energy, named
):
    def run_away(model, guess) -> LossFits:  # noqa: ARG001
        parts = model.segments[0].place
        return LossFits(np.array([50.0]), np.array([point]), [np.full(len(parts), energy)])

    monkeypatch.setattr(cascades, "fit_losses", run_away)
    reco, seed = ready
    fit = reco.reconstruct(rows_of(1, seed), *directions_of(event, 0.0))
    assert np.isinf(fit["llh"][0])
    assert np.isinf(fit[named][0])


def test_a_real_track_has_the_order_of_the_official_scan(shared_events: Path, tmp_path):
    event = read_event(shared_events / BRONZE)
    official = np.load(shared_events / OFFICIAL)["nside-512"][::60]
    # the file has the opposite declinations
    theta, phi = healpy.pix2ang(512, official["index"])
    directions = equatorial_to_local(phi, theta - np.pi / 2, event.mjd)
    reco, seed = set_up(event, tmp_path)
    fits = reco.reconstruct(rows_of(len(official), seed), *directions)
    assert spearmanr(fits["llh"], official["llh"]).statistic > 0.9
