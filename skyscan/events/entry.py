"""What a file says of one of its events before it is read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from skyscan.events.choice import EventId
from skyscan.events.formats import format_of, pulses_key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from skyscan.events.choice import Choice


@dataclass(frozen=True)
class EventEntry:
    """An event, or a sub-event, in a file.

    Attributes
    ----------
    frame : int
        Number of its physics frame in the file, counted from 1 over all frames; in a table,
        number of the event.
    event_id : int
    run_id : int or None
        None if the file has no runs.
    sub_event_id : int
    stream : str
        Name of the sub-event stream, or "".
    mjd : float or None
        Start time, days UTC; None if the file has none.
    event_type : str or None
        HESE, EHE, neutrino, ESTRES, or None if the file does not determine it.
    pulses : mapping of str to (int or None)
        The pulse series and the number of pulses in each; None if it is not known.
    default_pulses : str or None
        The pulse series that is read unless another one is chosen; None means that of the
        realtime format.
    unreadable : tuple of str
        The pulse series that cannot be read, because the event lacks what they are made of, or
        because of their class.
    """

    frame: int
    event_id: int
    run_id: int | None = None
    sub_event_id: int = 0
    stream: str = ""
    mjd: float | None = None
    event_type: str | None = None
    pulses: Mapping[str, int | None] = field(default_factory=dict)
    default_pulses: str | None = None
    unreadable: tuple[str, ...] = ()

    @property
    def id(self) -> EventId:
        """The numbers of the event and the sub-event."""
        sub_event = None if self.run_id is None else self.sub_event_id
        return EventId(self.event_id, self.run_id, sub_event)

    def wanted(self, choice: Choice) -> str:
        """Return the pulse series that a scan of the event would read."""
        usual = self.default_pulses or pulses_key_of(format_of(self.pulses.keys()))
        return choice.pulses or usual

    def can_be_scanned(self, choice: Choice) -> bool:
        """Return whether the event has the pulse series that a scan would read."""
        wanted = self.wanted(choice)
        return self.pulses.get(wanted, 0) != 0 and wanted not in self.unreadable

    def is_meant(self, choice: Choice) -> bool:
        """Return whether the choice allows the event, whatever pulses it has."""
        event = choice.event
        wanted = [
            (choice.frame, self.frame),
            (choice.stream, self.stream),
            (choice.sub_event, self.sub_event_id),
        ]
        if event is not None:
            wanted += [
                (event.event_id, self.event_id),
                (event.run_id, self.run_id),
                (event.sub_event_id, self.sub_event_id),
            ]
        return all(one is None or one == own for one, own in wanted)

    def __str__(self) -> str:
        stream = f", stream {self.stream}" if self.stream else ""
        return f"{self.id} (frame {self.frame}{stream})"


@dataclass(frozen=True)
class EventFile:
    """The small file of one event, which a scan keeps and its jobs read.

    Attributes
    ----------
    name : str
        Its name in the scan folder, ``event.i3`` or ``event.json``.
    content : bytes
    is_whole : bool
        Whether this is the content of the file that it was found in, as it is.
    detector : bytes
        The G, C and D frames, if they are large and have a file apart.
    """

    name: str
    content: bytes = field(repr=False)
    is_whole: bool = False
    detector: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class Found:
    """An event in a file, and how to get the small file of this event alone.

    ``take`` works until the next event is asked for.
    """

    entry: EventEntry
    take: Callable[[], EventFile] = field(repr=False)
