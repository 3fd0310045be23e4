"""What is said of a scan whose map is not whole: never that it is complete."""

import json
import shutil

import numpy as np
import pytest
from plans_support import without_digests

from skyscan.batches import read_batch
from skyscan.errors import ExitCode
from skyscan.records import RECORD_DTYPE, sign
from skyscan.results import write_results
from skyscan.storage import npz_bytes, read_npz
from workflows.checks.whole import map_fault
from workflows.cli import main
from workflows.planned import read_planned
from workflows.reports.writing import last_report, write_report


def npz(folder):
    (path,) = folder.path.glob("run*.npz")
    return path


def delete_the_map(folder):
    npz(folder).unlink()


def delete_both_files(folder):
    for path in folder.path.glob("run*"):
        path.unlink()


def cut_the_map(folder):
    npz(folder).write_bytes(npz(folder).read_bytes()[:-100])


def cut_the_json(folder):
    path = npz(folder).with_suffix(".json")
    path.write_text(path.read_text()[:-100])


def lose_a_pixel(folder):
    arrays = read_npz(npz(folder))
    npz(folder).write_bytes(npz_bytes({**arrays, "nside-2": arrays["nside-2"][1:]}))


def lose_a_level(folder):
    arrays = read_npz(npz(folder))
    del arrays["nside-2"]
    npz(folder).write_bytes(npz_bytes({**arrays, "header": arrays["header"][:1]}))


def rename_a_pixel(folder):
    arrays = read_npz(npz(folder))
    arrays["nside-2"]["index"][0] += 1
    npz(folder).write_bytes(npz_bytes(arrays))


def clear_complete(folder):
    arrays = read_npz(npz(folder))
    arrays["header"]["complete"] = False
    npz(folder).write_bytes(npz_bytes(arrays))


def change_the_types(folder):
    arrays = read_npz(npz(folder))
    npz(folder).write_bytes(npz_bytes({**arrays, "nside-1": np.zeros((2, 3))}))


def lose_a_round(folder):
    shutil.rmtree(folder.round(0).path)


def lose_all_rounds(folder):
    shutil.rmtree(folder.rounds)


def damage_a_batch(folder):
    folder.round(0).batch(0).write_bytes(b"torn")


DAMAGE = (
    *(delete_the_map, delete_both_files, cut_the_map, cut_the_json, lose_a_pixel),
    *(lose_a_level, rename_a_pixel, clear_complete, change_the_types, lose_a_round),
    *(lose_all_rounds, damage_a_batch),
)


def test_the_json_of_a_large_map_is_compared_without_parsing_it(folder, monkeypatch):
    def refuse(*_: object) -> object:
        raise ValueError("more than anybody parses")

    scan = read_planned(folder.scan_json)
    monkeypatch.setattr("workflows.checks.whole.read_json", refuse)
    assert map_fault(folder, scan) is None


def test_the_json_of_an_earlier_version_is_accepted(folder):
    path = npz(folder).with_suffix(".json")
    path.write_text(json.dumps(json.loads(path.read_text()), indent=1) + "\n")
    assert map_fault(folder, read_planned(folder.scan_json)) is None


def test_the_map_of_a_scan_that_ended_well_is_whole(folder):
    assert map_fault(folder, read_planned(folder.scan_json)) is None
    assert write_report(folder, 0).exit_code == 0


@pytest.mark.parametrize("damage", DAMAGE)
def test_no_success_without_a_whole_map(folder, damage, capsys):
    assert "good      complete" in last_report(folder).text
    damage(folder)
    shown = last_report(folder)
    assert main(["result", str(folder.path)]) == ExitCode.TRY_AGAIN
    told = capsys.readouterr().out
    assert ": complete" not in told
    assert "good      complete" not in told
    written = write_report(folder, 0)
    for report in (shown, written):
        assert (report.outcome, report.exit_code) == ("failed", ExitCode.TRY_AGAIN)
        assert "skyscan resume" in report.text
        assert report.failures[-1].step == "map"


def test_a_map_of_other_results_is_not_the_map_of_these(folder):
    batch = read_batch(folder.round(1).batch(0))
    result = folder.round(1).result(0)
    records = np.frombuffer(result.read_bytes()[-RECORD_DTYPE.itemsize :], RECORD_DTYPE).copy()
    records["llh"] = 3.0
    write_results(result, batch, sign(records))
    report = write_report(folder, 0)
    assert report.exit_code == ExitCode.TRY_AGAIN


def test_a_result_file_that_was_deleted_after_the_end_leaves_the_map_whole(folder):
    folder.round(0).result(0).unlink()
    assert last_report(folder).outcome == "complete"


def test_a_copied_folder_names_its_own_map(folder):
    assert str(folder.path) not in folder.report.read_text()
    report = last_report(folder)
    assert report.outcome == "complete"
    assert report.map == str(npz(folder))
    assert str(npz(folder)) in report.text


def test_the_report_of_a_damaged_plan_is_65(folder):
    (folder.workflow / "scan.dag").write_text("JOB prep prep.sub\n")
    for dag_status in (0, 2):
        report = write_report(folder, dag_status)
        assert (report.outcome, report.exit_code) == ("failed", ExitCode.BAD_INPUT)
        assert "scan.dag is damaged" in report.text
        assert "skyscan plan" in report.text


def test_a_scan_without_digests_says_how_its_files_are_written_again(folder):
    without_digests(folder)
    delete_both_files(folder)
    text = write_report(folder, 0).text
    assert "delete scan.json" in text
    assert "not recognised" in text


def test_dagman_hears_that_there_is_no_map(folder):
    assert main(["report", str(folder.path), "0"]) == ExitCode.NOTHING_TO_DO
    delete_both_files(folder)
    assert main(["report", str(folder.path), "0"]) != 0
    assert json.loads(folder.report_json.read_text())["outcome"] == "failed"
