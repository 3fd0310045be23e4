"""The numbers, time and truth of events: from a table or from options, never by a guess."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables_support import graphnet, plain, write_csv, write_parquet, write_sqlite

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.choice import Choice, EventId
from skyscan.events.files import list_events, take_event
from skyscan.events.reader import read_event


def read(folder, path, **choice: object):
    """Return the chosen event of a table, as a job reads it."""
    taken = take_event(path, Choice(**choice))
    (folder / taken.name).write_bytes(taken.content)
    return read_event(folder / taken.name)


def with_columns(path, *, without=(), **values: object):
    """Write a plain table of one event with more columns, or fewer."""
    columns = {**plain((1,)), **{name: np.full(40, value) for name, value in values.items()}}
    return write_csv(path, {k: v for k, v in columns.items() if k not in without})


def test_a_time_of_the_table_and_one_of_an_option_are_refused(tmp_path):
    path = with_columns(tmp_path / "x.csv", mjd=60000.5)
    with pytest.raises(WrongUsage, match="time of event 1 in its column mjd; leave out --mjd"):
        take_event(path, Choice(mjd=60001.5))


def test_a_run_of_the_table_and_one_of_an_option_are_refused(tmp_path):
    path = with_columns(tmp_path / "x.csv", run=5)
    with pytest.raises(WrongUsage, match="has a column run; leave out --run"):
        take_event(path, Choice(run_id=6))


def test_an_empty_column_of_times_means_that_there_is_none(tmp_path):
    path = with_columns(tmp_path / "x.csv", mjd=np.nan)
    assert np.isnan(read(tmp_path, path).mjd)
    assert read(tmp_path, path, mjd=60000.5).mjd == 60000.5


def test_a_time_in_some_rows_of_an_event_only_is_refused(tmp_path):
    columns = {**plain((1,)), "mjd": np.where(np.arange(40) < 3, np.nan, 60000.5)}
    with pytest.raises(BadInput, match="mjd is not the same in all rows"):
        take_event(write_csv(tmp_path / "x.csv", columns))


def test_a_table_with_a_run_but_no_events_is_one_event(tmp_path):
    path = with_columns(tmp_path / "x.csv", without=["event"], run=5)
    assert [str(it.id) for it in list_events(path)] == ["5:0:0"]
    event = read(tmp_path, path, event=EventId(7, 5))
    assert (event.run_id, event.event_id) == (5, 7)
    assert read(tmp_path, path, event=EventId(7)).run_id == 5
    with pytest.raises(BadInput, match="has no event 6:7"):
        take_event(path, Choice(event=EventId(7, 6)))


def test_several_runs_without_a_column_of_events_are_refused(tmp_path):
    columns = {**plain((1,)), "run": np.arange(40) % 2}
    del columns["event"]
    with pytest.raises(BadInput, match="several values of run, but no column event"):
        list(list_events(write_csv(tmp_path / "x.csv", columns)))


def test_an_event_with_a_negative_number_is_refused_and_the_others_are_not(tmp_path):
    path = write_csv(tmp_path / "x.csv", {**plain((5, 6)), "event": np.repeat([-5, 6], 40)})
    with pytest.raises(BadInput, match="event -5 has a negative number"):
        list(list_events(path))
    assert read(tmp_path, path, event=EventId(6)).event_id == 6


@pytest.mark.parametrize("event", [True, False])
def test_a_table_without_rows_says_so(tmp_path, event):
    columns = {name: np.array([], int) for name in plain() if event or name != "event"}
    for write in (write_csv, write_parquet):
        with pytest.raises(BadInput, match="it has no rows"):
            take_event(write(tmp_path / "x", columns))


def test_prometheus_without_events_says_so(tmp_path):
    photon = pa.struct([(name, pa.list_(pa.float64())) for name in ("t", "string_id")])
    photon = pa.struct([*photon, pa.field("sensor_id", pa.list_(pa.float64()))])
    pq.write_table(pa.table({"photons": pa.array([], photon)}), tmp_path / "x.parquet")
    with pytest.raises(BadInput, match="it has no rows"):
        take_event(tmp_path / "x.parquet")


def test_the_truth_of_a_database_is_the_table_that_is_named_so(tmp_path):
    pulse_map, truth = graphnet((0,))
    guess = {"event_no": [0], "zenith": [0.1], "azimuth": [0.1]}
    path = write_sqlite(tmp_path / "x.db", a_fit=guess, pulses=pulse_map, truth=truth)
    assert read(tmp_path, path).truth.zenith == 1.5
    assert read(tmp_path, path, truth=path).truth.zenith == 1.5


def test_no_truth_is_taken_of_several_tables_that_may_be_it(tmp_path):
    pulse_map, _ = graphnet((0,))
    guess = {"event_no": [0], "zenith": [0.1], "azimuth": [0.1]}
    path = write_sqlite(tmp_path / "x.db", a_fit=guess, b_fit=guess, pulses=pulse_map)
    for truth in (None, path):
        with pytest.raises(BadInput, match="each of the tables a_fit, b_fit may be the truth"):
            take_event(path, Choice(truth=truth))
    other = write_csv(tmp_path / "t.csv", {"event": [0], "zenith": [2.5], "azimuth": [1.0]})
    assert read(tmp_path, path, truth=other).truth.zenith == 2.5
