"""Events in tables of every layout, as a user finds them."""

import gzip
import sqlite3
from contextlib import closing, suppress
from warnings import catch_warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from events_support import simulated_event, simulated_pulses
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tables_support import (
    graphnet,
    plain,
    pulses_of,
    write_csv,
    write_kaggle,
    write_parquet,
    write_prometheus,
    write_sqlite,
)

from skyscan.errors import BadInput, SkyscanError, WrongUsage
from skyscan.events.choice import Choice, EventId
from skyscan.events.event import LC_FLAG
from skyscan.events.event_json import event_json_bytes as event_json
from skyscan.events.files import find_events, list_events, take_event
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.geometry import dom_positions
from skyscan.track.cleaning import clean_hits

COLUMNS = ["string", "om", "time", "charge"]


def read(folder, path, **choice: object):
    """Return the chosen event of a table, as a job reads it."""
    if isinstance(choice.get("event"), int):
        choice["event"] = EventId(choice["event"])
    taken = take_event(path, Choice(**choice))
    own = folder / taken.name
    own.write_bytes(taken.content)
    return read_event(own)


def same(event, number, n=40):
    """Return whether an event has the simulated pulses of a number, as tables have them."""
    expected, _ = pulses_of([number], n)
    names = [*COLUMNS, "flags"]
    return len(event.pulses) == n and all(
        np.array_equal(event.pulses[name], expected[name]) for name in names
    )


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_an_event_of_a_plain_table_has_the_pulses_of_its_rows(tmp_path, write):
    path = write(tmp_path / "x", plain((7, 9)))
    entries = list(list_events(path))
    assert [(str(it.id), it.frame, dict(it.pulses)) for it in entries] == [
        ("7", 1, {"pulses": 40}),
        ("9", 2, {"pulses": 40}),
    ]
    event = read(tmp_path, path, event=9)
    assert same(event, 9)
    assert (event.run_id, event.event_id, event.name) == (
        0,
        9,
        "run00000000.evt000000000009.unknown",
    )
    assert np.isnan(event.mjd)
    assert event.truth is None


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_rows_of_an_event_need_not_be_together(tmp_path, write):
    columns = plain((7, 9))
    order = np.random.default_rng(1).permutation(80)
    path = write(tmp_path / "x", {name: values[order] for name, values in columns.items()})
    assert same(read(tmp_path, path, event=7), 7)


def test_run_time_and_sub_event_come_from_columns(tmp_path):
    columns = plain((7,))
    head = {"run": 5, "sub_event": 2, "mjd": 60000.5}
    more = {name: np.full(40, value) for name, value in head.items()}
    event = read(tmp_path, write_csv(tmp_path / "x.csv", {**columns, **more}))
    assert (event.run_id, event.event_id, event.sub_event_id, event.mjd) == (5, 7, 2, 60000.5)


def test_run_event_and_time_come_from_options_where_there_are_no_columns(tmp_path):
    columns = plain((7,))
    del columns["event"]
    path = write_csv(tmp_path / "x.csv", columns)
    event = read(tmp_path, path, event=EventId(3, 4), mjd=60000.5)
    assert (event.run_id, event.event_id, event.mjd) == (4, 3, 60000.5)
    assert read(tmp_path, path, run_id=8).run_id == 8


def test_local_coincidence_is_found_if_no_column_says_it(tmp_path):
    rows = [  # string, om, time
        (5, 10, 1000.0),
        (5, 12, 1900.0),  # next to nearest, in time
        (5, 14, 5000.0),  # too late
        (5, 20, 1000.0),  # too far
        (5, 20, 1100.0),  # the same DOM
        (6, 10, 1000.0),  # another string
    ]
    string, om, time = (np.array(it) for it in zip(*rows, strict=True))
    columns = {"string": string, "om": om, "time": time, "charge": np.ones(6)}
    event = read(tmp_path, write_csv(tmp_path / "x.csv", columns))
    assert [
        tuple(it) for it in event.pulses[event.pulses["flags"] == LC_FLAG][["om", "time"]]
    ] == [
        (10, 1000.0),
        (12, 1900.0),
    ]
    assert (event.pulses["flags"] == LC_FLAG).sum() == 2


def test_an_event_of_kaggle_has_its_truth(tmp_path):
    path = write_kaggle(tmp_path)
    event = read(tmp_path, path, event=24, truth=tmp_path / "train_meta.parquet")
    expected = simulated_pulses(40, 24)
    assert np.array_equal(event.pulses["string"], expected["string"])
    assert np.array_equal(event.pulses["om"], expected["om"])
    assert np.array_equal(event.pulses["flags"] & LC_FLAG, (np.arange(40) % 3 > 0) * 1)
    assert (event.truth.azimuth, event.truth.zenith) == (1.5, 1.5)
    assert np.isnan([event.truth.energy, event.truth.x, event.mjd]).all()


