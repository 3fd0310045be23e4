"""The ice model that a user gives for the reconstructions in layered ice."""

import json
from dataclasses import replace

import pytest
from plans_support import EVENT, options, write_events
from results_support import do

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.source import Source
from skyscan.light.ice_files import read_ice_model
from skyscan.light.ice_json import read_ice
from skyscan.light.tables import shipped_table
from skyscan.merge import merge
from skyscan.prep import prepare
from skyscan.rounds.next_round import open_round
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign
from workflows.checks.digests import damaged_files
from workflows.cli import main
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report
from workflows.reports.writing import write_report
from workflows.steps import prep_step

ROWS = "1400 0.04 0.009 -30\n1900 0.05 0.01 -20\n2400 0.03 0.008 -10\n2900 0.02 500 -7\n"
FOUR = "0.9 0.03\n1.08 0.01\n6954.09 900\n6617.75 70\n"
SHIPPED_SCATTERING = "5\n1\n0.35\n0.9\n"


@pytest.fixture
def ice(tmp_path):
    """A folder with three layers of ice, which scatters as the tables of light suppose."""
    folder = tmp_path / "my_ice"
    folder.mkdir()
    (folder / "icemodel.dat").write_text(ROWS)
    (folder / "icemodel.par").write_text(FOUR)
    (folder / "cfg.txt").write_text(SHIPPED_SCATTERING)
    return folder


def planned(place, ice, **changes: object):
    return plan(EVENT, place, options(**{"reco": "track", "ice_model": ice, **changes}))


@pytest.mark.parametrize("reco", ["Track", "auto"])
def test_levels_that_were_measured_in_other_ice_are_refused_for_it(tmp_path, ice, reco):
    chosen = {"reco": reco, "levels": "calibrated"}
    with pytest.raises(WrongUsage, match="in other ice"):
        planned(tmp_path / "scans", ice, **chosen)
    assert read_planned(planned(tmp_path / "scans", None, **chosen).scan_json).levels is None


@pytest.mark.parametrize("reco", ["track", "cascade", "cascades", "auto"])
def test_prep_gets_the_numbers_and_never_the_folder(tmp_path, ice, reco, capsys):
    folder = planned(tmp_path / "scans", ice, reco=reco)
    assert capsys.readouterr().err == ""
    scan, given = read_planned(folder.scan_json), read_ice_model(ice)
    assert scan.ice_sha256 == read_ice(folder.ice).digest == given.digest
    step = prep_step(scan)
    assert "event/ice.json" in step.inputs
    assert step.arguments[-2:] == ("--ice-model", "ice.json")
    texts = [path.read_text("utf-8") for path in (folder.ice, folder.scan_json)]
    assert not any(str(ice) in text for text in texts)


def test_a_damaged_copy_is_recognised_and_planned_again(tmp_path, ice):
    folder = planned(tmp_path / "scans", ice)
    scan = read_planned(folder.scan_json)
    folder.ice.write_text(folder.ice.read_text().replace("0.35", "0.45"))
    assert damaged_files(folder, scan) == ["event/ice.json"]
    source = Source(EVENT, is_real_event=False, ice=folder.ice)
    with pytest.raises(BadInput, match="damaged"):
        prepare(scan.id, "track", source, folder.startup)
    planned(tmp_path / "scans", ice)
    assert damaged_files(folder, scan) == []


def test_other_ice_is_another_scan_and_no_ice_the_same_as_ever(tmp_path, ice):
    ids = {read_planned(planned(tmp_path / "a", ice).scan_json).id}
    (ice / "icemodel.dat").write_text(ROWS.replace("0.05", "0.06"))
    with pytest.raises(WrongUsage, match=r"other options \(ice_sha256"):
        planned(tmp_path / "a", ice)
    ids.add(read_planned(planned(tmp_path / "b", ice).scan_json).id)
    without = read_planned(planned(tmp_path / "c", None).scan_json)
    assert without.ice_sha256 is None
    assert "event/ice.json" not in prep_step(without).inputs
    assert replace(without, ice_sha256="0" * 64).id not in {without.id, *ids}
    assert len({without.id, *ids}) == 3


