"""Areas, extents and contours of regions whose size is known."""

import math
from dataclasses import replace

import healpy
import numpy as np
import pytest
from answer_support import SIGMAS, gaussian_map, rows, without_fits

from skyscan.answer.levels import CONTAINMENTS, WILKS
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.errors import BadInput

WHOLE_SKY = 4 * math.pi * math.degrees(1) ** 2
PLACES = [(50.0, -3.0), (0.05, 10.0), (359.9, -60.0), (120.0, 89.0), (200.0, -90.0)]


def cap(radius_deg):
    return 2 * math.pi * (1 - math.cos(math.radians(radius_deg))) * math.degrees(1) ** 2


@pytest.mark.parametrize("place", PLACES)
def test_a_gaussian_has_its_area_and_its_extents_everywhere_on_the_sky(place):
    skymap = gaussian_map(*place, sigma=1.5)
    for it in skymap.answer().regions:
        radius = 1.5 * SIGMAS[it.containment]
        assert it.area_deg2 == pytest.approx(cap(radius), rel=0.03)
        assert it.radius_deg == pytest.approx(radius, abs=0.5)  # a pixel has 0.46 deg
        assert it.n_parts == 1
        best = skymap.best_deg
        assert it.dec_minus_deg == pytest.approx(min(radius, best[1] + 90), abs=0.5)
        assert it.dec_plus_deg == pytest.approx(min(radius, 90 - best[1]), abs=0.5)
        if abs(best[1]) + radius > 90:
            assert (it.ra_plus_deg, it.ra_minus_deg) == (180, 180)
        else:
            wide = math.degrees(
                math.asin(math.sin(math.radians(radius)) / math.cos(math.radians(place[1])))
            )
            assert it.ra_plus_deg == pytest.approx(
                wide, abs=0.5 / math.cos(math.radians(place[1]))
            )
            assert it.ra_minus_deg == pytest.approx(
                wide, abs=0.5 / math.cos(math.radians(place[1]))
            )


@pytest.mark.parametrize("place", PLACES)
def test_contours_are_closed_lines_at_their_level(place):
    skymap = gaussian_map(*place, sigma=1.5)
    for containment in CONTAINMENTS:
        (line,) = skymap.contours(containment)
        vectors = unit_vectors(*line)
        assert skymap.surface.at(vectors) == pytest.approx(WILKS.at(containment), abs=1e-6)
        steps = separation(vectors, np.roll(vectors, 1, axis=0))
        assert steps.max() < 0.8  # two pixels
        # Seen from outside the sphere, the region is on the left.
        turn = np.cross(vectors, np.roll(vectors, -1, axis=0)).sum(axis=0)
        assert turn @ unit_vectors(*skymap.best_deg) > 0


def test_the_surface_goes_through_the_fits_and_covers_the_sky_once():
    skymap = gaussian_map()
    surface = skymap.surface
    assert surface.at(surface.vectors) == pytest.approx(surface.values, abs=1e-6)
    assert surface.area(np.inf) == pytest.approx(WHOLE_SKY)
    assert surface.area(-1.0) == 0
    assert surface.contours(1e9) == []


def test_a_level_above_all_values_is_the_whole_sky():
    skymap = gaussian_map(sigma=200.0, nsides=(4, 8))
    it = skymap.answer().region(0.9)
    assert it.area_deg2 == pytest.approx(WHOLE_SKY)
    assert (it.radius_deg, it.ra_plus_deg, it.ra_minus_deg) == (180, 180, 180)
    assert it.dec_plus_deg + it.dec_minus_deg == pytest.approx(180)


