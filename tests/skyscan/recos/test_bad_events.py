"""Events that no fit can use are refused when they are planned."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from events_support import simulated_event
from shipped_events import SHIPPED

from skyscan.errors import BadInput
from skyscan.events.event import LC_FLAG
from skyscan.events.reader import read_event
from skyscan.events.source import Source
from skyscan.recos import reco_class
from skyscan.track.cleaning import clean_hits

SOURCE = Source(Path("event.i3"), is_real_event=False)


@pytest.fixture(scope="module")
def event():
    return read_event(SHIPPED[0].path)


def check(event, reco="track"):
    reco_class(reco)().check(SOURCE, event)


def changed(event, **columns: object):
    pulses = event.pulses.copy()
    for name, value in columns.items():
        pulses[name] = value
    return replace(event, pulses=pulses)


@pytest.mark.parametrize("reco", ["track", "cascade", "cascades", "auto"])
def test_an_event_that_can_be_fitted_is_not_refused(event, reco):
    check(event, reco)


@pytest.mark.parametrize("reco", ["track", "dummy"])
def test_charges_that_are_all_zero_are_refused(event, reco):
    with pytest.raises(BadInput, match=r"^event.i3: .* have no charge"):
        check(changed(event, charge=0.0), reco)


@pytest.mark.parametrize("reco", ["track", "dummy"])
def test_times_far_from_the_event_are_refused(event, reco):
    pulses = event.pulses
    with pytest.raises(BadInput, match=r"away from the start of the event"):
        check(changed(event, time=pulses["time"] + 1e11), reco)
    one = np.where(np.arange(len(pulses)) == 0, 1e11, pulses["time"])
    check(changed(event, time=one), reco)  # a single odd pulse does not count


@pytest.mark.parametrize("reco", ["track", "dummy"])
def test_times_that_are_all_the_same_are_refused(event, reco):
    with pytest.raises(BadInput, match=r"^event.i3: .* strings are all within 0 ns"):
        check(changed(event, time=10_000.0), reco)
    for unit in (1e-3, 1e-6, 1e-9):  # us, ms, s
        with pytest.raises(BadInput, match=r"strings are all within .* ns, .* in ns\?"):
            check(changed(event, time=event.pulses["time"] * unit), reco)
    one_string = event.pulses["string"] == event.pulses["string"][0]
    flash = changed(replace(event, pulses=event.pulses[one_string]), time=10_000.0)
    check(flash, "dummy")  # on one string, it may be


@pytest.mark.parametrize("reco", ["track", "cascade", "cascades", "auto"])
@pytest.mark.parametrize("why", ["deepcore", "one pulse", "no local coincidence"])
def test_too_few_doms_after_the_cleaning_are_refused(event, why, reco):
    bad = {
        "deepcore": lambda: changed(event, string=80),
        "one pulse": lambda: replace(event, pulses=event.pulses[:1]),
        "no local coincidence": lambda: changed(event, flags=event.pulses["flags"] & ~LC_FLAG),
    }[why]()
    with pytest.raises(BadInput, match=r"^event.i3: .* DOMs of .* needs 6.*--pulses"):
        check(bad, reco)


@pytest.mark.parametrize("reco", ["cascade", "cascades"])
def test_a_shower_fit_refuses_an_event_of_saturated_doms_only(event, reco):
    bright = changed(event, charge=1e5)
    check(bright)
    check(bright, "auto")  # which takes the track
    with pytest.raises(BadInput, match=r"^event.i3: .* are saturated"):
        check(bright, reco)


def test_strings_that_the_geometry_lacks_change_no_hit():
    event = simulated_event()
    more = np.repeat(event.pulses, 2)
    more["string"][1::2] = 88
    assert clean_hits(more).tobytes() == clean_hits(event.pulses).tobytes()