@pytest.mark.parametrize("name", ["batch_1.parquet", "train/batch_1.parquet.gz"])
def test_kaggles_table_of_sensors_is_the_geometry(tmp_path, name):
    whole = write_kaggle(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    content = whole.read_bytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    assert read(tmp_path, path, event=24).detector is None  # it is IceCube-86
    x, y, z = dom_positions().reshape(-1, 3).T
    write_csv(
        tmp_path / "sensor_geometry.csv",
        {"sensor_id": np.arange(len(x)), "x": x, "y": y + 70, "z": z},
        comment="",
    )
    detector = read(tmp_path, path, event=24).detector
    assert np.allclose(detector.doms["y"], y + 70)


def test_the_number_of_an_event_in_a_file_does_not_depend_on_how_it_is_chosen(tmp_path):
    path = write_kaggle(tmp_path)
    (found,) = list_events(path, Choice(event=EventId(41)))
    assert found.frame == 3
    assert read(tmp_path, path, frame=3).event_id == 41


def test_graphnets_database_has_pulses_truth_and_time(tmp_path):
    pulse_map, truth = graphnet()
    path = write_sqlite(tmp_path / "x.db", SRTInIcePulses=pulse_map, truth=truth)
    event = read(tmp_path, path, event=1)
    assert same(event, 1)
    assert event.pulses_key == "SRTInIcePulses"
    assert event.mjd == 56783.9
    known = event.truth
    assert (known.zenith, known.azimuth, known.energy, known.z) == (1.5, 0.5, 20.0, 3.0)


def test_one_of_several_pulse_maps_of_a_database_is_chosen(tmp_path):
    pulse_map, _ = graphnet((0,))
    other, _ = graphnet((0,), n=30)
    path = write_sqlite(tmp_path / "x.db", Mine=pulse_map, Others=other)
    assert len(read(tmp_path, path, pulses="Mine").pulses) == 40
    assert len(read(tmp_path, path, pulses="Others").pulses) == 30
    for chosen in (None, "Foreign"):
        with pytest.raises(BadInput, match=r"has Mine, Others; choose one of them with --puls"):
            take_event(path, Choice(pulses=chosen))


def test_the_usual_one_of_several_pulse_maps_is_read(tmp_path):
    pulse_map, _ = graphnet((0,))
    other, _ = graphnet((0,), n=30)
    path = write_sqlite(tmp_path / "x.db", Mine=other, SplitInIcePulses=pulse_map)
    assert len(read(tmp_path, path).pulses) == 40


def test_pulses_with_only_the_places_of_their_doms_are_those_of_the_nearest_doms(tmp_path):
    pulse_map, truth = graphnet()
    for name in ("string", "dom_number"):
        del pulse_map[name]
    path = write_sqlite(tmp_path / "x.db", pulses=pulse_map, truth=truth)
    assert same(read(tmp_path, path, event=1), 1)
    pulse_map["dom_x"] = pulse_map["dom_x"] + 3.0
    other = write_sqlite(tmp_path / "y.db", pulses=pulse_map)
    with pytest.raises(BadInput, match=r"no DOM is within 2 m of \(.*; --geometry gives"):
        take_event(other, Choice(event=EventId(1)))
    whole, _ = graphnet()
    whole["dom_x"] = pulse_map["dom_x"]
    geometry = write_sqlite(tmp_path / "z.db", pulses=whole)
    assert len(read(tmp_path, other, event=1, geometry=geometry).pulses) == 40


def test_graphnets_parquet_has_its_truth_in_another_file(tmp_path):
    pulse_map, truth = graphnet()
    path = write_parquet(tmp_path / "pulses.parquet", pulse_map)
    of = write_parquet(tmp_path / "truth.parquet", truth)
    assert read(tmp_path, path, event=0, truth=of).truth.energy == 10.0


def test_an_event_of_prometheus_is_where_icecube_is_and_comes_from_the_opposite_of_its_travel(
    tmp_path,
):
    path = write_prometheus(tmp_path / "x.parquet")
    event = read(tmp_path, path, event=1)
    assert len(event.pulses) == 40
    assert set(event.pulses["charge"]) == {1.0}
    truth = event.truth
    assert (truth.zenith, truth.azimuth) == pytest.approx((np.pi - 1.0, 0.3 + np.pi))
    assert (truth.energy, truth.x, truth.z) == pytest.approx((1000.0, 10.0, 30.0))


def test_a_table_of_another_detector_is_refused_with_the_place_that_differs(tmp_path):
    pulse_map, _ = graphnet((0,))
    pulse_map["dom_x"] = pulse_map["dom_x"] + 20.0
    path = write_parquet(tmp_path / "x.parquet", pulse_map)
    with pytest.raises(BadInput, match="20 m from its place in IceCube-86"):
        take_event(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"om": [0.0] * 40}, "string .*, DOM 0 is not in IceCube-86, where both are counted"),
        ({"om": [1.5] * 40}, "column om holds 1.5, which is not an integer"),
        ({"time": [np.nan] * 40}, "column time holds nan, which no pulse can have"),
        ({"charge": ["much"] * 40}, "column charge has .*, which is not a number"),
        ({"mjd": [3.0] * 40}, "time 3, which is not a modified Julian date"),
        ({"mjd": [60000.0] * 39 + [60001.0]}, "mjd is not the same in all rows of an event"),
    ],
)
def test_a_value_that_cannot_be_is_refused_with_its_column(tmp_path, change, message):
    changed = {name: np.array(values) for name, values in change.items()}
    path = write_csv(tmp_path / "x.csv", {**plain((1,)), **changed})
    with pytest.raises(BadInput, match=message) as caught:
        take_event(path)
    assert str(path) in str(caught.value)