@pytest.mark.parametrize("reco", ["track_bulk", "dummy", "millipede_wilks", "splinempe"])
def test_a_fit_without_layered_ice_refuses_it(tmp_path, ice, reco):
    with pytest.raises(
        WrongUsage, match=f"--ice-model: {reco} .* track, cascade, cascades and auto do"
    ):
        planned(tmp_path / "scans", ice, reco=reco)
    with pytest.raises(WrongUsage, match="--ice-model"):
        plan_campaign([EVENT], tmp_path / "many", options(reco=reco, ice_model=ice))
    assert not (tmp_path / "scans").exists()


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("icemodel.par", "1 0\n", "1 numbers"),
        ("icemodel.dat", ROWS.replace("0.05", "-0.05"), "scattering length is not from"),
        ("as.dat", "0.3\n" + "0.1\n" * 12, "12 coefficients"),
        ("as.dat", "0.3\n-1\n", "nowhere positive"),
    ],
)
def test_a_model_that_no_job_could_use_is_refused_when_planned(tmp_path, ice, name, text, why):
    (ice / name).write_text(text)
    words = [str(EVENT), "--simulated-event", "--output-dir", str(tmp_path / "scans")]
    assert main(["plan", *words, "--ice-model", str(ice)]) == 65
    with pytest.raises(BadInput, match=why):
        planned(tmp_path / "scans", ice)
    assert not (tmp_path / "scans").exists()


def test_a_model_of_very_many_layers_is_refused(tmp_path, ice):
    rows = [f"{depth} 0.04 0.009 -30\n" for depth in range(6000)]
    (ice / "icemodel.dat").write_text("".join(rows))
    with pytest.raises(BadInput, match="6000 layers"):
        planned(tmp_path / "scans", ice)


@pytest.mark.parametrize("depths", [(1700, 2000, 2300), (2000, 2300, 2600)])
def test_a_model_that_does_not_reach_all_doms_is_refused(tmp_path, ice, depths):
    (ice / "icemodel.dat").write_text("".join(f"{d} 0.04 0.009 -30\n" for d in depths))
    with pytest.raises(BadInput, match=r"layers reach from z = .* the DOMs from -51\d to 52\d"):
        planned(tmp_path / "scans", ice)


def test_tables_for_another_scattering_function_and_an_unused_tilt_are_named(
    tmp_path, ice, capsys
):
    (ice / "cfg.txt").unlink()  # ppc's own share is 0.45
    (ice / "tilt.par").write_text("86 0\n2 100\n")
    (ice / "tilt.dat").write_text("900 0 20\n1100 0 20\n")
    planned(tmp_path / "scans", ice, reco="auto")
    warnings = [it for it in capsys.readouterr().err.splitlines() if "warning" in it]
    assert len(warnings) == 2
    assert all("0.45" in it and "made for 0.35" in it for it in warnings)
    events = write_events(tmp_path / "events", 3)
    plan_campaign(events, tmp_path / "many", options(reco="track", ice_model=ice))
    said = capsys.readouterr().err
    assert said.count("warning: --ice-model my_ice") == 1
    assert said.count("without the tilt") == 1


def test_a_campaign_keeps_the_folder_and_each_scan_has_its_numbers(tmp_path, ice, monkeypatch):
    events = write_events(tmp_path / "events", 2)
    monkeypatch.chdir(tmp_path)
    chosen = options(reco="track", ice_model=ice.relative_to(tmp_path))
    folder, campaign = plan_campaign(events, tmp_path / "many", chosen)
    again = read_campaign(CampaignFolder(folder.path)).options
    assert again == campaign.options
    assert again.ice_model == ice
    scans = [read_planned(folder.scan(it).scan_json) for it in campaign.entries]
    assert {scan.ice_sha256 for scan in scans} == {read_ice_model(ice).digest}


@pytest.mark.parametrize("given", [True, False])
def test_the_report_and_the_page_say_which_ice_and_which_table(tmp_path, ice, given):
    made = options(reco="track", ice_model=ice if given else None, progression=((1, 0),))
    folder = plan(EVENT, tmp_path / "scans", made)
    scan = read_planned(folder.scan_json)
    source = Source(EVENT, is_real_event=False, ice=folder.ice if given else None)
    prepare(scan.id, scan.reco, source, folder.startup)
    open_round(folder, scan, 0)
    do(folder, 0)
    merge(folder, scan)
    report = write_report(folder, 0)
    light = report.answer["light"]
    assert light["ice"] == ("my_ice" if given else "SPICE BFR v2")
    assert not given or light["ice_sha256"] == scan.ice_sha256
    assert light["tables_sha256"] == {"track": shipped_table("track").digest}
    assert f"  ice       {light['ice']}, SHA-256 {light['ice_sha256'][:12]}\n" in report.text
    assert read_report(folder).answer["light"] == light
    assert json.loads(folder.report_json.read_text())["answer"]["light"] == light
    page = folder.page.read_text("utf-8")
    assert f"<code>{light['ice']}</code>" in page
    assert f"<code>{light['ice_sha256']}</code>" in page
    assert ("--ice-model FOLDER" in page) == given
