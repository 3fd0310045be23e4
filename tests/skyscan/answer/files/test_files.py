"""The files of an answer in the hands of the programs that astronomers open them with."""

import csv
import io
import json
import subprocess
import sys
import warnings
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import healpy
import numpy as np
import pytest
from answer_support import gaussian_map
from astropy.io import fits
from astropy.table import QTable

from skyscan import read_map
from skyscan.answer.context import Context
from skyscan.answer.files import FILES, write_files
from skyscan.answer.files.moc import region_moc
from skyscan.answer.files.outlines import ds9_lines
from skyscan.answer.levels import ICECUBE, WILKS, Levels, calibration
from skyscan.errors import BadInput
from skyscan.likelihood import Likelihood
from skyscan.skymap import write_skymap

CALIBRATION = {
    "settings_sha256": "0b" * 32,
    "simulation": {"kind": "muon"},
    "classes": [
        {
            "hits": [6, None],
            "events": 40,
            "50": {"level": 2.5, "error": 0.2},
            "90": {"level": 7.5, "error": 0.7},
        }
    ],
}
SIMULATED = Path(__file__).parents[3] / "data" / "maps"
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module", params=[WILKS, ICECUBE], ids=lambda it: it.name)
def levels(request):
    return request.param


@pytest.fixture(scope="module")
def simulated():
    """The map of the shipped simulated track, nsides 4, 32 and 256."""
    (path,) = SIMULATED.glob("run*.npz")
    return read_map(path)


@pytest.fixture(scope="module")
def answer(simulated, levels):
    return simulated.answer(levels)


@pytest.fixture(scope="module")
def folder(simulated, answer, tmp_path_factory):
    made = tmp_path_factory.mktemp("files")
    write_files(simulated, answer, made)
    return made


def test_the_header_has_the_whole_digest_of_the_ice(simulated, tmp_path):
    light = {"ice": "Glace d'été", "ice_sha256": "0a" * 32, "tables_sha256": {}}
    known = replace(simulated, context=replace(simulated.context, light=light))
    write_files(known, known.answer(), tmp_path)
    (path,) = tmp_path.glob("*.multiorder.fits")
    assert fits.getheader(path, 1)["ICESHA"] == "0a" * 32


def file(folder, ending):
    (path,) = folder.glob(f"*.{ending}")
    return path


def test_a_map_away_from_its_scan_folder_has_the_levels_of_its_header(
    simulated, tmp_path, monkeypatch
):
    found = {"track": calibration._read("track", CALIBRATION)}
    monkeypatch.setattr(calibration, "shipped_calibrations", lambda: found)
    likelihood = Likelihood("track", "0b" * 32, 51, 80.5)
    context = replace(simulated.context, reco="auto", likelihood=likelihood)
    known = replace(simulated, context=context)
    answer = known.answer()
    assert (answer.levels.name, answer.levels.table) == ("calibrated", ((0.5, 2.5), (0.9, 7.5)))
    write_files(known, answer, tmp_path)
    (path,) = tmp_path.glob("*.multiorder.fits")
    header = fits.getheader(path, 1)
    assert (header["LEVELS"], header["LEVEL50"], header["LEVEL90"]) == ("calibrated", 2.5, 7.5)
    assert answer.levels_text in "".join(header["COMMENT"])
    assert (header["LLHRECO"], header["NHITS"], header["QTOT"]) == ("track", 51, 80.5)
    read = read_map(path)
    assert read.answer().levels == answer.levels
    assert read.answer().regions == answer.regions
    assert read.answer("wilks").levels == WILKS


def calibrated(monkeypatch, **changes: object):
    """Have other calibrated levels of track than the package has."""
    found = {"track": calibration._read("track", {**CALIBRATION, **changes})}
    monkeypatch.setattr(calibration, "shipped_calibrations", lambda: found)


