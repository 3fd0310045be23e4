"""Campaigns: many events in one DAG that fail independently, and one table of results."""

from __future__ import annotations

import csv
import json
import shutil
from collections import Counter
from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest
from plans_support import accept_changes, options, write_events
from scans import environment, make_scan

from condor.logs.dagman import log_events
from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.layout import ScanFolder
from workflows.campaigns.campaign import PATHS
from workflows.campaigns.plan import MOST_SCANS, plan_campaign
from workflows.campaigns.run import submit
from workflows.campaigns.table import campaign_rows, table_text
from workflows.cli import main
from workflows.options import Options
from workflows.submission import AlreadyRuns, only_one

if TYPE_CHECKING:
    from pathlib import Path

CRASH = "SKYSCAN_CRASH_DUMMY_PROBABILITY"
OPTIONS = ["--simulated-event", "--reco-algo", "crash_dummy", "--nsides", "1:0"]


def damage(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:3000])


def test_a_broken_event_is_reported_and_the_others_are_planned(tmp_path):
    files = write_events(tmp_path / "events", 3)
    damage(files[1])
    folder, campaign = plan_campaign(files, tmp_path / "many", options())
    assert [entry.exit_code for entry in campaign.entries] == [0, ExitCode.BAD_INPUT, 0]
    assert str(files[1]) in str(campaign.entries[1].problem)
    assert len(list(folder.path.glob("scans/*/*/scan.json"))) == 2
    nodes = [
        line.split()[2] for line in folder.dag.read_text().splitlines() if "SUBDAG" in line
    ]
    assert nodes == ["scan_00000", "scan_00002"]


def test_a_campaign_with_only_broken_events_is_refused(tmp_path):
    files = write_events(tmp_path / "events", 1)
    damage(files[0])
    with pytest.raises(BadInput, match=r"The only event cannot be planned.*0\.json"):
        plan_campaign(files, tmp_path / "many", options())


def test_the_same_event_is_scanned_once_and_another_version_of_it_is_refused(tmp_path):
    (file,) = write_events(tmp_path / "events", 1)
    copy, other = (tmp_path / name for name in ("copy.json", "other.json"))
    shutil.copy(file, copy)
    write_event(other, replace(read_event(file), mjd=60000.0))
    _, campaign = plan_campaign([file, file, copy, other], tmp_path / "many", options())
    assert [entry.exit_code for entry in campaign.entries] == [0, 0, ExitCode.BAD_INPUT]
    assert "a copy of" in str(campaign.entries[1].problem)
    assert "but differ" in str(campaign.entries[2].problem)


def test_sub_events_of_one_event_are_scanned_side_by_side(tmp_path):
    (file,) = write_events(tmp_path / "events", 1)
    files = [file]
    for number in (1, 12):
        files.append(tmp_path / f"sub{number}.json")
        write_event(files[-1], replace(read_event(file), sub_event_id=number))
    folder, campaign = plan_campaign(files, tmp_path / "many", options())
    names = [str(entry.name) for entry in campaign.entries]
    assert names == [
        "run00000001.evt000000000001.neutrino",
        "run00000001.evt000000000001.sub001.neutrino",
        "run00000001.evt000000000001.sub012.neutrino",
    ]
    assert [scan.path.name for scan in folder.scans] == sorted(names)


def test_refused_events_are_counted_and_named_once_and_make_the_exit_code(tmp_path, capsys):
    files = write_events(tmp_path / "events", 6)
    for file in files[1:5]:
        damage(file)
    shutil.copy(files[0], files[5])
    arguments = [*OPTIONS, "--no-submit", "--output-dir", str(tmp_path / "many")]
    assert main(["campaign", *map(str, files), *arguments]) == ExitCode.BAD_INPUT
    printed = capsys.readouterr().out
    assert "1 planned, 4 refused, 1 copy of another" in printed
    for file in files[1:]:
        assert printed.count(str(file)) == 1, printed
    assert main(["campaign", str(files[0]), *arguments]) == ExitCode.BAD_INPUT
    # Alone in a campaign, what can be planned is no error.
    alone = [*OPTIONS, "--no-submit", "--output-dir", str(tmp_path / "alone")]
    assert main(["campaign", str(files[0]), *alone]) == ExitCode.DONE
    assert "  scans     1 planned\n" in capsys.readouterr().out


