"""Areas and extents are those of skyreader's own contours."""

from pathlib import Path

import pytest
from skyreader_support import skyreaders_contours

from skyscan import read_map
from skyscan.answer.levels import CONTAINMENTS, ICECUBE, WILKS

(MAP,) = (Path(__file__).parents[2] / "data" / "maps").glob("run*.npz")
PIXEL_DEG = 0.23  # nside 256


@pytest.fixture(scope="module")
def theirs():
    levels = [level for it in (WILKS, ICECUBE) for _, level in it.table]
    return skyreaders_contours(MAP, levels)


@pytest.mark.parametrize("levels", [WILKS, ICECUBE], ids=lambda it: it.name)
@pytest.mark.parametrize("containment", CONTAINMENTS)
def test_areas_and_extents_are_those_of_skyreader(theirs, levels, containment):
    it = read_map(MAP).answer(levels).region(containment)
    area, *extents = theirs[levels.at(containment)]
    ours = (it.ra_plus_deg, it.ra_minus_deg, it.dec_plus_deg, it.dec_minus_deg)
    assert ours == pytest.approx(extents, abs=PIXEL_DEG)
    assert it.area_deg2 == pytest.approx(area, rel=0.02, abs=PIXEL_DEG**2)
