"""The raw frames of an event: the same bytes from an envelope and from an .i3 file."""

import pytest
from shipped_events import FORMATS_BY_KEYS

from skyscan.errors import BadInput
from skyscan.events.files import list_events
from skyscan.events.packing.envelope import open_envelope, unpack_frame
from skyscan.events.raw import read_raw_packet


def test_the_raw_frames_of_an_envelope_are_its_content(event_file):
    packet = read_raw_packet(event_file)
    content = open_envelope(event_file.read_bytes())
    assert [frame.stop for frame in packet.frames] == list("GCDQP")
    assert [frame.raw for frame in packet.frames] == [
        unpack_frame(frame.blob) for frame in content.frames
    ]
    assert packet.format_version == content.format_version


def test_concatenated_raw_frames_are_an_i3_file(event_file, tmp_path):
    packet = read_raw_packet(event_file)
    path = tmp_path / "event.i3"
    path.write_bytes(b"".join(frame.raw for frame in packet.frames))
    found = read_raw_packet(path)
    assert found.frames == packet.frames
    version = packet.format_version
    assert found.format_version == FORMATS_BY_KEYS.get(version, version)


def test_a_folder_is_not_an_event(tmp_path):
    with pytest.raises(BadInput, match=r"it is a folder; give the files in it, such as .*/\*"):
        list(list_events(tmp_path))
