"""Parquet and SQLite as they lie on disk."""

import json
import sqlite3
from contextlib import closing

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables_support import (
    graphnet,
    plain,
    write_csv,
    write_parquet,
    write_prometheus,
    write_sqlite,
)

from skyscan.errors import BadInput
from skyscan.events.choice import Choice
from skyscan.events.files import take_event
from skyscan.events.reader import read_event


def test_a_truth_whose_events_are_text_is_refused(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    columns = {"event": ["one"], "zenith": [1.0], "azimuth": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    with pytest.raises(BadInput, match=r"column event has .one., which is not a number"):
        take_event(path, Choice(truth=tmp_path / "t.parquet"))


def test_a_truth_beside_a_nested_column_is_found(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    nested = [{"a": 100, "b": 200}]
    columns = {"nested": nested, "event": [1], "zenith": [1.0], "azimuth": [1.0]}
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    assert b'"zenith_rad":1.0' in take_event(path, Choice(truth=tmp_path / "t.parquet")).content


def test_a_database_with_changes_beside_it_is_refused(tmp_path):
    pulse_map, _ = graphnet((0,))
    path = write_sqlite(tmp_path / "x.db", pulses=pulse_map)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("UPDATE pulses SET charge = 2")
        connection.commit()
        with pytest.raises(BadInput, match=r"incomplete without x\.db-wal"):
            take_event(path)
    assert take_event(path).content


def test_a_truth_of_prometheus_without_a_column_is_refused_with_its_name(tmp_path):
    table = pq.read_table(write_prometheus(tmp_path / "x.parquet", (0,)))
    truth = table["mc_truth"].to_pylist()
    for row in truth:
        del row["initial_state_zenith"]
    columns = {"mc_truth": pa.array(truth), "photons": table["photons"]}
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(BadInput, match="mc_truth lacks initial_state_zenith"):
        take_event(tmp_path / "x.parquet")
    columns["mc_truth"] = pa.array([None], table["mc_truth"].type)
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    assert b'"truth":null' in take_event(tmp_path / "x.parquet").content


@pytest.mark.parametrize("begin", ["initial", "injection"])
def test_a_file_of_an_older_prometheus_is_read_too(tmp_path, begin):
    table = pq.read_table(write_prometheus(tmp_path / "new.parquet"))
    new = table["mc_truth"].to_pylist()
    rows = [{k: v for k, v in row.items() if k.startswith("initial")} for row in new]
    if begin == "initial":
        rows = [{k.replace("initial_state", begin): v for k, v in row.items()} for row in rows]
        rows = [{**row, "initial_azimuth": 0.3} for row in rows]
    else:
        rows = [
            {
                **{
                    f"injection_position_{axis}": row[f"initial_state_{axis}"] for axis in "xyz"
                },
                "injection_energy": row["initial_state_energy"],
                "injection_zenith": row["initial_state_zenith"],
                "injection_azimuth": row["initial_state_azimuth"],
                **{f"primary_{kind}_1_energy": 500.0 for kind in ("lepton", "hadron")},
                **{f"primary_{kind}_1_direction_theta": 1.0 for kind in ("lepton", "hadron")},
                **{f"primary_{kind}_1_direction_phi": 0.3 for kind in ("lepton", "hadron")},
            }
            for row in rows
        ]
    light = [
        {k.replace("string_id", "sensor_string_id"): v for k, v in it.items()}
        for it in table["photons"].to_pylist()
    ]
    pq.write_table(pa.table({"mc_truth": rows, "total": light}), tmp_path / "old.parquet")
    old, known = (read_event(tmp_path / f"{it}.parquet", event="1") for it in ("old", "new"))
    assert np.array_equal(old.pulses, known.pulses)
    assert old.truth == known.truth


def test_a_named_index_of_pandas_that_only_counts_numbers_events(tmp_path):
    table = pa.table(
        {"zenith": np.linspace(0.5, 1.5, 30), "azimuth": np.linspace(1.0, 2.0, 30)}
    )
    index = {"kind": "range", "name": "event", "start": 100, "stop": 160, "step": 2}
    about = {b"pandas": json.dumps({"index_columns": [index], "columns": []}).encode()}
    truth = tmp_path / "t.parquet"
    pq.write_table(table.replace_schema_metadata(about), truth, row_group_size=8)
    path = write_parquet(tmp_path / "x.parquet", plain((122,)))
    assert read_event(path, truth=truth).truth.zenith == table["zenith"][11].as_py()
