"""Result files: after any damage, only the damaged fits are repeated."""

import os
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scans_support import SCAN_ID, changed, made_up, pixel_rows

from skyscan.batches import Batch
from skyscan.records import IDS, RECORD_DTYPE, sign
from skyscan.results import (
    ResultFile,
    ResultWriter,
    count_records,
    header,
    header_ids,
    read_results,
    whole_results,
    write_results,
)

BATCH = Batch(SCAN_ID, 2, 7, pixel_rows(8, [5, 3, 99, 700], n_variations=2))
RECORDS = made_up(BATCH.pixels)
HEAD = header(BATCH)
WHOLE = HEAD + RECORDS.tobytes()
SIZE = RECORD_DTYPE.itemsize


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("results") / "00007.rec"


def read(path, content, batch=BATCH):
    path.write_bytes(content)
    return read_results(path, batch)


def rows(records):
    return [record.tobytes() for record in records]


def ids(pixels):
    return pixels[list(IDS)].tolist()


def two_files(folder, content):
    """Write the results of two batches, of which the second has this content."""
    other = Batch(SCAN_ID, 2, 8, pixel_rows(8, [1, 2]))
    paths = folder / "00007.rec", folder / "00008.rec"
    write_results(paths[0], BATCH, RECORDS)
    paths[1].write_bytes(content(header(other), made_up(other.pixels)))
    return list(zip((BATCH, other), paths, strict=True))


def test_complete_results_are_read_together_as_one_by_one(tmp_path):
    files = two_files(tmp_path, lambda head, records: head + records.tobytes())
    alone = [read_results(path, batch).records for batch, path in files]
    assert rows(whole_results(files)) == rows(alone[0]) + rows(alone[1])


@pytest.mark.parametrize(
    "content",
    [
        lambda head, records: head + records[:1].tobytes(),
        lambda head, records: head + records.tobytes() + b"x",
        lambda head, records: head + records[::-1].tobytes(),
        lambda head, records: head + flipped(records.tobytes(), 30),
        lambda head, records: flipped(head, 9) + records.tobytes(),
        lambda head, records: head + sign(infinite(records)).tobytes(),
        lambda *_: b"",
    ],
    ids=["fewer", "more", "other order", "damaged", "foreign", "infinite", "empty"],
)
def test_results_that_are_not_as_a_job_leaves_them_are_read_one_by_one(tmp_path, content):
    assert whole_results(two_files(tmp_path, content)) is None


def test_a_missing_result_file_is_no_complete_one(tmp_path):
    ((batch, path), _) = two_files(tmp_path, lambda head, _: head)
    path.unlink()
    assert whole_results([(batch, path)]) is None


def flipped(content, at):
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def infinite(records):
    records = records.copy()
    records["E_tot"] = float("inf")
    return records


def test_written_values_are_read_back(tmp_path):
    path = tmp_path / "results" / "00007.rec"
    write_results(path, BATCH, RECORDS[:3])
    writer = ResultWriter(path)
    writer.append(RECORDS[3:5])
    assert rows(read_results(path, BATCH).records) == rows(RECORDS[:5])  # before any sync
    writer.append(RECORDS[5:])
    writer.close()
    found = read_results(path, BATCH)
    assert rows(found.records) == rows(RECORDS)
    assert not found.complaints
    assert len(found.missing(BATCH)) == 0


@given(st.integers(0, len(WHOLE)))
def test_a_truncated_file_keeps_every_complete_record(path, size):
    found = read(path, WHOLE[:size])
    kept = max(0, size - len(HEAD)) // SIZE
    assert rows(found.records) == rows(RECORDS[:kept])
    assert ids(found.missing(BATCH)) == ids(BATCH.pixels[kept:])
    is_torn = 0 < size < len(HEAD) or (size > len(HEAD) and (size - len(HEAD)) % SIZE)
    assert bool(found.complaints) == bool(is_torn)


