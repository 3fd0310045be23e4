"""What a reco job prints of its progress, and how that is read."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INTERVAL = 2.0  # seconds


@dataclass
class Progress:
    """How many of a job's pixels are done.

    Attributes
    ----------
    n : int
        Pixels of the batch.
    done : int
        Of these, how many are done.
    output : Path or None
        File that the lines are added to as well, if it can be.
    """

    n: int
    done: int
    output: Path | None = None
    last: float = 0.0

    def add(self, n: int) -> None:
        """Count pixels that are done; tell it now and then."""
        self.done += n
        if time.monotonic() - self.last > INTERVAL:
            self.tell()

    def tell(self) -> None:
        """Print the line of progress."""
        self.last = time.monotonic()
        line = progress_line(self.done, self.n)
        print(line, flush=True)
        if self.output is not None:
            with suppress(OSError), self.output.open("a") as file:
                file.write(f"{line}\n")


def progress_line(done: int, n: int) -> str:
    """Return the line that a job prints as it goes on; `read_progress` reads it."""
    return f"pixels done: {done} of {n}"


def read_progress(text: str) -> int | None:
    """Return how many pixels the last progress line of a job's output says are done."""
    lines = [line for line in text.splitlines() if line.startswith("pixels done: ")]
    words = lines[-1].split() if lines else []
    return int(words[2]) if len(words) > 2 and words[2].isdecimal() else None  # noqa: PLR2004
