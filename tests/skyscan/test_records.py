import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scans_support import made_up, pixel_rows

from skyscan.records import FIT_DTYPE, RECORD_DTYPE, are_intact, empty_fits, sign

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
