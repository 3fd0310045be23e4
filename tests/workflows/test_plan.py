"""Planning: an event and options become a scan folder, or one clear error."""

import errno
import json
import math
import os
import zipfile
from pathlib import Path
from typing import ClassVar

import pytest
from plans_support import EVENT, lay_out_as_before, options
from shipped_events import SHIPPED

from condor.sites import read_site
from skyscan.errors import BadInput, ExitCode, TryAgain, WrongUsage
from skyscan.events.reader import read_event
from skyscan.events.source import Source
from skyscan.events.writer import write_event
from skyscan.layout import WORKFLOW
from skyscan.recos.dummy import Dummy
from skyscan.storage import sha256_of
from workflows.checks.digests import check_plan
from workflows.engines import engine_of
from workflows.plan import plan
from workflows.planned import read_planned


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """Plan as from a shell without SKYSCAN_ variables."""
    for name in list(os.environ):
        if name.startswith("SKYSCAN_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="module")
def event():
    return read_event(EVENT)


def files(folder):
    return {
        str(path.relative_to(folder.path)): path.read_bytes()
        for path in folder.path.rglob("*")
        if path.is_file()
    }


def test_a_plan_contains_everything_that_a_scan_needs(tmp_path, event):
    folder = plan(EVENT, tmp_path, options())
    assert folder.path == tmp_path / event.name
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "event",
        "logs",
        "rounds",
        "scan.json",
        "workflow",
    ]
    assert sorted(path.name for path in folder.workflow.iterdir()) == [
        "before-deadline.sh",
        "dagman.config",
        "dagman.sh",
        "job.sh",
        "merge-here.sh",
        "merge.sub",
        "more_rounds.dag",
        "open-batch.sh",
        "open-round.sh",
        "prep.sub",
        "reco.sub",
        "scan.dag",
        "skyscan.sh",
        "skyscan.zip",
    ]
    scan = read_planned(folder.scan_json)
    assert (folder.event / scan.event_file).read_bytes() == EVENT.read_bytes()
    assert scan.event_sha256 == sha256_of(EVENT)
    assert scan.code_sha256 == sha256_of(folder.code)
    assert (scan.run_id, scan.event_id, scan.mjd) == (event.run_id, event.event_id, event.mjd)
    assert scan.max_rounds == 2 + 6
    for script in ("dagman.sh", "job.sh", "skyscan.sh", "open-round.sh", "before-deadline.sh"):
        assert os.access(folder.workflow / script, os.X_OK)


def test_the_same_options_keep_the_folder_unchanged(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    before = files(folder)
    assert plan(EVENT, tmp_path, options()) == folder
    assert files(folder) == before


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"reco": "crash-dummy"}, "reco 'dummy' -> 'crash_dummy'"),
        ({"progression": ((1, 0),)}, "progression"),
        ({"batch_size": 5}, "batch_size None -> 5"),
        ({"deadline": 60.0}, "deadline"),
        ({"request_memory": 5}, "request_memory"),
    ],
)
def test_other_options_are_named_and_refused(tmp_path, change, name):
    folder = plan(EVENT, tmp_path, options())
    before = files(folder)
    with pytest.raises(WrongUsage, match="with other options") as caught:
        plan(EVENT, tmp_path, options(**change))
    assert name in str(caught.value)
    assert "--output-dir" in str(caught.value)
    assert files(folder) == before


def test_other_skyscan_variables_are_other_options(tmp_path, monkeypatch):
    plan(EVENT, tmp_path, options())
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "1")
    with pytest.raises(WrongUsage, match="SKYSCAN_DUMMY_COST"):
        plan(EVENT, tmp_path, options())


