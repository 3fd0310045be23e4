"""Map files are read back by icecube/skyreader."""

import json
import math
import warnings

import healpy
import numpy as np
import pytest
from scans_support import made_up, pixel_rows

from skyscan.answer.read import read_map
from skyscan.errors import BadInput
from skyscan.skymap import (
    SKYMAP_DTYPE,
    SkyMap,
    pixels_of,
    read_skymap,
    write_skymap,
)
from skyscan.storage import npz_bytes

METADATA = {
    "run_id": 136662,
    "event_id": 35405932,
    "event_type": "neutrino",
    "mjd": 59723.3205,
    "is_real_event": True,
    "complete": True,
    "version": 1,
}


def skymap_of(records, **changes: object):
    made = {name: value for name, value in METADATA.items() if name != "version"}
    return SkyMap(**{**made, "pixels": pixels_of(records), **changes})


@pytest.fixture(scope="module")
def records():
    """Return two nsides, out of order, with NaN and extreme numbers."""
    parts = [made_up(pixel_rows(64, [900, 3])), made_up(pixel_rows(8, range(12)))]
    made = np.concatenate(parts)
    made["llh"][1] = -7.5
    made["llh"] += 1234.567890123456789
    made["E_in"] = math.nan
    for name in ("llh", "E_tot", "x", "y", "z", "time"):
        made[name][5] = math.nan
    made["time"][2] = 1e-300
    made["time"][3] = -0.1
    return made


@pytest.fixture(scope="module")
def skyreader():
    # An image for jobs has neither this package nor pandas.
    return pytest.importorskip("skyreader")


def read_by_skyreader(skyreader, paths):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # skyreader leaves the .npz open
        npz, as_json = paths
        return (
            skyreader.SkyScanResult.read_npz(npz),
            skyreader.SkyScanResult.read_json(as_json),
        )


def test_skyreader_opens_both_files_and_they_are_equal(skyreader, tmp_path, records):
    skymap = skymap_of(records)
    paths = write_skymap(skymap, tmp_path)
    assert [p.name for p in paths] == [
        f"run00136662.evt000035405932.neutrino_8_64.{ending}" for ending in ("npz", "json")
    ]
    for result in read_by_skyreader(skyreader, paths):
        assert sorted(result.result) == ["nside-64", "nside-8"]
        for nside in (8, 64):
            pixels = result.result[f"nside-{nside}"]
            assert pixels.dtype == skyreader.SkyScanResult.PIXEL_TYPES[1] == SKYMAP_DTYPE
            assert pixels.tobytes() == skymap.fitted()[nside].tobytes()
            assert pixels.dtype.metadata == {**METADATA, "nside": nside, "unfitted": "8:3"}


def test_skyreader_finds_the_metadata_and_the_file_name(skyreader, tmp_path, records):
    paths = write_skymap(skymap_of(records), tmp_path)
    for result in read_by_skyreader(skyreader, paths):
        assert result.has_minimal_metadata()
        found = result.get_event_metadata()
        assert found == skyreader.EventMetadata(
            136662, 35405932, "neutrino", 59723.3205, is_real_event=True, version=1
        )
        assert paths[0].name.startswith(f"{found}_")
        assert result.get_filename(found, ".npz", tmp_path) == paths[0]


def test_an_event_of_no_known_type_is_named_none(skyreader, tmp_path, records):
    paths = write_skymap(skymap_of(records, event_type=None), tmp_path)
    assert paths[0].name == "run00136662.evt000035405932.unknown_8_64.npz"
    for result in read_by_skyreader(skyreader, paths):
        assert str(result.get_event_metadata()) == "run00136662.evt000035405932.unknown"
    assert read_skymap(paths[0]).event_type is None


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("is_real", [True, False])
def test_skyreader_reads_whether_a_scan_is_complete_and_its_event_real(
    skyreader, tmp_path, records, complete, is_real
):
    skymap = skymap_of(records, complete=complete, is_real_event=is_real)
    for result in read_by_skyreader(skyreader, write_skymap(skymap, tmp_path)):
        metadata = result.result["nside-8"].dtype.metadata
        assert bool(metadata["complete"]) is complete
        assert bool(metadata["is_real_event"]) is is_real


