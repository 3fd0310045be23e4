"""The choice of the next pixels: upstream's results, and the intended differences."""

import json
import math
from pathlib import Path

import healpy
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scans_support import parent

import skyscan
from skyscan.pixels import Pixel, children, directions
from skyscan.rounds import rule
from skyscan.rounds.rule import best_pixel, first_pixels, llhs_of, next_pixels

UPSTREAM = json.loads(
    Path(__file__).parents[2].joinpath("data", "upstream_next_pixels.json").read_text()
)
BRONZE = "run00136662-evt000035405932-BRONZE-8_64_512.npz"
PROGRESSION = [(1, 0), (2, 3), (8, 7)]
NAN = math.nan


def chosen(case):
    return {Pixel(nside, pixel) for nside, pixel in case["next"]}


@pytest.mark.parametrize("case", UPSTREAM["synthetic"], ids=lambda case: case["name"])
def test_the_choice_is_that_of_upstream_on_made_up_scans(case):
    finished = {
        int(nside): {pixel: NAN if llh is None else llh for pixel, llh in rows}
        for nside, rows in case["finished"].items()
    }
    assert next_pixels(finished, case["progression"], case["pointing"]) == chosen(case)


@pytest.fixture(scope="module")
def bronze(shared_events):
    path = shared_events / "official" / BRONZE
    if not path.exists():
        pytest.skip(f"needs the public sky map {path}")
    with np.load(path) as levels:
        return {
            nside: dict(levels[f"nside-{nside}"][["index", "llh"]].tolist())
            for nside in (8, 64, 512)
        }


@pytest.mark.parametrize(
    ("case", "count"),
    list(zip(UPSTREAM["bronze"], (576, 1472, 0), strict=True)),
    ids=["after nside 8", "after 8 and 64", "after all"],
)
def test_the_choice_is_that_of_upstream_on_a_real_map(bronze, case, count):
    finished = {nside: bronze[nside] for nside in case["finished"]}
    found = skyscan.next_pixels(finished, UPSTREAM["progression"])
    assert len(found) == count
    assert found == chosen(case)


def scans(*, nan=True):
    """Draw scans of PROGRESSION at any stage, with many equal llhs."""
    llhs = st.sampled_from([*range(5), 1e5 + 1, 3e5] + [NAN] * nan).map(float)

    pixels = {nside: st.integers(0, 12 * nside**2 - 1) for nside, _ in PROGRESSION}
    return st.fixed_dictionaries(
        {nside: st.dictionaries(pixels[nside], llhs, max_size=20) for nside in pixels}
    )


