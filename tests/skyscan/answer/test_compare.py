"""Two results: the same, or different in a way that is told."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from answer_support import gaussian_map, without_fits

from skyscan.answer.compare import TOLERANCES, compare
from skyscan.answer.context import Context
from skyscan.answer.levels import ICECUBE


def with_values(skymap, nside, field, change):
    rows = skymap.pixels[nside].copy()
    rows[field][5] = change(rows[field][5])
    return replace(skymap, pixels={**skymap.pixels, nside: rows})


@pytest.fixture(scope="module")
def skymap():
    made = gaussian_map(sigma=1.5)
    for rows in made.pixels.values():
        rows["X"], rows["T"], rows["E_in"] = 100.0, 1000.0, 5.0
        rows["E_tot"][::2] = math.nan
    return made


def test_a_map_is_the_same_as_itself_with_its_nans(skymap):
    found = compare(skymap, without_fits(skymap, 8, []))
    assert found.is_same
    assert found.distance_deg == 0
    assert found.bhattacharyya == pytest.approx(1)
    assert found.area_overlap == pytest.approx(1)
    assert list(found.lines())[-1] == "  same"


def test_regions_with_different_levels_are_told(skymap):
    other = replace(skymap, context=Context(levels=ICECUBE))
    found = compare(skymap, other)
    assert found.is_same
    assert found.area_overlap < 0.9
    words = (
        "  levels    A has wilks (1.39 and 4.61), B has icecube (22.2 and 64.2): see --levels"
    )
    assert words in list(found.lines())
    assert found.as_dict()["levels"][1] == "icecube (22.2 and 64.2)"
    same = compare(skymap, other, "wilks")
    assert same.area_overlap == pytest.approx(1)
    assert not any("levels" in line for line in same.lines())


@pytest.mark.parametrize("field", TOLERANCES)
def test_each_field_has_its_tolerance(skymap, field):
    start = with_values(skymap, 8, field, lambda _: 100.0)
    tolerance = TOLERANCES[field]
    for factor, is_same in ((1 + 0.9 * tolerance, True), (1 + 1.1 * tolerance, False)):
        changed = with_values(start, 8, field, lambda value, by=factor: value * by)
        found = compare(changed, start)
        assert found.is_same is is_same
        (it,) = (it for it in found.fields if (it.nside, it.field) == (8, field))
        assert it.largest == pytest.approx(factor - 1)
        assert [row[0] for row in it.pixels] == ([] if is_same else [5])


def test_nan_differs_from_a_number_and_an_energy_of_0_agrees_with_any(skymap):
    assert not compare(skymap, with_values(skymap, 8, "X", lambda _: math.nan)).is_same
    assert compare(skymap, with_values(skymap, 8, "E_in", lambda _: 0.0)).is_same


def test_pixels_that_one_map_lacks_are_told(skymap):
    fewer = replace(skymap, pixels={8: skymap.pixels[8], 128: skymap.pixels[128][10:]})
    found = compare(fewer, skymap)
    assert not found.is_same
    assert (found.only_a, found.only_b) == ({}, {128: 10})
    coarse = replace(skymap, pixels={8: skymap.pixels[8]})
    assert compare(coarse, skymap).only_b == {128: len(skymap.pixels[128])}


def test_the_overlap_of_gaussians_is_what_it_is_on_paper():
    a, b = (
        gaussian_map(50.0, 0.0, sigma=2.0, reach=6),
        gaussian_map(54.0, 0.0, sigma=2.0, reach=6),
    )
    found = compare(a, b)
    assert found.distance_deg == pytest.approx(4.0, abs=0.6)
    assert found.bhattacharyya == pytest.approx(math.exp(-0.5), abs=0.01)
    radius, half = 2.0 * 4.61**0.5, 2.0
    angle = math.acos(half / radius)
    both = 2 * radius**2 * (angle - math.sin(2 * angle) / 2)
    assert found.area_overlap == pytest.approx(
        both / (2 * math.pi * radius**2 - both), abs=0.03
    )
    far = compare(a, gaussian_map(200.0, 0.0))
    assert (far.area_overlap, far.bhattacharyya) == (0, pytest.approx(0, abs=1e-6))


def test_the_json_has_no_nan(skymap):
    value = compare(skymap, without_fits(skymap, 8, [700])).as_dict()
    assert value["same"] is False
    json.dumps(value, allow_nan=False)
    assert np.isfinite(value["bhattacharyya"])