def test_an_interrupted_plan_is_made_again(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    before = files(folder)
    folder.scan_json.unlink()
    (folder.workflow / "scan.dag").write_text("half")
    plan(EVENT, tmp_path, options())
    assert files(folder) == before


def test_a_folder_with_rounds_but_no_scan_is_not_written_over(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    folder.round(0).logs.mkdir(parents=True)
    folder.scan_json.unlink()
    with pytest.raises(BadInput, match=r"scan\.json is damaged"):
        plan(EVENT, tmp_path, options())


def test_a_file_in_place_of_the_folder_is_an_error(tmp_path, event):
    (tmp_path / event.name).write_text("")
    with pytest.raises(WrongUsage, match="in the way"):
        plan(EVENT, tmp_path, options())
    with pytest.raises(WrongUsage, match="--output-dir"):
        plan(EVENT, tmp_path / event.name, options())


def test_an_event_with_a_run_number_of_simulation_is_simulated(tmp_path, event):
    assert event.run_id < 100_000
    with pytest.raises(WrongUsage, match="--simulated-event") as caught:
        plan(EVENT, tmp_path, options(is_real_event=True))
    assert caught.value.exit_code == ExitCode.WRONG_USAGE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("run_id", [100_000, 999_999])
def test_an_event_with_a_real_run_number_may_be_either(tmp_path, event, run_id):
    path = tmp_path / "event.json"
    write_event(path, with_changes(event, run_id=run_id))
    assert read_planned(
        plan(path, tmp_path, options(is_real_event=True)).scan_json
    ).is_real_event
    other = plan(path, tmp_path / "other", options(is_real_event=False))
    assert not read_planned(other.scan_json).is_real_event


def with_changes(event, **changes: object):
    return event.__class__(**{**vars(event), **changes})


def test_an_event_of_unknown_type_has_the_folder_name_none(tmp_path, event):
    path = tmp_path / "event.json"
    write_event(path, with_changes(event, event_type=None, scalars={}))
    folder = plan(path, tmp_path, options())
    assert folder.path.name == f"run{event.run_id:08d}.evt{event.event_id:012d}.unknown"
    assert read_planned(folder.scan_json).event_type is None


@pytest.mark.parametrize(
    "name", ["event", "an event.JSON", "x.js on,$(HOME);\"'", "Ünïcode.json", "a.b.json"]
)
def test_the_name_of_the_event_file_is_harmless(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(EVENT.read_bytes())
    folder = plan(path, tmp_path / "scans", options())
    assert read_planned(folder.scan_json).event_file == "event.json"
    assert "event/event.json" in (folder.workflow / "prep.sub").read_text()


@pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.file)
def test_an_event_in_any_envelope_is_planned_with_its_type(tmp_path, shipped):
    folder = plan(shipped.path, tmp_path, options())
    scan = read_planned(folder.scan_json)
    assert (scan.run_id, scan.event_id) == (1, shipped.seed)
    assert scan.event_type == shipped.event_type
    assert folder.path.name == scan.name
    assert (folder.event / scan.event_file).read_bytes() == shipped.path.read_bytes()


@pytest.mark.parametrize("name", ['it\'s a "folder"', "with $(HOME)", "ünicode, and; more"])
def test_any_folder_name_works_and_is_in_no_submit_file(tmp_path, name):
    folder = plan(EVENT, tmp_path / name, options())
    written = list(folder.path.rglob("*.sub"))
    assert {"prep.sub", "reco.sub", "merge.sub"} <= {path.name for path in written}
    for path in written:
        assert name not in path.read_text()
    assert name not in (folder.workflow / "scan.dag").read_text()


def test_missing_and_damaged_events_are_bad_input_and_leave_no_folder(tmp_path):
    damaged = tmp_path / "damaged.json"
    damaged.write_bytes(EVENT.read_bytes()[:5000])
    for path in (tmp_path / "no.json", damaged, tmp_path):
        with pytest.raises(BadInput):
            plan(path, tmp_path / "scans", options())
    assert not (tmp_path / "scans").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"site": "nowhere"}, "Known sites: .*personal"),
        ({"runtime": "conda:base"}, "conda:base.* is not valid"),
        ({"runtime": "container:docker://icecube/skymap_scanner"}, "unpinned"),
        ({"gcd_dir": Path("no folder")}, "--gcd-dir .*no folder"),
        ({"gcd_dir": Path("/with/$(HOME)"), "site": "icecube"}, "--gcd-dir"),
        ({"max_rounds": 1001}, "--max-rounds 1001"),
    ],
)
def test_invalid_options_are_wrong_usage_and_leave_no_folder(tmp_path, change, why):
    with pytest.raises(WrongUsage, match=why):
        plan(EVENT, tmp_path, options(**change))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_reconstruction_is_bad_input_and_the_known_ones_are_listed(tmp_path):
    with pytest.raises(BadInput, match=r"'nothing'.* There are: .*dummy.*track") as caught:
        plan(EVENT, tmp_path, options(reco="nothing"))
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert list(tmp_path.iterdir()) == []