@pytest.mark.parametrize("is_in_folder", [True, False])
def test_a_map_keeps_its_calibrated_levels_after_the_next_calibration(
    simulated, tmp_path, monkeypatch, is_in_folder
):
    calibrated(monkeypatch)
    likelihood = Likelihood("track", "0b" * 32, 51, 80.5)
    context = Context("track", likelihood=likelihood)
    if is_in_folder:
        monkeypatch.setattr("skyscan.answer.read.context_beside", lambda _: context)
    known = replace(simulated, context=context)
    answer = known.answer()
    write_files(known, answer, tmp_path)
    paths = [file(tmp_path, "multiorder.fits")]
    if is_in_folder:
        paths.append(write_skymap(simulated, tmp_path)[0])
    more = [{**CALIBRATION["classes"][0], "50": {"level": 3.5, "error": 0.1}}]
    for changes in ({"classes": more}, {"settings_sha256": "of another version"}):
        calibrated(monkeypatch, **changes)
        for path in paths:
            found = read_map(path).answer()
            assert found.levels.table == answer.levels.table
            assert found.regions == answer.regions
            assert "measured" in found.levels_text
            (check,) = (it for it in found.checks if it.name == "levels")
            assert check.state == "ok"


@pytest.mark.parametrize(
    "chosen", [ICECUBE, Levels("my levels.txt", ((0.5, 2.25), (0.9, 8.5)), "mine")]
)
def test_a_map_away_from_its_scan_folder_has_the_levels_that_the_scan_was_planned_with(
    simulated, tmp_path, chosen
):
    known = replace(simulated, context=Context("track", levels=chosen))
    write_files(known, known.answer(), tmp_path)
    (path,) = tmp_path.glob("*.multiorder.fits")
    found = read_map(path).answer()
    assert (found.levels.name, found.levels.table) == (chosen.name, chosen.table)
    assert found.regions == known.answer().regions
    with fits.open(path, mode="update") as hdus:
        hdus[1].header["LEVEL50"] = -1.0
    assert read_map(path).answer().levels == (chosen if chosen == ICECUBE else WILKS)


def test_a_header_has_the_name_of_any_file_of_levels(tmp_path):
    levels = Levels("d'été.txt", ((0.5, 2.25), (0.9, 8.5)), "the table in d'été.txt")
    skymap = gaussian_map(context=Context("track", levels=levels))
    skymap.to_fits(tmp_path / "a.fits")
    assert fits.getheader(tmp_path / "a.fits", 1)["LEVELS"] == r"d'\xe9t\xe9.txt"
    assert read_map(tmp_path / "a.fits").answer().levels.table == levels.table


def test_all_files_are_written_and_listed(folder):
    named = {path.name.split(".", 3)[3] for path in folder.iterdir()}
    assert named == {it.ending for it in FILES} | {"moc50.json", "moc90.json"}


def test_the_header_says_what_the_answer_says(folder, answer):
    header = fits.getheader(file(folder, "multiorder.fits"), 1)
    assert (header["RA"], header["DEC"]) == (answer.best.ra_deg, answer.best.dec_deg)
    assert (header["RUNID"], header["EVENTID"], header["REALEVT"]) == (1, 1, False)
    assert header["MJD-OBS"] == pytest.approx(answer.mjd, abs=1e-9)
    assert header["DATE-OBS"] + "Z" == answer.utc
    for it in answer.regions:
        assert header[f"AREA{it.percent}"] == pytest.approx(it.area_deg2)
        assert header[f"RAPLUS{it.percent}"] == pytest.approx(it.ra_plus_deg)
    assert {"DATE", "REFERENC", "CREATOR", "RECO", "ORDERING", "MOCORDER"} <= set(header)


def test_the_table_is_all_that_programs_take_for_a_map(folder):
    with fits.open(file(folder, "multiorder.fits")) as hdus:
        hdus.verify("exception")
        kinds = [hdu.header.get("XTENSION", "") for hdu in hdus]
    # Of a second table, astropy warns; with an image, Aladin shows no map.
    assert kinds == ["", "BINTABLE", "FOREIGN"]


def test_the_fitted_pixels_are_read_from_an_image_too_as_in_earlier_versions(folder, tmp_path):
    path = file(folder, "multiorder.fits")
    now, before = b"XTENSION= 'FOREIGN '", b"XTENSION= 'IMAGE   '"
    content = path.read_bytes()
    assert content.count(now) == 1
    old = tmp_path / path.name
    old.write_bytes(content.replace(now, before))
    pixels = read_map(old).pixels
    for nside, rows in read_map(path).pixels.items():
        assert rows.tobytes() == pixels[nside].tobytes()


