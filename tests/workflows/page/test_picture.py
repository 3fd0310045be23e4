"""The timeline of a scan as a picture."""

import numpy as np
import pytest

from skyscan.answer.display import Display, strings_of
from workflows.model.timeline import Bar, Span, Timeline
from workflows.page.figures import VIEWS, event_figure

figure = pytest.importorskip("matplotlib.figure")

from workflows.page.picture import draw_timeline  # noqa: E402


def test_jobs_are_drawn_in_their_order_and_in_a_fitting_unit():
    spans = (Span("queued", 100.0, 400.0), Span("failed", 400.0, 1300.0, "node1"))
    bars = (Bar(None, "prep", spans[:1]), Bar(0, "reco_00007", spans))
    axes = figure.Figure().add_subplot()
    assert draw_timeline(Timeline(100.0, 1300.0, bars), axes) is axes
    assert [it.get_text() for it in axes.get_yticklabels()] == ["prep", "round 0, job 7"]
    assert axes.get_xlabel() == "time after submission (minutes)"
    widths = sorted(patch.get_width() for patch in axes.patches)
    assert widths == [5.0, 5.0, 15.0]
    names = [it.get_text() for it in axes.get_legend().get_texts()]
    assert names == ["in the queue", "failed"]


def test_of_many_jobs_those_that_took_longest_are_drawn():
    bars = tuple(
        Bar(0, f"reco_{i:05d}", (Span("run", float(i), 2.0 * i + 1.0),)) for i in range(500)
    )
    axes = draw_timeline(Timeline(0.0, 1000.0, bars))
    assert len(axes.patches) == 150
    assert min(patch.get_x() for patch in axes.patches) * 60 == pytest.approx(350)


@pytest.mark.parametrize("vertex", [(0.0, 0.0, 0.0), (-300.0, 480.0, 400.0)])
@pytest.mark.parametrize("view", VIEWS)
def test_the_line_of_a_fit_ends_at_the_frame(vertex, view):
    strings = strings_of(None)
    source = np.array([0.6, 0.64, 0.48])
    display = Display(
        *(np.zeros((1, 3)), np.zeros(1), np.ones(1)), np.array(vertex), source, strings
    )
    figure = event_figure(display, view)
    (line,) = (
        it.attributes for it in figure.shapes if it.tag == "line" and "x1" in it.attributes
    )
    across = [line["x1"], line["x2"]]
    up = [line["y1"], line["y2"]]
    assert 48 <= min(across) < max(across) <= 432
    assert 16 <= min(up) <= max(up) <= 400