def other_detector(folder):
    """Write pulses on another detector, and its DOMs; return their paths."""
    strings, oms = (it.reshape(-1) for it in np.meshgrid(np.arange(4), np.arange(100, 110)))
    dom = {"string": strings, "om": oms}
    place = {"x": 30.0 * strings, "y": -20.0 * (strings % 2), "z": 5.0 * oms}
    pulses = {**dom, "time": 1000.0 + 10.0 * oms, "charge": np.ones(40)}
    return write_csv(folder / "x.csv", pulses), write_csv(folder / "g.csv", {**dom, **place})


def test_another_detector_comes_with_the_event(tmp_path):
    path, geometry = other_detector(tmp_path)
    event = read(tmp_path, path, geometry=geometry)
    assert len(event.detector.doms) == 40
    assert event.detector.positions(3, 105).tolist() == [90.0, -20.0, 525.0]
    assert (event.seed.x, event.seed.y) == pytest.approx((45.0, -10.0))
    hits = clean_hits(event.pulses, event.detector)
    assert len(hits) == 40
    assert hits["x"].max() == 90.0
    assert event_json(event) == (tmp_path / "event.json").read_bytes()


def test_a_table_of_pulses_with_positions_is_its_own_geometry(tmp_path):
    pulses, numbers = pulses_of([0])
    photons = {
        "event_no": numbers,
        "sensor_string_id": pulses["string"] - 1,
        "sensor_id": pulses["om"] - 1,
        "t": pulses["time"],
        **{f"sensor_pos_{axis}": 3.0 * pulses["string"] for axis in "xyz"},
    }
    path = write_sqlite(tmp_path / "x.db", total=photons)
    assert (
        read(tmp_path, path, geometry=path)
        .detector.has(pulses["string"] - 1, pulses["om"] - 1)
        .all()
    )


def test_a_geometry_that_is_none_or_has_a_dom_twice_is_refused(tmp_path):
    path, geometry = other_detector(tmp_path)
    with pytest.raises(BadInput, match="has no table of DOMs"):
        take_event(path, Choice(geometry=path))
    lines = geometry.read_text().splitlines()
    geometry.write_text("\n".join([*lines, "0,100,7,7,7"]) + "\n")
    with pytest.raises(BadInput, match="a DOM has two places"):
        take_event(path, Choice(geometry=geometry))
    geometry.write_text("\n".join(lines[:-1]) + "\n")
    with pytest.raises(BadInput, match="string 3, DOM 109 is not in the geometry"):
        take_event(path, Choice(geometry=geometry))


def test_what_is_for_tables_is_refused_with_other_files(tmp_path):
    write_event(tmp_path / "x.json", simulated_event())
    with pytest.raises(WrongUsage, match="--mjd, --truth is for tables only"):
        take_event(tmp_path / "x.json", Choice(mjd=60000.0, truth=tmp_path))