@given(st.integers(len(HEAD), len(WHOLE) - 1), st.integers(1, 255))
def test_a_changed_byte_costs_one_record(path, at, change):
    content = bytearray(WHOLE)
    content[at] ^= change
    found = read(path, bytes(content))
    lost = (at - len(HEAD)) // SIZE
    assert rows(found.records) == rows(RECORDS[:lost]) + rows(RECORDS[lost + 1 :])
    assert ids(found.missing(BATCH)) == ids(BATCH.pixels[lost : lost + 1])
    assert "damaged" in found.complaints[0]


@given(st.integers(0, len(HEAD) - 1), st.integers(1, 255))
def test_a_changed_byte_in_the_header_invalidates_the_file(path, at, change):
    content = bytearray(WHOLE)
    content[at] ^= change
    found = read(path, bytes(content))
    assert len(found.records) == 0
    assert "head" in found.complaints[0]


@given(st.integers(0, len(RECORDS) - 1))
def test_a_doubled_tail_counts_once_and_is_reported(path, start):
    # A second writer with other values may have written it: the first record counts.
    again = changed(RECORDS, start, llh=-1.0)
    found = read(path, WHOLE + again[start:].tobytes())
    assert rows(found.records) == rows(RECORDS)
    assert len(found.complaints) == len(RECORDS) - start
    assert all("twice" in complaint for complaint in found.complaints)


@settings(max_examples=200)
@given(st.binary(max_size=3 * SIZE), st.integers(0, len(RECORDS)), st.booleans())
def test_random_bytes_become_neither_records_nor_errors(path, rubbish, n, has_head):
    start = (HEAD if has_head else b"") + RECORDS[:n].tobytes()
    found = read(path, start + rubbish)
    assert rows(found.records) == (rows(RECORDS[:n]) if has_head else [])
    assert bool(found.complaints) == bool(rubbish or (n and not has_head))


def test_zeros_after_a_crash_are_not_records(path):
    found = read(path, HEAD + RECORDS[:1].tobytes() + bytes(4 * SIZE))
    assert rows(found.records) == rows(RECORDS[:1])
    assert "4 damaged" in found.complaints[0]


@pytest.mark.parametrize(
    "other",
    [
        Batch("f" * 32, BATCH.round, BATCH.number, BATCH.pixels),
        Batch(SCAN_ID, 3, BATCH.number, BATCH.pixels),
        Batch(SCAN_ID, BATCH.round, 8, BATCH.pixels),
        Batch(SCAN_ID, BATCH.round, BATCH.number, BATCH.pixels[::-1]),
    ],
    ids=["scan", "round", "batch", "pixels"],
)
def test_results_of_another_scan_round_batch_or_choice_are_ignored(path, other):
    found = read(path, WHOLE, other)
    assert len(found.records) == 0
    assert len(found.missing(other)) == len(RECORDS)
    assert str(path) in found.complaints[0]


def test_a_record_of_an_unrequested_pixel_is_reported_and_left_out(path):
    stranger = changed(RECORDS, 0, pixel=6)[:1]
    found = read(path, HEAD + stranger.tobytes() + RECORDS.tobytes())
    assert rows(found.records) == rows(RECORDS)
    assert "(8, 6, 0)" in found.complaints[0]


def test_a_missing_file_is_reported_and_an_empty_one_is_not(tmp_path):
    nothing = read_results(tmp_path / "no.rec", BATCH)
    assert "missing" in nothing.complaints[0]
    assert len(nothing.missing(BATCH)) == len(RECORDS)
    assert read(tmp_path / "empty.rec", b"").complaints == ()


def test_a_result_file_has_the_layout_of_earlier_versions():
    pixels = zlib.crc32(BATCH.pixels.tobytes())
    fields = (b"SKYSCAN\x01", SCAN_ID.encode(), 2, 7, pixels, SIZE)
    body = struct.pack("<8s32s4I", *fields)
    assert body + struct.pack("<I", zlib.crc32(body)) == HEAD
    assert len(HEAD) + len(RECORDS) * SIZE == len(WHOLE)