def test_astropy_reads_a_density_that_integrates_to_one(folder, answer):
    table = QTable.read(file(folder, "multiorder.fits"))
    assert table.colnames == ["UNIQ", "PROBDENSITY", "LLH2"]
    assert str(table["PROBDENSITY"].unit) == "1 / sr"
    uniq = np.asarray(table["UNIQ"])
    order = np.floor(np.log2(uniq / 4) / 2).astype(int)
    sizes = 4 * np.pi / (12 * 4.0**order)
    density = table["PROBDENSITY"].value
    assert (density * sizes).sum() == pytest.approx(1)
    assert sizes.sum() == pytest.approx(4 * np.pi)
    inside = np.asarray(table["LLH2"]) <= answer.region(0.9).two_delta_llh
    mass = (density * sizes)[inside].sum()
    assert mass == pytest.approx(fits.getval(file(folder, "multiorder.fits"), "PROB90", 1))


def test_astropy_healpix_finds_the_best_fit(folder, answer):
    astropy_healpix = pytest.importorskip("astropy_healpix")
    table = QTable.read(file(folder, "multiorder.fits"))
    best = int(np.argmax(table["PROBDENSITY"]))
    level, pixel = astropy_healpix.uniq_to_level_ipix(table["UNIQ"][best])
    nside = astropy_healpix.level_to_nside(level)
    ra, dec = astropy_healpix.healpix_to_lonlat(pixel, nside, order="nested")
    assert (ra.deg, dec.deg) == pytest.approx((answer.best.ra_deg, answer.best.dec_deg))


def test_mhealpy_reads_a_whole_map(folder):
    mhealpy = pytest.importorskip("mhealpy")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = mhealpy.HealpixMap.read_map(file(folder, "multiorder.fits"))
    assert found.is_mesh_valid()
    assert found.density()


def test_mocpy_reads_the_regions_and_their_area(folder, answer):
    mocpy = pytest.importorskip("mocpy")
    for it in answer.regions:
        moc = mocpy.MOC.load(str(file(folder, f"moc{it.percent}.fits")), "fits")
        assert moc == mocpy.MOC.load(str(file(folder, f"moc{it.percent}.json")), "json")
        area = moc.sky_fraction * 4 * np.pi * np.degrees(1) ** 2
        assert area == pytest.approx(it.area_deg2, rel=0.05)


def run(program, *words: object):
    if not (PROGRAMS / program).exists():
        pytest.skip(f"needs {program}")
    command = [str(PROGRAMS / program), *map(str, words)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)


def test_ligo_skymap_measures_the_same_area(folder, answer, tmp_path):
    path = file(folder, "multiorder.fits")
    run("ligo-skymap-stats", path, "-o", tmp_path / "stats", "--contour", 50, 90)
    names, values = (tmp_path / "stats").read_text().splitlines()[-2:]
    found = dict(zip(names.split("\t"), values.split("\t"), strict=True))
    exact = answer.levels == ICECUBE  # with Wilks' levels the density is exp(-LLH2 / 2)
    for it in answer.regions:
        area = float(found[f"area({it.percent})"])
        assert area == pytest.approx(it.area_deg2, rel=0.06 if exact else 0.2)


@pytest.mark.parametrize(
    ("program", "options"),
    [
        ("ligo-skymap-contour", ("--contour", 50, 90)),
        ("ligo-skymap-contour-moc", ("-c", 90)),
        ("ligo-skymap-plot", ("--contour", 50, 90)),
    ],
)
def test_programs_of_ligo_skymap_run_on_it(simulated, tmp_path, program, options):
    path = tmp_path / "run.multiorder.fits"
    simulated.to_fits(path)
    made = tmp_path / ("made.json" if program == "ligo-skymap-contour" else "made.fits")
    made = made.with_suffix(".png") if program == "ligo-skymap-plot" else made
    run(program, path, "-o", made, *options)
    assert made.stat().st_size > 0


def test_healpy_reads_what_ligo_skymap_flattens(simulated, tmp_path):
    path = tmp_path / "run.multiorder.fits"
    simulated.to_fits(path)
    run("ligo-skymap-flatten", path, tmp_path / "f.fits", "--nside", 256)
    flat = healpy.read_map(tmp_path / "f.fits")
    assert flat.sum() == pytest.approx(1)
    found = healpy.pix2ang(256, int(flat.argmax()), lonlat=True)
    assert found == pytest.approx(simulated.best_deg)


