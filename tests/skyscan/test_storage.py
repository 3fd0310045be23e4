"""Files are written completely or not at all."""

import os
import time
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

from skyscan.errors import BadInput
from skyscan.storage import (
    digest,
    npz_bytes,
    read_json,
    read_npz,
    sha256_of,
    write_bytes,
    write_json,
    write_many,
)


def test_a_write_that_fails_leaves_the_old_content_and_no_other_file(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "file"
    write_bytes(path, b"old")

    def full_disk(_) -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="space"):
        write_bytes(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_readers_never_see_an_incomplete_file(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_bytes(path, b"old")
    seen = []
    monkeypatch.setattr(os, "fsync", lambda _: seen.append(path.read_bytes()))
    write_bytes(path, b"new")
    assert (seen, path.read_bytes()) == ([b"old"], b"new")


def test_equal_arrays_are_equal_bytes_whenever_they_are_written(tmp_path, monkeypatch):
    arrays = {"a": np.arange(5), "b": np.array([(1, 2.5)], "i4,f8")}
    (tmp_path / "1.npz").write_bytes(npz_bytes(arrays))
    monkeypatch.setattr(time, "time", lambda: 2e9)
    (tmp_path / "2.npz").write_bytes(
        npz_bytes({"a": np.arange(10)[::2] // 2, "b": arrays["b"]})
    )
    assert sha256_of(tmp_path / "1.npz") == sha256_of(tmp_path / "2.npz")


def test_written_arrays_are_read_back(tmp_path):
    arrays = {"header": np.array([("x", True)], "U4,?"), "nside-8": np.full((2, 2), np.nan)}
    (tmp_path / "1.npz").write_bytes(npz_bytes(arrays))
    found = read_npz(tmp_path / "1.npz")
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, strict=True)


def test_an_npz_with_a_pickle_inside_is_bad_input_and_runs_nothing(tmp_path):
    class Hostile:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "ran"),)

    np.savez(tmp_path / "1.npz", a=np.array([Hostile()], object))
    with pytest.raises(BadInput, match=r"1\.npz is damaged"):
        read_npz(tmp_path / "1.npz")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x93NUMPY", b"\x80\x04.", b"x" * 99])
def test_a_file_that_is_not_an_npz_is_bad_input(tmp_path, content):
    (tmp_path / "1.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"1\.npz is damaged") as error:
        read_npz(tmp_path / "1.npz")
    assert "allow_pickle" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"3", b"\xff\xfe", b'{"a": 1}x'])
def test_a_file_without_a_json_object_is_bad_input(tmp_path, content):
    (tmp_path / "1.json").write_bytes(content)
    with pytest.raises(BadInput, match=r"1\.json"):
        read_json(tmp_path / "1.json")


def test_a_missing_file_is_bad_input(tmp_path):
    for read in (read_json, read_npz):
        with pytest.raises(BadInput, match=r"no\.such is missing"):
            read(tmp_path / "no.such")


def test_a_disk_error_is_not_bad_input(tmp_path):
    # Exit code 65 is never retried, but a file system may recover.
    for read in (read_json, read_npz):
        with pytest.raises(OSError, match="directory"):
            read(tmp_path)


def test_equal_values_give_equal_json_bytes(tmp_path):
    write_json(tmp_path / "1.json", {"b": 1, "a": (1, "µ")})
    write_json(tmp_path / "2.json", {"a": [1, "µ"], "b": 1})
    assert sha256_of(tmp_path / "1.json") == sha256_of(tmp_path / "2.json")
    assert read_json(tmp_path / "1.json") == {"a": [1, "µ"], "b": 1}


def test_a_digest_does_not_depend_on_the_order_of_keys():
    assert digest({"a": 1, "b": [2]}) == digest({"b": (2,), "a": 1})
    assert digest([1, 2]) != digest([2, 1])


def test_a_file_on_a_disk_that_fails_is_named():
    with pytest.raises(OSError, match="/proc/self/mem"):
        read_json(Path("/proc/self/mem"))


def test_many_files_are_written_without_a_sync_for_each(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", synced.append)
    place = tmp_path / "a" / "b"
    write_many(place, {f"{n}": b"%d" % n for n in range(5)})
    write_many(place, {"3": b"again"})
    assert {path.name: path.read_bytes() for path in place.iterdir()} == {
        **{f"{n}": b"%d" % n for n in range(5)},
        "3": b"again",
    }
    assert len(synced) == 2  # the folder, each time
