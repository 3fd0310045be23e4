"""The baseline GCD file of an event without GCD, and the errors if there is none."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from skyscan.errors import BadInput, TryAgain
from skyscan.events.source import Source
from skyscan.icetray import gcd, reco
from skyscan.recos.millipede_wilks import MillipedeWilks
from skyscan.staging import Store

NAMES = ("2016_01_08_Run127381.i3", "baseline_gcd_131577.i3", "baseline_gcd_135417.i3.zst")


@pytest.fixture(autouse=True)
def no_folders_of_icecube(monkeypatch):
    nowhere = Store("GCDs", "gcds", (Path("/nonexistent"),), "gcds")
    monkeypatch.setattr(gcd, "BASELINE_GCDS", nowhere)
    monkeypatch.delenv("SKYSCAN_DATA_DIRS", raising=False)


@pytest.fixture
def baselines(tmp_path):
    folder = tmp_path / "gcds"
    folder.mkdir()
    for name in NAMES:
        (folder / name).touch()
    (folder / "README").touch()
    return folder


@pytest.mark.parametrize(
    ("run", "name"),
    [(120000, NAMES[0]), (131577, NAMES[0]), (131578, NAMES[1]), (140000, NAMES[2])],
)
def test_a_run_uses_the_last_baseline_that_starts_before_it(baselines, run, name):
    assert gcd.baseline_for_run(run, baselines) == baselines / name


def test_folders_of_the_user_are_searched(baselines, monkeypatch):
    monkeypatch.setenv("SKYSCAN_DATA_DIRS", str(baselines))
    assert gcd.baseline_for_run(140000, None) == baselines / NAMES[2]


def test_without_a_folder_the_error_says_what_to_do():
    with pytest.raises(BadInput, match="--gcd-dir"):
        gcd.baseline_for_run(140000, None)


def test_a_folder_that_cannot_be_read_is_a_temporary_error(tmp_path):
    no_folder = tmp_path / "file"
    no_folder.touch()
    with pytest.raises(TryAgain, match=str(no_folder)):
        gcd.baseline_for_run(140000, no_folder)


def test_an_event_without_gcd_cannot_be_planned_without_baselines(monkeypatch):
    for check in ("check_icetray", "_check_file"):
        monkeypatch.setattr(reco, check, lambda *_: None)
    event = SimpleNamespace(run_id=140000, baseline_gcd=None, keys=frozenset({"I3EventHeader"}))
    with pytest.raises(BadInput, match="has no GCD"):
        MillipedeWilks("2021a").check_files(Source(Path("event.i3"), is_real_event=True), event)
    whole = SimpleNamespace(run_id=140000, baseline_gcd=None, keys=frozenset({"I3Geometry"}))
    MillipedeWilks("2021a").check_files(Source(Path("event.i3"), is_real_event=True), whole)


@pytest.mark.usefixtures("icetray_stand_in")
def test_the_detector_of_a_file_of_its_own_replaces_that_of_the_event(monkeypatch):
    from icecube import dataclasses, icetray

    theirs, mine = ([icetray.I3Frame(stop) for stop in "GCDQP"] for _ in range(2))
    theirs[0]["I3Geometry"] = mine[0]["I3GeometryDiff"] = dataclasses.I3VectorOMKey()
    monkeypatch.setattr(reco, "read_frames", lambda _path: theirs)
    source = Source(Path("event.i3"), is_real_event=True, gcd=Path("gcd.i3"))
    event = SimpleNamespace(run_id=140000, baseline_gcd=None, keys=frozenset())
    found, baseline = MillipedeWilks("2021a")._with_gcd(mine, source, event)
    assert baseline is None
    assert found == [*theirs[:3], *mine[3:]]
    for check in ("check_icetray", "_check_file"):
        monkeypatch.setattr(reco, check, lambda *_: None)
    MillipedeWilks("2021a").check_files(source, event)  # needs no baseline
