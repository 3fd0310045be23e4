"""Damaged event files: each gives one clear error and nothing else."""

import bz2
import gzip
import json
import struct

import pytest
from events_support import blob_of, message, packed, raw, raw_frames, simulated_event
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from shipped_events import BY_FILE

from skyscan.errors import BadInput
from skyscan.events.event import Event
from skyscan.events.i3.frame import FrameObject, parse_frame
from skyscan.events.packing.envelope import open_envelope, unpack_frame
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event

ALERTS = ("hese_event_01.json", "run00136662-evt000035405932-BRONZE.pkl")
quick = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def check(path, data):
    """Read damaged data: expect an event, if the damage does not matter, or one clear error."""
    path.write_bytes(data)
    try:
        found = read_event(path)
    except BadInput as error:
        text = str(error)
        assert text.startswith((f"{path}: ", f"{path} ")), text
        assert text.endswith("."), text
        assert text.isprintable(), text
        return text
    assert isinstance(found, Event)
    return None


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    path = tmp_path_factory.mktemp("simulated") / "event.json"
    write_event(path, simulated_event())
    return path.read_bytes()


@pytest.fixture(scope="module", params=("list.json", "2021a.json", "2024a.json", *ALERTS))
def content(request):
    if request.param in BY_FILE:
        return BY_FILE[request.param].path.read_bytes()
    return (request.getfixturevalue("shared_events") / request.param).read_bytes()


# Positions are drawn as large numbers and taken modulo the length of the data, so that the
# drawn values do not depend on the event.
places = st.integers(0, 2**32 - 1)


