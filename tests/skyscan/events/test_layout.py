"""The layers of an event file: time, checksum, frame, masks, SuperDST."""

from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pulse_buffers import header, mask_buffer, stamp, superdst_buffer

from skyscan.events.daqtime import LEAP_DAYS, DaqTime, daq_time_of
from skyscan.events.i3 import checksum
from skyscan.events.i3.checksum import crc32c
from skyscan.events.i3.frame import Frame, FrameObject, parse_frame, write_frame
from skyscan.events.i3.objects import (
    EventHeader,
    read_double,
    read_header,
    write_header,
    write_scalar,
)
from skyscan.events.i3.pulsemap import Mask, PulseMap, apply_mask, pulse_map, read_mask
from skyscan.events.i3.superdst import read_superdst
from skyscan.events.place import MalformedError

SECOND = 10**10
DAY = 86400 * SECOND


def crc32c_bit_by_bit(data, start=0):
    register = start
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = (register >> 1) ^ (0x82F63B78 if register & 1 else 0)
    return register


@given(st.binary(max_size=700))
def test_checksum_is_the_bitwise_definition(data):
    assert crc32c(data) == crc32c_bit_by_bit(data)


@given(st.binary(min_size=300, max_size=700))
def test_the_checksum_of_many_blocks_is_that_of_one(data):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checksum, "BLOCK_LEVEL", 1)  # 128 bytes
        assert crc32c(data) == crc32c_bit_by_bit(data)


def test_checksum_has_the_castagnoli_check_value():
    # start and end inverted, CRC-32C of 123456789 is E3069283 (RFC 3720); by linearity
    data = b"123456789"
    inverted = crc32c_bit_by_bit(data, 0xFFFFFFFF) ^ 0xFFFFFFFF
    assert inverted == 0xE3069283
    assert crc32c(data) == inverted ^ 0xFFFFFFFF ^ crc32c_bit_by_bit(bytes(9), 0xFFFFFFFF)


@pytest.mark.parametrize(
    ("year", "ticks", "utc"),
    [
        (2010, 0, "2010-01-01 00:00:00"),
        (2022, 123828921853524946, "2022-05-24 07:41:32.185352"),
        (2012, 182 * DAY, "2012-06-30 23:59:59"),  # the leap second repeats the one before
        (2012, 182 * DAY + SECOND, "2012-07-01 00:00:00"),
        (2012, 200 * DAY, "2012-07-18 23:59:59"),
        (2016, 366 * DAY - SECOND, "2016-12-31 23:59:59"),
        (2017, 0, "2017-01-01 00:00:00"),
    ],
)
def test_daq_time_is_utc_with_its_leap_seconds(year, ticks, utc):
    expected = (datetime.fromisoformat(utc) - datetime(1858, 11, 17)) / timedelta(days=1)  # noqa: DTZ001
    assert DaqTime(year, ticks).mjd == pytest.approx(expected, abs=2e-11)


@given(st.floats(53400, 73000))
def test_daq_time_and_mjd_convert_both_ways(mjd):
    assert daq_time_of(mjd).mjd == pytest.approx(mjd, abs=2e-11)


def test_leap_days_are_at_the_end_of_months():
    for day in LEAP_DAYS:
        following = datetime(1858, 11, 17) + timedelta(days=day + 1)  # noqa: DTZ001
        assert (following.month, following.day) in {(1, 1), (7, 1)}


names = st.text(max_size=30)
frames = st.builds(
    Frame,
    st.sampled_from("GCDQP"),
    st.dictionaries(names, st.builds(FrameObject, names, st.binary(max_size=200)), max_size=5),
)


@given(frames)
def test_a_written_frame_is_read_back(frame):
    found = parse_frame(write_frame(frame))
    assert (found.stop, dict(found.objects)) == (frame.stop, frame.objects)


@given(frames, st.data())
def test_any_flipped_bit_of_a_frame_is_noticed(frame, data):
    raw = bytearray(write_frame(frame))
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    if 8 <= bit // 8 < 10:  # two bytes without meaning that no checksum covers
        return
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MalformedError):
        parse_frame(bytes(raw))


@given(frames, st.data())
def test_any_missing_end_of_a_frame_is_noticed(frame, data):
    raw = write_frame(frame)
    with pytest.raises(MalformedError):
        parse_frame(raw[: data.draw(st.integers(0, len(raw) - 1))])


def test_header_holds_all_its_numbers():
    start, end = DaqTime(2022, 5), DaqTime(2022, 77)
    header = EventHeader(1, 2, 3, start, end, sub_run_id=4, sub_event_stream="InIceSplit")
    assert read_header(write_header(header).buffer) == header


def test_a_class_of_another_version_is_refused():
    raw = bytearray(
        write_header(EventHeader(1, 2, 3, DaqTime(2022, 5), DaqTime(2022, 6))).buffer
    )
    raw[raw.index(b"I3EventHeader") + len("I3EventHeader") + 1] = 9
    with pytest.raises(MalformedError, match="holds version 9 of I3EventHeader"):
        read_header(bytes(raw))


def test_bytes_after_the_last_value_are_refused():
    with pytest.raises(MalformedError, match="has 3 bytes more than its class"):
        read_double(write_scalar(1.5).buffer + b"abc")


