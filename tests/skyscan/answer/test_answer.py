"""The answer and its checks: each can warn, and each says why."""

import json
from dataclasses import replace
from importlib import resources

import healpy
import jsonschema
import numpy as np
import pytest
from answer_support import MJD, directions_of, gaussian_map, without_fits
from events_support import simulated_event

from skyscan import read_map
from skyscan.answer.checks import Check
from skyscan.answer.context import Context, fits_of
from skyscan.answer.levels import ICECUBE
from skyscan.answer.sky.directions import separation, turned
from skyscan.coordinates import equatorial_to_local
from skyscan.events.event import Particle
from skyscan.pixels import Pixel
from skyscan.rounds.rule import pixels_to_refine

PROGRESSION = ((8, 0), (128, 12))
CONTEXT = Context("millipede_wilks", PROGRESSION, None, {"Online": (50.5, -3.0)})


@pytest.fixture(scope="module")
def good():
    """A map of which nothing is to be said."""
    skymap = gaussian_map(sigma=1.5, context=CONTEXT)
    for these in skymap.pixels.values():
        these["X"], these["Y"], these["Z"] = 0.0, 0.0, 0.0
    return skymap


def check(skymap, name, levels=None) -> Check:
    (found,) = (it for it in skymap.answer(levels).checks if it.name == name)
    return found


def test_the_name_of_a_fit_makes_no_line_of_its_own():
    fit = Particle(0.0, 0.0, 0.0, 0.0, 1.5, 0.6, 1e3)
    assert list(fits_of(simulated_event(fits={"A\nRA: 1": fit}))) == ["A RA: 1"]


def test_a_good_map_passes_all_checks(good):
    answer = good.answer()
    assert [it.state for it in answer.checks] == ["ok"] * 10
    assert answer.is_good
    (line,) = answer.check_lines()
    assert line.startswith("  good      complete, finest nside, fits, edge")


def with_context(skymap, **changes: object):
    return replace(skymap, context=replace(skymap.context, **changes))


@pytest.mark.parametrize(
    ("name", "change", "state", "words"),
    [
        ("complete", lambda m: replace(m, complete=False), "warning", "not complete"),
        ("finest nside", lambda m: with_context(m, progression=()), "unknown", "options"),
        (
            "finest nside",
            lambda m: with_context(m, progression=(*PROGRESSION, (512, 24))),
            "warning",
            "nside 512 was asked for",
        ),
        ("online fits", lambda m: with_context(m, fits=None), "unknown", "event is not"),
        ("online fits", lambda m: with_context(m, fits={}), "unknown", "no successful fit"),
        (
            "online fits",
            lambda m: with_context(m, fits={"Far": (90.0, 0.0)}),
            "warning",
            "Far is 39.8",
        ),
        ("levels", lambda m: with_context(m, reco="track"), "warning", "not calibrated"),
        ("levels", lambda m: with_context(m, reco=None), "unknown", "reconstruction"),
    ],
)
def test_a_check_says_what_is_wrong(good, name, change, state, words):
    found = check(change(good), name)
    assert found.state == state
    assert words in found.reason


def test_levels_of_millipede_are_marked_on_other_maps(good):
    assert check(good, "levels", ICECUBE).state == "warning"
    original = with_context(good, reco="millipede_original")
    assert check(original, "levels").state == "ok"
    assert original.answer().levels == ICECUBE


def test_failed_fits_near_the_best_one_are_told_from_those_far_away(good):
    near, far = good.best()[0].pixel + 1, 700
    found = check(without_fits(good, 128, [near]), "fits")
    assert (found.state, found.reason[:10]) == ("warning", "1 pixel in")
    found = check(without_fits(good, 8, [far]), "fits")
    assert found.state == "ok"
    assert "1 elsewhere has none" in found.reason


def test_a_region_that_reaches_coarser_pixels_names_the_command_that_extends_it(tmp_path):
    folder = tmp_path / "a scan"
    context = Context("millipede_wilks", PROGRESSION, folder, None)
    found = check(gaussian_map(sigma=6.0, reach=0.8, context=context), "edge")
    assert found.state == "warning"
    assert "nside 8" in found.reason
    assert found.command.startswith(f"skyscan extend '{folder}' --nsides 8:0 128:")
    extension = int(found.command.rpartition(":")[2])
    assert radius_of(extension) > 6.0 * 4.61**0.5


