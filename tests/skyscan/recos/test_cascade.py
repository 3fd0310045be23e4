import json
from dataclasses import replace
from importlib import resources

import healpy
import numpy as np
import pytest
from scipy.stats import spearmanr

from skyscan import equatorial_to_local, read_event
from skyscan.errors import BadInput
from skyscan.events.event import Vertex
from skyscan.events.simulated import MJD
from skyscan.events.truth import TRUTH_KEY
from skyscan.records import FIT_DTYPE, PIXEL_DTYPE
from skyscan.recos import reco_class
from skyscan.recos.cascade import Cascade
from skyscan.shower.fit import centres_of
from skyscan.track.simulation import truth_of

SEED_FIELDS = ("x", "y", "z", "time", "energy")
OFFICIAL = "official/millipede_original.run00127907.evt000020178442.HESE_1.json"
OFFICIAL_ENERGY_GEV = 4600.0


@pytest.fixture(scope="module")
def event():
    with resources.as_file(
        resources.files("skyscan") / "data" / "simulated_shower.json"
    ) as path:
        return read_event(path)


@pytest.fixture(scope="module")
def ready(event, tmp_path_factory):
    return set_up(event, tmp_path_factory.mktemp("startup"))


def set_up(event, folder):
    seed = Cascade().prepare(event, folder)
    reco = Cascade()
    reco.setup(folder)
    return reco, seed


def rows_of(n, seed):
    rows = np.zeros(n, PIXEL_DTYPE)
    for name in SEED_FIELDS:
        rows[name] = getattr(seed, name) if isinstance(seed, Vertex) else seed[name]
    return rows


def scan(reco, seed, nside, mjd=MJD):
    theta, phi = healpy.pix2ang(nside, np.arange(12 * nside**2))
    directions = equatorial_to_local(phi, np.pi / 2 - theta, mjd)
    return reco.reconstruct(rows_of(len(theta), seed), *directions)


@pytest.fixture(scope="module")
def direction(event):
    """The true direction: zenith and azimuth."""
    truth = event.fits[TRUTH_KEY]
    return np.array([truth.zenith]), np.array([truth.azimuth])


@pytest.fixture(scope="module")
def at_truth(ready, direction):
    """The fit in the true direction."""
    reco, seed = ready
    return reco.reconstruct(rows_of(1, seed), *direction)[0]


@pytest.fixture(scope="module")
def sky(ready):
    return scan(*ready, 1)


def test_is_a_reconstruction():
    assert reco_class("cascade") is Cascade


def test_finds_where_when_and_how_large_a_simulated_shower_is(event, at_truth):
    truth = event.fits[TRUTH_KEY]
    away = np.array([at_truth[name] - getattr(truth, name) for name in "xyz"])
    assert np.linalg.norm(away) < 12
    assert at_truth["time"] == pytest.approx(truth.time, abs=40)
    assert at_truth["energy"] == pytest.approx(truth.energy, rel=0.35)
    assert at_truth["E_tot"] == at_truth["E_in"] == at_truth["energy"]


def test_the_true_direction_fits_better_than_the_far_ones(event, sky, at_truth):
    assert sky.dtype == FIT_DTYPE
    assert all(np.isfinite(sky[name]).all() for name in sky.dtype.names)
    ra, dec = truth_of(event)
    theta, phi = healpy.pix2ang(1, np.arange(12))
    true = healpy.ang2vec(np.pi / 2 - dec, ra)
    behind = healpy.ang2vec(theta, phi) @ true < -0.5
    assert at_truth["llh"] < sky["llh"][behind].min() - 2


def test_a_pixel_has_the_same_bytes_alone_and_among_others(ready, sky):
    reco, seed = ready
    theta, phi = healpy.pix2ang(1, np.arange(12))
    zenith, azimuth = equatorial_to_local(phi, np.pi / 2 - theta, MJD)
    rows = rows_of(12, seed)
    for name in SEED_FIELDS:
        rows[name][::2] = sky[name][::2]  # the others have a first guess
    together = reco.reconstruct(rows, zenith, azimuth)
    for i in (0, 5, 8):
        alone = reco.reconstruct(rows[i : i + 1], zenith[i : i + 1], azimuth[i : i + 1])
        assert alone.tobytes() == together[i : i + 1].tobytes()


