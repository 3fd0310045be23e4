"""The answer on the command line: of a map, of a scan folder, with any levels."""

import json
import os
import shutil
import sys
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from astropy.table import Table
from job_log_support import submitted, write_log
from plans_support import EVENT, options
from scans_support import do_round

from skyscan.answer.answer import Answer
from skyscan.answer.files import write_files
from skyscan.answer.maps import SkyMap
from skyscan.errors import BadInput, ExitCode
from skyscan.events.source import Source
from skyscan.layout import ScanFolder
from skyscan.merge import merge
from skyscan.prep import prepare
from workflows import history
from workflows.catalogue import catalogue_for, place_catalogue
from workflows.cli import main
from workflows.engines.engine import Failure
from workflows.page.page import _environment
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.schema import schema as report_schema
from workflows.reports.stored import read_report
from workflows.reports.writing import write_report

(MAP,) = (Path(__file__).parents[1] / "data" / "maps").glob("run*.npz")


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def map_file(tmp_path):
    return Path(shutil.copy(MAP, tmp_path))


@pytest.fixture
def folder(tmp_path):
    """A scan by the dummy with one round, done but not merged."""
    made = plan(EVENT, tmp_path, options(jobs_per_round=3, progression=((1, 0),)))
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    do_round(made, scan, 0)
    return made


def said(capsys, *arguments: object, code=0):
    assert main([str(it) for it in arguments]) == code
    return capsys.readouterr().out


def test_result_of_a_map_has_the_same_numbers_as_text_and_json(map_file, capsys):
    text = said(capsys, "result", map_file)
    value = json.loads(said(capsys, "result", map_file, "--json"))
    answer = value["answer"]
    assert text.startswith("run00000001.evt000000000001.neutrino: complete\n  best fit  RA ")
    for region in answer["regions"].values():
        assert f"{region['area_deg2']:.2f} deg2" in text
    assert "SIMULATED" in text
    assert value["best"]["pixel"] == answer["best"]["pixel"]
    schema = resources.files("skyscan").joinpath("data", "answer.schema.json").read_text()
    jsonschema.validate(answer, json.loads(schema))
    jsonschema.validate(value, report_schema())
    assert value["text"] == text


def test_levels_change_the_regions_and_are_named(map_file, capsys, tmp_path):
    (tmp_path / "mine").write_text("0.5 5\n0.9 10\n")
    areas = []
    for words in ((), ("--levels", "icecube"), ("--levels", "mine")):
        value = json.loads(said(capsys, "result", map_file, "--json", *words))["answer"]
        assert value["levels"]["name"] == (words[-1] if words else "wilks")
        areas.append(value["regions"]["90"]["area_deg2"])
    assert areas[0] < areas[2] < areas[1]
    assert "not a file" not in said(capsys, "result", map_file)
    assert main(["result", str(map_file), "--levels", "chi2"]) == ExitCode.WRONG_USAGE


def test_the_last_step_writes_the_answer_into_the_report_and_beside_the_map(folder):
    merge(folder, read_planned(folder.scan_json))
    report = write_report(folder, 0)
    assert report.answer["reco"] == "dummy"
    assert "  90 %      RA +" in report.text
    assert "  levels    wilks" in report.text
    assert read_report(folder) == report
    endings = {path.name.split(".", 3)[3] for path in folder.path.glob("run*.*.*.*.*")}
    assert endings >= {"multiorder.fits", "moc90.fits", "contours.reg", "summary.json"}


def test_a_scan_keeps_the_levels_that_it_was_planned_with(tmp_path, capsys):
    (tmp_path / "mine").write_text("0.5 5\n0.9 10\n")
    small = ("--nsides", "1:0", "--reco-algo", "dummy")
    said(capsys, "plan", EVENT, "--simulated-event", "--levels", "mine", *small)
    (made,) = map(ScanFolder, (tmp_path / "scans").iterdir())
    (tmp_path / "mine").unlink()
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    do_round(made, scan, 0)
    merge(made, scan)
    assert "  levels    mine: 2 delta llh of 5 and 10" in write_report(made, 0).text
    assert "2 delta llh of 5 and 10" in said(capsys, "alert", made.path)
    chosen = said(capsys, "result", made.path, "--levels", "wilks", "--json")
    assert json.loads(chosen)["answer"]["levels"]["name"] == "wilks"
    wrong = ("--levels", "chi2", "--output-dir", "other")
    words = ["plan", str(EVENT), "--simulated-event", *small, *wrong]
    assert main(words) == ExitCode.WRONG_USAGE


