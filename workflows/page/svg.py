"""Figures as SVG: shapes with classes, whose colours the style sheet of the page decides."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, floor, log10
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_STEPS = (1.0, 2.0, 5.0, 10.0)
_TIMES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18000, 43200, 86400)


class Shape(NamedTuple):
    """One element of a figure.

    Attributes
    ----------
    tag : str
        Its kind, such as ``circle``.
    attributes : dict
        Of the element.
    text : str
        What it says, if it is a text.
    title : str
        What is shown when the pointer is on it.
    """

    tag: str
    attributes: dict[str, str | float]
    text: str = ""
    title: str = ""


@dataclass
class Figure:
    """A figure: its size in units of the SVG, what it shows in words, and its shapes."""

    width: float
    height: float
    label: str
    shapes: list[Shape] = field(default_factory=list)

    def add(
        self, tag: str, look: str, *, text: str = "", title: str = "", **attributes: float | str
    ) -> None:
        """Add a shape with a class; underscores in attributes' names become hyphens."""
        named = {
            name.replace("_", "-"): round(value, 2) if isinstance(value, float) else value
            for name, value in attributes.items()
        }
        self.shapes.append(Shape(tag, {"class": look, **named}, text, title))

    def line(self, look: str, points: Sequence[tuple[float, float]]) -> None:
        """Add a line through points."""
        text = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.add("polyline", look, points=text)

    def write(self, look: str, x: float, y: float, text: str) -> None:
        """Add a text; the class decides on which side of the point it is."""
        self.add("text", look, text=text, x=x, y=y)

    def frame(self, across: Axis, up: Axis) -> None:
        """Add the frame of a diagram, with ticks."""
        width, height = across.end - across.start, up.start - up.end
        self.add("rect", "frame", x=across.start, y=up.end, width=width, height=height)
        for value in across.ticks(6):
            x = across.at(value)
            self.line("tick", [(x, up.start), (x, up.start + 4)])
            self.write("middle", x, up.start + 17, f"{value:g}")
        for value in up.ticks(5):
            y = up.at(value)
            self.line("tick", [(across.start - 4, y), (across.start, y)])
            self.write("end", across.start - 7, y + 4, f"{value:g}")


@dataclass(frozen=True)
class Axis:
    """A straight scale: a range of values, and where its ends are drawn."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return where a value is drawn."""
        part = (value - self.low) / (self.high - self.low or 1.0)
        return self.start + part * (self.end - self.start)

    def ticks(self, n: int = 6) -> list[float]:
        """Return about ``n`` round values in the range."""
        span = abs(self.high - self.low) or 1.0
        power = 10.0 ** floor(log10(span / n))
        step = next(it * power for it in _STEPS if it * power >= span / n)
        low, high = sorted((self.low, self.high))
        first, last = ceil(low / step), floor(high / step)
        return [round(it * step, 10) for it in range(first, last + 1)]

    def times(self, n: int = 8) -> list[float]:
        """Return about ``n`` round times in the range, which begins at 0, seconds."""
        wanted = self.high / n
        days = max(ceil(wanted / _TIMES[-1]), 1) * _TIMES[-1]
        step = next((it for it in _TIMES if it >= wanted), days)
        return [float(it) for it in range(0, floor(self.high) + 1, step)]