def test_a_later_event_has_the_same_fit_at_a_later_time(event, at_truth, tmp_path):
    pulses = event.pulses.copy()
    pulses["time"] += 1024.0
    reco, seed = set_up(replace(event, pulses=pulses), tmp_path)
    truth = event.fits[TRUTH_KEY]
    later = reco.reconstruct(
        rows_of(1, seed), np.array([truth.zenith]), np.array([truth.azimuth])
    )[0]
    assert later["llh"] == pytest.approx(at_truth["llh"], abs=0.01)
    assert later["time"] == pytest.approx(at_truth["time"] + 1024.0, abs=1)


@pytest.fixture(scope="module")
def saturated(event):
    """The event with a DOM whose charge is far too large, and which pulses are of it."""
    pulses = event.pulses.copy()
    brightest = pulses[np.argmax(pulses["charge"])]
    of_dom = (pulses["string"] == brightest["string"]) & (pulses["om"] == brightest["om"])
    pulses["charge"][of_dom] *= 1000
    return replace(event, pulses=pulses), of_dom


def later_in(event, of_dom, delay):
    pulses = event.pulses.copy()
    pulses["time"][of_dom] += delay
    return replace(event, pulses=pulses)


def test_a_saturated_dom_does_not_count(saturated, at_truth, direction, tmp_path):
    event, of_dom = saturated
    fits = []
    for delay in (0.0, 20.0):
        folder = tmp_path / f"{delay:g}"
        folder.mkdir()
        reco, seed = set_up(later_in(event, of_dom, delay), folder)
        fits.append(reco.reconstruct(rows_of(1, seed), *direction)[0])
    assert fits[0]["llh"] == pytest.approx(fits[1]["llh"], abs=0.01)
    assert fits[0]["llh"] != pytest.approx(at_truth["llh"], abs=0.1)


def test_parts_of_the_llh_are_first_pulses_and_charges(ready, at_truth, direction):
    reco, _ = ready
    model = reco._model(*direction)
    place = np.array([[at_truth[name] for name in "xyz"]])
    of_fit = place, np.array([at_truth["time"]]), np.array([at_truth["energy"]])
    point = centres_of(*of_fit, model.travels)
    whole = model.of_first_pulses.showers(np.zeros(1, int), point, model.light).llh
    assert sum(reco.parts(at_truth.reshape(1), *direction)) == pytest.approx(whole)


def test_an_event_with_few_hits_that_are_not_saturated_is_refused(event, tmp_path):
    pulses = event.pulses.copy()
    dom = pulses["string"] * 100 + pulses["om"]
    pulses["charge"][~np.isin(dom, np.unique(dom)[:5])] = 1e5
    with pytest.raises(BadInput, match=r"of \d+ DOMs with a hit are saturated; .* 6 others"):
        Cascade().prepare(replace(event, pulses=pulses), tmp_path)


def test_an_event_with_few_hits_is_refused(event, tmp_path):
    few = event.pulses[event.pulses["string"] == event.pulses["string"][0]][:2]
    with pytest.raises(BadInput, match="needs 6"):
        Cascade().prepare(replace(event, pulses=few), tmp_path)


def test_a_real_shower_has_the_order_and_the_energy_of_the_official_scan(
    shared_events, tmp_path
):
    event = read_event(shared_events / "hese_event_01.json")
    fits = scan(*set_up(event, tmp_path), 1, event.mjd)
    official = json.loads((shared_events / OFFICIAL).read_text())["nside-1"]["data"]
    rank = spearmanr(fits["llh"], [row[1] for row in official]).statistic
    assert rank >= 0.8
    best = fits[np.argmin(fits["llh"])]
    assert best["energy"] == pytest.approx(OFFICIAL_ENERGY_GEV, rel=0.3)
