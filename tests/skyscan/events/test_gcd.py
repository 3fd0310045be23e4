"""The baseline GCD of an alert's differences, and the frame keys of an event."""

import pytest
from events_support import raw, simulated_event, simulated_frames

from skyscan.errors import BadInput
from skyscan.events.gcd import baseline_gcd_named
from skyscan.events.i3.archive import OutArchive
from skyscan.events.i3.frame import FrameObject
from skyscan.events.i3.objects import write_scalar
from skyscan.events.reader import read_event


def difference(name, kind="I3GeometryDiff", version=0):
    archive = OutArchive(kind, version)
    archive.string(name)
    archive.pack("<d", 1.5)  # or any other text
    return FrameObject(kind, archive.buffer())


def event_with(tmp_path, **objects: dict):
    """Return the event of an .i3 file whose frames have these objects, by stop and key."""
    frames = simulated_frames(tmp_path)
    frames |= {stop: raw(stop, held) for stop, held in objects.items()}
    path = tmp_path / "event.i3"
    path.write_bytes(b"".join(frames.values()))
    return read_event(path)


@pytest.mark.parametrize(
    ("name", "baseline"),
    [
        ("hese_event_00.json", "2016_01_08_Run127381.i3"),
        ("hese_event_01.json", "2016_01_08_Run127381.i3"),
        ("run00136662-evt000035405932-BRONZE.pkl", "baseline_gcd_135417.i3"),
    ],
)
def test_real_alerts_name_their_baseline(shared_events, name, baseline):
    assert read_event(shared_events / name).baseline_gcd == baseline


def test_current_gcd_is_the_file_that_upstream_uses():
    assert baseline_gcd_named("current-gcd") == "2016_01_08_Run127381.i3"
    assert baseline_gcd_named("baseline_gcd_135417.i3") == "baseline_gcd_135417.i3"


def test_differences_to_one_file_give_its_name(tmp_path):
    event = event_with(
        tmp_path,
        G={"I3GeometryDiff": difference("a.i3")},
        C={"I3CalibrationDiff": difference("a.i3", "I3CalibrationDiff")},
        D={"MyStatusDiff": difference("a.i3", "I3DetectorStatusDiff")},
    )
    assert event.baseline_gcd == "a.i3"


def test_differences_to_several_files_are_refused(tmp_path):
    with pytest.raises(BadInput, match=r"event.i3: .*several baseline GCDs \(a.i3, b.i3\)"):
        event_with(
            tmp_path,
            G={"I3GeometryDiff": difference("a.i3")},
            D={"I3DetectorStatusDiff": difference("b.i3")},
        )


@pytest.mark.parametrize(
    "objects",
    [
        {"G": {}},
        {"G": {"I3Geometry": difference("a.i3")}},
        {"Q": {"OtherDiff": difference("a.i3")}},
        {"G": {"I3GeometryDiff": difference("a.i3", version=1)}},
        {"G": {"I3GeometryDiff": difference("../../etc/passwd")}},
        {"G": {"I3GeometryDiff": difference("")}},
        {"G": {"I3GeometryDiff": difference("a" * 256)}},
        {"G": {"I3GeometryDiff": write_scalar(1.5)}},
        {"G": {"I3GeometryDiff": FrameObject("I3GeometryDiff", b"abc")}},
        {"G": {"I3GeometryDiff": FrameObject("I3GeometryDiff", b"")}},
    ],
)
def test_unreadable_differences_give_no_name(tmp_path, objects):
    assert event_with(tmp_path, **objects).baseline_gcd is None


def test_an_unreadable_difference_does_not_affect_the_others(tmp_path):
    event = event_with(
        tmp_path,
        G={"I3GeometryDiff": difference("a.i3", version=1)},
        D={"I3DetectorStatusDiff": difference("b.i3")},
    )
    assert event.baseline_gcd == "b.i3"


def test_an_event_has_the_keys_that_are_visible_in_its_physics_frame(tmp_path):
    event = event_with(tmp_path, G={"InG": write_scalar(1.5)}, Q={"InQ": write_scalar(2.5)})
    own = {"I3EventHeader", "SplitUncleanedInIcePulses", "MCTruth", "AlertShortFollowupMsg"}
    assert own | {"InG", "InQ"} <= event.keys
    assert "InQ" not in event.scalars


def test_a_made_up_event_has_no_keys_and_no_baseline():
    event = simulated_event()
    assert (event.keys, event.baseline_gcd) == (frozenset(), None)
