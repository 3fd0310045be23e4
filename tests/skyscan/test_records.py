import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scans_support import made_up, pixel_rows

from skyscan.progression import MAX_NSIDE
from skyscan.records import (
    FIT_DTYPE,
    FOUND_DTYPE,
    NO_KEY,
    PIXEL_DTYPE,
    RECORD_DTYPE,
    are_intact,
    empty_fits,
    found_of,
    keys_of,
    pixel_keys_of,
    reasons_of,
    sign,
)

RECORDS = made_up(pixel_rows(8, range(3)))


def test_signed_records_are_intact_and_unsigned_ones_are_not():
    assert are_intact(RECORDS).all()
    assert not are_intact(np.zeros(2, RECORD_DTYPE)).any()


@given(st.integers(0, RECORDS.nbytes - 1), st.integers(1, 255))
def test_any_changed_byte_is_detected_in_its_record_and_in_no_other(at, change):
    content = bytearray(RECORDS.tobytes())
    content[at] ^= change
    intact = are_intact(np.frombuffer(bytes(content), RECORD_DTYPE))
    assert np.flatnonzero(~intact).tolist() == [at // RECORD_DTYPE.itemsize]


def test_signing_does_not_change_its_argument():
    records = RECORDS.copy()
    records["llh"] = 1.0
    before = records.tobytes()
    assert are_intact(sign(records)).all()
    assert records.tobytes() == before


def test_a_record_has_the_same_size_on_every_machine():
    ids, fit = ["nside", "pixel", "variation"], list(FIT_DTYPE.names)
    assert list(RECORD_DTYPE.names) == [*ids, *fit, "run_time", "attempt", "reason", "checksum"]
    assert RECORD_DTYPE.itemsize == 4 + 8 + 4 + 8 * 8 + 8 + 4 + 120 + 4
    assert all(RECORD_DTYPE[name].byteorder in "<|=" for name in RECORD_DTYPE.names)


@pytest.mark.parametrize("name", FIT_DTYPE.names)
def test_a_failed_fit_is_nan_in_every_field(name):
    assert np.isnan(empty_fits(3)[name]).all()


FINEST = 12 * MAX_NSIDE**2 - 1
#: In the order of their keys, with the largest values of each part.
IN_ORDER = [
    *((1, 0, 0), (1, 0, 1), (1, 0, 2**27 - 1), (1, 1, 0), (1, 11, 2**27 - 1)),
    *((2, 0, 0), (8, 767, 6), (512, 0, 0), (512, 3_145_727, 0)),
    *((MAX_NSIDE, FINEST, 0), (2**15, 2**32 - 1, 2**27 - 1)),
]


def test_keys_are_different_and_sort_by_nside_then_pixel_then_variation():
    keys = keys_of(rows_of(IN_ORDER))
    assert (np.diff(keys) > 0).all()
    assert keys[0] > NO_KEY


def test_the_variations_of_a_pixel_share_its_key():
    rows = [(8, 3, 0), (8, 3, 2**27 - 1), (8, 4, 0), (4, 3, 0)]
    one, same, *others = pixel_keys_of(rows_of(rows)).tolist()
    assert one == same
    assert len({one, *others}) == 3


@pytest.mark.parametrize(
    "row",
    [
        *((0, 0, 0), (-8, 0, 0), (3, 0, 0), (12, 0, 0), (2**16, 0, 0)),
        *((8, -1, 0), (8, 2**32, 0), (8, 0, -1), (8, 0, 2**27)),
    ],
)
def test_rows_that_no_scan_has_have_no_key(row):
    assert keys_of(rows_of([row])).tolist() == [NO_KEY]
    assert pixel_keys_of(rows_of([row])).tolist() == [NO_KEY]


def rows_of(ids):
    rows = np.zeros(len(ids), PIXEL_DTYPE)
    for name, values in zip(
        ("nside", "pixel", "variation"), zip(*ids, strict=True), strict=True
    ):
        rows[name] = values
    return rows


@pytest.mark.parametrize("reasons", [[b"", b"", b""], [b"a", b"", b"a"], [b"b", b"a", b"b"]])
def test_records_that_are_found_have_their_reasons_once(reasons):
    records = RECORDS.copy()
    records["reason"] = reasons
    found = found_of(records)
    assert found.dtype == FOUND_DTYPE
    assert found.itemsize < RECORD_DTYPE.itemsize / 2
    assert "checksum" not in found.dtype.names
    assert reasons_of(found) == reasons_of(records) == reasons
    assert found["reason"].tolist() == found_of(records)["reason"].tolist()
    for name in set(FOUND_DTYPE.names) - {"reason"}:
        assert found[name].tolist() == records[name].tolist()
