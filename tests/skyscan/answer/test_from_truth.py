"""The errors of a map against the truth of its event."""

import json
from importlib import resources

import jsonschema
import numpy as np
import pytest
from answer_support import MJD, gaussian_map

from skyscan.answer.context import Context
from skyscan.coordinates import equatorial_to_local
from skyscan.events.event import Truth


def with_truth(truth, **changes: object):
    return gaussian_map(context=Context(truth=truth), **changes)


def on_sky(ra, dec, **more: float):
    return Truth(ra=np.deg2rad(ra), dec=np.deg2rad(dec), **more)


def test_distance_region_and_containment_are_those_of_a_gaussian():
    found = with_truth(on_sky(50.0, -3.0 + 1.5, energy=1e5)).answer().truth
    assert found.distance_deg == pytest.approx(1.5, abs=0.3)
    assert found.two_delta_llh == pytest.approx(1.5**2, rel=0.1)
    assert found.inside == {"50": False, "90": True}
    assert found.containment == pytest.approx(1 - np.exp(-(1.5**2) / 2), abs=0.03)
    assert found.pull == pytest.approx(1.5, rel=0.2)


def test_a_truth_in_unscanned_or_far_sky_is_in_no_region():
    found = with_truth(on_sky(230.0, 3.0)).answer().truth
    assert found.distance_deg == pytest.approx(180.0, abs=1.0)
    assert found.inside == {"50": False, "90": False}


def test_a_local_truth_is_taken_to_the_sky_at_the_time_of_the_event():
    zenith, azimuth = equatorial_to_local(np.deg2rad(50.0), np.deg2rad(-3.0), MJD)
    found = with_truth(Truth(zenith=float(zenith), azimuth=float(azimuth))).answer().truth
    assert (found.ra_deg, found.dec_deg) == pytest.approx((50.0, -3.0))
    assert found.inside == {"50": True, "90": True}


def test_energy_and_vertex_errors_are_along_and_across_the_direction():
    skymap = with_truth(on_sky(50.0, -3.0, energy=1e4, x=1.0, y=2.0, z=3.0))
    for rows in skymap.pixels.values():
        rows["E_tot"] = 1e3
    best = skymap.answer().best
    axis = np.array(
        [
            np.sin(np.deg2rad(best.zenith_deg)) * np.cos(np.deg2rad(best.azimuth_deg)),
            np.sin(np.deg2rad(best.zenith_deg)) * np.sin(np.deg2rad(best.azimuth_deg)),
            np.cos(np.deg2rad(best.zenith_deg)),
        ]
    )
    across = np.cross(axis, [0.0, 0.0, 1.0])
    x, y, z = [1.0, 2.0, 3.0] + 50.0 * axis + 7.0 * across / np.linalg.norm(across)
    for rows in skymap.pixels.values():
        rows["X"], rows["Y"], rows["Z"] = x, y, z
    found = skymap.answer().truth
    assert (found.along_m, found.across_m) == pytest.approx((50.0, 7.0))
    assert found.vertex_m == pytest.approx(np.hypot(50.0, 7.0))
    assert found.log10_energy_ratio == pytest.approx(-1.0)
    text = "\n".join(skymap.answer().lines())
    assert "fitted energy 0.10 of it; vertex 50.5 m away, 7.0 m across the direction" in text


@pytest.mark.parametrize("is_local", [False, True])
def test_the_answer_with_a_truth_is_valid_json_of_its_schema(is_local):
    truth = Truth(zenith=1.6, azimuth=0.9, energy=1e4)
    mjd = np.nan if is_local else MJD
    value = with_truth(truth, is_local=is_local, mjd=mjd).answer().as_dict()
    schema = resources.files("skyscan").joinpath("data", "answer.schema.json").read_text()
    jsonschema.validate(value, json.loads(schema))
    json.dumps(value, allow_nan=False)
    assert value["truth"]["distance_deg"] > 0


def test_a_map_without_a_truth_says_nothing_of_it():
    answer = gaussian_map().answer()
    assert answer.truth is None
    assert not any(line.startswith("  truth") for line in answer.lines())


def test_a_truth_whose_direction_is_unknown_here_is_left_out():
    known_on_sky_only = with_truth(on_sky(50.0, -3.0), is_local=True, mjd=np.nan)
    assert known_on_sky_only.answer().truth is None