def flip(buffer, place):
    bit = place % (8 * len(buffer))
    buffer[bit // 8] ^= 1 << bit % 8


object_damage = st.fixed_dictionaries(
    {
        "which": places,
        "how": st.sampled_from(["cut", "flip", "grow", "number"]),
        "place": places,
        "tail": st.binary(min_size=1, max_size=40),
        "number": st.sampled_from([0, 1, 2**31 - 1, 2**31, 2**32 - 1]),
    }
)


def with_a_damaged_object(frames, *, which, how, place, tail, number):
    """Return the number of a frame among {key: object} and its objects, one of them damaged."""
    keys = [(i, key) for i, objects in enumerate(frames) for key in sorted(objects)]
    index, key = keys[which % len(keys)]
    item = frames[index][key]
    buffer = bytearray(item.buffer)
    if how == "cut":
        del buffer[place % len(buffer) :]
    elif how == "flip":
        flip(buffer, place)
    elif how == "grow":
        buffer += tail
    else:
        at = place % max(len(buffer) - 3, 1)
        buffer[at : at + 4] = struct.pack("<I", number)
    return index, {**frames[index], key: FrameObject(item.type_name, bytes(buffer))}


def unpacked(content):
    """Return (stop, objects) of the frames in an envelope."""
    return [
        (frame.stop, dict(parse_frame(unpack_frame(frame.blob)).objects))
        for frame in open_envelope(content).frames
    ]


def repacked(frames):
    """Return an envelope of (stop, objects)."""
    return message(*(packed(stop, objects) for stop, objects in frames))


@quick
@given(place=places)
def test_truncated_files(tmp_path, content, place):
    content = content.rstrip()  # without its last newline, a file is still whole
    assert check(tmp_path / "event", content[: place % len(content)]) is not None


@quick
@given(flipped=st.lists(places, min_size=1, max_size=3))
def test_flipped_bits(tmp_path, content, flipped):
    damaged = bytearray(content)
    for place in flipped:
        flip(damaged, place)
    check(tmp_path / "event", bytes(damaged))


@pytest.fixture(scope="module")
def daq_and_physics(content):
    """Return (stop, objects) of the frames from which an event is read."""
    return [frame for frame in unpacked(content) if frame[0] in "QP"]


@quick
@given(damage=object_damage)
def test_damaged_objects_with_valid_checksums(tmp_path, daq_and_physics, damage):
    """Damage that no checksum detects: the reader of each object must notice it."""
    frames = list(daq_and_physics)
    index, objects = with_a_damaged_object([objects for _, objects in frames], **damage)
    frames[index] = (frames[index][0], objects)
    check(tmp_path / "event", repacked(frames))


@pytest.fixture(scope="module")
def i3_frames(content, tmp_path_factory):
    """Return the frames of the event; joined, they are an .i3 file."""
    path = tmp_path_factory.mktemp("envelope") / "event"
    path.write_bytes(content)
    return list(raw_frames(path).values())


@quick
@given(place=places)
def test_truncated_i3_files(tmp_path, i3_frames, place):
    data = b"".join(i3_frames)
    left = place % len(data)
    text = check(tmp_path / "event.i3", data[:left])
    begins = [sum(map(len, i3_frames[:n])) for n in range(len(i3_frames))]
    if left > 3 and left not in begins:
        number = sum(begin < left for begin in begins)
        assert f"frame number {number} " in text
    else:
        assert text is not None


@pytest.mark.parametrize("n", range(5))
def test_i3_files_truncated_between_frames(tmp_path, i3_frames, n):
    text = check(tmp_path / "event.i3", b"".join(i3_frames[:n]))
    assert "has no physics frame" in text if n else "is empty" in text


@quick
@given(place=places)
def test_any_flipped_bit_of_an_i3_file_is_noticed(tmp_path, i3_frames, place):
    data = bytearray(b"".join(i3_frames))
    flip(data, place)
    at = place % (8 * len(data)) // 8
    begin, number = 0, 1
    while at >= begin + len(i3_frames[number - 1]):
        begin += len(i3_frames[number - 1])
        number += 1
    text = check(tmp_path / "event.i3", bytes(data))
    if at - begin in (8, 9):  # two bytes without meaning that no checksum covers
        assert text is None
    elif at >= 4:
        assert f"frame number {number} " in text
    else:  # in the first bytes, which identify the type of file
        assert text is not None


@quick
@given(flipped=st.lists(places, min_size=1, max_size=3), packing=st.sampled_from([gzip, bz2]))
def test_flipped_bits_of_compressed_i3_files(tmp_path, i3_frames, flipped, packing):
    data = bytearray(packing.compress(b"".join(i3_frames[3:]), 1))
    for place in flipped:
        flip(data, place)
    check(tmp_path / "event.i3", bytes(data))


@quick
@given(place=places, packing=st.sampled_from([gzip, bz2]))
def test_truncated_compressed_i3_files(tmp_path, i3_frames, place, packing):
    data = packing.compress(b"".join(i3_frames[3:]), 1)
    assert check(tmp_path / "event.i3", data[: place % len(data)]) is not None


@quick
@given(tail=st.binary(min_size=1, max_size=40))
@example(b"\0")
@example(b"[i3]")
@example(b"[i3]\6\0\0\0")
def test_junk_after_the_last_frame(tmp_path, i3_frames, tail):
    number = len(i3_frames) + 1
    text = check(tmp_path / "event.i3", b"".join([*i3_frames, tail]))
    assert f"frame number {number} " in text


@pytest.mark.parametrize("n", range(5))
def test_doubled_frames_of_an_i3_file(tmp_path, i3_frames, n):
    path = tmp_path / "event.i3"
    path.write_bytes(b"".join(i3_frames))
    once = read_event(path)
    text = check(path, b"".join([*i3_frames[: n + 1], *i3_frames[n:]]))
    if n == 4:
        assert "has several events that can be scanned" in text
        assert "choose one with --frame" in text
    else:  # the second hides the first, as in icetray
        assert read_event(path).pulses.tobytes() == once.pulses.tobytes()


@quick
@given(damage=object_damage)
def test_damaged_objects_of_an_i3_file_with_valid_checksums(tmp_path, i3_frames, damage):
    frames = [parse_frame(frame) for frame in i3_frames]
    index, objects = with_a_damaged_object([frame.objects for frame in frames], **damage)
    again = [*i3_frames[:index], raw(frames[index].stop, objects), *i3_frames[index + 1 :]]
    check(tmp_path / "event.i3", b"".join(again))


keys = st.sampled_from(["value", "data", "frames", "version", "x"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=12,
)
lists_of_frames = st.lists(
    st.lists(st.sampled_from(["G", "P", "", "PP", "\n", "AAAA", "eJwDAAAAAAE="]) | json_values)
)


@quick
@given(json_values | st.builds(lambda v: {"value": {"data": v}}, json_values | lists_of_frames))
@example({"value": {"data": []}})
@example({"value": {"data": {"frames": {}}}})
@example({"value": {"data": [["P", "AAAA"]], "version": 3}})
def test_json_of_other_shapes(tmp_path, shape):
    assert check(tmp_path / "event", json.dumps(shape).encode()) is not None


@quick
@given(st.binary(max_size=200))
@example(b"")
@example(b" \n")
@example(b"\xff\xfe")
@example(b"\x80")
@example(b"[" * 100_000)
@example(b'{"value":' * 100_000)
@example(b"9" * 10_000)
def test_arbitrary_files(tmp_path, data):
    assert check(tmp_path / "event", data) is not None


@quick
@given(st.binary(max_size=60))
@example(b"")
@example(b"\x80\x02.")
@example(b"\x80\x02N.")
@example(b"\x80\x02]." + b"x")
@example(b"\x80\x02cicecube.icetray\nI3Frame\n)R.")
@example(b"\x80\x02cicecube.icetray\nI3Frame\n)R}U\x05[i3]\x06\x86b.")
@example(b"\x80\x02}]K\x01s.")
def test_arbitrary_blobs(tmp_path, pickled):
    text = check(tmp_path / "event", message(["P", blob_of(b"\x80\x02" + pickled)]))
    assert text is not None
    assert "P frame (1 of 1)" in text


@quick
@given(st.binary(max_size=80))
def test_arbitrary_frames(tmp_path, raw):
    state = b"T" + struct.pack("<i", 8 + len(raw)) + b"[i3]\x06\0\0\0" + raw
    pickled = b"\x80\x02cicecube.icetray\nI3Frame\n)R}" + state + b"\x86b."
    assert check(tmp_path / "event", message(["P", blob_of(pickled)])) is not None


def test_a_mask_of_itself_is_refused(tmp_path):
    frames = unpacked(BY_FILE["2021a.json"].path.read_bytes())
    for stop, objects in frames:
        for key in objects.keys() & {"SplitUncleanedInIcePulses", "InIceDSTPulses"}:
            source = b"InIceDSTPulses" if stop == "P" else b"I3SuperDST"
            assert source in objects[key].buffer
            there = struct.pack("<I", 25) + b"SplitUncleanedInIcePulses"
            here = struct.pack("<I", len(source)) + source
            objects[key] = FrameObject("x", objects[key].buffer.replace(here, there))
    text = check(tmp_path / "event", repacked(frames))
    assert "key SplitUncleanedInIcePulses" in text
    assert "is a mask or union of itself" in text


def test_names_in_a_damaged_file_do_not_break_the_message(tmp_path, simulated):
    text = check(
        tmp_path / "event",
        with_other_pulses(simulated, lambda buffer: buffer.replace(b"I3Reco", b"I3\n\0co")),
    )
    assert "holds no pulses that" in text


def test_an_event_without_pulses_is_refused(tmp_path, simulated):
    head = len("Map") + 2 + 4 + 2 + 4 + 2  # up to the number of entries
    text = check(
        tmp_path / "event",
        with_other_pulses(simulated, lambda b: b[: b.index(b"Map") + head] + bytes(4)),
    )
    assert "key SplitUncleanedInIcePulses of the Physics frame (5 of 5) holds no pulses" in text


def with_other_pulses(content, change):
    """Return an envelope in which the bytes of the physics frame's pulses are changed."""
    frames = unpacked(content)
    pulses = frames[-1][1]["SplitUncleanedInIcePulses"]
    frames[-1][1]["SplitUncleanedInIcePulses"] = FrameObject("x", change(pulses.buffer))
    return repacked(frames)
