"""Small files of every layout of tables, written from simulated events."""

import sqlite3

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from events_support import simulated_pulses

from skyscan.events.event import LC_FLAG
from skyscan.geometry import dom_positions, positions

DEPTH = 1948.07


def pulses_of(events, n=40):
    """Return the pulses of some events, one after another, and the event of each."""
    each = [simulated_pulses(n, seed) for seed in events]
    for pulses in each:
        pulses["flags"] = LC_FLAG * (np.arange(n) % 3 > 0)
    return np.concatenate(each), np.repeat(list(events), n)


def plain(events=(1, 2), n=40):
    """Return a plain table as {column: values}."""
    pulses, numbers = pulses_of(events, n)
    names = ("string", "om", "pmt", "time", "charge", "width")
    columns = {name: pulses[name] for name in names}
    return {"event": numbers, **columns, "lc": pulses["flags"] & LC_FLAG}


def write_csv(path, columns, comment="# pulses\n"):
    rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
    lines = [",".join(columns), *(",".join(map(str, row)) for row in rows)]
    path.write_text(comment + "\n".join(lines) + "\n")
    return path


def write_parquet(path, columns, row_group_size=None):
    pq.write_table(pa.table(columns), path, row_group_size=row_group_size)
    return path


def write_kaggle(folder, events=(3, 24, 41), n=40):
    """Write batch_1.parquet, train_meta.parquet and sensor_geometry.csv as Kaggle has them."""
    pulses, numbers = pulses_of(events, n)
    sensors = (pulses["string"] - 1) * 60 + pulses["om"] - 1
    batch = {
        "sensor_id": sensors.astype(np.int16),
        "time": np.round(pulses["time"]).astype(np.int64),
        "charge": pulses["charge"],
        "auxiliary": (pulses["flags"] & LC_FLAG) == 0,
        "event_id": numbers,
    }
    write_parquet(folder / "batch_1.parquet", batch, row_group_size=n + 7)
    meta = {
        "batch_id": np.ones(len(events), int),
        "event_id": np.array(events),
        "first_pulse_index": np.arange(len(events)) * n,
        "last_pulse_index": np.arange(len(events)) * n + n - 1,
        "azimuth": np.linspace(1, 2, len(events)),
        "zenith": np.linspace(2, 1, len(events)),
    }
    write_parquet(folder / "train_meta.parquet", meta, row_group_size=2)
    x, y, z = dom_positions().reshape(-1, 3).T
    geometry = {"sensor_id": np.arange(len(x)), "x": x, "y": y, "z": z}
    write_csv(folder / "sensor_geometry.csv", geometry, comment="")
    return folder / "batch_1.parquet"


def graphnet(events=(0, 1), n=40):
    """Return GraphNeT's pulse map and truth as {column: values}."""
    pulses, numbers = pulses_of(events, n)
    x, y, z = positions(pulses["string"], pulses["om"]).T
    pulse_map = {
        "charge": pulses["charge"],
        "dom_time": pulses["time"],
        "width": pulses["width"],
        "dom_x": x,
        "dom_y": y,
        "dom_z": z,
        "event_time": np.full(len(x), 56783.9),
        "hlc": pulses["flags"] & LC_FLAG,
        "string": pulses["string"].astype(float),
        "pmt_number": np.zeros(len(x)),
        "dom_number": pulses["om"].astype(float),
        "event_no": numbers,
    }
    truth = {
        "event_no": np.array(events),
        "energy": 10.0 * (1 + np.arange(len(events))),
        "position_x": np.full(len(events), 1.0),
        "position_y": np.full(len(events), 2.0),
        "position_z": np.full(len(events), 3.0),
        "azimuth": np.full(len(events), 0.5),
        "zenith": np.full(len(events), 1.5),
    }
    return pulse_map, truth


def write_sqlite(path, **tables: object):
    with sqlite3.connect(path) as connection:
        for name, columns in tables.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            marks = ", ".join("?" * len(columns))
            rows = zip(*(np.asarray(it).tolist() for it in columns.values()), strict=True)
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608
    connection.close()
    return path


def write_prometheus(path, events=(0, 1), n=40):
    """Write photons and truth as Prometheus does: z from the surface, a row an event."""
    photons, truth = [], []
    for number in events:
        pulses = simulated_pulses(n, number)
        x, y, z = positions(pulses["string"], pulses["om"]).T
        photons.append(
            {
                "sensor_pos_x": x.tolist(),
                "sensor_pos_y": y.tolist(),
                "sensor_pos_z": (z - DEPTH).tolist(),
                "string_id": pulses["string"].tolist(),
                "sensor_id": pulses["om"].tolist(),
                "t": pulses["time"].tolist(),
            }
        )
        truth.append(
            {
                "initial_state_energy": 1000.0,
                "initial_state_zenith": 1.0,
                "initial_state_azimuth": 0.3 + np.pi,  # opposite to the final states
                "initial_state_x": 10.0,
                "initial_state_y": 20.0,
                "initial_state_z": 30.0 - DEPTH,
                "final_state_energy": [900.0, 100.0, 5.0],
                "final_state_zenith": [1.0, 1.0, 2.0],
                "final_state_azimuth": [0.3, 0.3, 2.0],
                "final_state_parent": [0.0, 0.0, 1.0],
            }
        )
    pq.write_table(pa.table({"mc_truth": truth, "photons": photons}), path)
    return path
