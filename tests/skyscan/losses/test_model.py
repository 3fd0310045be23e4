from dataclasses import replace
from math import sqrt

import numpy as np
import pytest
from scipy.special import gammaln
from scipy.stats import nbinom

from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP, direct_light
from skyscan.light.first_photon import with_noise
from skyscan.light.layered import LayeredIce
from skyscan.losses.light import MuonLight, SegmentLight
from skyscan.losses.model import (
    BARE_MUON,
    CHARGE_POWER,
    CHARGE_SPREAD,
    EFFICIENCY,
    JITTER_NS,
    Lights,
    LossModel,
)
from skyscan.shower.doms import DOM_DTYPE
from skyscan.shower.light import ShowerLight
from skyscan.shower.model import NOISE_PE
from skyscan.shower.rival import TrackLight

ROW = np.zeros(1, np.intp)
POINT = np.array([[5.0, -8.0, 1000.0]])
N_HITS, N_DOMS = 25, 60


@pytest.fixture(scope="module")
def lights():
    return tuple(
        Lights(SegmentLight(is_quick=it), MuonLight(LayeredIce(is_quick=it)))
        for it in (False, True)
    )


@pytest.fixture(scope="module")
def doms():
    random = np.random.default_rng(3)
    doms = np.zeros(N_DOMS, DOM_DTYPE)
    for name, width in zip("xyz", (150.0, 150.0, 100.0), strict=True):
        doms[name] = random.normal(0, width, N_DOMS)
    doms["z"] -= 300
    doms["time"] = np.nan
    doms["time"][:N_HITS] = 1500 + random.normal(0, 300, N_HITS)
    doms["charge"][:N_HITS] = random.gamma(1.0, 3.0, N_HITS)
    doms["efficiency"] = 1.0
    doms["has_charge"] = True
    doms["has_charge"][2] = False
    return doms


def model_of(doms, lights, zenith=1.1, azimuth=0.4, centre=(0.0, 0.0, -300.0)):
    angles = np.array([zenith]), np.array([azimuth])
    return LossModel(doms, np.array(centre), *lights, *angles)


def expected_by_hand(model, found, lights, doms):
    """Return the light of segments at DOMs, by the code of one shower, and the muon's."""
    travels, parts = model.travels[0], model.segments[0]
    vertex = model.tracks.vertices_of(POINT)[0]
    centres = vertex + parts.place[:, None] * travels
    places = np.stack([doms[name] for name in "xyz"], axis=-1)
    shower = ShowerLight()
    paths = shower.paths(centres, np.tile(travels, (len(centres), 1)), shower.doms(places))
    charge = shower.charge_per_gev(paths) * EFFICIENCY
    away = np.abs((places - model.centre) @ travels - parts.place[:, None])
    charge[away > 250.0] = 0.0
    light = direct_light(model._every_dom.frames, POINT[:, :1], POINT[:, 1:2])
    bare = lights[0].muon.charge(light, doms["z"])[0] * BARE_MUON * EFFICIENCY
    return charge * found.energies_gev[0][:, None], bare, paths, light


