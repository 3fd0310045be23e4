"""Pulse series that are made of others: masks, unions, and all PMTs of a module as one."""

import numpy as np
import pytest
from events_support import raw, simulated_pulses
from hypothesis import given
from hypothesis import strategies as st
from level2_support import KEY, frames_of
from pulse_buffers import combination_of, correction_of, mask_of, union_of

from skyscan.errors import BadInput
from skyscan.events.event import Event
from skyscan.events.i3.frame import parse_frame
from skyscan.events.i3.pulsemap import joined, pulse_map, write_pulse_map
from skyscan.events.packet import open_packet
from skyscan.events.reader import read_event

DOM = ["string", "om", "pmt"]


@pytest.fixture
def read(tmp_path):
    """Return a function that reads a pulse series of an event with more objects."""
    daq, split = frames_of(tmp_path, 1)

    def event_with(key, **objects: object) -> Event:
        path = tmp_path / "x.i3"
        path.write_bytes(daq + raw("P", {**parse_frame(split).objects, **objects}))
        return read_event(path, key)

    return event_with


def by_dom_and_time(*parts: object):
    pulses = np.concatenate(parts)
    return pulses[np.lexsort([pulses[name] for name in ("time", "pmt", "om", "string")])]


def test_a_union_joins_its_series_by_dom_and_time(read):
    a, b = simulated_pulses(40, 3), simulated_pulses(60, 4)
    b[:10] = a[:10]  # DOMs, and pulses, of both
    b = by_dom_and_time(b)
    found = read("U", A=write_pulse_map(a), B=write_pulse_map(b), U=union_of("A", "B"))
    assert found.pulses.tobytes() == by_dom_and_time(a, b).tobytes()
    assert found.pulses_key == "U"


def test_a_mask_of_a_union_of_masks_selects_from_all(read):
    a, b = simulated_pulses(40, 3), simulated_pulses(60, 4)
    both = by_dom_and_time(a, b)
    some, odd = np.arange(40) % 3 == 0, np.arange(100 - 26) % 2 == 1
    united = by_dom_and_time(a[some], b)
    found = read(
        "M",
        A=write_pulse_map(a),
        B=write_pulse_map(b),
        MaskOfA=mask_of("A", a, some),
        U=union_of("MaskOfA", "B"),
        M=mask_of("U", united, odd),
    )
    assert len(both) > len(united) == len(odd)
    assert found.pulses.tobytes() == united[odd].tobytes()


def test_unions_of_many_unions_are_read_once(read):
    layers = {f"U{i}": union_of(*[f"U{i - 1}"] * 100) for i in range(2, 9)}
    objects = {"U0": write_pulse_map(simulated_pulses(0)), "U1": union_of(*["U0"] * 100)}
    with pytest.raises(BadInput, match=rf"U7.*holds no pulses; choose one of {KEY}"):
        read("U7", **objects, **layers)


def test_the_pmts_of_a_module_count_as_one_in_the_order_of_time(read):
    pulses = simulated_pulses(40, 3)
    pulses["string"], pulses["om"], pulses["pmt"] = 88, 7, np.arange(40) % 4
    found = read("C", A=write_pulse_map(by_dom_and_time(pulses)), C=combination_of("A"))
    assert set(found.pulses["pmt"]) == {0}
    assert found.pulses["time"].tolist() == sorted(pulses["time"])


def test_a_correction_by_the_calibration_is_refused_by_name(read):
    objects = {
        "A": write_pulse_map(simulated_pulses()),
        "S": correction_of("A", "I3Calibration"),
    }
    with pytest.raises(
        BadInput, match=r"key S .*ApplySPECorrection.*only with icetray; choose one of A, "
    ):
        read("S", **objects)


def test_a_union_with_a_missing_series_names_both(read):
    with pytest.raises(
        BadInput, match=rf"key U .* takes its pulses from Gone, which .* choose one of {KEY}\.$"
    ):
        read("U", U=union_of(KEY, "Gone"))


def test_a_mask_without_the_q_frame_that_it_needs_says_so(tmp_path):
    _, split = frames_of(tmp_path, 1)
    pulses = simulated_pulses()
    mask = mask_of("Raw", pulses, np.ones(len(pulses), bool))
    path = tmp_path / "x.i3"
    path.write_bytes(raw("P", {**parse_frame(split).objects, KEY: mask}))
    with pytest.raises(
        BadInput, match=r"takes its pulses from Raw, which .* give a file with the Q frame of"
    ):
        read_event(path)


def test_only_series_that_can_be_read_are_offered(read):
    objects = {
        "Cycle": combination_of("Cycle"),
        "Lost": union_of("Gone"),
        "Corrected": correction_of(KEY, "I3Calibration"),
        "OfCorrected": union_of(KEY, "Corrected"),
        "Good": union_of(KEY),
        "Empty": union_of(),
    }
    with pytest.raises(BadInput, match=rf"holds no pulses; choose one of Good, {KEY}\.$"):
        read("Empty", **objects)


def test_a_union_of_itself_is_refused(read):
    with pytest.raises(BadInput, match="is a mask or union of itself"):
        read("U", U=union_of("U"))


@given(
    st.lists(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9)), max_size=9), max_size=4)
)
def test_a_union_has_the_doms_of_all_maps_even_those_without_pulses(maps):
    made = [
        pulse_map(
            {
                (string, 1, 0): sorted(
                    (float(t), 1.0, 1.0, 1) for s, t in rows if s == string and t
                )
                for string, _ in rows
            }
        )
        for rows in maps
    ]
    found = joined(made)
    assert {tuple(dom) for dom in found.doms} == {(s, 1, 0) for rows in maps for s, _ in rows}
    assert found.counts.tolist() == [
        np.count_nonzero(found.pulses["string"] == dom[0]) for dom in found.doms
    ]
    assert len(found.pulses) == sum(t > 0 for rows in maps for _, t in rows)


def test_the_listing_knows_all_kinds_of_series(read, tmp_path):
    objects = {
        "A": write_pulse_map(simulated_pulses()),
        "U": union_of("A"),
        "C": combination_of("A"),
    }
    read("U", **objects)
    assert set(open_packet(tmp_path / "x.i3").pulse_keys()) == {"A", "U", "C", KEY}
