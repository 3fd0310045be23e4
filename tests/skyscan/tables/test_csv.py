"""CSV as programs and people write it."""

import pytest
from tables_support import plain, write_csv

from skyscan.errors import BadInput
from skyscan.events.choice import Choice
from skyscan.events.files import list_events, take_event

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
        BadInput, match=r"cannot be read as CSV \(field larger .*quotation mark"
    ):
        take_event(path)


def test_the_error_of_an_unknown_file_names_csv(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(BadInput, match=r"a table \(CSV, Parquet or SQLite\)"):
        take_event(tmp_path / "x.csv")
