"""The check of what `track` assumes: one muon through the whole detector."""

from pathlib import Path

import numpy as np
import pytest
from alternatives_support import DIRECTION, simulated
from answer_support import gaussian_map

from skyscan.alternatives.ends import End
from skyscan.alternatives.fitted import FittedTrack
from skyscan.alternatives.second import Second
from skyscan.answer import checks
from skyscan.answer.context import Context
from skyscan.answer.one_track import in_words
from skyscan.likelihood import Likelihood

REPOSITORY = Path(__file__).parents[3]
TRACK = Likelihood("track", "ab" * 32, 100, 200.0)


def a_map(kind, energy_gev, *, likelihood=TRACK, **changes: object):
    """Return a map around the true track of an event."""
    event, fitted, track = simulated(kind, energy_gev)
    context = Context("auto", likelihood=likelihood, **{"fitted": fitted, **changes})
    ra, dec = np.degrees(DIRECTION)
    skymap = gaussian_map(ra, dec, 0.3, nsides=(8, 256), mjd=event.mjd, context=context)
    for rows in skymap.pixels.values():
        rows["X"], rows["Y"], rows["Z"] = track.vertex
        rows["T"] = track.time
    return skymap


def checks_of(skymap):
    return [it for it in skymap.answer().checks if it.name == "one track"]


@pytest.mark.parametrize(
    ("kind", "energy_gev", "state", "words"),
    [
        ("muon", 3000.0, "ok", "one muon that passes through the detector"),
        ("starting", 5000.0, "warning", "seems to start inside (of "),
        ("stopping", 300.0, "warning", "seems to stop inside (of "),
    ],
)
def test_the_answer_says_if_the_assumption_is_broken(kind, energy_gev, state, words):
    (found,) = checks_of(a_map(kind, energy_gev))
    assert found.state == state
    assert words in found.reason


def test_two_muons_are_told_with_the_direction_of_the_second():
    skymap = a_map("coincident", 3000.0)
    (found,) = checks_of(skymap)
    assert found.state == "warning"
    assert "two muons explain the times better" in found.reason
    assert "from zenith" in found.reason


def test_the_page_of_the_docs_has_what_the_answer_prints(monkeypatch):
    start, nothing = End(12.9, 28, 7.7, 393.0), End(0.0, 0, 0.0, 0.0)
    there = FittedTrack(np.zeros(3), 0.0, np.radians(32), np.radians(210 - 360))
    second = Second(234.0, 98.0, 25, there)
    skymap = a_map("muon", 3000.0)
    shown = []
    for parts in ((start, nothing, None), (nothing, nothing, second)):
        words = in_words(*parts, 199)
        monkeypatch.setattr(checks, "against_one_track", lambda *_, words=words: words)
        shown += [it for it in skymap.answer().check_lines() if "one track" in it]
    page = (REPOSITORY / "docs" / "track.md").read_text("utf-8")
    assert "\n".join(shown) in page


def test_without_the_event_it_is_unknown():
    (found,) = checks_of(a_map("muon", 3000.0, fitted=None))
    assert found.state == "unknown"


def test_other_fits_have_no_such_check():
    shower = Likelihood("cascade", "ab" * 32, 100, 200.0)
    for likelihood in (shower, None):
        assert not checks_of(a_map("muon", 3000.0, likelihood=likelihood))
