"""The shipped events for tests: one of each envelope, like real ones."""

import json

import numpy as np
import pytest
from shipped_events import ON_ICE, SHIPPED, in_split

from skyscan.events.i3.archive import class_name
from skyscan.events.packet import open_packet
from skyscan.events.packing.envelope import open_envelope, unpack_frame
from skyscan.events.reader import read_event
from skyscan.events.truth import TRUTH_KEY
from skyscan.track.simulation import simulate, truth_of

each = pytest.mark.parametrize("shipped", SHIPPED, ids=lambda shipped: shipped.file)
CLASSES = {
    "list.json": {"Q": "I3RecoPulseSeriesMap", "P": "I3RecoPulseSeriesMapMask"},
    "2021a.json": {"Q": "I3SuperDST", "P": "I3RecoPulseSeriesMapMask"},
    "2023a.json": {"Q": "I3RecoPulseSeriesMap", "P": "I3RecoPulseSeriesMapMask"},
    "2024a.json": {"P": "I3RecoPulseSeriesMap"},
}


def unpacked(message):
    """Return a message with the bytes of its frames, uncompressed."""
    frames = open_envelope(json.dumps(message).encode()).frames
    data = message["value"]["data"]
    rest = {} if isinstance(data, list) else {k: v for k, v in data.items() if k != "frames"}
    return (
        {**message, "value": {**message["value"], "data": rest}},
        [(frame.stop, unpack_frame(frame.blob)) for frame in frames],
    )


@each
def test_it_is_the_event_of_its_seed(shipped):
    assert unpacked(json.loads(shipped.path.read_text())) == unpacked(shipped.message())


@each
def test_it_is_stored_like_real_alerts(shipped):
    data = json.loads(shipped.path.read_text())["value"]["data"]
    assert isinstance(data, list) == (shipped.file == "list.json")
    packet = open_packet(shipped.path)
    assert packet.format_version == shipped.format_version
    assert "".join(frame.stop for frame in packet.frames) == "GCDQP"
    key = read_event(shipped.path).pulses_key
    keys = {"Q": shipped.pulses[:1], "P": (key,)}
    found = {
        frame.stop: class_name(frame.objects[key].buffer)
        for frame in packet.frames
        for key in keys.get(frame.stop, ())
    }
    assert found == CLASSES[shipped.file]


@each
def test_its_pulses_are_the_simulated_ones(shipped):
    found = read_event(shipped.path).pulses
    pulses = simulate(shipped.seed).pulses
    expected = pulses[in_split(pulses)] if shipped.pulses else pulses
    assert len(found) == len(expected) > 500
    assert (len(expected) < len(pulses)) == bool(shipped.pulses)
    for name in ("string", "om", "pmt"):
        assert found[name].tolist() == expected[name].tolist()
    if shipped.is_superdst:
        assert np.abs(found["time"] - expected["time"]).max() <= 0.5
        assert np.abs(found["charge"] - expected["charge"]).max() < 0.0251
        assert ((found["flags"] & 1) == expected["flags"]).all()
        assert found["width"].max() == 8.0
    else:
        assert found["time"].tolist() == expected["time"].tolist()
        assert found["charge"].tolist() == np.float32(expected["charge"]).tolist()
        assert found["flags"].tolist() == expected["flags"].tolist()


def test_pulses_of_icetop_are_in_the_superdst_and_not_in_its_mask():
    shipped = next(shipped for shipped in SHIPPED if shipped.is_superdst)
    everything, in_ice = (read_event(shipped.path, key).pulses for key in shipped.pulses)
    on_ice = everything[everything["om"] > 60]
    assert len(everything) == len(in_ice) + len(on_ice)
    assert on_ice[["string", "om", "time", "width"]].tolist() == [
        (string, om, time, width) for string, om, _, time, _, width, _ in ON_ICE
    ]
    assert on_ice["charge"] == pytest.approx([pulse[4] for pulse in ON_ICE], rel=1e-3)
    assert len(in_ice) == len(simulate(shipped.seed).pulses)


@each
def test_it_is_an_event_of_its_type_with_a_seed_and_its_truth(shipped):
    event = read_event(shipped.path)
    assert event.name == f"run00000001.evt{shipped.seed:012d}.{shipped.event_type}"
    track = event.fits[TRUTH_KEY]
    seed = (event.seed.x, event.seed.y, event.seed.z, event.seed.time)
    if shipped.format_version:
        assert seed == (track.x + 5.0, track.y, track.z, track.time)
    else:
        veto = simulate(shipped.seed).seed
        assert seed == (veto.x, veto.y, veto.z, veto.time)
    assert truth_of(event) == truth_of(simulate(shipped.seed))


@each
def test_it_is_small(shipped):
    assert shipped.path.stat().st_size < 60_000
