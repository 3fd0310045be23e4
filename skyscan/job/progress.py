"""The progress lines of a reco job: print and read them."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

INTERVAL = 2.0  # seconds


@dataclass
class Progress:
    """The number of a job's pixels that are done.

    Attributes
    ----------
    n : int
        Pixels of the batch.
    done : int
        How many of them are done.
    output : Path or None
        A file that the lines are also appended to, if possible.
    """

    n: int
    done: int
    output: Path | None = None
    last: float = 0.0

    def add(self, n: int) -> None:
        """Count pixels that are done; print the progress at intervals."""
        self.done += n
        if time.monotonic() - self.last > INTERVAL:
            self.print_line()

    def print_line(self) -> None:
        """Print the progress line."""
        self.last = time.monotonic()
        line = progress_line(self.done, self.n)
        print(line, flush=True)
        if self.output is not None:
            with suppress(OSError), self.output.open("a") as file:
                file.write(f"{line}\n")


def progress_line(done: int, n: int) -> str:
    """Return the progress line of a job, which `read_progress` reads."""
    return f"pixels done: {done} of {n}"


def read_progress(text: str) -> int | None:
    """Return the number of pixels done from the last progress line of a job's output."""
    lines = [line for line in text.splitlines() if line.startswith("pixels done: ")]
    words = lines[-1].split() if lines else []
    found = re.fullmatch(r"\d{1,9}", words[2], re.ASCII) if len(words) > 2 else None  # noqa: PLR2004
    return int(found[0]) if found else None
