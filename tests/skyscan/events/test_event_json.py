"""The project's own event file is read back as it was, and damage is found."""

import json
from dataclasses import replace

import numpy as np
import pytest
from events_support import simulated_event, simulated_pulses

from skyscan.errors import BadInput
from skyscan.events.event import Truth
from skyscan.events.event_json import event_json_bytes
from skyscan.events.files import list_events, take_event
from skyscan.events.reader import read_event

TRUTH = Truth(zenith=1.0, azimuth=2.0, energy=1e5, x=1.5)


def made(**changes: object):
    whole = simulated_event(mjd=np.nan, truth=TRUTH, pulses_key="pulses", **changes)
    return replace(whole, event_type=None)


def written(folder, content):
    path = folder / "event.json"
    path.write_bytes(content)
    return path


def test_an_event_is_read_back_as_it_was(tmp_path):
    event = made()
    path = written(tmp_path, event_json_bytes(event))
    found = read_event(path)
    assert np.array_equal(found.pulses, event.pulses)
    assert (found.run_id, found.event_id, found.sub_event_id) == (136662, 35405932, 1)
    assert np.isnan(found.mjd)
    assert (found.truth.zenith, found.truth.energy, found.truth.x) == (1.0, 1e5, 1.5)
    assert np.isnan([found.truth.y, found.truth.ra]).all()
    assert not found.has_frames
    assert event_json_bytes(replace(found, seed=event.seed)) == event_json_bytes(event)


def test_an_event_with_a_time_keeps_it(tmp_path):
    event = replace(made(), mjd=60310.123456789)
    assert read_event(written(tmp_path, event_json_bytes(event))).mjd == 60310.123456789


@pytest.mark.parametrize(
    "change",
    [
        {"run_id": "1"},
        {"mjd": [1.0]},
        {"truth": {"zenith_rad": "up"}},
        {"pulses": None},
        {"pulses": {"string": [1]}},
        {"skyscan-event": 99},
    ],
)
def test_a_damaged_file_is_refused(tmp_path, change):
    value = json.loads(event_json_bytes(made()))
    content = json.dumps({**value, **change}, separators=(",", ":")).encode()
    with pytest.raises(BadInput, match=r"event\.json"):
        read_event(written(tmp_path, content))


@pytest.mark.parametrize("column", ["string", "time_ns"])
def test_columns_that_no_pulse_can_have_are_refused(tmp_path, column):
    value = json.loads(event_json_bytes(made(pulses=simulated_pulses(3))))
    for wrong in ([1], [10**40] * 3, [None] * 3, "123"):
        value["pulses"][column] = wrong
        content = json.dumps(value, separators=(",", ":")).encode()
        with pytest.raises(BadInput):
            read_event(written(tmp_path, content))


def test_a_cut_file_is_refused(tmp_path):
    content = event_json_bytes(made())
    with pytest.raises(BadInput, match="is damaged"):
        read_event(written(tmp_path, content[: len(content) // 2]))


def test_the_event_of_a_scan_can_be_scanned_again(tmp_path):
    path = written(tmp_path, event_json_bytes(made()))
    (entry,) = list_events(path)
    assert entry.pulses == {"pulses": 50}
    assert take_event(path).content == path.read_bytes()
