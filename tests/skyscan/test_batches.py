import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scans_support import SCAN_ID, pixel_rows

from skyscan.batches import (
    FILES,
    SHARED_BYTES,
    Batch,
    batch_bytes,
    batch_sizes,
    batches_per_file,
    read_batch,
    read_batches,
    split,
)
from skyscan.errors import BadInput
from skyscan.results import header, header_ids
from skyscan.storage import npz_bytes

BATCH = Batch(SCAN_ID, 3, 12, pixel_rows(64, [5, 700, 9], n_variations=2))
NEXT = Batch(SCAN_ID, 3, 13, pixel_rows(64, [6]))


def test_written_values_are_read_back(tmp_path):
    (tmp_path / "b.npz").write_bytes(batch_bytes(BATCH))
    found = read_batch(tmp_path / "b.npz")
    assert (found.scan_id, found.round, found.number) == (SCAN_ID, 3, 12)
    assert found.pixels.dtype == BATCH.pixels.dtype
    assert found.pixels.tobytes() == BATCH.pixels.tobytes()


@pytest.mark.parametrize("number", [0, 2**32 - 1])
def test_a_batch_has_any_number_that_a_result_file_can_hold(tmp_path, number):
    batch = Batch(SCAN_ID, number, number, BATCH.pixels)
    (tmp_path / "b.npz").write_bytes(batch_bytes(batch))
    found = read_batch(tmp_path / "b.npz")
    assert (found.round, found.number) == (number, number)
    assert header_ids(header(found)) == (SCAN_ID, number, number)


def test_the_same_batch_is_the_same_bytes():
    assert batch_bytes(BATCH) == batch_bytes(BATCH)


def test_a_batch_alone_in_its_file_has_the_arrays_that_earlier_versions_wrote(tmp_path):
    (tmp_path / "b.npz").write_bytes(batch_bytes(BATCH))
    with np.load(tmp_path / "b.npz") as written:
        assert set(written) == {"scan_id", "header", "pixels"}


def test_batches_that_share_a_file_are_read_one_by_one(tmp_path):
    path = tmp_path / "b.npz"
    path.write_bytes(batch_bytes(BATCH, NEXT))
    for written in (BATCH, NEXT):
        found = read_batch(path, written.number)
        assert (found.scan_id, found.round, found.number) == (SCAN_ID, 3, written.number)
        assert found.pixels.tobytes() == written.pixels.tobytes()
    assert [it.number for it in read_batches(path)] == [12, 13]
    for number in (None, 11, 14):
        with pytest.raises(BadInput, match="does not have batch"):
            read_batch(path, number)


def test_a_batch_alone_in_its_file_must_have_the_number_that_is_asked_for(tmp_path):
    path = tmp_path / "b.npz"
    path.write_bytes(batch_bytes(BATCH))
    assert read_batch(path, 12).number == 12
    with pytest.raises(BadInput, match="does not have batch 13"):
        read_batch(path, 13)