def test_a_campaign_with_options_that_are_files_is_continued(tmp_path):
    files = write_events(tmp_path / "events", 2)
    damage(files[1])
    catalogue = tmp_path / "sources.csv"
    catalogue.write_text("name,ra,dec\nA,10,20\n")
    chosen = options(catalogue=catalogue)
    plan_campaign(files, tmp_path / "many", chosen)
    shutil.copy(write_events(tmp_path / "whole", 2)[1], files[1])
    folder, campaign = plan_campaign(files, tmp_path / "many", chosen)
    assert [entry.exit_code for entry in campaign.entries] == [0, 0]
    assert all(scan.catalogue.is_file() for scan in folder.scans)
    assert {it.name for it in fields(Options) if "Path" in str(it.type)} == set(PATHS)


def test_nothing_is_retried_in_a_campaign_that_never_ran(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("condor.pool.start", None)  # not reached
    files = write_events(tmp_path / "events", 2)
    plan_campaign(files, tmp_path / "many", options())
    assert main(["retry", str(tmp_path / "many"), "--failed"]) == ExitCode.DONE
    assert "Nothing to retry" in capsys.readouterr().out


def test_the_table_names_the_file_of_a_refused_event_once_a_line(tmp_path):
    files = write_events(tmp_path / "events", 2)
    damage(files[1])
    folder, _ = plan_campaign(files, tmp_path / "many", options())
    text = table_text(folder, campaign_rows(folder, is_over=True))
    assert max(line.count(str(files[1])) for line in text.splitlines()) == 1


def test_runs_of_real_events_that_are_called_simulated_raise_a_question(tmp_path, capsys):
    (file,) = write_events(tmp_path / "events", 1)
    data = tmp_path / "data.json"
    write_event(data, replace(read_event(file), run_id=133119))
    arguments = [*OPTIONS, "--no-submit", "--output-dir", str(tmp_path / "many")]
    assert main(["campaign", str(file), str(data), *arguments]) == ExitCode.DONE
    assert "run 133119 has a number of real events, and is scanned" in capsys.readouterr().err
    assert main(["campaign", str(file), *arguments[:-1], str(tmp_path / "sim")]) == 0
    assert "note" not in capsys.readouterr().err


def test_repaired_and_new_events_are_added_and_other_options_are_refused(tmp_path):
    files = write_events(tmp_path / "events", 3)
    whole = files[1].read_bytes()
    damage(files[1])
    plan_campaign(files[:2], tmp_path / "many", options())
    files[1].write_bytes(whole)
    _, campaign = plan_campaign(files, tmp_path / "many", options(), max_scans=7)
    assert all(entry.folder for entry in campaign.entries)
    assert [entry.node for entry in campaign.entries] == [f"scan_0000{i}" for i in range(3)]
    assert "MAXJOBS scans 7\n" in (tmp_path / "many" / "campaign.dag").read_text()
    with pytest.raises(WrongUsage, match="max_retries"):
        plan_campaign(files, tmp_path / "many", options(max_retries=1))


def test_more_concurrent_scans_than_dagmans_are_refused(tmp_path):
    files = write_events(tmp_path / "events", 1)
    with pytest.raises(WrongUsage, match="--max-scans"):
        plan_campaign(files, tmp_path / "many", options(), max_scans=MOST_SCANS + 1)


def test_three_hundred_events_are_planned_with_one_zip_in_small_folders(tmp_path, monkeypatch):
    monkeypatch.setattr("workflows.campaigns.folder.SHARD", 100)
    files = write_events(tmp_path / "events", 300)
    folder, campaign = plan_campaign(files, tmp_path / "many", options())
    assert Counter(str(it.folder).split("/")[1] for it in campaign.entries) == {
        "000": 100,
        "001": 100,
        "002": 100,
    }
    assert folder.dag.read_text().count("\nCATEGORY scan_") == 300
    assert len({path.read_bytes() for path in folder.path.rglob("skyscan.zip")}) == 1


def test_of_two_concurrent_submissions_of_a_campaign_one_is_refused(tmp_path):
    folder, _ = plan_campaign(
        write_events(tmp_path / "events", 1), tmp_path / "many", options()
    )
    with only_one(folder.json, "campaign"), pytest.raises(AlreadyRuns, match="campaign in"):
        submit(folder, None)  # the pool is not asked


def test_a_list_has_events_and_comments(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SKYSCAN_POOL_DIR", str(tmp_path / "no pool"))
    files = write_events(tmp_path / "events", 2)
    listed = tmp_path / "list"
    listed.write_text(f"# two events\n{files[0]}\n\n{files[1]}\n")
    where = ["--output-dir", str(tmp_path / "many")]
    assert main(["campaign", "--list", str(listed), *OPTIONS, *where, "--no-submit"]) == 0
    assert "2 events" in capsys.readouterr().out
    assert main(["status", str(tmp_path / "many")]) == 0
    assert "0 of 2 scans complete, 2 waiting" in capsys.readouterr().out


@pytest.mark.pool
@pytest.mark.versions
def test_events_fail_independently_and_resume_does_only_what_is_missing(
    pool, run_folder, capsys
):
    sound, broken, _ = files = write_events(run_folder / "events", 3)
    whole = broken.read_bytes()
    damage(broken)
    many, tally = run_folder / "it's many", run_folder / "tally"
    where = ["--output-dir", str(many), "--max-scans", "1"]
    command = ["campaign", *map(str, files), *OPTIONS, *where]
    with environment(**{CRASH: "0", TALLY_VARIABLE: str(tally)}):
        assert main([*command, "--no-submit"]) == ExitCode.BAD_INPUT
        (sub,) = many.glob("scans/000/*evt000000000003*/workflow/reco.sub")
        healthy = sub.read_text()
        sub.write_text(
            healthy.replace(f"{CRASH}=0", f"{CRASH}=1 SKYSCAN_CRASH_DUMMY_WHEN=always")
        )
        accept_changes(ScanFolder(sub.parents[1]))
        assert main(["resume", str(many)]) == ExitCode.BAD_INPUT

        rows = list(csv.DictReader((many / "campaign.csv").read_text().splitlines()))
        assert [row["state"] for row in rows] == ["complete", "refused", "incomplete"]
        assert [row["exit_code"] for row in rows] == ["0", "65", "69"]
        assert (rows[0]["nan_pixels"], rows[2]["nan_pixels"]) == ("0", "12")
        assert 0 < float(rows[0]["from_truth_deg"]) < 180
        output = capsys.readouterr().out
        assert "1 of 3 scans complete, 1 incomplete, 1 refused" in output
        assert str(broken) in output
        assert "--max-failed-pixels" in output
        # One at a time: a scan is submitted after the one before it has ended.
        log = many / "campaign.dag.nodes.log"
        names = [it.type.name for it in log_events(log) if it.cluster]
        changes = [it for it in names if it in ("SUBMIT", "JOB_TERMINATED")]
        assert changes == ["SUBMIT", "JOB_TERMINATED"] * 2

        alone = make_scan(
            pool, run_folder / "alone", sound, reco="dummy", progression=((1, 0),)
        )
        alone.submit().finish()
        (npz,) = (many / rows[0]["folder"]).glob("*.npz")
        assert npz.read_bytes() == alone.npz()

        before = fits(tally)
        assert set(before.values()) == {3}  # once of the sound event, twice of the crashing one
        broken.write_bytes(whole)
        sub.write_text(healthy)
        accept_changes(ScanFolder(sub.parents[1]))
        shutil.rmtree(sub.parents[1] / "rounds" / "000" / "results")
        assert main(["resume", str(many)]) == 0
        assert set((fits(tally) - before).values()) == {2}
    assert main(["result", str(many), "--json"]) == 0
    output = capsys.readouterr().out
    rows = json.loads(output[output.index("[\n") :])
    assert [row["state"] for row in rows] == ["complete"] * 3


def fits(tally: Path) -> Counter[str]:
    """Return how often the fit of each pixel was started, in all scans together."""
    return Counter(" ".join(line.split()[:3]) for line in tally.read_text().splitlines())