@pytest.mark.parametrize(("name", "number"), [("event_id", "run_id"), ("event_no", "run")])
def test_events_and_runs_may_have_the_names_that_other_tables_give_them(tmp_path, name, number):
    columns = plain((1, 2))
    columns[name], columns[number] = columns.pop("event") * 0 + 7, np.repeat([5, 6], 40)
    path = write_csv(tmp_path / "x.csv", columns)
    assert [str(it.id) for it in list_events(path)] == ["5:7:0", "6:7:0"]
    assert same(read(tmp_path, path, event=EventId(7, 6)), 2)
    truth = {name: [7, 7], number: [5, 6], "zenith": [1.0, 2.0], "azimuth": [0.5, 0.5]}
    of = write_csv(tmp_path / "truth.csv", truth)
    assert read(tmp_path, path, event=EventId(7, 6), truth=of).truth.zenith == 2.0


@pytest.mark.parametrize(
    ("columns", "option"),
    [
        ({"event_id": [1], "zenith": [1.0], "azimuth": [1.0]}, "--truth"),
        ({"sensor_id": [1], "x": [1.0], "y": [1.0], "z": [1.0]}, "--geometry"),
    ],
)
def test_a_table_that_belongs_to_an_option_is_refused_with_the_option(
    tmp_path, columns, option
):
    path = write_csv(tmp_path / "x.csv", columns)
    with pytest.raises(
        BadInput, match=f"no pulses; give the pulses, and this file with {option}"
    ):
        take_event(path)


def test_missing_columns_are_named(tmp_path):
    columns = plain((1,))
    del columns["charge"], columns["om"]
    with pytest.raises(
        BadInput, match="nearest is plain table of pulses, which also needs om, charge"
    ):
        list(find_events(write_csv(tmp_path / "x.csv", columns)))


