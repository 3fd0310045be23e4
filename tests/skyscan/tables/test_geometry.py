"""Detectors other than IceCube-86, in tables and in GCD files."""

import gzip

import numpy as np
import pytest
from events_support import raw, simulated_event
from pulse_buffers import geometry_of
from tables_support import write_csv, write_parquet

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.choice import Choice
from skyscan.events.event_json import event_json_bytes
from skyscan.events.files import list_events, take_event
from skyscan.events.i3.frame import FrameObject
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.geometry import dom_positions
from skyscan.tables.files import read_geometry

ICECUBE, ICETOP, MDOM = 20, 30, 130


def icecube86(shift=0.0):
    """Return the modules of IceCube-86, those of IceTop included."""
    places = dom_positions()
    return [
        (s + 1, o + 1, 0, x + shift, y, z, ICECUBE)
        for s in range(86)
        for o, (x, y, z) in enumerate(places[s].tolist())
    ] + [(s, 61, 0, 0.0, 0.0, 1950.0, ICETOP) for s in range(1, 82)]


def gcd_file(path, modules, version=3):
    """Write a file of one G frame."""
    frame = raw("G", {"I3Geometry": geometry_of(modules, version)})
    path.write_bytes(gzip.compress(frame) if path.suffix == ".gz" else frame)
    return path


@pytest.mark.parametrize("version", [0, 1, 3])
@pytest.mark.parametrize("name", ["gcd.i3", "gcd.i3.gz"])
def test_the_doms_of_a_gcd_file_are_a_detector(tmp_path, name, version):
    modules = [
        (88, 1, 0, 1.0, 2.0, 3.0, ICECUBE),
        (88, 2, 0, 10.0, 0.0, -5.0, MDOM),  # two photomultipliers of a module
        (88, 2, 1, 12.0, 0.0, -5.0, MDOM),
        (1, 61, 0, 0.0, 0.0, 1950.0, ICETOP),
    ]
    found = read_geometry(gcd_file(tmp_path / name, modules, version))
    assert found.doms.tolist() == [(88, 1, 1.0, 2.0, 3.0), (88, 2, 11.0, 0.0, -5.0)]


def test_a_geometry_of_icecube86_is_no_other_detector(tmp_path):
    assert read_geometry(gcd_file(tmp_path / "a.i3", icecube86(0.5))) is None
    assert len(read_geometry(gcd_file(tmp_path / "b.i3", icecube86(5.0))).doms) == 5160
    names = ("string", "om", "pmt", "x", "y", "z", "type")
    columns = dict(zip(names, map(np.array, zip(*icecube86(), strict=True)), strict=True))
    assert read_geometry(write_parquet(tmp_path / "c.parquet", columns)) is None
    working = {name: values[100:] for name, values in columns.items()}
    assert read_geometry(write_parquet(tmp_path / "d.parquet", working)) is None
    half = {name: values[2500:] for name, values in columns.items()}
    assert read_geometry(write_parquet(tmp_path / "e.parquet", half)) is not None


def test_a_table_may_have_a_row_for_each_photomultiplier(tmp_path):
    columns = {
        "string": [90, 90],
        "om": [1, 1],
        "x": [1.0, 1.2],
        "y": [0.0, 0.0],
        "z": [5.0, 5.2],
    }
    found = read_geometry(write_csv(tmp_path / "g.csv", columns))
    assert found.doms.tolist() == [(90, 1, pytest.approx(1.1), 0.0, pytest.approx(5.1))]


def test_a_file_without_a_geometry_is_refused_with_what_would_be_taken(tmp_path):
    path = tmp_path / "x.i3"
    path.write_bytes(raw("G", {}))
    with pytest.raises(
        BadInput, match="no G frame with an I3Geometry; give --geometry a table"
    ):
        read_geometry(path)
    whole = geometry_of([(88, 1, 0, 1.0, 2.0, 3.0, ICECUBE)]).buffer
    path.write_bytes(raw("G", {"I3Geometry": FrameObject("I3Geometry", whole[:-60])}))
    with pytest.raises(BadInput, match="ends in the middle"):
        read_geometry(path)
    path.write_bytes(gzip.compress(b"{}"))
    with pytest.raises(BadInput, match="has no table of DOMs"):
        read_geometry(path)


def test_an_event_of_frames_is_put_into_another_detector(tmp_path):
    event = simulated_event()
    path = tmp_path / "x.i3"
    write_event(path, event)
    doms = np.unique(event.pulses[["string", "om"]])
    columns = {"string": doms["string"], "om": doms["om"]}
    places = {axis: 10.0 * (i + 1) + columns["om"] for i, axis in enumerate("xyz")}
    geometry = write_csv(tmp_path / "g.csv", {**columns, **places})
    assert [it.event_id for it in list_events(path, Choice(geometry=geometry))] == [
        event.event_id
    ]
    moved = read_event(path, geometry=geometry)
    assert np.array_equal(moved.pulses, event.pulses)
    assert (moved.run_id, moved.mjd, moved.name) == (event.run_id, event.mjd, event.name)
    assert len(moved.detector.doms) == len(doms)
    assert not moved.has_frames
    taken = take_event(path, Choice(geometry=geometry))
    assert taken.name == "event.json"
    own = tmp_path / "event.json"
    own.write_bytes(taken.content)
    assert event_json_bytes(read_event(own)) == taken.content
    with pytest.raises(WrongUsage, match="with its detector"):
        take_event(own, Choice(geometry=geometry))
    in_icecube = gcd_file(tmp_path / "gcd.i3", icecube86())
    assert take_event(path, Choice(geometry=in_icecube)).is_whole