def test_the_runtime_is_recorded_with_its_pin_from_option_or_site(tmp_path):
    pinned = "container:docker://icecube/skymap_scanner:4.2.1"
    recorder = plan(EVENT, tmp_path / "recorder", options(runtime=pinned))
    assert read_planned(recorder.scan_json).runtime == pinned
    usual = plan(EVENT, tmp_path / "usual", options())
    assert read_planned(usual.scan_json).runtime == "host"
    sites = plan(EVENT, tmp_path / "site", options(site="icecube"))
    scan = read_planned(sites.scan_json)
    assert scan.runtime == read_site("icecube").runtime
    assert scan.runtime.startswith("container:/cvmfs/icecube.opensciencegrid.org/containers/")
    assert scan.request_memory == 8000
    with pytest.raises(WrongUsage, match=r"runtime 'host' -> 'host:python3'"):
        plan(EVENT, tmp_path / "usual", options(runtime="host:python3"))


def test_a_gcd_folder_is_passed_on_as_an_absolute_path(tmp_path, monkeypatch):
    (tmp_path / "gcds").mkdir()
    monkeypatch.chdir(tmp_path)
    folder = plan(EVENT, tmp_path, options(gcd_dir=Path("gcds")))
    assert read_planned(folder.scan_json).gcd_dir == str(tmp_path / "gcds")
    assert f"--gcd-dir {tmp_path / 'gcds'}" in (folder.workflow / "prep.sub").read_text()
    # if jobs run elsewhere, so is the folder
    plan(EVENT, tmp_path / "x", options(gcd_dir=Path("elsewhere"), runtime="host:python3"))


class Recorder(Dummy):
    """A reconstruction that records its calls, and refuses what the test sets."""

    pulses_key = "SplitUncleanedInIcePulses"
    notes: ClassVar[list[object]] = []
    refused: ClassVar[str] = ""

    def check(self, source, event) -> None:
        self.note("check", source, event)

    def check_files(self, source, event) -> None:
        self.note("check_files", source, event)

    def note(self, what, source, event) -> None:
        self.notes.append((what, source, event.pulses_key))
        if what == self.refused:
            raise BadInput(f"no {what}")


@pytest.fixture
def recorder(monkeypatch):
    monkeypatch.setattr("skyscan.prep.reco_class", lambda _: Recorder)
    monkeypatch.setattr(Recorder, "notes", [])
    return Recorder


def test_the_reconstruction_is_asked_about_the_event_and_files_that_its_jobs_will_see(
    tmp_path, recorder
):
    plan(EVENT, tmp_path, options(gcd_dir=tmp_path))
    source = Source(EVENT, is_real_event=False, gcd_dir=tmp_path)
    assert recorder.notes == [
        ("check", source, recorder.pulses_key),
        ("check_files", source, recorder.pulses_key),
    ]


def test_the_event_is_read_again_if_the_reconstruction_uses_other_pulses(
    tmp_path, recorder, monkeypatch
):
    monkeypatch.setattr(recorder, "pulses_key", "OtherPulses")
    with pytest.raises(BadInput, match="OtherPulses"):
        plan(EVENT, tmp_path, options())
    assert recorder.notes == []


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"site": "icecube"},
        {"site": "icecube", "runtime": "host"},
        {"runtime": "host:python3"},
        {"runtime": "cvmfs:/an/env-shell.sh"},
        {"runtime": "container:/an/image.sif"},
    ],
)
def test_data_files_are_checked_only_if_jobs_see_the_same(tmp_path, recorder, elsewhere):
    plan(EVENT, tmp_path, options(**elsewhere))
    assert [note[0] for note in recorder.notes] == ["check"]


