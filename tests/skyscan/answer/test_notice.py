"""The drafts of a notice and a circular."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import jsonschema
import pytest
import referencing
from answer_support import gaussian_map
from scipy.optimize import brentq

from skyscan.answer.catalogue import Source, near_sources, read_catalogue
from skyscan.answer.notice import Known, circular_lines, is_revision, make_notice
from skyscan.errors import BadInput, WrongUsage
from skyscan.likelihood import Likelihood

SCHEMAS = Path(__file__).parents[4] / "shared" / "gcn-schema"
KNOWN = Known("bronze", "IceCube-240101A", 0.34, 8e-8, 127.0, "https://example.org/map.fits")


@pytest.fixture(scope="module")
def answer():
    return gaussian_map(sigma=1.5, is_real_event=True).answer()


@pytest.fixture(scope="module")
def validator():
    if not SCHEMAS.is_dir():
        pytest.skip(f"needs GCN's schemas in {SCHEMAS}")
    schemas = [json.loads(path.read_text()) for path in SCHEMAS.rglob("*.schema.json")]
    resources = [referencing.Resource.from_contents(it) for it in schemas]
    registry = referencing.Registry().with_resources(
        (resource.id(), resource) for resource in resources
    )
    (main,) = (it for it in schemas if it["$id"].endswith("single_neutrino_alerts.schema.json"))
    return jsonschema.Draft202012Validator(main, registry=registry)


@pytest.mark.parametrize("known", [KNOWN, Known(), Known("cascade"), Known("gold", far_hz=0.0)])
@pytest.mark.parametrize("revision", [1, 2])
def test_a_notice_is_valid_against_the_schema_of_gcn(validator, answer, known, revision):
    notice = json.loads(json.dumps(make_notice(answer, known, revision), allow_nan=False))
    validator.validate(notice)
    with pytest.raises(jsonschema.ValidationError):
        validator.validate({**notice, "alert_type": "no such type"})


@pytest.mark.parametrize(
    ("reco", "fitted", "text"),
    [
        ("auto", "track", "track, chosen by auto"),
        ("track", "track", "track"),
        ("auto", None, "auto"),
        (None, None, "unknown"),
    ],
)
def test_a_circular_names_the_reconstruction_that_made_the_fits(answer, reco, fitted, text):
    likelihood = fitted and Likelihood(fitted, "ab" * 32, 30, 50.0)
    lines = circular_lines(replace(answer, reco=reco, likelihood=likelihood), KNOWN, 1)
    assert any(f"Reconstruction: {text}. The" in line for line in lines)


def test_a_notice_says_what_the_answer_says(answer):
    now = datetime(2024, 1, 1, 7, tzinfo=UTC)
    notice = make_notice(answer, KNOWN, 1, now)
    assert notice["ra"] == pytest.approx(answer.best.ra_deg, abs=1e-4)
    assert notice["ra_dec_error"] == pytest.approx(answer.region(0.9).radius_deg, abs=1e-4)
    assert notice["alert_datetime"] == "2024-01-01T07:00:00Z"
    assert notice["trigger_time"] == answer.utc
    assert (notice["alert_type"], notice["alert_tense"]) == ("initial", "current")
    assert make_notice(answer, KNOWN, 2)["alert_type"] == "update"
    assert make_notice(replace(answer, is_real_event=False), KNOWN, 1)["alert_tense"] == "test"


def test_a_later_notice_is_a_revision_only_if_it_says_something_else(answer):
    first = make_notice(answer, KNOWN, 1, datetime(2024, 1, 1, tzinfo=UTC))
    assert not is_revision(make_notice(answer, KNOWN, 2), first)
    assert is_revision(make_notice(answer, replace(KNOWN, p_astro=0.5), 2), first)


def test_the_circular_has_the_numbers_in_the_usual_form(answer):
    text = "\n".join(circular_lines(answer, KNOWN, 3))
    best, outer = answer.best, answer.region(0.9)
    assert "DRAFT, revision 3" in text
    assert (
        f"RA: {best.ra_deg:.2f} (+{outer.ra_plus_deg:.2f}, -{outer.ra_minus_deg:.2f} deg "
        f"90% PSF containment) J2000"
    ) in text
    assert f"Time: {answer.utc[11:-1]} UT" in text
    assert "2.52 per year" in text
    assert "not given" not in text
    assert "SIMULATED" not in text
    simulated = "\n".join(circular_lines(replace(answer, is_real_event=False), Known(), 1))
    assert "SIMULATED EVENT: do not send." in simulated
    assert "not given: --event-name, --pipeline, --p-astro, --far, --nu-energy" in simulated
    for check in answer.checks:
        assert (f"- {check.name}: {check.reason}" in simulated) == (check.state == "warning")


@pytest.mark.parametrize(
    "wrong",
    [
        {"pipeline": "silver"},
        {"p_astro": 1.5},
        {"far_hz": -1.0},
        {"nu_energy_tev": float("nan")},
    ],
)
def test_what_cannot_be_is_wrong_usage(wrong):
    with pytest.raises(WrongUsage, match="--"):
        Known(**wrong)


def test_a_map_without_a_time_has_no_notice(answer):
    with pytest.raises(BadInput, match="no time"):
        make_notice(replace(answer, utc="unknown"), KNOWN, 1)


def write_table(path, table):
    if path.suffix == ".fits":
        table.write(path)
    else:
        table.write(path, format={".csv": "ascii.csv", ".vot": "votable"}[path.suffix])


@pytest.mark.parametrize("ending", ["csv", "vot", "fits"])
def test_catalogues_of_each_format_are_read(tmp_path, ending):
    from astropy.table import Table

    path = tmp_path / f"catalogue.{ending}"
    table = Table({"Source_Name": ["A", "B"], "RAJ2000": [50.0, 200.0], "DEJ2000": [-3.5, 9.0]})
    write_table(path, table)
    sources = read_catalogue(path)
    assert [tuple(it) for it in sources] == [("A", 50.0, -3.5), ("B", 200.0, 9.0)]
    skymap = gaussian_map(sigma=1.5)
    answer = skymap.answer()
    near = near_sources(skymap, answer, sources)
    assert [it.is_inside for it in near] == [True, False]
    assert near[0].distance_deg == pytest.approx(0.6, abs=0.4)
    text = "\n".join(circular_lines(answer, KNOWN, 1, near))
    assert "A (RA 50.00, Dec -3.50): in the 90% region" in text
    far = "\n".join(circular_lines(answer, KNOWN, 1, near[1:]))
    assert "No source of the catalogue is in the 90% region." in far


def test_a_source_is_inside_where_the_region_is():
    skymap = gaussian_map(sigma=1.5)
    answer = skymap.answer()
    dec = brentq(lambda dec: float(skymap.two_delta_llh(50.0, dec)) - 4.6075, -3.0, 3.0)
    (found,) = near_sources(skymap, answer, [Source("A", 50.0, dec)])
    assert found.containment > 0.9
    assert found.is_inside
    assert found.as_dict()["is_inside"]


def test_a_name_of_several_lines_is_one_line(tmp_path):
    (tmp_path / "c.csv").write_text('name,ra,dec\n"X\nRA: 1.00\x1b[2J",50,-3\n')
    ((name, _, _),) = read_catalogue(tmp_path / "c.csv")
    assert name == "X RA: 1.00\\x1b[2J"


@pytest.mark.parametrize(
    "text",
    [
        "name,ra,dec\nX,03:20:00,-03:30:00\n",
        "name,ra,dec\nX,03 20 00,-03 30 00\n",
        "name,ra,dec\nX,3h20m,-3d30m\n",
        "name,ra,dec\nX,50d,-3d30m\n",
        "name,RA (deg),Dec (deg)\nX,50,-3.5\n",
        "name,_RA,_DE\nX,50,-3.5\n",
        "name,_RA.icrs,_DE.icrs\nX,50,-3.5\n",
        "name,RA2000,DE2000\nX,50,-3.5\n",
        "name,ra,decl\nX,50,-3.5\n",
        "name,ra_deg,DE_deg\nX,50,-3.5\n",
        "name,s_ra,s_dec\nX,50,-3.5\n",
        "name,Right Ascension,Declination\nX,50,-3.5\n",
        "name,ALPHA_J2000,DELTA_J2000\nX,50,-3.5\n",
        "name,ra_rad,dec_rad\nX,0.872664626,-0.0610865238\n",
        "dec,RAJ2000,DEJ2000,designation\n1,50,-3.5,X\n",  # RA and Dec of the same kind
        "first seen,ra,dec\nX,50,-3.5\n",  # the only text
        "name;ra;dec\nX;50;-3.5\n",
        "name\tra\tdec\nX\t50\t-3.5\n",
        "# made by hand\nname,ra,dec\nX,50,-3.5\n",
        "# name ra dec\nX 50 -3.5\n",
        "\ufeffra,dec,name\n50,-3.5,X\n",
    ],
)
@pytest.mark.parametrize("ending", ["csv", "txt"])
def test_the_columns_and_units_that_people_write_are_read(tmp_path, text, ending):
    (tmp_path / f"c.{ending}").write_text(text, "utf-8")
    ((name, ra, dec),) = read_catalogue(tmp_path / f"c.{ending}")
    assert (name, ra, dec) == ("X", pytest.approx(50.0), pytest.approx(-3.5))


@pytest.mark.parametrize("unit", ["deg", "rad", "arcmin", "arcsec", "h", "15deg"])
@pytest.mark.parametrize("ending", ["ecsv", "vot"])
def test_numbers_have_the_unit_of_their_column(tmp_path, unit, ending):
    from astropy.table import Table
    from astropy.units import Unit

    degrees = 15.0 if unit == "h" else Unit(unit).to("deg")
    table = Table({"ra": [359.5 / degrees], "dec": [-3.5 * Unit("deg").to("rad")]})
    table["ra"].unit, table["dec"].unit = unit, "rad"
    path = tmp_path / f"c.{ending}"
    table.write(path, format={"ecsv": "ascii.ecsv", "vot": "votable"}[ending])
    ((name, ra, dec),) = read_catalogue(path)
    assert (name, ra, dec) == ("1", pytest.approx(359.5), pytest.approx(-3.5))


@pytest.mark.parametrize("frame", ["icrs", "galactic"])
def test_directions_of_astropy_are_read(tmp_path, frame):
    from astropy.coordinates import SkyCoord
    from astropy.table import QTable

    place = SkyCoord([359.9], [-3.5], unit="deg").transform_to(frame)
    QTable({"where": place, "who": ["X"]}).write(tmp_path / "c.ecsv")
    ((name, ra, dec),) = read_catalogue(tmp_path / "c.ecsv")
    assert (name, ra, dec) == ("X", pytest.approx(359.9), pytest.approx(-3.5))


def test_an_unknown_unit_is_bad_input(tmp_path):
    from astropy.table import Table

    table = Table({"ra": [50.0], "dec": [-3.5]})
    table["ra"].unit = "m"
    table.write(tmp_path / "c.ecsv")
    with pytest.raises(BadInput, match="in the unit 'm'"):
        read_catalogue(tmp_path / "c.ecsv")


@pytest.mark.parametrize(("given", "ra"), [("-0.25", 359.75), ("360", 0.0), ("-180", 180.0)])
def test_right_ascensions_are_from_0_to_360(tmp_path, given, ra):
    (tmp_path / "c.csv").write_text(f"name,ra,dec\nX,{given},1\n")
    assert read_catalogue(tmp_path / "c.csv")[0].ra_deg == pytest.approx(ra)


def test_a_right_ascension_beyond_a_turn_is_bad_input(tmp_path):
    (tmp_path / "c.csv").write_text("name,ra,dec\nA,180000,-16.0\n")
    with pytest.raises(BadInput, match=r"c\.csv has the right ascension 180000"):
        read_catalogue(tmp_path / "c.csv")


def test_a_source_without_a_name_has_the_number_of_its_row(tmp_path):
    (tmp_path / "c.csv").write_text("name,ra,dec\nA,1,1\n,2,2\n")
    assert [it.name for it in read_catalogue(tmp_path / "c.csv")] == ["A", "2"]


@pytest.mark.parametrize(
    "text", ["X,03:20:00,-03:30:00\nY,,\n", "Y,,\nX,50.0,-3.5\n", "Y,,5\nX,50d,-3.5d\n"]
)
def test_rows_without_a_place_are_left_out(tmp_path, text):
    (tmp_path / "c.csv").write_text(f"name,ra,dec\n{text}")
    ((name, ra, dec),) = read_catalogue(tmp_path / "c.csv")
    assert (name, ra, dec) == ("X", pytest.approx(50.0), pytest.approx(-3.5))


def test_a_declination_beyond_the_poles_is_bad_input(tmp_path):
    (tmp_path / "c.csv").write_text("name,dec,ra\nA,299.1,-16.0\n")
    with pytest.raises(BadInput, match=r"c\.csv has the declination 299\.1"):
        read_catalogue(tmp_path / "c.csv")


@pytest.mark.parametrize("text", ["name,x,y\nA,1,2\n", "", "ra,dec\nno,such\n"])
def test_a_file_that_is_no_catalogue_is_bad_input(tmp_path, text):
    (tmp_path / "c.csv").write_text(text)
    with pytest.raises(BadInput, match=r"c\.csv"):
        read_catalogue(tmp_path / "c.csv")
    with pytest.raises(BadInput, match="none"):
        read_catalogue(tmp_path / "none.csv")


def test_a_long_line_takes_no_time_that_grows_with_its_square(tmp_path):
    path = tmp_path / "long.csv"
    path.write_text("name,ra," + '{"a":' * 60_000 + "\nA,1,2\n")
    with pytest.raises(BadInput):
        read_catalogue(path)
