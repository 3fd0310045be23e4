"""The clock of a simulation: events in the order of their times."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """Runs what is due, in the order of time; of the same time, in the order of request.

    Attributes
    ----------
    now : float
        Seconds since the simulation began.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._n = 0

    def after(self, delay: float, do: Callable[[], None]) -> None:
        """Run ``do`` in ``delay`` seconds."""
        self._n += 1
        heapq.heappush(self._heap, (self.now + max(0.0, delay), self._n, do))

    def run(self, until: Callable[[], bool]) -> None:
        """Run events until ``until()`` is true, or there are none."""
        while self._heap and not until():
            self.now, _, do = heapq.heappop(self._heap)
            do()
