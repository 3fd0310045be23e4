"""A map of an event without a time is local, and every view of it says so."""

import io
from dataclasses import replace

import numpy as np
import pytest
from answer_support import gaussian_map
from astropy.io import fits

from skyscan.answer.compare import compare
from skyscan.answer.context import Context
from skyscan.answer.files import write_files
from skyscan.answer.files.fits import multiorder_bytes
from skyscan.answer.levels import WILKS
from skyscan.answer.notice import Known, make_notice
from skyscan.answer.read import read_map
from skyscan.coordinates import equatorial_to_local, local_to_equatorial
from skyscan.errors import BadInput
from skyscan.skymap import write_skymap

AZIMUTH, ELEVATION = 50.0, -3.0  # where the Gaussian is


@pytest.fixture(scope="module")
def skymap():
    return gaussian_map(mjd=np.nan, is_local=True, context=Context(reco="track"))


def test_the_answer_has_zenith_and_azimuth_and_nothing_on_the_sky(skymap):
    answer = skymap.answer()
    assert answer.best.zenith_deg == pytest.approx(90.0 - ELEVATION, abs=0.3)
    assert answer.best.azimuth_deg == pytest.approx(AZIMUTH, abs=0.3)
    text = "\n".join(answer.lines())
    assert "IceCube's local frame" in text.splitlines()[0]
    for of_the_sky in ("RA ", "Dec ", "J2000", "galactic", "MJD"):
        assert of_the_sky not in text
    value = answer.as_dict()
    assert value["frame"] == "local"
    assert [value["best"][key] for key in ("ra_deg", "dec_deg", "l_deg", "b_deg")] == [None] * 4


def test_a_fits_header_has_no_icrs_and_no_ra(skymap):
    content = multiorder_bytes(skymap, skymap.answer(WILKS))
    header = fits.open(io.BytesIO(content))[1].header
    assert header["COORDSYS"] == "LOCAL"
    assert header["ZENITH"] == pytest.approx(93.0, abs=0.3)
    assert not {"RA", "DEC", "MJD-OBS", "DATE-OBS", "RAPLUS90"} & set(header)
    assert b"ICRS" not in content


def test_every_file_of_the_map_is_read_back_as_local(skymap, tmp_path):
    paths = [*write_skymap(skymap, tmp_path), *write_files(skymap, skymap.answer(), tmp_path)]
    names = {path.name.partition(".neutrino")[2].partition(".")[2] for path in paths}
    assert names == {"npz", "json", "multiorder.fits", "contours.csv", "summary.json"}
    for path in paths:
        if path.name.endswith(("npz", "256.json", "128.json", "multiorder.fits")):
            assert read_map(path).is_local, path
    contours = next(path for path in paths if path.name.endswith("contours.csv"))
    assert contours.read_text().startswith("containment,line,azimuth_deg,elevation_deg\n")


def test_a_map_of_the_sky_whose_time_is_unknown_is_not_local(tmp_path):
    npz, as_json = write_skymap(gaussian_map(mjd=np.nan), tmp_path)
    assert not read_map(npz).is_local
    assert not read_map(as_json).is_local


def test_there_is_no_alert_of_it(skymap):
    with pytest.raises(BadInput, match=r"local frame.*no alert"):
        make_notice(skymap.answer(), Known(), 1)


def test_it_is_not_compared_with_a_map_of_the_sky(skymap):
    with pytest.raises(BadInput, match="cannot be compared"):
        compare(skymap, replace(skymap, is_local=False))


def test_without_a_time_the_coordinates_are_azimuth_and_elevation():
    zenith, azimuth = np.array([0.1, 2.0]), np.array([-1.0, 7.0])
    ra, dec = local_to_equatorial(zenith, azimuth, np.nan)
    assert ra == pytest.approx(np.mod(azimuth, 2 * np.pi))
    assert dec == pytest.approx(np.pi / 2 - zenith)
    again = equatorial_to_local(ra, dec, np.nan)
    assert again[0] == pytest.approx(zenith)
    assert again[1] == pytest.approx(ra)


def test_pictures_name_its_coordinates(skymap):
    pytest.importorskip("matplotlib")
    from skyscan.answer.pictures.allsky import draw_all_sky
    from skyscan.answer.pictures.profile import draw_profile
    from skyscan.answer.pictures.zoom import draw_zoom

    axes = [draw_zoom(skymap), draw_all_sky(skymap), draw_profile(skymap)]
    labels = "\n".join(f"{it.get_xlabel()}\n{it.get_ylabel()}" for it in axes)
    assert "azimuth" in labels
    assert "elevation" in labels
    assert "RA" not in labels
