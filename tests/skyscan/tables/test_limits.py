"""Small tables that would take minutes or gigabytes are refused before they are read."""

import gzip
import time

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from events_support import raw

from skyscan.errors import BadInput
from skyscan.events.choice import Choice
from skyscan.events.files import take_event
from skyscan.tables.files import read_geometry

CPU_SECONDS = 2.0


def refused(read, match):
    begin = time.process_time()
    with pytest.raises(BadInput, match=match):
        read()
    assert time.process_time() - begin < CPU_SECONDS


def pulses(n, time_ns, *, numbered=True):
    columns = {"string": np.ones(n, np.int32), "om": np.ones(n, np.int32)}
    columns |= {"time": time_ns, "charge": np.ones(n)}
    return pa.table({"event": np.zeros(n, np.int64)} | columns if numbered else columns)


def test_a_parquet_file_of_more_rows_than_bytes_is_not_read(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pulses(4_000_000, np.zeros(4_000_000)), path)
    refused(lambda: take_event(path), "has 4000000 rows in [0-9]+ bytes")


@pytest.mark.parametrize("numbered", [True, False])
def test_an_event_of_more_rows_than_pulses_is_not_read(tmp_path, numbered):
    path, n = tmp_path / "x.parquet", 2_000_001
    times = np.random.default_rng(1).random(n)
    pq.write_table(pulses(n, times, numbered=numbered), path)
    choice = None if numbered else Choice(run_id=1)
    refused(lambda: take_event(path, choice), "event [0-9:]+ has 2000001 rows")


def test_a_compressed_table_does_not_unpack_to_far_more_than_it_is(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"string,om,time,charge\n" + b"1,1,1,1\n" * 5_000_000, 1))
    refused(lambda: take_event(path), "far more than a table does")


def test_a_detector_is_looked_for_in_the_first_frames_only(tmp_path):
    path = tmp_path / "x.i3.gz"
    path.write_bytes(gzip.compress(raw("G") * 100_000))
    refused(lambda: read_geometry(path), "no G frame with an I3Geometry")


def test_very_many_columns_of_the_same_name_are_refused_at_once(tmp_path):
    path = tmp_path / "doms.csv"
    path.write_text("string,om,x,y,z" + ",a" * 60_000 + "\n")
    refused(lambda: read_geometry(path), "the same name as another one")


def test_a_line_of_megabytes_names_no_columns(tmp_path):
    path = tmp_path / "doms.csv"
    path.write_text("a," * 1_000_000 + "\n")
    refused(lambda: read_geometry(path), "its first line is longer than")


@pytest.mark.parametrize("x", ["1e300", "-1e10", "nan", "inf"])
def test_a_dom_is_not_beyond_all_bounds(tmp_path, x):
    path = tmp_path / "doms.csv"
    path.write_text(f"string,om,x,y,z\n1,1,{x},0,0\n")
    refused(lambda: read_geometry(path), "column x has a value that is not a position")