def test_a_scan_that_failed_has_the_files_of_its_partial_map(folder):
    (folder.round(0).result(1)).unlink()
    report = write_report(folder, 2)
    assert report.answer["complete"] is False
    assert "warning   complete" in report.text
    assert list(folder.partial.glob("*.multiorder.fits"))


@pytest.mark.parametrize(
    ("code", "outcome"), [(0, "complete"), (69, "incomplete"), (75, "failed")]
)
def test_json_has_the_exit_code_with_which_the_command_ends(
    folder, tmp_path, capsys, code, outcome
):
    merge(folder, read_planned(folder.scan_json))
    write_report(folder, int(code > 0), [Failure("x", code, "y")] * (code > 0))
    levels = ("--levels", "wilks")
    catalogue = ("--catalogue", str(write_catalogue(tmp_path / CSV)))
    for words in ((), levels, catalogue, (*levels, *catalogue)):
        assert main(["result", str(folder.path), *words, "--json"]) == code
        value = json.loads(capsys.readouterr().out)
        assert (value["exit_code"], value["outcome"]) == (code, outcome)
        assert main(["result", str(folder.path), *words]) == code
        assert f": {outcome}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("what", "function"),
    [
        ("answer", "skyscan.answer.show.read_map"),
        ("files", "skyscan.answer.files.write_files"),
    ],
)
def test_a_report_is_written_even_if_its_answer_cannot_be(folder, monkeypatch, what, function):
    merge(folder, read_planned(folder.scan_json))

    def broken(*_: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(function, broken)
    report = write_report(folder, 0)
    assert (report.answer is None) == (what == "answer")
    assert f"  {what:<9} no space left on device" in report.text
    assert read_report(folder) == report
    monkeypatch.setattr(function, lambda *_: 1 / 0)
    assert f"  {what:<9} this is a bug: ZeroDivisionError" in write_report(folder, 0).text


def test_the_page_is_there_before_the_files_and_then_links_them(folder, monkeypatch):
    merge(folder, read_planned(folder.scan_json))
    pages = []

    def writing(skymap: SkyMap, answer: Answer, place: Path) -> list[Path]:
        pages.append(folder.page.read_text())
        return write_files(skymap, answer, place)

    monkeypatch.setattr("skyscan.answer.files.write_files", writing)
    report = write_report(folder, 0)
    pages.append(folder.page.read_text())
    assert [page.count("multiorder.fits") > 0 for page in pages] == [False, True]
    assert all("90 % region" in page for page in pages)
    assert read_report(folder) == report


def test_a_report_is_written_even_if_its_page_cannot_be(folder, monkeypatch):
    merge(folder, read_planned(folder.scan_json))
    _environment.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    report = write_report(folder, 0)
    assert (report.outcome, report.page) == ("complete", None)
    assert "  page      not written: it needs jinja2" in report.text
    monkeypatch.undo()
    monkeypatch.setattr("workflows.page.content.page_values", lambda _: 1 / 0)
    report = write_report(folder, 0)
    assert "  page      not written: this is a bug: ZeroDivisionError" in report.text
    monkeypatch.undo()
    assert "  page      /" in write_report(folder, 0).text
    folder.page.unlink()
    assert read_report(folder).page is None


def test_partial_shows_a_scan_that_has_not_ended(folder, capsys):
    text = said(capsys, "result", folder.path, "--partial")
    assert "best fit" in text
    assert "incomplete" in text
    assert main(["result", str(folder.path)]) == ExitCode.WRONG_USAGE


def test_compare_exits_1_if_results_differ(map_file, folder, capsys, tmp_path):
    text = said(capsys, "compare", map_file, map_file)
    assert text.endswith("  same\n")
    merge(folder, read_planned(folder.scan_json))
    text = said(capsys, "compare", map_file, folder.path, "--diff", "d.json", code=1)
    assert text.endswith("  different\n")
    assert json.loads((tmp_path / "d.json").read_text())["same"] is False


def test_an_alert_is_drafted_and_a_change_is_a_revision(map_file, capsys):
    text = said(capsys, "alert", map_file)
    assert "SIMULATED EVENT: do not send." in text
    assert "90% PSF containment) J2000" in text
    said(capsys, "alert", map_file)
    said(capsys, "alert", map_file, "--p-astro", 0.5, "--pipeline", "gold")
    said(capsys, "alert", map_file, "--p-astro", 0.5, "--pipeline", "gold", "--revision", 7)
    notices = sorted(map_file.parent.glob("*.notice.*.json"))
    assert [json.loads(path.read_text())["record_number"] for path in notices] == [1, 2, 7]
    assert len(list(map_file.parent.glob("*.circular.*.txt"))) == 3
    assert main(["alert", str(map_file), "--pipeline", "silver"]) == ExitCode.WRONG_USAGE


def test_an_alert_has_no_control_characters_of_a_path(map_file, capsys):
    place = map_file.parent.parent / "a\x1b[31m"
    shutil.copytree(map_file.parent, place)
    text = said(capsys, "alert", place / map_file.name)
    assert "\x1b" not in text
    assert "a\\x1b[31m" in text


@pytest.mark.parametrize("command", ["alert", "plot"])
def test_a_folder_of_someone_else_needs_another_one_for_the_output(
    map_file, capsys, monkeypatch, command
):
    monkeypatch.setattr("workflows.commands.plot.os.access", lambda *_: False)
    before = sorted(map_file.parent.iterdir())
    assert main([command, str(map_file)]) == ExitCode.WRONG_USAGE
    assert "--output-dir" in capsys.readouterr().err
    assert sorted(map_file.parent.iterdir()) == before


def test_plot_writes_pictures_beside_the_map(map_file, capsys):
    pytest.importorskip("matplotlib")
    paths = [Path(line) for line in said(capsys, "plot", map_file).splitlines()]
    assert {path.suffix for path in paths} == {".png", ".pdf"}
    assert all(path.parent == map_file.parent for path in paths)


def test_plot_draws_only_what_is_asked_for(folder, map_file, capsys):
    pytest.importorskip("matplotlib")
    merge(folder, read_planned(folder.scan_json))
    started = "001 (010.000.000) 2026-01-01 10:01:00 Job executing on host: <127.0.0.1:9618>"
    write_log(folder.workflow / "scan.dag.nodes.log", submitted(10, "prep"), started)
    paths = said(capsys, "plot", folder.path, "--kind", "timeline", "event").splitlines()
    kinds = [Path(path).name.rsplit(".", 2)[1:] for path in paths]
    assert kinds == [[k, e] for k in ("event", "timeline") for e in ("png", "pdf")]
    assert main(["plot", str(map_file), "--kind", "timeline"]) == ExitCode.BAD_INPUT


CSV, VOTABLE, FITS = "c.csv", "c.vot", "c.fits"


def write_catalogue(path):
    """Write three sources, in the format that the name says: near, not so near, far."""
    rows = {"name": ["Near <b>", "Second", "Far"], "ra": [298.5, 300.0, 10.0]}
    table = Table({**rows, "dec": [-6.7, -6.0, 80.0]})
    table["ra"].unit = table["dec"].unit = "deg"
    kinds = {".csv": "ascii.csv", ".vot": "votable", ".fits": "fits"}
    table.write(path, format=kinds[path.suffix])
    return path


@pytest.mark.parametrize("name", [CSV, VOTABLE, FITS])
def test_the_sources_of_a_catalogue_are_in_the_answer_of_a_map(
    map_file, tmp_path, capsys, name
):
    path = write_catalogue(tmp_path / name)
    lines = said(capsys, "result", map_file, "--catalogue", path).splitlines()
    assert [it.split(":")[0] for it in lines if it.startswith("  source")] == [
        "  source    Near <b>",
        "  source    Second",
        "  source    Far",
    ]
    value = json.loads(said(capsys, "result", map_file, "--catalogue", path, "--json"))
    near, second, _ = value["sources"]
    assert near["is_inside"]
    assert not second["is_inside"]
    assert f"{near['distance_deg']:.2f} deg from the best fit, inside 90 %" in lines[-3]


def test_a_scan_keeps_its_catalogue_and_shows_it_in_every_report(folder, tmp_path, capsys):
    path = write_catalogue(tmp_path / CSV)
    again = plan(
        EVENT, tmp_path, options(jobs_per_round=3, progression=((1, 0),), catalogue=path)
    )
    assert again == folder
    path.unlink()
    merge(folder, read_planned(folder.scan_json))
    write_report(folder, 0)
    assert len(read_report(folder).sources) == 3
    page = folder.page.read_text()
    assert "Catalogue c.csv" in page
    assert "<th>Near &lt;b&gt;</th>" in page
    assert "Near <b>" not in page
    assert "  source    Near <b>" in said(capsys, "result", folder.path)
    said(capsys, "alert", folder.path)
    for words in (("--levels", "wilks"), ("--levels", "icecube")):
        assert "  source    Near <b>" in said(capsys, "result", folder.path, *words)
    (circular,) = folder.path.glob("*.circular.1.txt")
    told = "Far (RA 10.00, Dec +80.00): the nearest source"
    assert told in circular.read_text()
    assert told in page
    folder.catalogue.write_text("{")
    said(capsys, "alert", folder.path, "--revision", "2")
    (circular,) = folder.path.glob("*.circular.2.txt")
    assert "catalogue" not in circular.read_text()


def test_a_folder_that_cannot_be_written_shows_a_catalogue_in_one_view(
    folder, tmp_path, monkeypatch, capsys
):
    merge(folder, read_planned(folder.scan_json))
    write_report(folder, 0)
    path = write_catalogue(tmp_path / CSV)

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder.catalogue))

    monkeypatch.setattr("workflows.catalogue.write_json", refuse)
    assert main(["result", str(folder.path), "--catalogue", str(path)]) == 0
    shown = capsys.readouterr()
    assert "  source    Near <b>" in shown.out
    assert "does not keep the catalogue" in shown.err
    assert not folder.catalogue.exists()


