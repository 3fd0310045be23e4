"""The choice of one event, and of its pulses, in a file of many."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from pathlib import Path

_EVENT = re.compile(
    r"(?:(?P<run>\d{1,19}):)?(?P<event>\d{1,19})(?(run)(?::(?P<sub_event>\d{1,19}))?)",
    re.ASCII,
)
MAX_ID = 2**63  #: Parquet and SQLite have integers of 64 bits, the I3EventHeader of 32


class EventId(NamedTuple):
    """The numbers that name an event; None where they do not matter."""

    event_id: int
    run_id: int | None = None
    sub_event_id: int | None = None

    def __str__(self) -> str:
        parts = (self.run_id, self.event_id, self.sub_event_id)
        return ":".join(str(part) for part in parts if part is not None)


@dataclass(frozen=True)
class Choice:
    """Which event of a file to take; whatever is None does not matter.

    Attributes
    ----------
    event : EventId or None
        Its numbers.
    frame : int or None
        Number of its physics frame in the file, counted from 1 over all frames; in a table,
        number of the event.
    stream : str or None
        Name of the sub-event stream, such as InIceSplit.
    sub_event : int or None
        Number of the sub-event.
    pulses : str or None
        Frame key of the pulse series; None means that of the realtime format.
    with_detector : bool
        Whether the file of the event alone needs the detector's G, C and D frames, which may
        be large.
    detector_apart : bool
        Whether G, C and D frames that are large are to have a file apart, which scans share.
    run_id : int or None
        Run number of the events of a table that has none.
    mjd : float or None
        Time of the events of a table that has none, days UTC.
    truth : Path or None
        Table with the truth of simulated events.
    geometry : Path or None
        Table of the DOMs of the detector, if it is not IceCube-86.
    """

    event: EventId | None = None
    frame: int | None = None
    stream: str | None = None
    sub_event: int | None = None
    pulses: str | None = None
    with_detector: bool = False
    detector_apart: bool = False
    run_id: int | None = None
    mjd: float | None = None
    truth: Path | None = None
    geometry: Path | None = None


def parse_event_id(text: str) -> EventId:
    """Return the event that RUN:EVENT, RUN:EVENT:SUB or EVENT names.

    Raises
    ------
    WrongUsage
        The text has another form.
    """
    found = _EVENT.fullmatch(text.strip())
    numbers = (
        {k: None if v is None else int(v) for k, v in found.groupdict().items()}
        if found
        else {}
    )
    event = numbers.get("event")
    if event is None or max(n or 0 for n in numbers.values()) >= MAX_ID:
        raise WrongUsage(
            f"{text!r} does not name an event; give RUN:EVENT, RUN:EVENT:SUB, or EVENT alone, "
            f"in numbers."
        )
    return EventId(event, numbers["run"], numbers["sub_event"])