def test_a_line_of_another_length_is_refused(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("string,om,time,charge\n1,2,3,4\n1,2,3\n")
    with pytest.raises(BadInput, match=r"line 3 .* does not have the 4 values"):
        list(find_events(path))


def test_an_event_without_truth_is_refused_if_a_truth_is_asked_for(tmp_path):
    path = write_kaggle(tmp_path)
    write_parquet(
        tmp_path / "other.parquet", {"event_id": [1], "azimuth": [1.0], "zenith": [1.0]}
    )
    with pytest.raises(BadInput, match=r"other\.parquet has no truth of event 24"):
        take_event(path, Choice(event=EventId(24), truth=tmp_path / "other.parquet"))
    with pytest.raises(BadInput, match="has no table of truth"):
        take_event(path, Choice(event=EventId(24), truth=tmp_path / "sensor_geometry.csv"))


def test_a_truth_in_degrees_or_on_the_sky_is_understood(tmp_path):
    path = write_csv(tmp_path / "x.csv", plain((1,)))
    columns = {"event": [1], "zenith_deg": [90.0], "azimuth_deg": [180.0]}
    truth = read(tmp_path, path, truth=write_csv(tmp_path / "t.csv", columns)).truth
    assert (truth.zenith, truth.azimuth) == pytest.approx((np.pi / 2, np.pi))
    columns = {"event": [1], "ra_deg": [90.0], "dec_deg": [45.0]}
    truth = read(tmp_path, path, truth=write_csv(tmp_path / "u.csv", columns)).truth
    assert (truth.ra, truth.dec) == pytest.approx((np.pi / 2, np.pi / 4))


def test_damaged_files_are_refused_in_one_sentence(tmp_path):
    whole = write_kaggle(tmp_path).read_bytes()
    path = tmp_path / "cut.parquet"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput, match="cannot be read as Parquet"):
        list(find_events(path))
    pulse_map, _ = graphnet()
    whole = write_sqlite(tmp_path / "x.db", SRTInIcePulses=pulse_map).read_bytes()
    path = tmp_path / "cut.db"
    path.write_bytes(whole[:5000])
    with pytest.raises(BadInput, match="cannot be read as SQLite"):
        list(find_events(path))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    import sys

    path = write_kaggle(tmp_path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(WrongUsage, match=r"pip install 'skyscan\[tables\]'"):
        list(find_events(path))


def test_values_that_are_missing_in_parquet_are_refused(tmp_path):
    columns = {name: pa.array(values) for name, values in plain((1,)).items()}
    columns["time"] = pa.array([None, *columns["time"].to_pylist()[1:]])
    pq.write_table(pa.table(columns), tmp_path / "x.parquet")
    with pytest.raises(BadInput, match="column time holds nan"):
        take_event(tmp_path / "x.parquet")


def test_read_event_takes_tables_too(tmp_path):
    path = write_kaggle(tmp_path)
    event = read_event(path, event="24", mjd=60000.5, truth=tmp_path / "train_meta.parquet")
    assert (event.event_id, event.mjd, event.truth.zenith) == (24, 60000.5, 1.5)
    with pytest.raises(BadInput, match="has several events that can be scanned: 3 "):
        read_event(path)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_mutated_file_is_read_or_refused(wholes, tmp_path_factory, data):
    kind, whole = data.draw(st.sampled_from(wholes))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at : at + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    path = tmp_path_factory.getbasetemp() / f"mutated.{kind}"
    path.write_bytes(content)
    with suppress(SkyscanError), catch_warnings(action="ignore"):
        for found in find_events(path):
            found.take()


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """Return a file of each format, as its kind and content."""
    folder = tmp_path_factory.mktemp("wholes")
    pulse_map, truth = graphnet((0, 1), 5)
    paths = [
        write_csv(folder / "x.csv", plain((1, 2), 5)),
        write_parquet(folder / "x.parquet", plain((1, 2), 5)),
        write_prometheus(folder / "p.parquet", (0, 1), 5),
        write_sqlite(folder / "x.db", pulses=pulse_map, truth=truth),
    ]
    own = take_event(paths[0], Choice(event=EventId(1)))
    return [*((it.suffix[1:], it.read_bytes()) for it in paths), ("json", own.content)]


@pytest.mark.parametrize("value", [1.5, "x", {"a": 1}])
def test_photons_that_are_no_lists_are_refused(tmp_path, value):
    path = write_prometheus(tmp_path / "photons.parquet")
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        row["photons"]["t"] = value
    pq.write_table(pa.Table.from_pylist(rows), path)
    with pytest.raises(BadInput, match="instead of lists"):
        list(find_events(path, Choice(run_id=1, mjd=59_000.0)))


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_listing_has_the_times_of_a_table(tmp_path, write):
    made = plain((1, 2, 3))
    times = [59723.5] * 40 + [59724.25] * 40 + [np.nan] * 40
    order = np.argsort(np.tile(np.arange(40), 3), kind="stable")  # rows of events are mixed
    mixed = {k: np.asarray(v)[order] for k, v in {**made, "mjd": times}.items()}
    for columns in ({**made, "mjd": times}, mixed):
        path = write(tmp_path / "x.table", columns)
        assert [it.mjd for it in list_events(path)] == [59723.5, 59724.25, None]
        assert read_event(path, event="2").mjd == 59724.25
    alone = {k: np.asarray(v)[:40] for k, v in {**made, "mjd": times}.items() if k != "event"}
    assert [it.mjd for it in list_events(write(tmp_path / "x.table", alone))] == [59723.5]
    odd = {**made, "mjd": [1e9] * 120}
    assert [it.mjd for it in list_events(write(tmp_path / "x.table", odd))] == [None] * 3


def test_a_damaged_page_of_parquet_that_claims_gigabytes_is_bad_input(tmp_path, monkeypatch):
    def read_nothing(*_: object, **_more: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 2033020032 failed")

    path = write_parquet(tmp_path / "x", plain((7,)))
    monkeypatch.setattr(pq.ParquetFile, "iter_batches", read_nothing)
    with pytest.raises(BadInput, match="malloc of size 2033020032 failed"):
        list(list_events(path))


def test_a_position_beyond_all_numbers_is_refused_without_a_warning(tmp_path):
    table, _ = graphnet()
    table["dom_x"][3] = 1e300
    path = write_csv(tmp_path / "x", table)
    with catch_warnings(action="error"), pytest.raises(BadInput, match="--geometry"):
        read(tmp_path, path, event=0)


def test_a_cell_of_megabytes_or_a_view_without_end_costs_nothing(tmp_path):
    pulses, _ = graphnet()
    path = write_sqlite(tmp_path / "x.db", pulses=pulses)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 "
            "FROM n) SELECT i AS event_no, 1 AS string, 1 AS dom_number, 0.0 AS dom_time, "
            "1.0 AS charge FROM n"
        )
        connection.commit()
    assert [entry.event_id for entry in list_events(path)] == [0, 1]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE pulses SET charge = zeroblob(20000000) WHERE rowid = 3")
        connection.commit()
    with pytest.raises(BadInput, match=r"cannot be read as SQLite .* too big"):
        read(tmp_path, path, event=0)


@pytest.mark.parametrize("number", ["1_0", "\u0663", "\uff11"])
def test_only_plain_digits_are_a_number(tmp_path, number):
    path = tmp_path / "x.csv"
    path.write_text(f"event,string,om,time,charge\n7,1,1,{number},1.0\n", "utf-8")
    with pytest.raises(BadInput, match="which is not a number"):
        take_event(path)
