"""The figures of a page that are not maps: profiles, event display, timeline."""

from __future__ import annotations

from math import isfinite
from typing import TYPE_CHECKING

from skyscan.answer.display import frame_around
from skyscan.answer.profile import profile_along
from workflows.model.text import duration
from workflows.page.svg import Axis, Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.answer.answer import Answer
    from skyscan.answer.display import Display
    from skyscan.answer.maps import SkyMap
    from workflows.model.timeline import Bar, Timeline

N_POINTS = 200
HIGHEST = 3.0  # of a profile, relative to the level of the 90 % region
TRACK = 0.9  # to both sides of the vertex, of half the width of the display
LARGEST_HIT, SMALLEST_HIT = 11.0, 2.0
N_COLOURS = 16
MOST_HITS, MOST_BARS = 2000, 150
VIEWS = {"side": (0, 2), "top": (0, 1)}
AXES = ("x (m)", "y (m)", "z (m)")


def profile_figure(skymap: SkyMap, answer: Answer, along: str) -> Figure:
    """Draw 2 delta llh along one of the coordinates through the best fit."""
    name = skymap.frame.longitude if along == "ra" else skymap.frame.latitude
    offset, values = profile_along(skymap, answer, along, N_POINTS)
    top = HIGHEST * answer.regions[-1].two_delta_llh
    figure = Figure(440, 250, f"2 delta llh along {name} through the best fit")
    across, up = Axis(offset[0], offset[-1], 48, 430), Axis(0, top, 214, 20)
    figure.frame(across, up)
    for region in answer.regions:
        y = up.at(region.two_delta_llh)
        figure.line(f"level level{region.percent}", [(48, y), (430, y)])
        figure.write("end note", 426, y - 4, f"{region.percent} %")
    for part in _runs(zip(offset.tolist(), values.tolist(), strict=True), top):
        figure.line("curve", [(across.at(x), up.at(y)) for x, y in part])
    centre = skymap.best_deg[0 if along == "ra" else 1]
    figure.write("middle", 239, 247, f"{name} - ({centre:.2f}°), degrees")
    figure.write("note", 4, 12, "2Δllh")
    return figure


def _runs(
    points: Iterator[tuple[float, float]], top: float
) -> Iterator[list[tuple[float, float]]]:
    """Yield the parts of a line whose values are known and not beyond the top."""
    part: list[tuple[float, float]] = []
    for x, y in points:
        if isfinite(y) and y <= top:
            part.append((x, y))
        elif part:
            yield part
            part = []
    if part:
        yield part


def event_figure(display: Display, view: str) -> Figure:
    """Draw the hit DOMs from the side or from above, with the best fit."""
    right, high = VIEWS[view]
    figure = Figure(
        *(440, 440),
        f"Event display, {view} view: {len(display.charge)} hit DOMs; colour is the time of "
        f"the first pulse, from early (dark) to late (bright), size is charge",
    )
    centre, half = frame_around(display.strings)
    across = Axis(centre[right] - half, centre[right] + half, 48, 432)
    up = Axis(centre[high] - half, centre[high] + half, 400, 16)
    figure.frame(across, up)
    for string in display.strings:
        x = across.at(string[0, right])
        if view == "top":
            figure.add("circle", "string", cx=x, cy=up.at(string[0, high]), r=1.5)
        else:
            ends = string[:, high].min(), string[:, high].max()
            figure.line("string", [(x, up.at(z)) for z in ends])
    for i in range(min(len(display.charge), MOST_HITS)):
        x, y = display.places[i, right], display.places[i, high]
        _hit(figure, display, i, across.at(x), up.at(y))
    _fit(figure, display, across, up, (right, high))
    figure.write("middle", 240, 436, AXES[right])
    figure.write("note", 4, 10, f"{AXES[high]}, {view} view")
    return figure


