import time

import healpy
import numpy as np
import pytest

from skyscan.errors import WrongUsage
from skyscan.events.event import PULSE_DTYPE, Event, Vertex
from skyscan.records import PIXEL_DTYPE
from skyscan.recos import available_recos, reco_class
from skyscan.recos.dummy import MINIMUM_DEC_DEG, MINIMUM_RA_DEG, Dummy


def whole_sky(nside, seed=()):
    pixels = np.zeros(healpy.nside2npix(nside), PIXEL_DTYPE)
    pixels["nside"], pixels["pixel"] = nside, np.arange(len(pixels))
    for name, value in seed:
        pixels[name] = value
    return pixels


def fit(pixels):
    nowhere = np.zeros(len(pixels))
    return Dummy().reconstruct(pixels, nowhere, nowhere)


def test_is_found_by_name():
    assert reco_class("dummy") is Dummy
    assert "dummy" in available_recos()


def test_every_field_is_finite():
    fits = fit(whole_sky(4))
    assert all(np.isfinite(fits[name]).all() for name in fits.dtype.names)


@pytest.mark.parametrize("nside", [8, 64])
def test_the_best_pixel_is_at_the_minimum(nside):
    theta, phi = healpy.pix2ang(nside, int(np.argmin(fit(whole_sky(nside))["llh"])))
    minimum = healpy.ang2vec(MINIMUM_RA_DEG, MINIMUM_DEC_DEG, lonlat=True)
    distance = np.arccos(healpy.ang2vec(theta, phi) @ minimum)
    assert distance < healpy.nside2resol(nside)


def test_a_pixel_has_the_same_bytes_in_any_order():
    pixels = whole_sky(4, [("x", 12.5), ("time", 9000.0)])
    order = np.random.default_rng(1).permutation(len(pixels))
    assert fit(pixels[order]).tobytes() == fit(pixels)[order].tobytes()


def test_a_wrong_seed_shows_in_vertex_and_llh():
    right, wrong = fit(whole_sky(2, [("x", 1.0)])), fit(whole_sky(2, [("x", 2.0)]))
    assert (right["llh"] != wrong["llh"]).all()
    assert np.allclose(wrong["x"] - right["x"], 1.0)


def test_variations_give_other_fits():
    first, second = whole_sky(2), whole_sky(2)
    second["variation"] = 1
    assert (fit(first)["llh"] != fit(second)["llh"]).all()


def test_the_number_of_variations_is_the_requested_one(monkeypatch):
    assert Dummy().variations().shape == (1, 3)
    monkeypatch.setenv("SKYSCAN_DUMMY_VARIATIONS", "3")
    assert Dummy().variations().shape == (3, 3)


def test_a_fit_takes_the_requested_time(monkeypatch):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "0.05")
    start = time.monotonic()
    fit(whole_sky(1)[:3])
    assert time.monotonic() - start >= 0.15


@pytest.mark.parametrize("text", ["-1", "soon", "nan"])
def test_an_invalid_cost_is_refused(monkeypatch, text):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", text)
    with pytest.raises(WrongUsage, match="SKYSCAN_DUMMY_COST"):
        fit(whole_sky(1))


def test_a_missing_seed_becomes_the_origin(tmp_path):
    nan = float("nan")
    seed = Vertex(nan, nan, nan, nan)
    event = Event(1, 1, 0, 6e4, None, "", "", np.zeros(0, PULSE_DTYPE), seed)
    prepared = Dummy().prepare(event, tmp_path)
    assert (prepared.x, prepared.y, prepared.z, prepared.time) == (0, 0, 0, 0)


@pytest.mark.parametrize(
    "name", ["dummy", "crash_dummy", "icetray_dummy", "icetray_crash_dummy"]
)
def test_a_cost_that_is_no_time_is_refused_before_a_fit(name, monkeypatch):
    reco_class(name).check_variables()
    for text in ("abc", "inf", "1e300"):
        monkeypatch.setenv("SKYSCAN_DUMMY_COST", text)
        with pytest.raises(WrongUsage, match="SKYSCAN_DUMMY_COST"):
            reco_class(name).check_variables()
