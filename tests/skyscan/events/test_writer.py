"""Events are written as icetray writes them, and read back."""

import dataclasses
import json

import numpy as np
import pytest
from events_support import (
    TYPES,
    events,
    read_time_window,
    simulated_event,
    simulated_pulses,
)
from hypothesis import HealthCheck, given, settings

from skyscan.events.assembly import FOLLOWUP_KEY, SEED_TIME_KEY
from skyscan.events.daqtime import DaqTime
from skyscan.events.event import NO_TYPE, Vertex
from skyscan.events.i3.frame import parse_frame, write_frame
from skyscan.events.i3.objects import (
    read_bool,
    read_double,
    read_header,
    read_particle,
    read_position,
    read_string,
    write_header,
    write_particle,
    write_position,
    write_scalar,
    write_time_window,
)
from skyscan.events.i3.pulsemap import read_pulse_map, write_pulse_map
from skyscan.events.packet import open_packet
from skyscan.events.packing.envelope import open_envelope, unpack_frame
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event

ADDED = {FOLLOWUP_KEY, SEED_TIME_KEY}


def written(tmp_path, event):
    path = tmp_path / "event.json"
    write_event(path, event)
    return read_event(path)


def without_energy(vertex):
    return dataclasses.replace(vertex, energy=0.0)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events())
def test_a_written_event_is_read_back(tmp_path, event):
    found = written(tmp_path, event)
    assert found.name == event.name
    for name in ("sub_event_id", "format_version", "pulses_key"):
        assert getattr(found, name) == getattr(event, name)
    assert found.mjd == pytest.approx(event.mjd, abs=2e-11)  # the spacing of doubles there
    assert found.pulses.tobytes() == event.pulses.tobytes()
    assert without_energy(found.seed) == without_energy(event.seed)
    assert found.fits == event.fits
    left = {key: value for key, value in found.scalars.items() if key not in ADDED}
    assert left == event.scalars


def test_a_simulated_event_contains_its_truth(tmp_path):
    event = simulated_event()
    found = written(tmp_path, event)
    truth = found.fits["MCTruth"]
    assert (truth.zenith, truth.azimuth, truth.energy) == (1.5, 0.6, 1e5)
    assert json.loads(found.scalars["MCTruthInfo"]) == {"seed": 1}
    assert found.scalars["IsSimulated"] is True


@pytest.mark.parametrize("event_type", TYPES)
def test_every_type_of_event_is_read_back(tmp_path, event_type):
    found = written(tmp_path, simulated_event(event_type=event_type))
    assert found.event_type == event_type
    assert found.name == f"run00136662.evt000035405932.sub001.{event_type or NO_TYPE}"


def test_the_start_time_is_kept_to_a_tenth_of_a_ns(tmp_path):
    start = DaqTime(2022, 123828921853524947)
    found = written(tmp_path, simulated_event(start_time=start, mjd=start.mjd))
    assert found.start_time == start


def test_pulses_may_come_in_any_order(tmp_path):
    pulses = simulated_pulses()
    shuffled = np.random.default_rng(2).permutation(pulses)
    assert (written(tmp_path, simulated_event(pulses=shuffled)).pulses == pulses).all()


def test_the_same_event_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        write_event(tmp_path / name, simulated_event())
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_the_file_has_the_layout_of_real_alerts(tmp_path):
    path = tmp_path / "event.json"
    write_event(path, simulated_event())
    value = json.loads(path.read_text())["value"]
    assert value["version"] == "2021a"
    assert value["data"]["unique_id"] == "run00136662.evt000035405932"
    assert value["data"]["eventtime"] == "2022-05-24 07:41:31.200000"
    assert [stop for stop, _ in value["data"]["frames"]] == list("GCDQP")
    packet = open_packet(path)
    q, p = packet.frames[-2:]
    assert q.objects["QI3EventHeader"].type_name == "I3EventHeader"
    types = {key: item.type_name for key, item in p.objects.items()}
    assert types["SplitUncleanedInIcePulses"] == "I3Map<OMKey, vector<I3RecoPulse> >"
    assert types["SplitUncleanedInIcePulsesTimeRange"] == "I3TimeWindow"
    assert types["I3EventHeader"] == "I3EventHeader"


def test_an_event_that_is_written_again_is_the_same_event(tmp_path, event_file):
    event = read_event(event_file)
    found = written(tmp_path, event)
    assert found.name == event.name
    assert found.start_time == event.start_time
    assert found.pulses.tobytes() == event.pulses.tobytes()
    assert found.fits.keys() == event.fits.keys()
    assert without_energy(found.seed) == without_energy(event.seed)


REWRITERS = {
    "I3PODHolder<double>": lambda raw: write_scalar(read_double(raw)),
    "I3PODHolder<bool>": lambda raw: write_scalar(read_bool(raw)),
    "I3PODHolder<__cxx11::string >": lambda raw: write_scalar(read_string(raw)),
    "I3Position": lambda raw: write_position(*read_position(raw)),
    "I3TimeWindow": lambda raw: write_time_window(*read_time_window(raw)),
    "I3EventHeader": lambda raw: write_header(read_header(raw)),
    "I3Map<OMKey, vector<I3RecoPulse> >": lambda raw: write_pulse_map(
        read_pulse_map(raw).pulses
    ),
}


def test_objects_have_the_bytes_that_icetray_writes(shared_events):
    seen = set()
    for name in ("hese_event_00.json", "run00136662-evt000035405932-BRONZE.pkl"):
        packet = open_packet(shared_events / name)
        for frame in packet.frames:
            for key, item in frame.objects.items():
                if item.type_name in REWRITERS:
                    assert REWRITERS[item.type_name](item.buffer) == item, key
                    seen.add(item.type_name)
                if item.type_name == "I3Particle":
                    again = write_particle(read_particle(item.buffer)).buffer
                    # except the ids and the particle's type
                    assert (again[:30], again[46:]) == (item.buffer[:30], item.buffer[46:])
    assert seen == set(REWRITERS)


def test_frames_have_the_bytes_that_icetray_writes(shared_events):
    path = shared_events / "run00136662-evt000035405932-BRONZE.pkl"
    for frame in open_envelope(path.read_bytes()).frames:
        raw = unpack_frame(frame.blob)
        assert write_frame(parse_frame(raw)) == raw


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pulses": simulated_pulses(0)}, "without pulses"),
        ({"event_type": "GOLD"}, "of type GOLD, but its keys are of type None"),
        ({"event_type": None, "scalars": {"HESE_llhratio": 1.0}}, "keys are of type HESE"),
        ({"event_type": "HESE", "scalars": {FOLLOWUP_KEY: '{"ehe": 1}'}}, "are of type EHE"),
        ({"scalars": {"MCTruth": 1.0}}, "only once: MCTruth"),
        ({"scalars": {"SplitUncleanedInIcePulses": 1.0}}, "only once: SplitUncleaned"),
        ({"scalars": {"I3EventHeader": 1.0}}, "only once: I3EventHeader"),
        ({"run_id": -1}, "cannot hold"),
        ({"event_id": 2**32}, "cannot hold"),
    ],
)
def test_an_event_that_cannot_be_read_back_is_not_written(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        write_event(tmp_path / "event.json", simulated_event(**changes))
    assert not list(tmp_path.iterdir())


def test_an_unknown_seed_is_not_written(tmp_path):
    found = written(tmp_path, simulated_event(seed=Vertex(np.nan, 0, 0, 0)))
    assert SEED_TIME_KEY not in found.scalars
    assert np.isfinite(found.seed.x)
