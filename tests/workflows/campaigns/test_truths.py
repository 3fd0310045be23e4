"""What a campaign of simulated events says: medians, pulls and coverage."""

from html import unescape
from math import sqrt

import numpy as np
import pytest
from answer_support import gaussian_map
from events_support import simulated_event
from plans_support import options
from scans import make_scan
from tables_support import plain, write_csv, write_kaggle

from skyscan.answer.context import Context
from skyscan.detector import DOM_DTYPE, Detector
from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.events.choice import EventId
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from workflows.campaigns.plan import plan_campaign
from workflows.campaigns.row import Row
from workflows.campaigns.truths import Coverage, coverage, truth_lines
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned

TRUTHS = {"event": [1, 2], "zenith": [1.0, 2.0], "azimuth": [3.0, 4.0], "energy": [1e4, 1e5]}


def row(distance, *, pull=1.0, in_50=True, in_90=True, state="complete"):
    return Row("x", state, from_truth_deg=distance, pull=pull, in_50=in_50, in_90=in_90)


def test_medians_and_coverage_are_those_of_the_complete_scans():
    rows = [
        row(1.0, in_50=False),
        row(2.0),
        row(4.0, in_50=False, in_90=False),
        row(9.0, state="failed"),
        Row("x", "complete"),
    ]
    text = "\n".join(truth_lines(rows))
    assert "3 events: median 2.00 deg from it, pull 1.00" in text
    assert "33 +- 22 % (1 of 3) in the 50 % regions" in text
    assert "67 +- 22 % (2 of 3) in the 90 % regions" in text


def test_without_a_truth_nothing_is_said():
    assert truth_lines([Row("x", "complete")]) == []
    assert coverage([]) == []


def test_a_coverage_of_all_has_an_error():
    assert Coverage(90, 10, 10).error == pytest.approx(sqrt(11 / 12 / 12 / 12))


def test_a_row_of_a_table_is_planned_as_a_local_scan_with_its_truth(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1, 2)))
    truth = write_csv(tmp_path / "truth.csv", TRUTHS)
    folder = plan(path, tmp_path / "scans", options(event_id="2", truth=truth))
    scan = read_planned(folder.scan_json)
    assert (scan.event_id, scan.mjd, scan.event_file) == (2, None, "event.json")
    own = read_event(folder.event / scan.event_file)
    assert own.truth.energy == 1e5
    assert plan(path, tmp_path / "scans", options(event_id="2", truth=truth)) == folder


def test_the_time_of_an_option_makes_a_map_of_the_sky(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    folder = plan(path, tmp_path / "scans", options(mjd=60310.5, run_id=3))
    scan = read_planned(folder.scan_json)
    assert (scan.mjd, scan.run_id) == (60310.5, 3)


def test_events_of_kaggle_are_chosen_for_a_campaign(tmp_path):
    path = write_kaggle(tmp_path)
    chosen = options(truth=tmp_path / "train_meta.parquet")
    events = [EventId(41), EventId(3), EventId(5)]
    _, campaign = plan_campaign([path], tmp_path / "many", chosen, events=events)
    names = [entry.name for entry in campaign.entries]
    assert names == [
        "run00000000.evt000000000041.unknown",
        "run00000000.evt000000000003.unknown",
        None,
    ]
    assert campaign.entries[2].exit_code == ExitCode.BAD_INPUT
    assert "has no event 5" in str(campaign.entries[2].problem)


def test_options_of_tables_are_those_of_the_tables_of_a_campaign(tmp_path):
    table = write_csv(tmp_path / "x.csv", plain((1, 2)))
    truth = write_csv(tmp_path / "truth.csv", TRUTHS)
    alert = tmp_path / "alert.json"
    write_event(alert, simulated_event())
    chosen = options(truth=truth, mjd=60310.5)
    with pytest.raises(WrongUsage, match=r"alert.json is not a table.*--mjd, --truth"):
        plan_campaign([alert], tmp_path / "none", chosen)
    folder, campaign = plan_campaign([alert, table], tmp_path / "many", chosen)
    scans = [folder.scan(it) for it in campaign.entries]
    found = [read_event(it.event / read_planned(it.scan_json).event_file) for it in scans]
    assert [it.event_id for it in found] == [35405932, 1, 2]
    assert found[0].mjd == pytest.approx(simulated_event().mjd)
    assert [it.mjd for it in found[1:]] == [60310.5, 60310.5]
    assert [it.truth.energy for it in found[1:]] == [1e4, 1e5]
    events = [EventId(35405932), EventId(2)]
    _, campaign = plan_campaign([table, alert], tmp_path / "some", chosen, events=events)
    assert [it.problem for it in campaign.entries] == [None, None]


def test_a_whole_table_is_a_campaign(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1, 2)))
    _, campaign = plan_campaign([path], tmp_path / "many", options())
    assert [entry.exit_code for entry in campaign.entries] == [0, 0]


