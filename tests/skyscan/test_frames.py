"""The file of a job's fitted frames."""

import struct
import tracemalloc

import pytest

from skyscan.frames import MAGIC, append_kept, begin_kept, packed, read_kept

FITS = {(8, 17, 0): b"first", (8, 17, 1): b"", (512, 3_000_000_000, 6): b"x" * 1000}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "00000.frames"
    for ids, frame in FITS.items():
        append_kept(path, packed(ids, frame))
    return path


def test_frames_are_read_as_they_were_appended(file):
    assert read_kept(file) == FITS


def test_a_file_that_is_missing_or_empty_has_none(tmp_path):
    assert read_kept(tmp_path / "none") == {}
    (tmp_path / "empty").touch()
    assert read_kept(tmp_path / "empty") == {}


def test_of_a_fit_that_is_there_twice_the_last_counts(file):
    append_kept(file, packed((8, 17, 0), b"second"))
    assert read_kept(file) == {**FITS, (8, 17, 0): b"second"}


def test_whatever_happens_to_a_byte_only_intact_frames_are_read(file):
    content = file.read_bytes()
    for n in range(0, len(content), 7):
        file.write_bytes(content[:n])
        assert read_kept(file).items() < FITS.items()
        file.write_bytes(content[:n] + bytes([content[n] ^ 1]) + content[n + 1 :])
        assert read_kept(file).items() < FITS.items()


def test_a_job_starts_with_the_frames_of_its_earlier_starts(file, tmp_path):
    file.write_bytes(file.read_bytes()[:-1])  # torn
    now = tmp_path / "00000.new.frames"
    begin_kept(now, [tmp_path / "none"])
    assert now.read_bytes() == b""
    append_kept(now, packed((8, 18, 0), b"its own checkpoint"))
    begin_kept(now, [file])
    append_kept(now, packed((8, 19, 0), b"new"))
    whole = dict(list(FITS.items())[:2])
    assert read_kept(now) == {**whole, (8, 18, 0): b"its own checkpoint", (8, 19, 0): b"new"}


def test_only_the_frames_that_are_wanted_are_kept(file):
    assert read_kept(file, {(8, 17, 1), (8, 99, 0)}) == {(8, 17, 1): b""}


def test_a_frame_that_claims_gigabytes_is_not_looked_for(file):
    with file.open("ab") as end:
        end.write(struct.pack("<4siqiI", MAGIC, 8, 20, 0, 2**32 - 1))
        end.truncate(3 * 2**30)  # zeros that take no place
    tracemalloc.start()
    assert read_kept(file) == FITS
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
