"""A scan of the truth's surroundings has the numbers of a scan of the whole sky."""

import healpy
import numpy as np
import pytest

from skyscan.coverage import local_scan
from skyscan.coverage.local_scan import Fits, samples_of, scan_near, scan_whole_sky
from skyscan.progression import DEFAULT_PROGRESSION
from skyscan.records import PIXEL_DTYPE, empty_fits

TRUTH = np.radians([123.4, -12.3])


class Bowl:
    """A fit whose llh is the square of the distance to a direction, with other minima."""

    chunk_size = 64

    def __init__(self, ra_deg, dec_deg, ripple=0.0) -> None:
        self.centre = np.array(healpy.ang2vec(ra_deg, dec_deg, lonlat=True))
        self.ripple = ripple

    def reconstruct(self, rows, _zenith, _azimuth):
        fits = empty_fits(len(rows))
        for fit, row in zip(fits, rows, strict=True):
            away = np.arccos(self.centre @ healpy.pix2vec(row["nside"], row["pixel"]))
            fit["llh"] = (np.degrees(away) / 0.5) ** 2 / 2
            fit["llh"] += self.ripple * np.sin(row["pixel"] * 12.9898)
            fit["x"] = row["nside"]
        return fits


class Event:
    mjd = 60310.25


@pytest.fixture
def bowl(monkeypatch):
    def use(ra_deg, dec_deg, ripple=0.0) -> None:
        made = Bowl(ra_deg, dec_deg, ripple), np.zeros(1, PIXEL_DTYPE)
        monkeypatch.setattr(local_scan, "_prepared", lambda _name, _event: made)

    return use


@pytest.mark.parametrize("away", [0.0, 0.4, 2.5, 9.0])
def test_the_lowest_pixel_is_that_of_a_scan_of_the_whole_sky(bowl, away):
    ra, dec = np.degrees(TRUTH)
    bowl(ra, dec + away)
    near, whole = scan_near("track", Event, tuple(TRUTH)), scan_whole_sky("track", Event)
    assert near.llh == whole.llh
    assert near.best.tolist() == whole.best.tolist()
    assert near.n_fits < whole.n_fits / 5


def test_a_rough_llh_does_not_end_the_search(bowl):
    ra, dec = np.degrees(TRUTH)
    bowl(ra + 0.8, dec - 0.6, 0.3)
    near, whole = scan_near("track", Event, tuple(TRUTH)), scan_whole_sky("track", Event)
    assert near.llh - whole.llh < 0.1


def test_the_truth_has_the_llh_of_the_map_between_the_pixels(bowl):
    ra, dec = np.degrees(TRUTH)
    bowl(ra, dec + 1.0)
    found = scan_near("track", Event, tuple(TRUTH))
    assert found.truth_nside == 512
    assert found.truth_llh == pytest.approx(2.0, abs=0.05)
    assert found.test_statistic == pytest.approx(4.0, abs=0.1)


def test_a_truth_far_from_the_best_fit_has_the_llh_of_the_pixels_that_a_scan_has_there(bowl):
    ra, dec = np.degrees(TRUTH)
    bowl(ra, dec + 6.0)
    assert scan_near("track", Event, tuple(TRUTH)).truth_nside == 64


def test_fits_start_from_the_fit_of_the_coarser_pixel(bowl):
    bowl(10.0, 20.0)
    fits = Fits("track", Event, DEFAULT_PROGRESSION)
    fits.llh(512, np.array([1000]))
    made = {nside: list(it.values()) for nside, it in fits._fits.items()}
    assert [len(made[nside]) for nside in (8, 64, 512)] == [1, 1, 1]
    seen = []
    fits._reco.reconstruct = lambda rows, *_: seen.append(rows["x"].copy()) or empty_fits(1)
    fits._fits[512].clear()
    fits.llh(512, np.array([1000]))
    assert seen[0].tolist() == [64.0]


@pytest.mark.parametrize(("coarse", "fine"), [(2, 8), (64, 512), (512, 512)])
def test_a_cell_has_one_pixel_that_stands_for_it(coarse, fine):
    cells = np.arange(0, 12 * coarse**2, 7)
    assert (local_scan.parents(fine, coarse, samples_of(fine, coarse, cells)) == cells).all()


def test_a_real_event_has_the_same_minimum_near_the_truth_and_in_the_whole_sky():
    from skyscan.coverage.comparing import compared

    assert "2 delta llh 0.000, 0.00 deg apart" in compared("muon", 9_000_000)