@given(scans(), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_results(finished, random):
    # Hypothesis 6.67 cannot shuffle or sample empty sequences.
    nsides = sorted(finished, key=lambda _: random.random())
    other = {
        n: dict(sorted(finished[n].items(), key=lambda _: random.random())) for n in nsides
    }
    assert next_pixels(other, PROGRESSION) == next_pixels(finished, PROGRESSION)


@given(scans())
def test_finished_pixels_are_not_chosen_again(finished):
    for pixel in next_pixels(finished, PROGRESSION):
        assert pixel.pixel not in finished[pixel.nside]


@settings(max_examples=30)
@given(scans(nan=False))
def test_a_scan_converges(finished):
    for _ in range(30):
        found = next_pixels(finished, PROGRESSION)
        if not found:
            return
        for nside, pixel in found:
            finished[nside][pixel] = 10.0 + pixel
    pytest.fail("30 rounds, and still something to refine")


@pytest.mark.parametrize("order", [1, -1])
def test_nan_does_not_win_even_if_it_comes_first(order):
    llhs = dict([(0, NAN), (3, 7.0), (5, 9.0)][::order])
    assert best_pixel(llhs_of({8: llhs})) == (8, 3)
    assert next_pixels({1: dict.fromkeys(range(12), 1.0) | {0: NAN}}, PROGRESSION)


def test_without_any_llh_there_is_no_best_pixel_and_nothing_to_refine():
    assert best_pixel(llhs_of({8: {0: NAN, 1: NAN}})) is None
    assert next_pixels({1: dict.fromkeys(range(12), NAN)}, PROGRESSION) == set()


def test_ties_go_to_the_coarser_nside_then_to_the_lower_pixel():
    assert best_pixel(llhs_of({64: {2: 1.0}, 8: {9: 1.0, 4: 1.0}})) == (8, 4)
    assert best_pixel(llhs_of({64: {2: 0.5}, 8: {9: 1.0, 4: 1.0}})) == (64, 2)


@pytest.mark.parametrize(("step", "refined"), [(0.25, {0, 1}), (0.0, set())])
def test_both_sides_of_a_step_above_200000_in_2_llh_are_refined(step, refined):
    # Pixels 0 and 1 of nside 8 are neighbours; the best pixel is on the other side.
    finished = {8: {0: 500.0, 1: 100_500.0 + step, 700: 0.0}}
    found = {parent(16, 8, p) for _, p in next_pixels(finished, [(8, 0), (16, 1)])}
    assert found - {700} == refined


@pytest.mark.parametrize("chunk", [1, 5])
def test_the_choice_does_not_depend_on_how_many_pixels_are_compared_at_a_time(
    monkeypatch, chunk
):
    pixels = np.flatnonzero(np.random.default_rng(7).random(768) < 0.9)
    llhs = np.random.default_rng(8).choice([0.0, 1e5, 3e5, NAN], len(pixels))
    found = rule.pixels_to_refine({8: (pixels, llhs)}, 8, 0, None)
    assert 100 < len(found) < len(pixels)
    monkeypatch.setattr(rule, "_CHUNK", chunk)
    assert rule.pixels_to_refine({8: (pixels, llhs)}, 8, 0, None).tolist() == found.tolist()


def test_the_first_round_is_the_whole_sky():
    assert next_pixels({}, PROGRESSION) == {Pixel(1, pixel) for pixel in range(12)}
    assert next_pixels({1: {}}, PROGRESSION) == {Pixel(1, pixel) for pixel in range(12)}


def test_a_pointed_first_round_surrounds_the_pixel_of_the_direction():
    ra, dec, radius = 1.0, -0.5, 0.3
    centre = healpy.pix2vec(16, healpy.ang2pix(16, math.pi / 2 - dec, ra))
    distance = np.arccos(np.clip(np.array(healpy.pix2vec(16, range(3072))).T @ centre, -1, 1))
    expected = np.flatnonzero(distance < radius)
    assert first_pixels(16, (ra, dec, radius)).tolist() == expected.tolist()
    (alone,) = first_pixels(16, (ra, dec, 1e-9))
    assert alone == healpy.ang2pix(16, math.pi / 2 - dec, ra)


@given(st.sampled_from([(1, 2), (8, 64), (64, 512), (4, 4)]), st.data())
def test_parent_is_the_inverse_of_children(levels, data):
    nside, finer = levels
    pixel = data.draw(st.integers(0, 12 * nside**2 - 1))
    (inside,) = children(nside, finer, np.array([pixel])).tolist()
    assert len(set(inside)) == (finer // nside) ** 2
    assert {parent(finer, nside, child) for child in inside} == {pixel}


def test_children_of_all_pixels_cover_the_finer_sky():
    covered = children(2, 8, np.arange(48)).reshape(-1)
    assert sorted(covered.tolist()) == list(range(768))


def test_directions_are_ra_and_dec_at_the_nside_of_each_pixel():
    nside, pixel = np.array([8, 512], np.int32), np.array([300, 1_000_000], np.int64)
    ra, dec = directions(nside, pixel)
    for i in range(2):
        assert healpy.ang2pix(nside[i], math.pi / 2 - dec[i], ra[i]) == pixel[i]
    assert directions(nside[:0], pixel[:0]).shape == (2, 0)
