"""The detector's frames from a file of their own."""

import os
from dataclasses import replace

import pytest
from events_support import raw
from level2_support import frames_of, level2
from plans_support import options

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.i3.frame import FrameObject
from skyscan.events.i3.i3file import all_frames
from skyscan.events.place import Place
from skyscan.events.raw import opened
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign
from workflows.checks.digests import damaged_files
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning.detector import OBJECTS
from workflows.steps import prep_step


def of_detector(stop, content=b""):
    return raw(stop, {OBJECTS[stop]: FrameObject("I3Bulky", content)})


@pytest.fixture
def detector(tmp_path):
    """A file with G, C and D among other frames."""
    frames = [of_detector(stop, bytes(1000)) for stop in "GCD"]
    path = tmp_path / "GeoCalibDetectorStatus.i3"
    path.write_bytes(raw("I") + b"".join(frames) + b"".join(frames_of(tmp_path, 9)))
    return path


@pytest.fixture
def made(detector):
    """Return options of a scan whose jobs run in icetray elsewhere."""
    return options(reco="millipede_wilks", site="icecube", gcd=detector, event_id="2")


def stops(path):
    with opened(Place(str(path))) as stream:
        return "".join(stop for _, stop, _ in all_frames(Place(str(path)), stream))


def test_prep_gets_the_frames_in_a_file_beside_the_event(tmp_path, made):
    folder = plan(level2(tmp_path), tmp_path / "scans", made)
    assert stops(folder.gcd) == "GCD"
    assert stops(folder.event / "event.i3") == "QP"
    scan = read_planned(folder.scan_json)
    step = prep_step(scan)
    assert "event/gcd.i3" in step.inputs
    assert step.arguments[-2:] == ("--gcd", "gcd.i3")
    folder.gcd.unlink()
    assert damaged_files(folder, scan) == ["event/gcd.i3"]
    plan(level2(tmp_path), tmp_path / "scans", made)
    assert damaged_files(folder, scan) == []


def test_another_detector_makes_another_scan(tmp_path, made, detector):
    first = read_planned(plan(level2(tmp_path), tmp_path / "a", made).scan_json)
    frames = [of_detector(stop, b"other") for stop in "GCD"]
    detector.write_bytes(b"".join(frames))
    os.utime(detector, (1, 1))
    second = read_planned(plan(level2(tmp_path), tmp_path / "b", made).scan_json)
    assert first.id != second.id


def test_the_scans_of_a_campaign_share_one_file(tmp_path, detector):
    chosen = options(reco="millipede_wilks", site="icecube", gcd=detector)
    folder, campaign = plan_campaign([level2(tmp_path)], tmp_path / "many", chosen)
    (shared,) = (folder.path / "gcd").iterdir()
    scans = [folder.scan(entry) for entry in campaign.entries]
    assert len(scans) == 3
    assert all(scan.gcd.samefile(shared) for scan in scans)
    assert read_campaign(CampaignFolder(folder.path)).options == campaign.options


def test_a_reconstruction_that_needs_no_detector_does_not_get_it(tmp_path, made, detector):
    folder = plan(level2(tmp_path), tmp_path / "scans", options(gcd=detector, event_id="2"))
    assert not folder.gcd.exists()
    assert read_planned(folder.scan_json).gcd_sha256 is None
    detector.unlink()
    with pytest.raises(BadInput, match="does not exist"):
        plan(level2(tmp_path), tmp_path / "other", made)


def test_a_file_without_all_three_frames_is_refused(tmp_path, made, detector):
    detector.write_bytes(of_detector("G") + of_detector("D"))
    with pytest.raises(BadInput, match="has no C frame"):
        plan(level2(tmp_path), tmp_path / "scans", made)
    detector.write_bytes(raw("G")[:-1] + b"x" + raw("C") + raw("D"))
    with pytest.raises(BadInput, match=r"frame number 1 \('G'\) does not match its checksum"):
        plan(level2(tmp_path), tmp_path / "scans", made)


@pytest.mark.parametrize("wrong", OBJECTS)
def test_a_frame_without_its_object_is_refused(tmp_path, made, detector, wrong):
    frames = [raw(it) if it == wrong else of_detector(it) for it in OBJECTS]
    detector.write_bytes(b"".join(frames))
    with pytest.raises(BadInput, match=f"has no {OBJECTS[wrong]} in frame number . .'{wrong}'"):
        plan(level2(tmp_path), tmp_path / "scans", made)


def test_pegasus_does_not_carry_it(tmp_path, detector):
    chosen = options(reco="millipede_wilks", engine="pegasus", gcd=detector, event_id="2")
    with pytest.raises(WrongUsage, match="--gcd needs --engine dagman"):
        plan(level2(tmp_path), tmp_path / "scans", chosen)


def test_large_frames_of_a_file_of_many_events_are_there_once_a_campaign(tmp_path):
    chosen = options(reco="millipede_wilks", site="icecube")
    folder, campaign = plan_campaign([level2(tmp_path)], tmp_path / "many", chosen)
    (shared,) = (folder.path / "gcd").iterdir()
    assert stops(shared) == "GCD"
    for scan in (folder.scan(entry) for entry in campaign.entries):
        assert stops(scan.event / "event.i3") == "QP"
        assert scan.gcd.samefile(shared)
        assert "event/gcd.i3" in prep_step(read_planned(scan.scan_json)).inputs
        assert damaged_files(scan, read_planned(scan.scan_json)) == []


def test_large_frames_stay_with_the_event_where_they_are_not_carried(tmp_path):
    path = level2(tmp_path, events=(1, 2))
    of_one = {"event_id": "2", "site": "icecube"}
    made = plan(path, tmp_path / "a", options(reco="millipede_wilks", **of_one))
    assert (stops(made.gcd), stops(made.event / "event.i3")) == ("GCD", "QP")
    made = plan(path, tmp_path / "b", options(**of_one))
    assert not made.gcd.exists()
    assert stops(made.event / "event.i3") == "QP"
    pegasus = options(reco="millipede_wilks", engine="pegasus", **of_one)
    made = plan(path, tmp_path / "c", pegasus)
    assert not made.gcd.exists()
    assert stops(made.event / "event.i3") == "GCDQP"


def test_a_detector_is_looked_for_in_the_first_frames_only(tmp_path, made):
    path = tmp_path / "many.i3"
    path.write_bytes(raw("Q") * 300 + b"not a frame")
    with pytest.raises(BadInput, match="has no G, C, D frame"):
        plan(level2(tmp_path), tmp_path / "scans", replace(made, gcd=path))