def _hit(figure: Figure, display: Display, i: int, x: float, y: float) -> None:
    latest = float(display.time_ns.max()) or 1.0
    colour = min(int(N_COLOURS * display.time_ns[i] / latest), N_COLOURS - 1)
    largest = max(float(display.charge.max()), 1e-9)  # charges may be 0 or negative
    size = LARGEST_HIT * max(float(display.charge[i]) / largest, 0.0) ** 0.4
    figure.add(
        *("circle", f"hit t{colour}"),
        cx=x,
        cy=y,
        r=max(size, SMALLEST_HIT),
        title=f"{display.charge[i]:.1f} PE, first pulse at {display.time_ns[i]:.0f} ns",
    )


def _fit(
    figure: Figure, display: Display, across: Axis, up: Axis, plane: tuple[int, int]
) -> None:
    if display.vertex is None:
        return
    right, high = plane
    x, y = display.vertex[right], display.vertex[high]
    if display.source is not None:
        to = TRACK / 2 * (across.high - across.low) * display.source
        start, end = (
            _inside(across, up, (x, y), (way * to[right], way * to[high])) for way in (1, -1)
        )
        figure.add(
            *("line", "track"),
            x1=start[0],
            y1=start[1],
            x2=end[0],
            y2=end[1],
            marker_end="url(#arrow)",
            title="best fit: the particle moves in the direction of the arrow",
        )
    figure.add(
        *("circle", "vertex"),
        cx=across.at(x),
        cy=up.at(y),
        r=5,
        title="vertex of the best fit",
    )


def _inside(
    across: Axis, up: Axis, place: tuple[float, float], step: tuple[float, float]
) -> tuple[float, float]:
    """Return where a step from a place ends in a figure, at its frame at the latest."""
    part = 1.0
    for axis, at, by in zip((across, up), place, step, strict=True):
        room = (axis.high if by > 0 else axis.low) - at
        if abs(by) > 0 and room / by < part:
            part = max(room / by, 0.0)
    return across.at(place[0] + part * step[0]), up.at(place[1] + part * step[1])


def timeline_figure(timeline: Timeline) -> Figure:
    """Draw what each job did when."""
    bars = shown_bars(timeline)
    row = 16 if len(bars) <= 40 else 7  # noqa: PLR2004  (rows)
    figure = Figure(
        *(900, 42 + row * len(bars)),
        f"Timeline of {len(bars)} jobs: when each was queued, ran, failed, was evicted or held",
    )
    across = Axis(0, max(timeline.ended - timeline.began, 1.0), 120, 890)
    bottom = 12 + row * len(bars)
    for value in across.times():
        x = across.at(value)
        figure.line("grid", [(x, 8), (x, bottom)])
        figure.write("middle", x, bottom + 14, _short(value, across.high))
    for i, bar in enumerate(bars):
        y = 10 + row * i
        if row > 10 or i % 3 == 0:  # noqa: PLR2004  (room for a text)
            figure.write("end small", 114, y + min(row - 3, 9), bar.name)
        for span in bar.spans:
            left, right = (across.at(it - timeline.began) for it in (span.began, span.ended))
            where = f" on {span.where}" if span.where else ""
            figure.add(
                *("rect", f"span {span.kind}"),
                x=left,
                y=y,
                width=max(right - left, 1.0),
                height=row - 2,
                title=f"{bar.name}: {span.kind}{where}, {duration(span.ended - span.began)}",
            )
    figure.write("middle", 505, bottom + 27, "time after submission")
    return figure


def shown_bars(timeline: Timeline) -> tuple[Bar, ...]:
    """Return the jobs that a figure has room for: those that took longest."""

    def length(bar: Bar) -> float:
        return bar.spans[-1].ended - bar.spans[0].began

    longest = sorted(timeline.bars, key=length, reverse=True)[:MOST_BARS]
    kept = set(map(id, longest))
    return tuple(bar for bar in timeline.bars if id(bar) in kept)


def _short(seconds: float, longest: float) -> str:
    if longest < 300:  # noqa: PLR2004  (five minutes)
        return f"{seconds:g} s"
    return duration(seconds)
