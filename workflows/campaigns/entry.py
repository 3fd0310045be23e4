"""One event of a campaign: what was asked for, and what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple


class Wanted(NamedTuple):
    """An event of a campaign: a file, and which event of it, if it has several.

    Attributes
    ----------
    file : str
        Absolute path.
    event : str or None
        RUN:EVENT:SUB of an event that the user named.
    frame : int or None
        Number of its physics frame; None if the file has no other.
    doubt : str or None
        Why it is not known which physics frame is meant: several streams have the pulses, or
        no file has the event.
    """

    file: str
    event: str | None = None
    frame: int | None = None
    doubt: str | None = None


@dataclass(frozen=True)
class Entry:
    """One event of a campaign.

    Attributes
    ----------
    number : int
        Number from 0 in the order in which events were given; it never changes.
    file : str
        Absolute path of the event file.
    name : str or None
        Name of the event; None if the file could not be read.
    truth : tuple of float or None
        True direction of a simulated event: ra, dec (radians, J2000).
    folder : str or None
        Its scan folder, relative to the campaign's; None if it could not be planned.
    exit_code : int
        Exit code with which planning the event alone would have ended.
    problem : str or None
        Why it could not be planned, or which other event it is a copy of.
    event : str or None
        RUN:EVENT:SUB of an event that was named, of a file of many.
    frame : int or None
        Number of its physics frame in a file of many.
    doubt : str or None
        Why it is not known which physics frame is meant.
    """

    number: int
    file: str
    name: str | None = None
    truth: tuple[float, float] | None = None
    folder: str | None = None
    exit_code: int = 0
    problem: str | None = None
    event: str | None = None
    frame: int | None = None
    doubt: str | None = None

    @property
    def wanted(self) -> Wanted:
        """Return what the user asked for."""
        return Wanted(self.file, self.event, self.frame, self.doubt)

    @property
    def origin(self) -> str:
        """Return the file, and the event in it if it has several, for a message."""
        if self.frame is not None:
            return f"{self.file}, frame {self.frame}"
        return self.file if self.event is None else f"{self.file}, event {self.event}"

    @property
    def node(self) -> str:
        """Return the name of its node in the campaign's DAG."""
        return f"scan_{self.number:05d}"

    @property
    def run_id(self) -> int | None:
        """Return the event's run number, from its name; None if it could not be read."""
        found = re.match(r"run(\d+)\.", self.name or "")
        return int(found[1]) if found else None

    @property
    def why(self) -> str:
        """Return why it could not be planned; the text names the file."""
        problem = self.problem or "it has no scan"
        if self.frame is not None:
            return f"{self.origin}: {problem.removeprefix(f'{self.file}: ')}"
        return problem if self.file in problem else f"{self.file}: {problem}"
