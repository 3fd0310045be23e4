"""The map in a page: the same values as the map, and not too many of them."""

import json

import numpy as np
import pytest
from answer_support import gaussian_map, without_fits

from skyscan.answer.chart import MAX_CELLS, MERGED, chart_of, merged
from skyscan.answer.sky.cells import Cells
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.healpix import pix2ang

MAX_BYTES = 2_000_000


@pytest.fixture(scope="module")
def large():
    return gaussian_map(sigma=2.0, nsides=(64,))


def cells_of(chart):
    """Return the cells of a chart as {(order, pixel): (nside of the fit, value)}."""
    return {
        (group["order"], pixel): (group["nside"], value)
        for group in chart["cells"]
        for pixel, value in zip(
            np.cumsum(group["pixels"]).tolist(), group["values"], strict=True
        )
    }


def away(skymap, order, pixel):
    theta, phi = pix2ang(2**order, pixel, nest=True)
    here = unit_vectors(np.rad2deg(phi), 90 - np.rad2deg(theta))
    return float(separation(here, unit_vectors(*skymap.best_deg)))


def test_a_chart_has_every_cell_with_its_value():
    skymap = without_fits(gaussian_map(), 8, [0])
    found = cells_of(chart_of(skymap, skymap.answer()))
    cells, values = skymap.cells, skymap.cell_values
    assert len(found) == len(cells.pixel)
    for i in range(0, len(values), 17):
        nside, value = found[int(cells.order[i]), int(cells.pixel[i])]
        assert nside == cells.fit_nside[i]
        assert value == (None if np.isnan(values[i]) else round(float(values[i]), 2))
    assert (0, None) in found.values()


def test_a_large_map_is_merged_far_from_the_best_fit_and_covers_the_sky(large):
    chart = chart_of(large, large.answer(), 20_000)
    found = cells_of(chart)
    assert len(found) <= 20_000 < len(large.cells.pixel)
    assert sum(4.0**-order for order, _ in found) == pytest.approx(12)
    assert chart["merged_beyond"] > large.answer().region(0.9).radius_deg
    for (order, pixel), (nside, _) in list(found.items())[::23]:
        if away(large, order, pixel) < chart["merged_beyond"] - 1:
            assert (order, nside) == (6, 64)
        if nside == MERGED:
            assert away(large, order, pixel) > chart["merged_beyond"]


def test_a_merged_cell_has_the_lowest_value_of_its_parts():
    order, pixel = np.full(12 * 16, 2), np.arange(12 * 16)
    llh = np.random.default_rng(1).normal(100, 5, len(pixel))
    llh[:4] = np.nan
    cells = Cells(order, pixel, llh, np.where(np.isnan(llh), 0, 4))
    whole = merged(cells, (0.0, 90.0), 0.0)
    assert whole.order.tolist() == [0] * 12
    parts = np.where(np.isnan(llh), np.inf, llh).reshape(12, 16)
    assert whole.llh.tolist() == parts.min(axis=1).tolist()


def test_a_map_of_the_largest_size_takes_less_than_a_page_may(large):
    text = json.dumps(chart_of(large, large.answer()), separators=(",", ":"))
    assert len(text) / len(large.cells.pixel) * MAX_CELLS < 0.8 * MAX_BYTES
