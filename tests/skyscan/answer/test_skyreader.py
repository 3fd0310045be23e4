"""Areas and extents are those of skyreader's own contours."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from skyscan import read_map
from skyscan.answer.levels import CONTAINMENTS, ICECUBE, WILKS

(MAP,) = (Path(__file__).parents[2] / "data" / "maps").glob("run*.npz")
PIXEL_DEG = 0.23  # nside 256


@pytest.fixture(scope="module")
def theirs():
    """What skyreader's code for contours makes of the map, by level: area and extents."""
    meander = pytest.importorskip("meander")
    skyreader = pytest.importorskip("skyreader")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from skyreader.utils.areas import get_contour_areas
        from skyreader.utils.handle_map_data import extract_map

        values, ra, dec, *_ = extract_map(skyreader.SkyScanResult.read_npz(MAP))
        points = np.array([np.pi / 2 - dec, ra]).T
        levels = [level for it in (WILKS, ICECUBE) for _, level in it.table]
        lines = meander.spherical_contours(points, values, levels)
        areas = get_contour_areas(lines, ra[0])
    found = {}
    for level, area, these in zip(levels, areas, lines, strict=True):
        theta, phi = np.concatenate(these).T
        right = (np.degrees(phi - ra[0]) + 180) % 360 - 180
        up = np.degrees(np.pi / 2 - theta - dec[0])
        found[level] = (area, right.max(), -right.min(), up.max(), -up.min())
    return found


@pytest.mark.parametrize("levels", [WILKS, ICECUBE], ids=lambda it: it.name)
@pytest.mark.parametrize("containment", CONTAINMENTS)
def test_areas_and_extents_are_those_of_skyreader(theirs, levels, containment):
    it = read_map(MAP).answer(levels).region(containment)
    area, *extents = theirs[levels.at(containment)]
    ours = (it.ra_plus_deg, it.ra_minus_deg, it.dec_plus_deg, it.dec_minus_deg)
    assert ours == pytest.approx(extents, abs=PIXEL_DEG)
    assert it.area_deg2 == pytest.approx(area, rel=0.02, abs=PIXEL_DEG**2)
