"""The truth of events in tables: the right row, in the right frame and unit."""

import numpy as np
import pytest
from tables_support import (
    DEPTH,
    plain,
    pulses_of,
    write_csv,
    write_parquet,
    write_prometheus,
    write_sqlite,
)

from skyscan.errors import BadInput
from skyscan.events.choice import Choice
from skyscan.events.files import take_event
from skyscan.events.reader import read_event
from skyscan.geometry import dom_positions, positions


def read(folder, path, **choice: object):
    """Return the chosen event of a table, as a job reads it."""
    taken = take_event(path, Choice(**choice))
    (folder / taken.name).write_bytes(taken.content)
    return read_event(folder / taken.name)


def true(**columns: float):
    """Return a table of truth with one event as {column: values}."""
    return {"event": [1], **{name: [value] for name, value in columns.items()}}


def test_a_true_vertex_far_below_the_detector_stays_where_it_is(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    columns = true(zenith=1.0, azimuth=2.0, z=-1500.0)
    truth = read(tmp_path, path, truth=write_csv(tmp_path / "t.csv", columns)).truth
    assert truth.z == -1500.0


def prometheus_by_graphnet(depth):
    pulses, numbers = pulses_of([0])
    x, y, z = positions(pulses["string"], pulses["om"]).T
    photons = {
        "event_no": numbers,
        "sensor_string_id": pulses["string"],
        "sensor_id": pulses["om"],
        "t": pulses["time"],
        "sensor_pos_x": x,
        "sensor_pos_y": y,
        "sensor_pos_z": z - depth,
    }
    truth = {
        "event_no": [0],
        "injection_zenith": [1.0],
        "injection_azimuth": [1.0],
        "injection_position_z": [-1500.0],
    }
    return photons, truth


@pytest.mark.parametrize(("depth", "z"), [(DEPTH, DEPTH - 1500.0), (0.0, -1500.0)])
def test_heights_of_prometheus_follow_those_of_the_doms(tmp_path, depth, z):
    photons, truth = prometheus_by_graphnet(depth)
    path = write_sqlite(tmp_path / "x.db", total=photons, mc_truth=truth)
    assert read(tmp_path, path).truth.z == pytest.approx(z)


def test_heights_of_prometheus_are_not_shifted_in_a_detector_of_ones_own(tmp_path):
    x, y, z = dom_positions().reshape(-1, 3).T
    string, om = np.divmod(np.arange(len(x)), 60)
    doms = {"string": string + 1, "om": om + 1, "x": x, "y": y, "z": z - DEPTH}
    geometry = write_csv(tmp_path / "g.csv", doms)
    path = write_prometheus(tmp_path / "x.parquet", (0,))
    assert read(tmp_path, path, geometry=geometry).truth.z == pytest.approx(30.0 - DEPTH)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"zenith": 90.0, "azimuth": 1.0}, "column zenith holds 90, .*zenith_deg"),
        ({"zenith": 1.0, "azimuth": 180.0}, "column azimuth holds 180, .*azimuth_deg"),
        ({"zenith": -0.5, "azimuth": 1.0}, "column zenith holds -0.5"),
        ({"zenith_deg": 181.0, "azimuth_deg": 1.0}, "zenith_deg holds 181, .*0 to 180 deg"),
        ({"ra_deg": 400.0, "dec_deg": 1.0}, "column ra_deg holds 400"),
        ({"ra_deg": 10.0, "dec_deg": -91.0}, "column dec_deg holds -91, .*-90 to 90 deg"),
    ],
)
def test_an_angle_that_cannot_be_is_refused_with_the_column_for_degrees(
    tmp_path, columns, message
):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    with pytest.raises(BadInput, match=message):
        take_event(path, Choice(truth=write_csv(tmp_path / "t.csv", true(**columns))))


def test_angles_at_the_ends_of_their_ranges_are_taken(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    columns = true(zenith=3.1416, azimuth=-3.1416)
    assert read(tmp_path, path, truth=write_csv(tmp_path / "t.csv", columns)).truth.zenith > 3


def write_one(path, columns):
    return write_sqlite(path, truth=columns)


@pytest.mark.parametrize("write", [write_csv, write_parquet, write_one])
def test_the_truth_of_an_event_that_several_rows_have_is_refused(tmp_path, write):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    columns = {"event": [1, 2, 1], "zenith": [1.0, 1.0, 2.0], "azimuth": [1.0] * 3}
    truth = write(tmp_path / "t", columns)
    with pytest.raises(BadInput, match=r"several rows of event 1 .*keep one"):
        take_event(path, Choice(truth=truth))
    truth = write(tmp_path / "u", {"run": [5, 5, 6], **columns})
    with pytest.raises(BadInput, match=r"several rows of event 1 .*give --run"):
        take_event(path, Choice(truth=truth))
    assert read(tmp_path, path, truth=truth, run_id=6).truth.zenith == 2.0