@given(st.integers(1, 300_000), st.integers(0, 5000))
def test_batches_share_files_only_if_there_are_many_and_the_files_stay_small(jobs, size):
    n = batches_per_file([size + 1, *[size] * (jobs - 1)])
    assert 1 <= n <= jobs
    if jobs <= FILES:
        assert n == 1
    elif n == 1:
        assert 2 * (size + 1) * BATCH.pixels.itemsize > SHARED_BYTES
    else:
        assert n * (size + 1) * BATCH.pixels.itemsize <= SHARED_BYTES
        assert -(-jobs // n) <= FILES or (n + 1) * (size + 1) * 56 > SHARED_BYTES


@pytest.mark.parametrize(
    ("jobs", "size", "n"),
    [(0, 0, 1), (1000, 1, 1), (1001, 1, 2), (2001, 1, 3), (5000, 292, 4), (5000, 293, 3)],
)
def test_a_thousand_files_and_64_kilobytes_are_the_limits(jobs, size, n):
    assert batches_per_file([size] * jobs) == n


@given(st.integers(0, 200), st.integers(1, 250), st.booleans())
def test_every_pixel_is_in_one_part_and_the_parts_are_of_one_size(n, size, by_jobs):
    pixels = pixel_rows(8, np.arange(n))
    sizes = {"batch_size": None, "jobs_per_round": size}
    if not by_jobs:
        sizes = {"batch_size": size, "jobs_per_round": None}
    parts = split(pixels, **sizes)
    lengths = [len(part) for part in parts]
    joined = np.concatenate([*parts, pixels[:0]])
    assert np.sort(joined, order="pixel").tobytes() == pixels.tobytes()
    assert len(parts) == (min(n, size) if by_jobs else -(-n // size))
    assert max(lengths, default=0) - min(lengths, default=0) <= 1
    assert min(lengths, default=1) > 0
    assert by_jobs or max(lengths, default=0) <= size


@given(st.integers(0, 300), st.integers(1, 60), st.integers(0, 4), st.booleans())
def test_halved_batches_contain_every_pixel_once_and_none_is_larger(n, size, halvings, by_jobs):
    pixels = pixel_rows(8, np.arange(n))
    sizes = {"batch_size": None, "jobs_per_round": size}
    if not by_jobs:
        sizes = {"batch_size": size, "jobs_per_round": None}
    lengths = [len(part) for part in split(pixels, **sizes)]
    parts = split(pixels, **sizes, halvings=halvings)
    halved = [len(part) for part in parts]
    joined = np.concatenate([*parts, pixels[:0]])
    assert np.sort(joined, order="pixel").tobytes() == pixels.tobytes()
    assert halved == sorted(halved, reverse=True)
    assert max(halved, default=0) <= max(lengths, default=0)
    assert min(halved, default=1) > 0
    assert len(lengths) <= len(halved) <= (halvings + 1) * len(lengths)


def test_batch_sizes_are_halved_towards_the_end_of_a_round():
    shape = {"batch_size": None, "jobs_per_round": 2}
    assert batch_sizes(64, **shape, halvings=0) == batch_sizes(64, **shape) == [32, 32]
    assert batch_sizes(64, **shape, halvings=2) == [16, 16, 8, 8, 8, 8]
    assert batch_sizes(5, **shape, halvings=2) == [2, 1, 1, 1]
    assert batch_sizes(64, batch_size=8, jobs_per_round=None, halvings=1) == [4] * 16


def test_every_batch_has_a_share_of_each_part_of_the_sky():
    parts = split(pixel_rows(8, np.arange(64)), batch_size=None, jobs_per_round=2, halvings=2)
    for part in parts:
        quarters = np.bincount(part["pixel"] // 16, minlength=4)
        assert set(quarters) == {len(part) // 4}


def test_small_batches_have_pixels_of_the_whole_sky():
    pixels = pixel_rows(8, np.arange(64))
    parts = split(pixels, batch_size=None, jobs_per_round=8, halvings=3)
    assert [len(part) for part in parts] == [4] * 8 + [2] * 8 + [1] * 16
    for size in (4, 2, 1):
        joined = np.concatenate([part["pixel"] for part in parts if len(part) == size])
        assert joined.mean() == pixels["pixel"].mean()


def test_neighbouring_pixels_go_to_different_jobs():
    parts = split(pixel_rows(8, np.arange(10)), batch_size=None, jobs_per_round=3)
    assert [part["pixel"].tolist() for part in parts] == [[0, 3, 6, 9], [1, 4, 7], [2, 5, 8]]


def test_a_missing_batch_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match=r"b\.npz is missing"):
        read_batch(tmp_path / "b.npz")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("batches") / "00012.npz"
    path.write_bytes(batch_bytes(BATCH))
    return path, path.read_bytes()


@given(st.data())
def test_a_damaged_batch_is_bad_input_or_is_read_correctly(written, data):
    path, content = written
    damaged = bytearray(content)
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(0, len(content) - 1)) :]
    else:
        damaged[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(damaged))
    try:
        found = read_batch(path)
    except BadInput:
        return
    # A byte that says nothing, such as an entry's date.
    assert (found.scan_id, found.round, found.number) == (SCAN_ID, 3, 12)
    assert found.pixels.tobytes() == BATCH.pixels.tobytes()


@pytest.mark.parametrize(
    "change",
    [
        {"pixels": np.zeros(3)},
        {"pixels": BATCH.pixels[["nside", "pixel"]]},
        {"header": np.array([1])},
        {"header": np.array(1)},
        {"header": np.array([3, -1])},
        {"header": np.array([3.0, 12.0])},
        {"header": np.array([3.0, 12.0]), "sizes": np.array([6.0])},
        {"header": np.array([3, 2**32])},
        {"header": np.array([2**32, 12])},
        {"sizes": np.array([], int)},
        {"sizes": np.array([4, 3])},
        {"sizes": np.array([7, -1])},
        {"sizes": np.array([3.0, 3.0])},
        {"sizes": np.array(6)},
        {"scan_id": None},
        {"pixels": None},
    ],
    ids=str,
)
def test_an_npz_without_a_batch_is_bad_input(tmp_path, change):
    arrays = {
        "scan_id": np.frombuffer(SCAN_ID.encode(), np.uint8),
        "header": np.array([3, 12]),
        "pixels": BATCH.pixels,
        **change,
    }
    (tmp_path / "b.npz").write_bytes(
        npz_bytes({k: v for k, v in arrays.items() if v is not None})
    )
    with pytest.raises(BadInput, match="not a batch"):
        read_batch(tmp_path / "b.npz")
