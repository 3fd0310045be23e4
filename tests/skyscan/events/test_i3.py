"""An .i3 file of one event is read like its envelope."""

import bz2
import dataclasses
import gzip
import shutil
import subprocess
from contextlib import ExitStack

import pytest
from events_support import raw, raw_frames, simulated_event, simulated_frames
from shipped_events import FORMATS_BY_KEYS

from skyscan.errors import BadInput
from skyscan.events.daqtime import DaqTime
from skyscan.events.i3 import i3file
from skyscan.events.i3.frame import HEAD, FrameObject, parse_frame
from skyscan.events.i3.objects import EventHeader, write_header, write_scalar
from skyscan.events.packing import decompression
from skyscan.events.raw import read_raw_packet
from skyscan.events.reader import read_event


@pytest.fixture
def frames(tmp_path):
    return simulated_frames(tmp_path)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "event.i3"


def header(event_id):
    start = DaqTime(2022, 5)
    return write_header(EventHeader(1, event_id, 0, start, start))


def zstd(content):
    if shutil.which("zstd") is None:
        pytest.skip("needs the zstd program")
    return subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True).stdout


def test_an_i3_file_gives_the_same_event_as_its_envelope(event_file, path):
    path.write_bytes(b"".join(raw_frames(event_file).values()))
    found, expected = read_event(path), read_event(event_file)
    assert found.pulses.tobytes() == expected.pulses.tobytes()
    changes = {"pulses": None, "format_version": ""}
    # the NaN of a fit is not equal to itself, so compare the text
    assert repr(dataclasses.replace(found, **changes)) == repr(
        dataclasses.replace(expected, **changes)
    )
    version = expected.format_version
    assert found.format_version == FORMATS_BY_KEYS.get(version, version)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, zstd])
@pytest.mark.parametrize("name", ["event.i3", "event.json", "event"])
def test_compression_is_detected_from_the_content(tmp_path, frames, pack, name):
    path = tmp_path / name
    path.write_bytes(pack(b"".join(frames.values())))
    assert read_event(path).name == simulated_event().name


@pytest.mark.parametrize("opener", decompression.ZSTD_OPENERS)
def test_all_zstandard_decompressors_give_the_same(monkeypatch, path, frames, opener):
    monkeypatch.setattr(decompression, "ZSTD_OPENERS", (opener,))
    content = b"".join(frames.values())
    path.write_bytes(zstd(content[:1000]) + zstd(content[1000:]))  # as some writers flush
    with path.open("rb") as file, ExitStack() as stack:
        if opener(file, stack) is None:
            pytest.skip(f"needs what {opener.__name__} uses")
    packet = read_raw_packet(path)
    assert [frame.raw for frame in packet.frames] == list(frames.values())
    path.write_bytes(zstd(content)[:-100])
    with pytest.raises(BadInput, match=r"cannot be decompressed|ends early|no physics frame"):
        read_raw_packet(path)
    path.write_bytes(zstd(content) + b"junk")
    with pytest.raises(BadInput, match="cannot be decompressed"):
        read_raw_packet(path)


def test_without_a_zstandard_decompressor_the_message_says_what_to_do(
    monkeypatch, path, frames
):
    path.write_bytes(zstd(b"".join(frames.values())))
    monkeypatch.setattr(decompression, "ZSTD_OPENERS", ())
    with pytest.raises(BadInput, match=r"Zstandard.*zstd -d FILE.i3.zst.*install"):
        read_event(path)


@pytest.mark.parametrize("stops", ["P", "QP", "GP", "QGDCP"])
def test_only_the_physics_frame_is_needed(path, frames, stops):
    path.write_bytes(b"".join(frames[stop] for stop in stops))
    assert read_event(path).name == simulated_event().name
    assert [frame.stop for frame in read_raw_packet(path).frames] == list(stops)


def test_a_physics_frame_that_upstream_renamed_is_accepted(path, frames):
    path.write_bytes(frames["Q"] + raw("p", parse_frame(frames["P"]).objects))
    assert read_event(path).name == simulated_event().name


def test_the_two_kinds_of_physics_frames_count_as_one_kind(path, frames):
    path.write_bytes(frames["Q"] + raw("p", parse_frame(frames["P"]).objects) + frames["P"])
    with pytest.raises(BadInput, match="has several events"):
        read_event(path)


def test_several_events_are_listed_and_asked_for(path, frames):
    path.write_bytes(b"".join(frames.values()) + frames["Q"] + frames["P"] * 3)
    with pytest.raises(
        BadInput, match=r"event.i3: it has several events .*choose one with --frame"
    ):
        read_event(path)


def test_a_file_without_an_event_is_refused(path, frames):
    path.write_bytes(frames["G"] + frames["Q"])
    with pytest.raises(BadInput, match=r"has no physics frame; .*one event"):
        read_event(path)


