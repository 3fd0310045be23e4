"""One event is taken from a file of many, and nothing is guessed."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from events_support import raw, simulated_event, simulated_pulses
from hypothesis import given
from hypothesis import strategies as st
from level2_support import KEY, frames_of, level2, null_split, physics
from pulse_buffers import combination_of, correction_of, mask_of, superdst_of, union_of

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.choice import Choice, EventId, parse_event_id
from skyscan.events.files import find_events, list_events, take_event
from skyscan.events.i3.archive import OutArchive
from skyscan.events.i3.counting import series_in
from skyscan.events.i3.frame import FrameObject, parse_frame
from skyscan.events.i3.pulsemap import write_pulse_map
from skyscan.events.i3.superdst import read_superdst
from skyscan.events.raw import read_raw_packet
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event

#: It can be opened; to read its beginning is an error of input (EIO).
UNREADABLE = Path("/proc/self/mem")


def read(folder, taken):
    """Return the event in a file that was taken."""
    path = folder / taken.name
    path.write_bytes(taken.content)
    return read_event(path)


def test_all_sub_events_of_a_file_are_listed_with_their_pulses(tmp_path):
    entries = list(list_events(level2(tmp_path)))
    assert [str(it.id) for it in entries] == [f"136662:{i}:0" for i in (1, 1, 2, 2, 3, 3)]
    assert [it.stream for it in entries] == ["NullSplit", "InIceSplit"] * 3
    assert [it.frame for it in entries] == [6, 7, 9, 10, 12, 13]
    assert [it.pulses.get(KEY) for it in entries] == [None, 50] * 3
    assert {it.event_type for it in entries} == {"neutrino"}
    assert entries[0].mjd == pytest.approx(simulated_event().mjd)


def test_the_only_sub_event_with_pulses_is_taken(tmp_path):
    event = read(tmp_path, take_event(level2(tmp_path), Choice(EventId(2, 136662))))
    assert event.event_id == 2
    assert event.pulses.tobytes() == simulated_pulses(seed=2).tobytes()


def test_an_event_that_is_taken_has_its_own_q_frame_and_no_bulky_detector(tmp_path):
    path = level2(tmp_path)
    taken = take_event(path, Choice(frame=10))
    assert len(taken.content) < 20_000
    read(tmp_path, taken)
    frames = read_raw_packet(tmp_path / taken.name).frames
    assert [it.stop for it in frames] == ["Q", "P"]
    with_detector = take_event(path, Choice(frame=10, with_detector=True))
    assert len(with_detector.content) > 6_000_000
    assert "I3DetectorStatus" in read(tmp_path, with_detector).keys


def test_the_q_frame_of_another_event_is_left_out(tmp_path):
    (daq, first), (_, second) = frames_of(tmp_path, 1), frames_of(tmp_path, 2)
    (tmp_path / "x.i3").write_bytes(daq + first + second)
    taken = take_event(tmp_path / "x.i3", Choice(EventId(2)))
    assert taken.content == second


def test_a_q_frame_belongs_to_the_next_event_even_under_another_number(tmp_path):
    (first_q, first), (second_q, second) = frames_of(tmp_path, 1), frames_of(tmp_path, 3)
    parts = [first_q, physics(first, event_id=2), second_q, physics(second, event_id=4)]
    (tmp_path / "x.i3").write_bytes(b"".join(parts))
    taken = take_event(tmp_path / "x.i3", Choice(EventId(4)))
    assert taken.content == b"".join(parts[2:])


def test_several_sub_events_with_pulses_are_listed_and_asked_for(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    other = physics(split, sub_event_id=1, sub_event_stream="Other")
    path = tmp_path / "x.i3"
    path.write_bytes(daq + split + other)
    with pytest.raises(
        BadInput, match=r"136662:1:0 .*InIceSplit.*136662:1:1 .*Other.*--sub-event or --stream"
    ):
        take_event(path)
    for choice in (Choice(stream="Other"), Choice(sub_event=1), Choice(EventId(1, 136662, 1))):
        assert read(tmp_path, take_event(path, choice)).name.endswith("sub001.neutrino")


def test_an_event_number_of_two_runs_is_never_guessed(tmp_path):
    (q, p), (other_q, other_p) = (frames_of(tmp_path, n) for n in (7, 8))
    again = physics(p, run_id=200)
    path = tmp_path / "x.i3"
    path.write_bytes(q + p + other_q + other_p + q + again)
    with pytest.raises(BadInput, match=r"136662:7:0.*200:7:0.*--event"):
        take_event(path, Choice(EventId(7)))
    assert take_event(path, Choice(EventId(7, 200))).content == q + again


def test_several_events_are_asked_for_by_their_ids(tmp_path):
    with pytest.raises(BadInput, match=r"several events .*136662:1:0.*136662:2:0.*--event"):
        take_event(level2(tmp_path))


@pytest.mark.parametrize("inner", [gzip.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("outer", [gzip.compress, bz2.compress, lzma.compress])
def test_a_file_that_was_compressed_twice_is_read(tmp_path, inner, outer):
    daq, split = frames_of(tmp_path, 1)
    path = tmp_path / "twice.i3.gz"
    path.write_bytes(outer(inner(daq + split)))
    taken = take_event(path)
    assert (taken.name, taken.content) == ("event.i3", daq + split)
    assert read_event(path).event_id == 1
    path.write_bytes(outer(inner(daq + split))[:-9])
    with pytest.raises(BadInput, match="since the file ends early"):
        take_event(path)


def test_the_map_of_a_scan_is_no_event(tmp_path):
    (tmp_path / "map.json").write_text('{"nside-1": {"columns": []}}')
    with pytest.raises(BadInput, match=r"is the map of a scan, .*`skyscan result FILE`"):
        take_event(tmp_path / "map.json")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"root:x:0:0:root:/root:/bin/bash\n", "text"),
        (b"root\0\0\xf2\x9c", "a ROOT file"),
        ("a,b\n".encode("utf-16"), "text in UTF-16"),
        (b"ARROW1\0\0", "a Feather file"),
    ],
)
def test_what_is_no_event_file_is_named_for_what_it_is(tmp_path, content, kind):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(BadInput, match=rf"is not an event file \(it looks like {kind}\)"):
        take_event(tmp_path / "x")


def test_an_event_that_is_not_in_the_file_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"has no event 136662:9; .*lists what it has"):
        take_event(level2(tmp_path), Choice(EventId(9, 136662)))


def test_an_event_without_the_wanted_pulses_names_those_that_it_has(tmp_path):
    with pytest.raises(BadInput, match=rf"no event with Mine, .* has {KEY}; .*--pulses"):
        take_event(level2(tmp_path), Choice(EventId(2), pulses="Mine"))


def test_an_empty_pulse_series_is_said_to_hold_no_pulses(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    empty = raw(
        "P",
        {
            "I3EventHeader": parse_frame(split).objects["I3EventHeader"],
            KEY: write_pulse_map(simulated_pulses(0)),
        },
    )
    (tmp_path / "x.i3").write_bytes(daq + null_split(split) + empty)
    with pytest.raises(
        BadInput, match=rf"key {KEY} of frame number \d \('P'\) holds no pulses"
    ):
        take_event(tmp_path / "x.i3")


def test_an_empty_mask_as_icetray_writes_it_holds_no_pulses(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    archive = OutArchive("I3RecoPulseSeriesMapMask", 2)
    archive.string("Others")
    archive.begin("bitmask", 0, tracked=False)
    archive.pack("<HBB", 1, 8, 0)  # one byte, of which no bit is used
    archive.begin("vector", 0, tracked=False)
    archive.pack("<I", 0)
    objects = dict(parse_frame(split).objects)
    objects["Others"] = write_pulse_map(simulated_pulses(0))
    objects[KEY] = FrameObject("I3RecoPulseSeriesMapMask", archive.buffer())
    (tmp_path / "x.i3").write_bytes(daq + raw("P", objects))
    for reader in (read_event, take_event):
        with pytest.raises(BadInput, match=rf"key {KEY} of .* holds no pulses"):
            reader(tmp_path / "x.i3")


def test_a_file_of_one_event_is_taken_as_it_is(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    for pack, name in ((bytes, "event.i3"), (gzip.compress, "event.i3.gz")):
        path = tmp_path / "named.anything"
        path.write_bytes(pack(raw("I") + raw("G") + daq + split))
        taken = take_event(path)
        assert (taken.name, taken.content) == (name, path.read_bytes())


@pytest.mark.parametrize("choice", [Choice(), Choice(EventId(35405932)), Choice(frame=5)])
def test_an_alert_is_taken_as_it_is(tmp_path, choice):
    path = tmp_path / "misnamed.i3"
    write_event(path, simulated_event())
    taken = take_event(path, choice)
    assert (taken.name, taken.content) == ("event.json", path.read_bytes())
    json.loads(taken.content)


def test_events_before_damage_can_be_taken_and_the_damaged_one_cannot(tmp_path):
    path = level2(tmp_path)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1  # in the last frame
    path.write_bytes(content)
    assert read(tmp_path, take_event(path, Choice(EventId(1)))).event_id == 1
    with pytest.raises(BadInput, match=r"frame number 13 .* does not match its checksum"):
        take_event(path, Choice(EventId(3)))


@pytest.mark.parametrize("key", [KEY, "AlertShortFollowupMsg"])
def test_a_damaged_object_stops_only_its_own_event(tmp_path, key):
    path, (daq, split) = level2(tmp_path), frames_of(tmp_path, 9)
    objects = dict(parse_frame(split).objects)
    objects[key] = FrameObject(objects[key].type_name, objects[key].buffer[:-3])
    path.write_bytes(daq + raw("P", objects) + path.read_bytes())
    assert [it.event_id for it in list_events(path)] == [9, 1, 1, 2, 2, 3, 3]
    with pytest.raises(BadInput, match=rf"key {key} .*ends in the middle"):
        read(tmp_path, take_event(path, Choice(frame=2)))
    assert read(tmp_path, take_event(path, Choice(EventId(3)))).event_id == 3


def test_frames_after_the_chosen_event_are_not_read(tmp_path):
    path = level2(tmp_path)
    path.write_bytes(path.read_bytes() + b"junk")
    assert read(tmp_path, take_event(path, Choice(EventId(2, 136662)))).event_id == 2
    assert read(tmp_path, take_event(path, Choice(frame=13))).event_id == 3
    with pytest.raises(BadInput, match="frame number 14 does not begin with"):
        list(find_events(path))


@given(n=st.integers(0, 60), seed=st.integers(0, 5), share=st.floats(0, 1))
def test_pulses_are_counted_without_decoding_them(n, seed, share):
    pulses = np.unique(simulated_pulses(n, seed))
    assert count_of(write_pulse_map(pulses)) == len(pulses)
    kept = np.random.default_rng(seed).random(len(pulses)) < share
    assert count_of(mask_of("x", pulses, kept)) == np.count_nonzero(kept)


@pytest.mark.parametrize("charge", [1.0, 3.2, 1000.0, 1e5])
@pytest.mark.parametrize("om", [60, 61])
def test_pulses_of_a_superdst_are_counted_whatever_values_take_more_words(charge, om):
    pulses = simulated_pulses()
    pulses["charge"][::3], pulses["om"][::5] = charge, om
    pulses["time"][::7] += 50_000
    superdst = superdst_of(pulses)
    assert count_of(superdst) == read_superdst(superdst.buffer).pulses.size == len(pulses)


def count_of(item):
    return series_in(item.buffer).n


def test_series_made_of_others_are_counted_where_the_event_has_these(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    more = {
        "Union": union_of(KEY, "Combined", KEY),
        "Combined": combination_of(KEY),
        "Corrected": correction_of("Union", "I3Calibration"),
        "Broken": union_of(KEY, "Missing"),
        "OfBroken": combination_of("Broken"),
        "Itself": union_of("Itself"),
        "Nothing": union_of(),
    }
    objects = parse_frame(split).objects
    path = tmp_path / "x.i3"
    path.write_bytes(daq + raw("P", {**objects, **more}))
    (entry,) = list_events(path)
    assert entry.pulses == {
        KEY: 50,
        "Union": 150,
        "Combined": 50,
        "Corrected": 150,
        "Broken": None,
        "OfBroken": None,
        "Itself": None,
        "Nothing": 0,
    }
    cannot = {"Broken", "OfBroken", "Itself"}
    assert {*entry.unreadable} - {"Corrected"} == cannot  # icetray may read that one
    assert not any(entry.can_be_scanned(Choice(pulses=key)) for key in (*cannot, "Nothing"))
    assert read_event(path, "Union").pulses.size == entry.pulses["Union"]
    with pytest.raises(BadInput, match=r"Broken.*takes its pulses from Missing"):
        read_event(path, "Broken", event="1")


def test_the_frame_whose_series_can_be_read_is_the_event(tmp_path):
    daq, split = frames_of(tmp_path, 1)
    broken = physics(split, without=(KEY,), sub_event_stream="Other")
    broken = raw("P", {**parse_frame(broken).objects, KEY: union_of("Missing")})
    path = tmp_path / "x.i3"
    path.write_bytes(daq + broken + split)
    assert read(tmp_path, take_event(path)).pulses.size == 50
    path.write_bytes(daq + null_split(split) + broken)
    with pytest.raises(BadInput, match=r"takes its pulses from Missing"):
        read_event(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24", EventId(24)),
        ("136662:7", EventId(7, 136662)),
        ("136662:7:1", EventId(7, 136662, 1)),
    ],
)
def test_an_event_is_named_by_its_numbers(text, expected):
    assert parse_event_id(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["", "a", "1:2:3:4", "1:", ":1", "-1", "1 2", "9" * 30, "²"])
def test_other_text_does_not_name_an_event(text):
    with pytest.raises(WrongUsage, match="does not name an event"):
        parse_event_id(text)


@pytest.mark.skipif(not UNREADABLE.exists(), reason="no such file here")
def test_a_file_on_a_disk_that_fails_is_named():
    with pytest.raises(BadInput, match=f"{UNREADABLE}: it cannot be read"):
        list(list_events(UNREADABLE))
