"""The timeline of a scan as a picture, by matplotlib (extra ``plots``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.answer.pictures.style import BLUE, ORANGE, VERMILION, axes_or_new
from workflows.page.figures import shown_bars

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from workflows.model.timeline import Timeline

PURPLE, GREY = "#CC79A7", "0.75"
LOOKS = {
    "queued": (GREY, "in the queue"),
    "run": (BLUE, "on a machine"),
    "failed": (VERMILION, "failed"),
    "evicted": (ORANGE, "evicted or removed"),
    "held": (PURPLE, "held"),
}
MOST_NAMES = 40
UNITS = ((7200.0, 3600.0, "hours"), (300.0, 60.0, "minutes"), (0.0, 1.0, "seconds"))


def draw_timeline(timeline: Timeline, axes: Axes | None = None) -> Axes:
    """Draw what each job of a scan did when; of many jobs those that took longest.

    Parameters
    ----------
    timeline : Timeline
        Of `workflows.model.reading.ScanReader.timeline`.
    axes : Axes, optional
        Where to draw; by default, in a new figure.
    """
    bars = shown_bars(timeline)
    place = axes_or_new(axes, 8.0, min(1.6 + 0.22 * len(bars), 12.0))
    length = timeline.ended - timeline.began
    size, unit = next((size, unit) for least, size, unit in UNITS if length >= least)
    for kind, (colour, label) in LOOKS.items():
        spans = [(i, it) for i, bar in enumerate(bars) for it in bar.spans if it.kind == kind]
        if spans:
            place.barh(
                [i for i, _ in spans],
                [(it.ended - it.began) / size for _, it in spans],
                left=[(it.began - timeline.began) / size for _, it in spans],
                color=colour,
                height=0.8,
                label=label,
            )
    names = [bar.name for bar in bars] if len(bars) <= MOST_NAMES else []
    place.set_yticks(range(len(names)), names, fontsize="x-small")
    place.set_ylim(len(bars) - 0.4, -0.6)
    place.set_xlim(0, max(length, 1.0) / size)
    place.set_xlabel(f"time after submission ({unit})")
    if bars:
        place.legend(fontsize="x-small", loc="best")
    return place