def test_the_extension_of_a_region_as_large_as_a_third_of_the_sky_reaches_beyond_it(tmp_path):
    progression = ((8, 0), (64, 12), (512, 24))
    context = Context("millipede_wilks", progression, tmp_path, None)
    outer = gaussian_map(sigma=33.0, reach=0.3, context=context)
    extension = int(check(outer, "edge").command.split()[-2].partition(":")[2])
    assert radius_of(extension) > 1.25 * outer.answer("wilks").region(0.9).radius_deg > 85


@pytest.mark.parametrize(
    ("sigma", "state", "reason"),
    [
        (15.0, "ok", "the 90 % region is 7.7 % of the sky"),
        (25.0, "warning", "is 20 % of the sky: the map hardly constrains the direction"),
        (1e9, "warning", "is 100 % of the sky: the map hardly constrains the direction"),
    ],
)
def test_a_map_that_does_not_tell_one_direction_from_another_warns(sigma, state, reason):
    found = check(gaussian_map(sigma=sigma, nsides=(16,)), "region size")
    assert (found.state, reason in found.reason) == (state, True), found.reason


def radius_of(extension):
    """Return the radius, in degrees, of what the rule refines of nside 8."""
    best = Pixel(8, 100)
    all_of_it = {8: (np.arange(768), np.zeros(768))}
    chosen = pixels_to_refine(all_of_it, 8, extension, best)
    away = separation(directions_of(8, chosen), directions_of(8, np.array([best.pixel])))
    return 180.0 if len(chosen) == 768 else float(away.max())


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_llh_that_is_not_finite_is_no_fit_anywhere(tmp_path, good, value):
    rows = {nside: these.copy() for nside, these in good.pixels.items()}
    rows[8]["llh"] = value  # the whole coarse map
    rows[128]["llh"][[3, 5]] = value
    answer = replace(good, pixels=rows).answer()
    assert (answer.best.nside, answer.best.llh) == (128, good.answer().best.llh)
    assert answer.n_failed == 770
    replace(good, pixels=rows).to_fits(tmp_path / "map.fits")
    best = read_map(tmp_path / "map.fits").answer().best
    assert (best.nside, best.pixel) == (128, answer.best.pixel)
    assert best.llh == pytest.approx(answer.best.llh)


def test_a_large_region_is_extended_with_pixels_that_show_its_size(tmp_path):
    progression = ((8, 0), (64, 12), (512, 24))
    context = Context("millipede_wilks", progression, tmp_path, None)
    large = gaussian_map(sigma=15.0, reach=0.5, context=context)
    found = check(large, "edge")
    assert found.state == "warning"
    before, _, command = found.command.partition(" --nsides 8:0 64:")
    assert before.startswith("skyscan extend ")
    extension, *others = command.split()
    assert others == ["512:24"]
    assert radius_of(int(extension)) > 15.0 * 4.61**0.5
    # pixels of nside 32 are small beside it
    inside = gaussian_map(sigma=15.0, reach=0.5, nsides=(32, 128), context=context)
    assert check(inside, "edge").state == "ok"


def test_a_region_that_reaches_unscanned_sky_says_so(good):
    cut = {128: good.pixels[128][::2]}
    assert "unscanned sky" in check(replace(good, pixels=cut), "edge").reason


def test_a_region_of_few_pixels_is_not_resolved(tmp_path):
    context = Context("millipede_wilks", PROGRESSION, tmp_path, None)
    found = check(gaussian_map(sigma=0.3, reach=10, context=context), "pixel size")
    assert found.state == "warning"
    assert found.command.endswith("--nsides 8:0 128:12 512:12")


def test_a_second_minimum_inside_90_percent_is_told():
    found = check(gaussian_map(others=[(56.0, -3.0, 3.0)], reach=9.0), "one minimum")
    assert found.state == "warning"
    assert "deg from the best fit" in found.reason
    assert (
        check(gaussian_map(others=[(56.0, -3.0, 9.0)], reach=9.0), "one minimum").state == "ok"
    )