def test_reconstructions_in_icetray_refuse_an_event_without_frames(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    with pytest.raises(BadInput, match="comes from a table, without the frames"):
        plan(path, tmp_path / "scans", options(reco="millipede_wilks", site="icecube"))


def test_another_detector_is_scanned_by_what_needs_none_of_icecubes(tmp_path):
    columns = {
        "string": [0] * 8,
        "om": list(range(8)),
        "time": list(range(8)),
        "charge": [1] * 8,
    }
    place = {"x": [0.0] * 8, "y": [0.0] * 8, "z": [10.0 * i for i in range(8)]}
    path = write_csv(tmp_path / "x.csv", columns)
    geometry = write_csv(tmp_path / "g.csv", {"string": [0] * 8, "om": range(8), **place})
    for reco in ("dummy", "track"):
        plan(path, tmp_path / reco, options(geometry=geometry, reco=reco))
    with pytest.raises(BadInput, match="--geometry gives another detector"):
        plan(path, tmp_path / "none", options())


def test_the_answer_of_another_detector_warns():
    doms = np.zeros(4, DOM_DTYPE)
    doms["om"], doms["x"] = range(4), range(4)
    context = Context(reco="track", detector=Detector(doms))
    answer = gaussian_map(context=context).answer()
    (check,) = (it for it in answer.checks if it.name == "detector")
    assert check.state == "warning"
    assert "not IceCube-86 but one of 4 DOMs" in check.reason
    assert not any(it.name == "detector" for it in gaussian_map().answer().checks)


def test_an_event_of_a_table_that_is_data_needs_its_run(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    with pytest.raises(WrongUsage, match="of run 0, but runs of real events"):
        plan(path, tmp_path / "scans", options(is_real_event=True))


@pytest.mark.pool
def test_a_scan_without_a_time_ends_with_a_local_map_and_its_errors(tmp_path, pool):
    path = write_csv(tmp_path / "x.csv", plain((1, 2)))
    truth = write_csv(tmp_path / "truth.csv", TRUTHS)
    chosen = {"reco": "dummy", "progression": ((1, 0), (2, 1)), "jobs_per_round": 1}
    scan = make_scan(pool, tmp_path, path, event_id="1", truth=truth, **chosen)
    report = scan.submit().finish()
    assert report.outcome == "complete"
    assert report.best["ra_deg"] is None
    assert 0 <= report.best["zenith_deg"] <= 180
    assert report.answer["truth"]["energy_gev"] == 1e4
    assert "  truth     zenith 57.30 deg, azimuth 171.89 deg" in report.text
    page = unescape((scan.folder.path / "report.html").read_text())
    assert "azimuth 171.89 deg (IceCube's local frame)" in page
    assert "J2000" not in page.partition("<script")[0]


def test_the_command_line_takes_a_table(tmp_path, capsys):
    path = write_csv(tmp_path / "x.csv", plain((1, 2)))
    place = ["--simulated-event", "--output-dir", str(tmp_path / "scans")]
    fits = ["--reco-algo", "dummy", "--nsides", "1:0"]
    assert main(["plan", str(path), "--event", "2", "--run", "9", *place, *fits]) == 0
    assert "run00000009.evt000000000002.unknown" in capsys.readouterr().out