@pytest.mark.parametrize("refused", ["check", "check_files"])
def test_an_event_that_the_reconstruction_refuses_leaves_no_folder(
    tmp_path, recorder, monkeypatch, refused
):
    monkeypatch.setattr(recorder, "refused", refused)
    with pytest.raises(BadInput, match=f"no {refused}"):
        plan(EVENT, tmp_path / "scans", options())
    assert not (tmp_path / "scans").exists()


def test_skyscan_variables_reach_the_jobs(tmp_path, monkeypatch):
    monkeypatch.setenv("SKYSCAN_DUMMY_COST", "0.5")
    monkeypatch.setenv("SKYSCAN_WORDS", "it's two")
    monkeypatch.setenv("OTHER_VARIABLE", "elsewhere")
    folder = plan(EVENT, tmp_path, options(variables=("SKYSCAN_WORDS",)))
    for name in ("reco.sub", "prep.sub"):
        text = (folder.workflow / name).read_text()
        assert "SKYSCAN_DUMMY_COST=0.5 " in text
        assert " SKYSCAN_WORDS='it''s two'\"\n" in text
        assert "elsewhere" not in text
    assert read_planned(folder.scan_json).environment == {
        "SKYSCAN_DUMMY_COST": "0.5",
        "SKYSCAN_WORDS": "it's two",
    }


@pytest.mark.parametrize(
    "name",
    [
        "SKYSCAN_X_TOKEN",
        "SKYSCAN_SECRET",
        "SKYSCAN_db_password",
        "SKYSCAN_BROKER_AUTH",
        "SKYSCAN_S3_ACCESS_KEY",
        "SKYSCAN_ApiKey",
        "SKYSCAN_PRIVATE",
    ],
)
def test_secrets_are_recorded_nowhere_in_the_folder(tmp_path, monkeypatch, name):
    monkeypatch.setenv(name, "hush-hush-1234")
    folder = plan(EVENT, tmp_path, options())
    content = files(folder)
    with zipfile.ZipFile(folder.code) as code:
        content |= {entry: code.read(entry) for entry in code.namelist()}
    assert [path for path, text in content.items() if b"hush-hush" in text] == []
    assert [path for path in content if "hush" in path] == []


def test_a_scan_json_is_standard_json(tmp_path):
    folder = plan(EVENT, tmp_path, options())
    value = json.loads(folder.scan_json.read_text())
    assert value["progression"] == [[1, 0], [2, 1]]
    assert math.isfinite(value["mjd"])
    assert set(value["versions"]) >= {"python", "skyscan", "numpy", "healpy"}


def test_a_folder_without_workflow_folder_keeps_its_layout(
    tmp_path,
):
    folder = plan(EVENT, tmp_path, options())
    lay_out_as_before(folder)
    assert folder.workflow == folder.path
    folder.code.write_bytes(b"torn")
    assert plan(EVENT, tmp_path, options()) == folder
    check_plan(folder, read_planned(folder.scan_json))
    assert not (folder.path / WORKFLOW).exists()
    assert engine_of(folder).command(folder)[-1] == str(folder.path / "scan.dag")
    dag = (folder.path / "scan.dag").read_text()
    assert "./skyscan.sh workflows open-scan .\n" in dag
    commands = (folder.path / "reco.sub").read_text().splitlines()
    assert "initialdir = ." in commands
    (inputs,) = (line for line in commands if line.startswith("transfer_input_files"))
    assert "skyscan.zip" in inputs.partition(" = ")[2].split(", ")


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EMFILE]
)
def test_a_full_disk_while_planning_may_pass(tmp_path, monkeypatch, number):
    def full(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("workflows.planning.folder.write_bytes", full)
    with pytest.raises(TryAgain, match="plan again"):
        plan(EVENT, tmp_path, options())
    monkeypatch.undo()
    plan(EVENT, tmp_path, options())