def test_a_second_minimum_is_a_line_if_the_check_tells_it():
    here, there = (
        healpy.pix2ang(128, healpy.ang2pix(128, ra, -3.0, lonlat=True), lonlat=True)
        for ra in (50.0, 56.0)
    )
    skymap = gaussian_map(*here, others=[(*there, 4.608)], reach=9.0)
    (minimum,) = skymap.answer().minima
    assert minimum.containment > 0.9
    assert check(skymap, "one minimum").state == "warning"
    assert any(line.startswith("  minimum") for line in skymap.answer().lines())


@pytest.mark.parametrize(
    ("vertex", "state"),
    [
        ((0, 0, 0), "ok"),
        ((0, 0, 700), "warning"),
        ((900, 0, 0), "warning"),
        ((np.nan, 0, 0), "unknown"),
    ],
)
def test_a_vertex_outside_the_detector_is_told(vertex, state):
    skymap = gaussian_map()
    for these in skymap.pixels.values():
        these["X"], these["Y"], these["Z"] = vertex
    assert check(skymap, "vertex").state == state


def test_the_best_fit_is_given_in_every_notation():
    best = gaussian_map(ra=266.4051, dec=-28.936175, nsides=(8, 128), sigma=0.5).answer().best
    assert best.ra_hms.startswith("17h45m")
    assert best.dec_dms.startswith("-28d5")
    assert abs(turned(best.l_deg, 0)) < 0.4  # the centre of the Galaxy
    assert abs(best.b_deg) < 0.4
    zenith, azimuth = equatorial_to_local(*np.radians([best.ra_deg, best.dec_deg]), MJD)
    assert np.radians([best.zenith_deg, best.azimuth_deg]) == pytest.approx(
        [float(zenith), float(azimuth)]
    )


def as_of_before(value):
    """Return an answer without the keys that came after the first version of its format."""
    later = ("frame", "truth", "light", "likelihood")
    return {key: part for key, part in value.items() if key not in later}


def test_the_json_is_as_the_schema_says_and_the_text_has_its_numbers(good):
    text = resources.files("skyscan").joinpath("data", "answer.schema.json").read_text("utf-8")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    unknown = replace(good, mjd=np.nan, event_type=None, context=Context(), notes=("old",))
    light = {"ice": "My ice", "ice_sha256": "ab" * 32, "tables_sha256": {"track": "cd" * 32}}
    known = replace(good, context=replace(good.context, light=light))
    assert "  ice       My ice, SHA-256 abababababab" in known.answer().lines()
    for skymap in (good, known, unknown):
        answer = skymap.answer()
        value = json.loads(json.dumps(answer.as_dict(), allow_nan=False))
        jsonschema.validate(value, schema)
        assert value.keys() == schema["properties"].keys()
        jsonschema.validate(as_of_before(value), schema)
        region = value["regions"]["90"]
        lines = "\n".join(answer.lines())
        assert f"{region['area_deg2']:.2f} deg2" in lines
        assert f"RA +{region['ra_plus_deg']:.2f} -{region['ra_minus_deg']:.2f} deg" in lines
        assert f"{region['area_deg2']:.2f} deg2" in skymap._repr_html_()
        assert len(repr(skymap)) < 200
    assert "unknown" in lines


def test_the_answer_of_a_scan_folder_knows_its_reconstruction(tmp_path):
    from scans_support import a_scan

    from skyscan.skymap import write_skymap

    a_scan(reco="dummy").write(tmp_path / "scan.json")
    npz, _ = write_skymap(gaussian_map(), tmp_path)
    for path in (tmp_path, npz):
        context = read_map(path).context
        assert (context.reco, context.folder) == ("dummy", tmp_path)
        assert context.fits is None  # the event is not there
    (tmp_path / "scan.json").write_text("{}")
    assert read_map(npz).reco is None


@pytest.mark.parametrize(
    ("inside", "total", "line"),
    [
        (2601.3, 5752.3, "2.6 TeV inside the detector, 5.75 TeV in total"),
        (0.0, 123.4, "0 GeV inside the detector, 123 GeV in total"),
        (np.nan, 3.3e6, "3.3 PeV in total"),
    ],
)
def test_the_energies_of_the_best_fit_are_named(inside, total, line):
    skymap = gaussian_map()
    assert not any("energy" in it for it in skymap.answer().lines())
    for rows in skymap.pixels.values():
        rows["E_in"], rows["E_tot"] = inside, total
    assert f"  energy    {line} (deposited)" in skymap.answer().lines()
