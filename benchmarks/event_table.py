"""A table of simulated events that a benchmark has looked at, each of a kind and a seed."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path


@dataclass(frozen=True)
class EventTable:
    """A CSV file that grows by a row an event, so that it can be continued.

    Attributes
    ----------
    path : Path
    columns : tuple of str
        ``kind`` and ``seed`` are among them.
    """

    path: Path
    columns: tuple[str, ...]

    def rows(self) -> list[dict[str, str]]:
        """Return the rows of the table."""
        if not self.path.exists():
            return []
        with self.path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def add(
        self,
        seeds: Iterable[tuple[str, int]],
        row_of: Callable[[str, int], Mapping[str, object]],
    ) -> None:
        """Add the rows of those events, each by kind and seed, that are not in the table."""
        known = {(row["kind"], row["seed"]) for row in self.rows()}
        for kind, seed in seeds:
            if (kind, str(seed)) not in known:
                self._append(row_of(kind, seed))

    def _append(self, row: Mapping[str, object]) -> None:
        is_new = not self.path.exists()
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)