def test_a_pixel_without_a_fit_takes_the_llh_of_the_coarser_one_around_it():
    skymap = gaussian_map(sigma=2.0, nsides=(8, 32, 128))
    failed = skymap.pixels[128]["index"][40]
    broken = without_fits(skymap, 128, [failed])
    cells = broken.cells
    nested = healpy.ring2nest(128, failed)
    (place,) = np.flatnonzero((cells.order == 7) & (cells.pixel == nested))
    parent = healpy.nest2ring(32, nested // 16)
    coarser = broken.pixels[32]
    assert cells.llh[place] == coarser["llh"][coarser["index"] == parent][0]
    assert cells.fit_nside[place] == 32


def test_the_best_fit_of_a_map_with_nan_is_a_number_and_its_region_stays():
    skymap = gaussian_map(sigma=1.5)
    whole = skymap.answer().region(0.9)
    near = skymap.two_delta_llh(*healpy.pix2ang(128, skymap.pixels[128]["index"], lonlat=True))
    failed = skymap.pixels[128]["index"][np.argsort(near)[[5, 17, 30]]]
    it = without_fits(skymap, 128, failed).answer().region(0.9)
    assert it.area_deg2 == pytest.approx(whole.area_deg2, rel=0.05)


def test_cells_cut_the_sky_without_gaps_and_in_the_order_of_uniq():
    cells = gaussian_map(nsides=(4, 16, 128)).cells
    assert cells.solid_angle.sum() == pytest.approx(4 * math.pi)
    assert (np.diff(cells.uniq) > 0).all()
    assert set(cells.order.tolist()) >= {2, 4, 7}


def test_unscanned_sky_is_in_no_region_and_has_no_probability():
    skymap = gaussian_map(ra=50, dec=0, sigma=3.0, nsides=(8,))
    near = separation(
        unit_vectors(*healpy.pix2ang(8, np.arange(768), lonlat=True)), unit_vectors(50, 0)
    )
    pointed = replace(skymap, pixels={8: skymap.pixels[8][near < 15]})
    cells, density = pointed.probability()
    assert (density[cells.fit_nside == 0] == 0).all()
    assert (density * cells.solid_angle).sum() == pytest.approx(1)
    assert np.isinf(pointed.two_delta_llh(230.0, 0.0))
    assert pointed.answer().region(0.9).area_deg2 < cap(16)


@pytest.mark.parametrize("pixels", [{}, {8: rows([], [])}, {1: rows([3, 4], [np.nan] * 2)}])
def test_a_map_without_a_fit_has_no_answer(pixels):
    with pytest.raises(BadInput, match="no pixel with a fit"):
        replace(gaussian_map(), pixels=pixels).answer()


def test_one_pixel_is_an_answer():
    only = replace(gaussian_map(), pixels={1: rows([4], [7.0])})
    assert only.answer().best.llh == 7
    assert only.answer().region(0.9).area_deg2 > 0


def test_a_map_of_one_fine_pixel_is_small_and_is_as_large_as_that_pixel():
    only = replace(gaussian_map(), pixels={2**12: rows([12345678], [7.0])})
    assert len(only.cells.order) < 1000  # and not the 201 million of its nside
    size = healpy.nside2pixarea(2**12, degrees=True)
    assert only.answer().region(0.9).area_deg2 == pytest.approx(size, rel=0.3)


@pytest.mark.parametrize("drop", [0.3, 20.0])
def test_a_best_fit_under_finer_pixels_is_in_its_own_regions(drop):
    skymap = gaussian_map(sigma=1.5)
    pixels = {nside: these.copy() for nside, these in skymap.pixels.items()}
    lowest = pixels[8]["llh"].argmin()
    pixels[8]["llh"][lowest] = pixels[128]["llh"].min() - drop
    answer = replace(skymap, pixels=pixels).answer()
    assert (answer.best.nside, answer.best.pixel) == (8, pixels[8]["index"][lowest])
    for it in answer.regions:
        extents = it.ra_plus_deg, it.ra_minus_deg, it.dec_plus_deg, it.dec_minus_deg
        assert 0 < min(extents) <= max(extents) < 10
        assert 0 < it.area_deg2 < cap(it.radius_deg)
    assert {it.name: it.state for it in answer.checks}["edge"] == "ok"


def test_places_and_contours_end_alike_at_unscanned_sky():
    only = replace(gaussian_map(), pixels={8: rows([400], [7.0])})
    (line,) = only.contours(0.9)
    edge, best = unit_vectors(*line), unit_vectors(*only.best_deg)
    for part, is_inside in ((0.98, True), (1.02, False)):
        places = best + part * (edge - best)
        places /= np.linalg.norm(places, axis=-1, keepdims=True)
        assert (np.isfinite(only.surface.at(places)) == is_inside).all()


def test_second_minima_are_found_where_they_are_and_shallow_ones_are_not():
    skymap = gaussian_map(others=[(56.0, -3.0, 3.0), (80.0, 40.0, 30.0)], reach=9.0)
    first, second = skymap.answer().minima[:2]
    assert (first.ra_deg, first.dec_deg) == pytest.approx((56.0, -3.0), abs=0.5)
    assert first.two_delta_llh == pytest.approx(3.0, abs=0.2)
    assert first.distance_deg == pytest.approx(6.0, abs=0.7)
    assert second.two_delta_llh >= 30
    assert skymap.answer().region(0.9).n_parts == 2
    assert gaussian_map().answer().minima == ()


def test_a_place_is_inside_as_far_as_it_is_near():
    skymap = gaussian_map(sigma=2.0)
    ra, dec = skymap.best_deg
    assert skymap.containment(ra, dec) == pytest.approx(0, abs=1e-9)
    assert skymap.containment(ra, dec + 2.0 * 2.0) == pytest.approx(1 - math.exp(-2), abs=0.05)
    assert skymap.containment(ra, dec + 60) == 1
