"""Values of pulses that cannot be, or that have another unit."""

import numpy as np
import pytest
from tables_support import plain, write_csv, write_kaggle, write_parquet

from skyscan.errors import BadInput
from skyscan.events.choice import Choice, EventId
from skyscan.events.files import take_event

TOO_LARGE = 2**32 + 5  # 5 if it wraps


def test_times_in_seconds_are_refused(tmp_path):
    columns = plain((1,))
    columns["time"] = columns["time"] * 1e-9
    with pytest.raises(BadInput, match=r"within .* in column time; times have to be in ns"):
        take_event(write_csv(tmp_path / "x.csv", columns))


def test_pulses_of_one_string_may_be_at_one_time(tmp_path):
    columns = {"string": [1, 1], "om": [1, 2], "time": [5.0, 5.0], "charge": [1.0, 1.0]}
    assert take_event(write_csv(tmp_path / "x.csv", columns)).content


@pytest.mark.parametrize("charge", [-0.5, 1e300, np.inf])
def test_a_charge_that_no_pulse_has_is_refused(tmp_path, charge):
    columns = {**plain((1,)), "charge": np.full(40, charge)}
    with pytest.raises(BadInput, match=r"column charge holds .*, which no pulse can have"):
        take_event(write_csv(tmp_path / "x.csv", columns))


@pytest.mark.parametrize("name", ["string", "om", "pmt"])
def test_a_number_that_needs_more_than_32_bits_is_refused(tmp_path, name):
    columns = {**plain((1,)), name: np.full(40, TOO_LARGE)}
    with pytest.raises(BadInput, match=f"column {name} holds {TOO_LARGE}, which is not"):
        take_event(write_csv(tmp_path / "x.csv", columns))


def test_an_unsigned_number_that_needs_64_bits_is_refused(tmp_path):
    columns = {**plain((1,)), "event": np.full(40, 2**64 - 5, np.uint64)}
    with pytest.raises(BadInput, match=f"column event holds {2**64 - 5}, which is too large"):
        take_event(write_parquet(tmp_path / "x.parquet", columns))


@pytest.mark.parametrize("names", [["string", "om"], ["sensor_id"]])
def test_a_dom_of_a_geometry_that_needs_more_than_32_bits_is_refused(tmp_path, names):
    path = write_kaggle(tmp_path)
    doms = {**{name: [TOO_LARGE * 60] for name in names}, "x": [1.0], "y": [1.0], "z": [1.0]}
    geometry = write_csv(tmp_path / "g.csv", doms)
    with pytest.raises(BadInput, match=f"column {names[0]} holds .*, which is not the number"):
        take_event(path, Choice(event=EventId(3), geometry=geometry))