def test_a_header_names_its_scan_round_and_batch():
    assert header_ids(HEAD) == header_ids(WHOLE) == (SCAN_ID, 2, 7)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        HEAD[:-1],
        *(HEAD[:at] + bytes([HEAD[at] ^ 1]) + HEAD[at + 1 :] for at in range(len(HEAD))),
    ],
)
def test_a_damaged_header_names_nothing(content):
    assert header_ids(content) is None


@pytest.mark.parametrize(
    ("magic", "size"), [(b"SKYSCAN\x02", SIZE), (b"SKYSCAN\x01", SIZE + 1)]
)
def test_a_header_of_another_format_names_nothing(magic, size):
    body = struct.pack("<8s32s4I", magic, SCAN_ID.encode(), 2, 7, 0, size)
    assert header_ids(body + struct.pack("<I", zlib.crc32(body))) is None


@pytest.mark.parametrize("n", [20, 21, 30])
def test_only_twenty_records_that_do_not_belong_are_named(path, n):
    strangers = made_up(pixel_rows(16, range(n)))
    found = read(path, HEAD + RECORDS.tobytes() + strangers.tobytes()).complaints
    assert len(found) == min(n, 21)
    assert f"has {n - 20} more records that do not belong" in found[-1] or n == 20


def test_records_of_two_files_of_a_batch_count_once_and_the_first_file_has_priority():
    other = changed(RECORDS, 1, llh=-1.0)
    first = ResultFile(RECORDS[[0, 1]], ("torn",))
    both = first.joined(ResultFile(other[[1, 3]], ("damaged",)))
    assert rows(both.records) == rows(RECORDS[[0, 1, 3]])
    assert both.complaints == ("torn", "damaged")
    assert ids(both.missing(BATCH)) == ids(BATCH.pixels[[2, *range(4, len(RECORDS))]])


def test_records_are_synced_after_a_second_and_when_the_file_is_closed(tmp_path, monkeypatch):
    clock, syncs = [50.0], []
    monkeypatch.setattr("skyscan.results.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("skyscan.results.os.fsync", syncs.append)
    writer = ResultWriter(tmp_path / "00007.rec")
    counts = []
    for later in (0.5, 0.4, 0.2, 0.9, 0.2):  # at 0.5, 0.9, 1.1, 2.0 and 2.2 s
        clock[0] += later
        writer.append(RECORDS[:1])
        counts.append(len(syncs))
    writer.close()
    assert counts == [0, 0, 1, 1, 2]
    assert len(syncs) == 3
    assert all(isinstance(descriptor, int) for descriptor in syncs)


def test_counting_is_fast_and_gives_no_more_than_the_file_has(tmp_path):
    path = tmp_path / "00007.rec"
    counted = []
    cut = [WHOLE[: len(HEAD) + 2 * SIZE + more] for more in (-1, 1)]
    for content in (None, b"", HEAD, *cut, WHOLE):
        if content is not None:
            path.write_bytes(content)
        counted.append(count_records(path))
    assert counted == [0, 0, 0, 1, 2, len(RECORDS)]


def test_a_file_without_an_end_is_read_as_far_as_its_batch_goes(tmp_path):
    path = tmp_path / "00007.rec"
    path.write_bytes(WHOLE)
    os.truncate(path, 20 * 2**30)  # zeros, which take no space on the disk
    found = read_results(path, BATCH)
    assert rows(found.records) == rows(RECORDS)
    assert len(found.complaints) == 1  # damaged records


def test_a_header_whose_scan_id_is_not_text_is_of_another_scan():
    body = HEAD[:8] + b"\xff" * 32 + HEAD[40:-4]
    content = body + struct.pack("<I", zlib.crc32(body))
    found = header_ids(content)
    assert found is not None
    assert found[0] != SCAN_ID
    assert found[1:] == (2, 7)