def test_a_catalogue_may_have_any_name(folder, tmp_path):
    merge(folder, read_planned(folder.scan_json))
    sources = catalogue_for(write_catalogue(tmp_path / CSV))
    place_catalogue(sources, os.fsdecode(b"caf\xe9.csv"), folder)
    report = write_report(folder, 0)
    assert report.no_page == ""
    assert "Catalogue caf\\xe9.csv" in folder.page.read_text()


def test_sources_that_are_left_out_are_not_counted_as_if_there_were_none(map_file, capsys):
    rows = [f"S{n},298.48,{-6.73 + n * 1e-5}" for n in range(150)]
    path = map_file.with_name("many.csv")
    for n, words in (
        (150, "and at least 90 more inside 90 %"),
        (50, "and 40 more inside 90 %"),
    ):
        path.write_text("\n".join(["name,ra,dec", *rows[:n]]) + "\n")
        assert words in said(capsys, "result", map_file, "--catalogue", path)


def test_a_catalogue_can_be_given_when_the_scan_has_ended(folder, tmp_path, capsys):
    merge(folder, read_planned(folder.scan_json))
    write_report(folder, 0)
    assert "Catalogue" not in folder.page.read_text()
    path = write_catalogue(tmp_path / FITS)
    before = read_report(folder)
    said(capsys, "result", folder.path, "--catalogue", path)
    after = read_report(folder)
    assert "Catalogue c.fits" in folder.page.read_text()
    assert (before.best, before.answer) == (after.best, after.answer)
    assert "source    Second" in said(capsys, "result", folder.path)