def some_map(counts):
    rows = {
        (string, 1, 0): [(float(time), 1.0, 1.0, 4) for time in range(n)]
        for string, n in enumerate(counts, 1)
    }
    return pulse_map(rows)


@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=8))
def test_a_mask_keeps_the_pulses_whose_bits_are_set(bits):
    source = some_map([len(series) for series in bits])
    arrays = tuple(np.array(series, bool) for series in bits)
    everywhere = np.ones(len(bits), bool)
    left = apply_mask(Mask("X", everywhere, arrays), source)
    flat = np.array([bit for series in bits for bit in series], bool)
    assert left.pulses.tolist() == source.pulses[flat].tolist()
    assert left.counts.tolist() == [sum(series) for series in bits if sum(series)]


def test_a_mask_of_a_mask_counts_the_pulses_that_the_first_one_keeps():
    source = some_map([2, 3, 1])
    first = Mask(
        "S", np.array([True, True, False]), (np.array([0, 0], bool), np.array([1, 0, 1], bool))
    )
    left = apply_mask(first, source)
    second = Mask("first", np.array([True]), (np.array([False, True]),))
    found = apply_mask(second, left)
    assert found.pulses[["string", "time"]].tolist() == [(2, 2.0)]


@pytest.mark.parametrize(
    "mask",
    [
        Mask("S", np.array([True]), (np.array([True]),)),
        Mask("S", np.array([True, False]), (np.array([True]),)),
    ],
)
def test_a_mask_of_another_map_is_refused(mask):
    with pytest.raises(MalformedError, match="was made for"):
        apply_mask(mask, some_map([2, 1]))


def test_a_mask_is_read_bit_by_bit():
    doms = [True, False, True, *[False] * 7]
    found = read_mask(mask_buffer("Source", doms, [[True], [False, True]]))
    assert found.source == "Source"
    assert found.doms.tolist() == doms
    assert [bits.tolist() for bits in found.pulses] == [[True], [False, True]]


def test_a_mask_with_fewer_series_than_doms_is_refused():
    with pytest.raises(MalformedError, match="one mask for each"):
        read_mask(mask_buffer("Source", [True, True], [[True]]))


def test_the_times_of_superdst_pulses_are_cumulative():
    found = read_superdst(
        superdst_buffer(
            [
                stamp(12, 10, hlc=True, last=False),
                stamp(7, 2, hlc=True),
                stamp(0xFF, 3),
                1000,  # 2047 and one more word
                stamp(5, 0x3F),
                0xFFFF,
                4,  # charge and two more words
            ],
            [header(21, 30), header(86, 60, slop=7), header(21, 30)],
            [bytes([0x23]), bytes([0x10, 0x11]), b"", b""],
        )
    )
    assert isinstance(found, PulseMap)
    assert found.counts.tolist() == [3, 1]
    rows = found.pulses[["string", "om", "time", "width", "flags"]].tolist()
    first, later = -512 + 12, -512 + 12 + 2047 + 1000
    assert rows == [
        (21, 30, first, 1.0, 7),
        (21, 30, first + 7, 2.0, 7),
        (21, 30, later + 5, 8.0, 4),
        (86, 60, later, 8.0, 4),
    ]
    charges = [0.525, 0.125, 0.05 * (63 + 65535 + 4) + 0.025, 0.175]
    assert found.pulses["charge"] == pytest.approx(charges)


def test_superdst_charges_of_icetop_are_logarithmic():
    found = read_superdst(
        superdst_buffer(
            [stamp(0, 5, hlc=True)], [header(3, 61)], [b"", b"", b"", bytes([0x10])], b"\x40"
        )
    )
    assert found.pulses["charge"][0] == pytest.approx(10 ** ((5 + 64 * 64) * 9 / 16383 - 2))


def test_superdst_widths_end_where_the_next_pulse_begins_and_zeros_share_a_width():
    stamps = [stamp(10, 1, last=False), stamp(3, 1, last=False), stamp(0, 1)]
    found = read_superdst(
        superdst_buffer(stamps, [header(1, 1)], [bytes([0x33]), b"", b"", b""])
    )
    # 8 ns cut to 3; the second one, of zero width, gets half of the first one's
    assert found.pulses["width"].tolist() == [1.5, 1.5, 8.0]
    assert (found.pulses["time"] + 512).tolist() == [10.0, 11.5, 13.0]


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (([], [header(1, 1)], [b""] * 4), "ends in the middle of a readout"),
        (([stamp(1, 1, last=False)], [header(1, 1)], [b"\x10", b"", b"", b""]), "ends in the"),
        (([stamp(1, 1)], [], [b""] * 4), "more pulses than its readouts"),
        (([stamp(1, 1)], [header(1, 1)], [b""] * 4), "fewer widths"),
        (([stamp(1, 1)], [header(1, 1)], [b"\xf0" * 60, b"", b"", b""]), "more widths"),
        (([stamp(1, 1)], [header(1, 61)], [b"", b"", b"\x10", b""]), "fewer IceTop charges"),
    ],
)
def test_inconsistent_superdst_is_refused(parts, message):
    with pytest.raises(MalformedError, match=message):
        read_superdst(superdst_buffer(*parts))