def test_what_is_written_as_fits_is_read_as_the_same_map(simulated, folder, tmp_path, levels):
    packed = tmp_path / "run.fits.gz"
    simulated.to_fits(packed, levels)
    for path in (file(folder, "multiorder.fits"), packed):
        found = read_map(path)
        assert {n: rows.tobytes() for n, rows in found.pixels.items()} == {
            n: rows.tobytes() for n, rows in simulated.pixels.items()
        }
        assert found.answer(levels).regions == simulated.answer(levels).regions


def test_a_map_without_our_pixels_is_read_by_its_cells(tmp_path):
    skymap = gaussian_map(sigma=1.5, context=Context("track"))
    skymap.to_fits(tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        hdus[:2].writeto(tmp_path / "b.fits")
    found = read_map(tmp_path / "b.fits")
    assert found.reco == "track"
    assert "no fitted pixels" in found.notes[0]
    whole, cut = skymap.answer().region(0.9), found.answer().region(0.9)
    assert cut.area_deg2 == pytest.approx(whole.area_deg2)


@pytest.mark.parametrize(
    "content", [b"SIMPLE  = T", b"\x1f\x8bno", b"PK\x03\x04", b"", b"{}", b"[]"]
)
def test_a_damaged_file_is_bad_input(tmp_path, content):
    (tmp_path / "m").write_bytes(content)
    with pytest.raises(BadInput, match="m"):
        read_map(tmp_path / "m")


def test_contours_for_ds9_and_as_table_are_the_same_closed_lines(folder):
    with file(folder, "contours.csv").open() as lines:
        table = list(csv.DictReader(lines))
    assert {row["containment"] for row in table} == {"0.5", "0.9"}
    first = [row for row in table if (row["containment"], row["line"]) == ("0.9", "0")]
    assert first[0] == first[-1]
    polygons = file(folder, "contours.reg").read_text().splitlines()
    assert polygons[2] == "fk5"
    n_points = sum(line.startswith("polygon") and line.count(",") + 1 for line in polygons)
    n_lines = len({(row["containment"], row["line"]) for row in table})
    assert n_points == 2 * (len(table) - n_lines)


@pytest.mark.parametrize("name", ["", "run1.evt2.a;b}{c"])
def test_regions_read_what_is_for_ds9(name):
    regions = pytest.importorskip("regions")
    skymap = gaussian_map(sigma=1.5, event=name, context=Context("cascade"))
    lines = list(ds9_lines(skymap, skymap.answer("wilks")))
    assert ";" not in "".join(lines)  # it would end a line, also in a comment
    found = regions.Regions.parse("\n".join(lines), format="ds9")
    assert [it.meta["text"] for it in found][1:] == ["50%", "90%"]
    shown = skymap.event_name.translate(str.maketrans(";{}", ",()"))
    assert found[0].meta["text"] == shown
    assert found[0].center.ra.deg == pytest.approx(skymap.best_deg[0], abs=1e-6)


def test_the_summary_is_the_answer(folder, answer):
    assert json.loads(file(folder, "summary.json").read_text()) == json.loads(
        json.dumps(answer.as_dict())
    )


def test_a_coverage_map_has_each_piece_once():
    skymap = gaussian_map(sigma=1.5)
    moc = region_moc(skymap, 4.61)
    pieces = [
        (p << 2 * (moc.order - k), (p + 1) << 2 * (moc.order - k))
        for k, these in moc.pixels.items()
        for p in these.tolist()
    ]
    pieces.sort()
    assert all(a[1] <= b[0] for a, b in pairwise(pieces))
    table = fits.open(io.BytesIO(moc.fits()))[1]
    assert table.header["ORDERING"] == "NUNIQ"
    assert len(table.data) == len(pieces)
    whole = region_moc(gaussian_map(sigma=300.0, nsides=(2,)), 1e9)
    assert whole.as_dict() == {"0": list(range(12))}


@pytest.mark.parametrize("level", [0.02, 0.5, 4.61, 64.2])
def test_a_coverage_map_has_the_area_of_a_region_of_any_size(level):
    skymap = gaussian_map(sigma=1.5, nsides=(8, 32), others=[(80.0, 40.0, 0.0)])
    whole = 4 * np.pi * np.degrees(1) ** 2
    area = region_moc(skymap, level).fraction * whole
    assert area == pytest.approx(skymap.surface.area(level), rel=0.05)


def test_the_names_of_the_files_need_no_astropy():
    code = (
        "import skyscan.answer.files, skyscan.answer.show, sys; print('astropy' in sys.modules)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "False\n"
