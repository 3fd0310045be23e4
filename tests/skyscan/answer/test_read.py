"""Maps of every format, and old ones whose declination is flipped."""

import gzip
import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from answer_support import gaussian_map
from astropy.io import fits

import skyscan
from skyscan.answer.files.moc import region_moc
from skyscan.answer.read import flipped
from skyscan.errors import BadInput
from skyscan.skymap import SKYMAP_DTYPE, json_parts, npz_of, write_skymap
from skyscan.storage import npz_bytes


def same(a, b):
    return {n: rows.tobytes() for n, rows in a.pixels.items()} == {
        n: rows.tobytes() for n, rows in b.pixels.items()
    }


def test_npz_and_json_are_the_same_map(tmp_path):
    skymap = gaussian_map()
    for name in skymap.pixels[8].dtype.names[1:]:
        skymap.pixels[8][name][3] = np.nan
    npz, as_json = map(skyscan.read_map, write_skymap(skymap, tmp_path))
    assert same(npz, skymap)
    assert same(as_json, skymap)
    assert isinstance(npz, skyscan.SkyMap)
    for name in ("run_id", "event_id", "mjd", "event_type", "is_real_event", "complete"):
        assert getattr(npz, name) == getattr(as_json, name) == getattr(skymap, name)


def test_a_sub_event_keeps_its_name_in_all_files(tmp_path):
    named = replace(gaussian_map(), event="run00000001.evt000000000002.sub001.neutrino")
    npz, as_json = write_skymap(named, tmp_path)
    named.to_fits(tmp_path / "renamed.fits")
    for path in (npz, as_json, tmp_path / "renamed.fits"):
        found = skyscan.read_map(path)
        assert found.name == named.name
        assert found.answer().name == named.event
    for other in ("run00000001.evt000000000002.sub001.other_8.npz", "map.npz"):
        npz.rename(tmp_path / other)
        npz = tmp_path / other
        assert skyscan.read_map(npz).answer().name == "run00000001.evt000000000002.neutrino"


def test_an_old_file_without_header_has_its_declinations_turned_over(tmp_path):
    skymap = gaussian_map(ra=50.0, dec=20.0)
    old = {
        f"nside-{nside}": flipped(nside, rows)[["index", "llh", "E_in", "E_tot"]]
        for nside, rows in skymap.pixels.items()
    }
    path = tmp_path / "run00000007-evt000000000008-BRONZE-8_128.npz"
    path.write_bytes(npz_bytes(old))
    found = skyscan.read_map(path)
    assert found.best_deg == skymap.best_deg
    assert (found.run_id, found.event_id) == (7, 8)
    assert math.isnan(found.mjd)
    (note,) = found.notes
    assert "old pixel numbers" in note
    answer = found.answer()
    assert answer.utc == "unknown"
    assert any("old pixel numbers" in line for line in answer.lines())


def test_the_public_map_of_bronze_is_where_it_was_published(shared_events):
    (path,) = (shared_events / "official").glob("*.npz")
    assert skyscan.read_map(path).best_deg == pytest.approx((47.20, -3.28), abs=0.01)


def test_public_results_in_json_are_read(shared_events):
    paths = sorted((shared_events / "official").glob("*.json"))
    assert paths
    for path in paths:
        assert skyscan.read_map(path).answer().best.nside == 1


@pytest.mark.parametrize(
    ("nside", "numbers", "words"),
    [
        (8, [0, 0], "twice"),
        (8, [768], "does not have"),
        (8, [-1], "does not have"),
        (6, [0], "power of 2"),
    ],
)
def test_pixels_that_cannot_be_are_bad_input(tmp_path, nside, numbers, words):
    rows = np.zeros(len(numbers), SKYMAP_DTYPE)
    rows["index"] = numbers
    skymap = gaussian_map(pixels={nside: rows})
    npz, _ = write_skymap(skymap, tmp_path)
    with pytest.raises(BadInput, match=words):
        skyscan.read_map(npz)


