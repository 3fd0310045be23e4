"""The raw frames of an event: from an envelope and from an .i3 file, byte by byte the same."""

import pytest
from events_support import simulated_event

from skyscan.events.envelope import open_envelope, unpack_frame
from skyscan.events.raw import read_raw_packet
from skyscan.events.writer import write_event

ALERTS = ("hese_event_01.json", "run00136662-evt000035405932-BRONZE.pkl")


@pytest.fixture(params=("simulated", *ALERTS))
def envelope(request, tmp_path):
    if request.param != "simulated":
        return request.getfixturevalue("shared_events") / request.param
    write_event(tmp_path / "event.json", simulated_event())
    return tmp_path / "event.json"


def test_the_raw_frames_of_an_envelope_are_what_is_in_it(envelope):
    packet = read_raw_packet(envelope)
    content = open_envelope(envelope.read_bytes())
    assert [frame.stop for frame in packet.frames] == list("GCDQP")
    assert [frame.raw for frame in packet.frames] == [
        unpack_frame(frame.blob) for frame in content.frames
    ]
    assert packet.format_version == content.format_version


def test_raw_frames_in_a_row_are_an_i3_file(envelope, tmp_path):
    packet = read_raw_packet(envelope)
    path = tmp_path / "event.i3"
    path.write_bytes(b"".join(frame.raw for frame in packet.frames))
    found = read_raw_packet(path)
    assert found.frames == packet.frames
    assert found.format_version == "2021a"