def test_skyreader_finds_our_best_pixel(skyreader, tmp_path, records):
    skymap = skymap_of(records)
    pixel, ra, dec, llh = skymap.best()
    for result in read_by_skyreader(skyreader, write_skymap(skymap, tmp_path)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert result.best_fit["index"] == pixel.pixel
        assert result.best_fit["llh"] == llh
    theta, phi = healpy.pix2ang(pixel.nside, pixel.pixel)
    assert (ra, dec) == (phi, math.pi / 2 - theta)


@pytest.mark.parametrize("unfitted", [[], [0], [13], [12], [0, 13], range(5), range(13)])
def test_pixels_without_a_fit_do_not_keep_skyreader_from_the_best_one(
    skyreader, monkeypatch, tmp_path, records, unfitted
):
    import pandas as pd

    # skyreader 1.6.3 writes JSON with a method that pandas 3 has no longer
    monkeypatch.setattr(pd.DataFrame, "applymap", pd.DataFrame.map, raising=False)
    # rows 0 and 1 are of nside 64, of which row 1 is the best; 13 is the last of nside 8
    changed = records.copy()
    for name in ("llh", "E_tot", "x", "y", "z", "time"):
        changed[name][list(unfitted)] = math.nan
    skymap = skymap_of(changed)
    best = skymap.best()
    for result in read_by_skyreader(skyreader, write_skymap(skymap, tmp_path)):
        assert (result.best_fit["llh"], result.best_fit["index"]) == (best[3], best[0].pixel)
        again = tmp_path / "again"
        again.mkdir(exist_ok=True)
        metadata = result.get_event_metadata()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, about the metadata of its dtype
            copies = result.to_npz(metadata, again), result.to_json(metadata, again)
        for written in copies:
            found = read_map(written)  # as skyreader wrote it
            assert {n: rows.tobytes() for n, rows in found.pixels.items()} == {
                n: rows.tobytes() for n, rows in skymap.pixels.items()
            }


def test_the_json_is_valid_json_with_the_nan_of_skyreader(tmp_path, records):
    _, path = write_skymap(skymap_of(records), tmp_path)

    def refuse(constant) -> None:
        raise AssertionError(constant)

    value = json.loads(path.read_text(), parse_constant=refuse)
    assert list(value) == ["nside-8", "nside-64"]
    assert value["nside-8"]["metadata"] == {**METADATA, "nside": 8, "unfitted": "8:3"}
    assert [row[0] for row in value["nside-8"]["data"]] == [0, 1, 2, *range(4, 12)]
    assert value["nside-8"]["data"][3][2] == "<skyreader.nan>"


def test_the_best_pixel_has_the_lowest_llh_and_the_coarser_nside_and_is_not_nan(records):
    same = records.copy()
    same["llh"] = 5.0
    assert skymap_of(same).best()[0] == (8, 0)
    same["llh"][1] = 4.0
    assert skymap_of(same).best()[0] == (64, 3)
    same["llh"] = math.nan
    assert skymap_of(same).best() is None


def test_written_values_are_read_back(tmp_path, records):
    skymap = skymap_of(records)
    found = read_skymap(write_skymap(skymap, tmp_path)[0])
    assert vars(found) | {"pixels": None} == vars(skymap) | {"pixels": None}
    assert {n: rows.tobytes() for n, rows in found.pixels.items()} == {
        n: rows.tobytes() for n, rows in skymap.pixels.items()
    }


def test_pixels_are_ordered_and_have_their_own_numbers(records):
    pixels = pixels_of(records)
    assert pixels[64]["index"].tolist() == [3, 900]
    record = records[records["pixel"] == 900][0]
    row = pixels[64][1]
    assert row["llh"] == record["llh"]
    assert [row[n] for n in "XYZT"] == [record[n] for n in ("x", "y", "z", "time")]
    assert row["E_tot"] == record["E_tot"]


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"nside-8": np.zeros(1, SKYMAP_DTYPE)},
        {"header": np.zeros(0)},
        {"header": np.zeros(1)},
        {"header": np.array([(8, 1)], [("nside", "i4"), ("run_id", "i4")])},
    ],
    ids=["empty", "no header", "empty header", "header of numbers", "header lacks keys"],
)
def test_an_npz_without_a_map_is_bad_input(tmp_path, arrays):
    (tmp_path / "m.npz").write_bytes(npz_bytes(arrays))
    with pytest.raises(BadInput, match=r"m\.npz"):
        read_skymap(tmp_path / "m.npz")
