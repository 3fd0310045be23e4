"""CSV as programs and people write it."""

import bz2
import gzip
import lzma

import numpy as np
import pytest
from tables_support import plain, pulses_of, write_csv

from skyscan.errors import BadInput
from skyscan.events.choice import Choice
from skyscan.events.files import list_events, take_event
from skyscan.events.reader import read_event
from skyscan.tables import csv_file, unpacked

COLUMNS = ["string", "om", "time", "charge"]
ROWS = ((1, 2, 100.0, 1.0), (3, 4, 900.0, 2.0))


def written(path, head, rows):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


@pytest.mark.parametrize(
    ("head", "more"),
    [
        (",string,om,time,charge", (0,)),  # pandas' index
        ("my note,string,om,time,charge", ("a b",)),
        ("weight.1,string,om,time,charge", (0.5,)),
        ('"a, b; c",string,om,time,charge', ('"x, y"',)),
        ('"x", "string", "om", "time", "charge"', (1,)),
        ("1st,string,om,time,charge", (1,)),
    ],
)
def test_further_columns_may_have_any_name(tmp_path, head, more):
    path = written(tmp_path / "x.csv", head, [(*more, *row) for row in ROWS])
    (entry,) = list_events(path)
    assert entry.pulses == {"pulses": 2}
    assert take_event(path).content


@pytest.mark.parametrize("separator", [";", "\t", "|", " ", ", ", "   "])
def test_separators_may_be_others_than_commas(tmp_path, separator):
    rows = [f" {separator.join(map(str, row))} " for row in [COLUMNS, *ROWS]]
    (tmp_path / "x.csv").write_text("\n".join(rows))
    event = read_event(tmp_path / "x.csv")
    assert [tuple(pulse) for pulse in event.pulses[COLUMNS].tolist()] == list(ROWS)


def test_decimals_with_a_comma_are_refused_with_the_value(tmp_path):
    (tmp_path / "x.csv").write_text("string;om;time;charge\n1;2;3,5;1\n")
    with pytest.raises(
        BadInput, match=r"column time has '3,5', which .* decimals need a point"
    ):
        read_event(tmp_path / "x.csv")


def test_a_truth_as_pandas_writes_it_is_read(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    truth = written(tmp_path / "t.csv", ",event,zenith,azimuth", [(0, 1, 1.0, 2.0)])
    assert b'"zenith_rad":1.0' in take_event(path, Choice(truth=truth)).content


@pytest.mark.parametrize("where", ["head", "row"])
def test_a_cell_without_end_is_refused_in_one_sentence(tmp_path, where):
    long = '"' + "x" * 200_000
    head = "string,om,time,charge" + (f",{long}" if where == "head" else "")
    path = written(tmp_path / "x.csv", head, [*ROWS, (1, 2, 3, long)])
    with pytest.raises(
        BadInput, match=r"cannot be read as CSV \((field|its first line is) l.*quotation mark"
    ):
        take_event(path)


def test_the_error_of_an_unknown_file_names_csv(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"a table \(CSV, Parquet or SQLite\)"):
        take_event(tmp_path / "x.csv")


@pytest.mark.parametrize("in_order", [True, False])
def test_events_of_a_long_file_are_read_in_parts(tmp_path, monkeypatch, in_order):
    monkeypatch.setattr(csv_file, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(csv_file, "BLOCK", 64)
    columns = plain(range(1, 6), n=20)
    if not in_order:
        order = np.random.default_rng(1).permutation(100)
        columns = {name: values[order] for name, values in columns.items()}
    path = write_csv(tmp_path / "x.csv", columns)
    assert [it.pulses["pulses"] for it in list_events(path)] == [20] * 5
    for number in (4, 2, 5, 1, 3):
        event = read_event(path, event=str(number))
        expected, _ = pulses_of([number], 20)
        assert np.array_equal(event.pulses["time"], expected["time"])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_computer(tmp_path, end):
    path = tmp_path / "x.csv"
    rows = ["\ufeffstring,om,time,charge", *(",".join(map(str, row)) for row in ROWS)]
    path.write_bytes(end.join(rows).encode())
    assert len(read_event(path).pulses) == 2


@pytest.mark.parametrize("packed", [gzip.compress, bz2.compress, lzma.compress])
def test_a_table_may_be_compressed(tmp_path, packed):
    plain_file = write_csv(tmp_path / "x.csv", plain((7, 9)))
    path = tmp_path / "x.csv.packed"
    path.write_bytes(packed(plain_file.read_bytes()))
    assert [it.event_id for it in list_events(path)] == [7, 9]
    expected = read_event(plain_file, event="9")
    assert np.array_equal(read_event(path, event="9").pulses, expected.pulses)
    bad = plain((7,))
    bad["time"] = [*bad["time"][:-1], "x"]
    path.write_bytes(packed(write_csv(tmp_path / "y.csv", bad).read_bytes()))
    with pytest.raises(BadInput, match=f"^{path}: column time has 'x', which"):
        take_event(path)


def test_a_table_that_unpacks_to_far_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacked, "LARGE", 100)
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"string,om,time,charge\n" + b"1,2,3.0,4.0\n" * 100_000))
    with pytest.raises(BadInput, match="far more than a table"):
        take_event(path)


def test_names_of_columns_may_be_in_any_case(tmp_path):
    path = written(
        tmp_path / "x.csv", "Event,String,OM,Time,Charge", [(7, *row) for row in ROWS]
    )
    truth = written(tmp_path / "t.csv", "EVENT,Zenith,Azimuth", [(7, 1.0, 2.0)])
    event = read_event(path, event="7", truth=truth)
    assert (len(event.pulses), event.truth.zenith) == (2, 1.0)
    both = written(
        tmp_path / "y.csv", "string,om,time,Time,charge", [(1, 2, 5.0, 6.0, 1.0)] * 2
    )
    assert read_event(both).pulses["time"].tolist() == [5.0, 5.0]