def test_frames_with_tray_information_are_not_visible(path, frames):
    info = raw("I", {"MCTruth": write_scalar(9.5), "TrayInfo": write_scalar(1.5)})
    path.write_bytes(info + frames["G"] + info + frames["Q"] + frames["P"] + info)
    event = read_event(path)
    assert "TrayInfo" not in event.keys
    assert [frame.stop for frame in read_raw_packet(path).frames] == list("GQP")


def test_simulation_and_other_frames_are_visible_as_in_icetray(path, frames):
    truth = raw("S", {"I3MCTree": write_scalar(1.5)})
    other = raw("M", {"Mine": write_scalar(2.5)})
    path.write_bytes(truth + frames["Q"] + other + frames["P"])
    assert {"I3MCTree", "Mine"} <= read_event(path).keys


def test_only_the_last_frame_of_a_stop_before_the_physics_frame_is_visible(path, frames):
    first, last, after = (raw("Q", {key: write_scalar(1.5)}) for key in ("A", "B", "C"))
    path.write_bytes(first + frames["G"] + last + frames["P"] + after)
    keys = read_event(path).keys
    assert "B" in keys
    assert not {"A", "C"} & keys
    assert [frame.raw for frame in read_raw_packet(path).frames] == [
        frames["G"],
        last,
        frames["P"],
    ]


def test_an_object_of_the_physics_frame_hides_earlier_ones(path, frames):
    path.write_bytes(raw("Q", {"I3EventHeader": header(7)}) + frames["P"])
    assert read_event(path).event_id == simulated_event().event_id
    without = dict(parse_frame(frames["P"]).objects)
    del without["I3EventHeader"]
    parents = [raw("G", {"I3EventHeader": header(7)}), raw("Q", {"I3EventHeader": header(8)})]
    path.write_bytes(b"".join(parents) + raw("P", without))
    assert read_event(path).event_id == 7


@pytest.mark.parametrize(
    ("pulses", "version"),
    [
        ("SplitUncleanedInIcePulses", "2021a"),
        ("SplitInIcePulses", "2023a"),
        ("OfflinePulses", ""),
    ],
)
def test_the_format_is_detected_from_the_pulses(tmp_path, path, pulses, version):
    frames = simulated_frames(tmp_path, pulses_key=pulses)
    path.write_bytes(b"".join(frames.values()))
    assert read_raw_packet(path).format_version == version
    event = read_event(path, None if version else pulses)
    assert (event.format_version, event.pulses_key) == (version, pulses)


def test_a_file_with_both_pulse_series_has_the_old_format(path, frames):
    split = parse_frame(frames["P"]).objects["SplitUncleanedInIcePulses"]
    path.write_bytes(raw("Q", {"SplitInIcePulses": split}) + frames["P"])
    assert read_event(path).format_version == "2021a"


def test_an_error_lists_the_pulses_if_those_of_the_formats_are_missing(tmp_path, path):
    frames = simulated_frames(tmp_path, pulses_key="OfflinePulses")
    path.write_bytes(b"".join(frames.values()))
    with pytest.raises(
        BadInput, match=r"key SplitUncleanedInIcePulses .* choose one of OfflinePulses"
    ):
        read_event(path)


def test_a_geometry_of_tens_of_megabytes_is_read(path, frames):
    geometry = raw("G", {"I3Geometry": FrameObject("I3Geometry", bytes(40_000_000))})
    path.write_bytes(geometry + frames["Q"] + frames["P"])
    assert "I3Geometry" in read_event(path).keys


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (HEAD + b"Q" + b"\xff" * 4, "claims to hold 4294967295 keys"),
        (HEAD + b"Q" + b"\1\0\0\0" + b"\xff" * 4, "claims to be larger than 128 MB"),
        (HEAD + b"Q" + b"\1\0\0\0" + b"\0\0\0\7", "ends early"),
        (HEAD.replace(b"\x06", b"\x05") + b"Q", "is an icetray frame of version 5"),
        (b"[i3", "does not begin with|is not an event file"),
        (b"[i3]", "ends before its first key"),
    ],
)
def test_a_frame_cannot_allocate_much_memory(path, frame, message):
    path.write_bytes(frame)
    with pytest.raises(BadInput, match=message):
        read_event(path)


def test_a_small_file_that_unpacks_to_very_many_frames_is_refused(monkeypatch, path):
    monkeypatch.setattr(i3file, "MAX_I3_BYTES", 1024**2)
    path.write_bytes(gzip.compress(raw("I", {"X": FrameObject("x", bytes(100_000))}) * 20))
    with pytest.raises(BadInput, match="has more than 1 MB of frames"):
        read_event(path)
