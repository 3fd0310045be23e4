import numpy as np

from skyscan.losses.segments import BEFORE_M, BEHIND_M, FEWEST, REACH_M, SPACING_M, segments_of


def test_segments_cover_the_hits_and_what_shines_on_them():
    along = np.array([-300.0, 20.0, 400.0, 900.0])
    found = segments_of(along, 3)
    assert found.length <= SPACING_M
    np.testing.assert_allclose(np.diff(found.place), found.length)
    assert np.isclose(found.place[0] - found.length / 2, -300.0 - BEFORE_M)
    assert np.isclose(found.place[-1] + found.length / 2, 400.0 + BEHIND_M)


def test_a_short_track_has_the_fewest_segments():
    assert len(segments_of(np.zeros(6), 6).place) == FEWEST


def test_pairs_are_those_in_reach_by_segment_and_dom():
    along = np.linspace(-400, 400, 30)
    found = segments_of(along, 20)
    away = np.abs(found.place[found.segment] - along[found.dom])
    assert away.max() <= REACH_M
    assert len(away) == (np.abs(found.place[:, None] - along) <= REACH_M).sum()
    order = np.lexsort([found.dom, found.segment])
    assert (order == np.arange(len(order))).all()