def test_what_is_no_catalogue_is_refused_when_planning(tmp_path):
    with pytest.raises(BadInput, match="is not a file"):
        plan(EVENT, tmp_path, options(catalogue=tmp_path / "none.csv"))
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match="no columns of RA"):
        plan(EVENT, tmp_path, options(catalogue=tmp_path / "x.csv"))


def test_the_page_has_the_commands_that_made_the_scan_but_no_secret(tmp_path, capsys):
    words = ["plan", EVENT, "--simulated-event", "--reco-algo", "dummy", "--nsides", "1:0"]
    words += ["--notify", "curl -H token:abc", "--output-dir", tmp_path / "a b"]
    said(capsys, *words)
    (made,) = (ScanFolder(it) for it in (tmp_path / "a b").iterdir())
    said(capsys, *words)  # it is there
    write_report(made, 1)
    (line,) = made.commands.read_text().splitlines()
    command = (
        f"skyscan plan {EVENT} --simulated-event --reco-algo dummy --nsides 1:0 --notify ... "
        f"--output-dir '{tmp_path}/a b'"
    )
    assert line.partition(" ")[2] == command
    page = made.page.read_text()
    assert command.replace("'", "&#39;") in page
    assert "token:abc" not in page


def test_a_command_with_thousands_of_events_is_recorded_cut_and_once(folder):
    history.begin(["campaign", *(f"events/{n}.json" for n in range(5000))])
    history.record(folder)
    history.record(folder)
    history.begin(())
    assert folder.commands.stat().st_size < 4000
    (line,) = history.commands_of(folder)
    assert line.endswith(" ...")