@pytest.mark.parametrize("ending", ["npz", "json", "fits"])
def test_a_map_of_no_date_is_bad_input(tmp_path, ending):
    skymap = gaussian_map(nsides=(2,))
    write_skymap(replace(skymap, mjd=1e12), tmp_path)
    skymap.to_fits(tmp_path / "map.fits")
    with fits.open(tmp_path / "map.fits", mode="update") as hdus:
        hdus[1].header["MJD-OBS"] = 1e12
        del hdus[2]
    (path,) = tmp_path.glob(f"*.{ending}")
    with pytest.raises(BadInput, match="which is not a date"):
        skyscan.read_map(path)


def test_a_folder_without_a_map_and_a_missing_file_are_bad_input(tmp_path):
    with pytest.raises(BadInput, match="no map"):
        skyscan.read_map(tmp_path)
    with pytest.raises(BadInput, match="missing"):
        skyscan.read_map(tmp_path / "none.npz")


def test_import_skyscan_is_cheap():
    code = (
        "import sys, skyscan; "
        "slow = {'astropy', 'healpy', 'matplotlib', 'scipy', 'skyscan.answer'}; "
        "sys.exit(len(slow & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_map_with_characters_that_there_are_not_is_bad_input(tmp_path):
    npz, _ = write_skymap(gaussian_map(nsides=(1,)), tmp_path)
    with np.load(npz) as archive:
        arrays = dict(archive)
    header = arrays["header"].copy()
    header["event_type"].view(np.uint32)[:] = 0xFFFFFFFF
    npz.write_bytes(npz_bytes({**arrays, "header": header}))
    with pytest.raises(BadInput, match="event_type is no text"):
        skyscan.read_map(npz)


@pytest.mark.parametrize("text", ["Infinity", "1e999", "9" * 5000, "[" * 100_000])
def test_a_map_as_json_with_odd_numbers_or_nesting_is_bad_input(tmp_path, text):
    _, as_json = write_skymap(gaussian_map(nsides=(1,)), tmp_path)
    as_json.write_text(as_json.read_text().replace('"run_id": 1', f'"run_id": {text}'))
    assert text in as_json.read_text()
    with pytest.raises(BadInput, match="not a sky map"):
        skyscan.read_map(as_json)


@pytest.mark.parametrize("order", [11, 16, 29])
def test_a_map_without_coarse_pixels_does_not_fill_the_sky(tmp_path, order):
    skymap = gaussian_map(nsides=(1,))
    fine = replace(skymap, pixels={2**order: skymap.pixels[1]})
    npz, _ = write_skymap(fine, tmp_path)
    found = skyscan.read_map(npz)
    assert len(found.cells.order) < 3000
    assert found.answer().best.nside == 2**order
    region_moc(found, 4.61)  # its pieces are not finer than HEALPix


def test_a_small_fits_file_that_unpacks_to_gigabytes_is_bad_input(tmp_path, monkeypatch):
    monkeypatch.setattr("skyscan.answer.files.fits_reader.MAX_BYTES", 100_000)
    path = tmp_path / "map.fits.gz"
    path.write_bytes(gzip.compress(b"SIMPLE  =" + bytes(200_000)))
    with pytest.raises(BadInput, match="unpacks to more than"):
        skyscan.read_map(path)


@pytest.mark.parametrize("kind", ["../../etc", "a/b", "x" * 1000, "a\nb"])
@pytest.mark.parametrize("ending", ["npz", "json"])
def test_a_map_whose_event_type_is_no_part_of_a_file_name_is_bad_input(tmp_path, kind, ending):
    path = tmp_path / f"map.{ending}"
    skymap = replace(gaussian_map(), event_type=kind)
    if ending == "npz":
        path.write_bytes(npz_of(skymap))
    else:
        path.write_bytes(b"".join(json_parts(skymap)))
    with pytest.raises(BadInput, match="event type"):
        skyscan.read_map(path)