def test_llh_is_that_of_charges_and_of_a_mixture_of_times(doms, lights):
    model = model_of(doms, lights)
    found = model.losses(ROW, POINT, lights[0])
    shares, bare, paths, light = expected_by_hand(model, found, lights, doms)
    known = doms["has_charge"]
    mean, charge = (shares.sum(axis=0) + bare + NOISE_PE)[known], doms["charge"][known]
    shape = CHARGE_SPREAD**-2
    # the same formula with factorials of charges that are no integers
    whole = np.round(charge)
    by_scipy = -nbinom.logpmf(whole, shape, shape / (shape + mean))
    extra = (charge - whole) * np.log((mean + shape) / mean)
    factorials = gammaln(charge + shape) - gammaln(charge + 1)
    factorials -= gammaln(whole + shape) - gammaln(whole + 1)
    charges = (by_scipy + extra - factorials).sum()
    assert found.llh[0] - found.times[0] == pytest.approx(charges, abs=1e-8)

    hits, half = doms[:N_HITS], sqrt(3) * JITTER_NS
    ice, shower = lights[0].muon.layered, ShowerLight()
    passed = POINT[0, 2] + model.segments[0].place / LIGHT_SPEED
    late = hits["time"] - passed[:, None] - paths.distance[:, :N_HITS] * N_GROUP / LIGHT_SPEED
    muon_late = hits["time"] - POINT[0, 2] - light.time[:, :N_HITS]
    none_yet = []
    for edge in (-half, half):
        of_segments = np.exp(shower.log_survival((late + edge)[None], paths.first(N_HITS))[0])
        of_muon = ice.log_survival(
            muon_late + edge, light.distance[:, :N_HITS], light.cos_eta[:, :N_HITS], hits["z"]
        )
        mixed = (shares[:, :N_HITS] * of_segments).sum(axis=0) + bare[:N_HITS] * np.exp(
            of_muon
        )[0]
        total = shares[:, :N_HITS].sum(axis=0) + bare[:N_HITS]
        none_yet.append((mixed / total) ** (np.maximum(hits["charge"], 1) ** CHARGE_POWER))
    density = (none_yet[0] - none_yet[1]) / (2 * half)
    times = -np.log(with_noise(density, muon_late[0])).sum()
    # shares below 1e-3 are left out
    assert found.times[0] == pytest.approx(times, abs=0.3)


def test_a_muons_light_is_that_of_a_track_of_the_same_brightness(doms, lights):
    model = model_of(doms, lights)
    places = np.stack([doms[name] for name in "xyz"], axis=-1)
    vertex = model.tracks.vertices_of(POINT)[0]
    other = TrackLight().charge_per_brightness(places, vertex, 1.1, 0.4)
    light = direct_light(model._every_dom.frames, POINT[:, :1], POINT[:, 1:2])
    np.testing.assert_allclose(lights[0].muon.charge(light, doms["z"])[0], other, rtol=0.1)


def test_a_rotation_about_the_vertical_changes_nothing(doms, lights):
    turn = 1.3
    turned = doms.copy()
    turned["x"] = np.cos(turn) * doms["x"] - np.sin(turn) * doms["y"]
    turned["y"] = np.sin(turn) * doms["x"] + np.cos(turn) * doms["y"]
    one = model_of(doms, lights).losses(ROW, POINT, lights[0])
    other = model_of(turned, lights, azimuth=0.4 + turn).losses(ROW, POINT, lights[0])
    assert other.llh[0] == pytest.approx(one.llh[0], abs=1e-6)
    np.testing.assert_allclose(other.energies_gev[0], one.energies_gev[0], rtol=1e-8, atol=1e-8)


def test_a_later_event_has_the_same_llh_at_a_later_time(doms, lights):
    later = doms.copy()
    later["time"] += 512.0
    one = model_of(doms, lights).losses(ROW, POINT, lights[0])
    other = model_of(later, lights).losses(ROW, POINT + np.array([0, 0, 512.0]), lights[0])
    assert other.llh[0] == pytest.approx(one.llh[0], abs=1e-8)


def test_a_track_far_away_has_a_finite_llh(doms, lights):
    far = np.array([[5e3, 5e3, 1000.0]])
    found = model_of(doms, lights).losses(ROW, far, lights[0])
    assert np.isfinite(found.llh).all()
    assert np.isfinite(found.energies_gev[0]).all()


def test_charge_that_is_not_known_does_not_matter_for_energies(doms, lights):
    changed = doms.copy()
    changed["charge"][2] += 500
    one, other = (model_of(it, lights).losses(ROW, POINT, lights[0]) for it in (doms, changed))
    assert one.energies_gev[0].tobytes() == other.energies_gev[0].tobytes()


def test_settings_count(doms, lights):
    model = model_of(doms, lights)
    wide = replace(model, jitter_ns=20.0)
    assert (
        wide.losses(ROW, POINT, lights[0]).llh[0] != model.losses(ROW, POINT, lights[0]).llh[0]
    )
