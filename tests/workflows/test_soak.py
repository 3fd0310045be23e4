"""The soak itself: it runs, and it reports violations."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
import soak
from soak import Soak, Story, Undisturbed, judge, summary, text_of

FITS = Counter({(1, pixel, 0): 1 for pixel in range(12)})
UNDISTURBED = Undisturbed(b"the map", FITS, job=6, round=12)


@dataclass
class EndedScan:
    """The part of a scan that `judge` uses."""

    fits_begun: Counter[tuple[int, int, int]] = field(default_factory=FITS.copy)
    map: bytes = b"the map"

    def fits(self):
        return self.fits_begun

    def npz(self):
        return self.map


def judged(monkeypatch, scan, outcome="complete", **what: object) -> Story:
    monkeypatch.setattr(soak, "_outcome", lambda _: outcome)
    story = Story(0, "two jobs a round", [], "scan-0000", **what)
    judge(scan, story, UNDISTURBED)
    return story


def test_a_correct_scan_has_no_violations(monkeypatch):
    again = Counter({(1, 3, 0): 1})
    assert not judged(monkeypatch, EndedScan()).broken
    assert not judged(monkeypatch, EndedScan(FITS + again), explained=1).broken
    assert not judged(monkeypatch, EndedScan(), resumes=1, done=["remove_dag"]).broken
    removed = ["remove_job", "vacate", "remove_job"]
    assert not judged(monkeypatch, EndedScan(), resumes=1, done=removed).broken


@pytest.mark.parametrize(
    ("scan", "outcome", "what", "words"),
    [
        (EndedScan(), "failed", {}, "lost"),
        (EndedScan(map=b"another"), "complete", {}, "another map"),
        (EndedScan(FITS - Counter({(1, 3, 0): 1})), "complete", {}, "other pixels"),
        (
            EndedScan(FITS + Counter({(2, 3, 0): 1})),
            "complete",
            {"explained": 9},
            "other pixels",
        ),
        (EndedScan(FITS + FITS), "complete", {"explained": 11}, "doubled: 12 fits again"),
        (
            EndedScan(),
            "complete",
            {"resumes": 1, "done": ["kill_worker"]},
            "no fault that wants",
        ),
    ],
)
def test_lost_or_doubled_fits_are_reported(  # noqa: PLR0917
    monkeypatch, tmp_path, scan, outcome, what, words
):
    story = judged(monkeypatch, scan, outcome, **what)
    assert words in story.broken[0]
    figures = summary(Soak(None, tmp_path, 7), [story], 60.0)
    assert figures["broken"] == 1
    assert f"BROKEN {tmp_path}/scan-0000: {story.broken[0]}" in text_of(figures, tmp_path)
