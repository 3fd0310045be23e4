"""The events in the files of a campaign, each taken while its file is read once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput
from skyscan.events.choice import Choice, parse_event_id
from skyscan.events.files import OF_TABLES, ambiguous, find_events, holds_tables, take_event
from skyscan.events.place import Place
from workflows.campaigns.entry import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from skyscan.events.choice import EventId
    from skyscan.events.entry import EventEntry, EventFile, Found
    from workflows.campaigns.entry import Entry


def wanted_events(
    files: Iterable[Path], choice: Choice, events: Sequence[EventId] = ()
) -> list[Wanted]:
    """Return the events of files: all sub-events with the pulses that a scan reads.

    An event of which none has these pulses is there too, and so is a file that cannot be read:
    planning says what is wrong with them.

    Parameters
    ----------
    files : iterable of Path
    choice : Choice
        Stream, sub-event and pulses.
    events : sequence of EventId
        The events to take; all if it is empty.
    """
    paths = list(dict.fromkeys(str(path.absolute()) for path in files))  # one named twice
    choices = dict.fromkeys(paths, choice)
    if any(map(holds_tables, paths)):  # else what is for tables only is refused
        choices = {path: choice_in(path, choice) for path in paths}
    if not events:
        return [it for path in paths for it in _in_file(path, choices[path])]
    known: dict[EventId, list[Wanted]] = {event: [] for event in events}
    unreadable = [path for path in paths if not _find_named(path, choices[path], known)]
    for event, wanted in known.items():
        if not wanted:
            known[event] = _nowhere(event, paths, unreadable)
    return list(dict.fromkeys(it for wanted in known.values() for it in wanted))


def choice_in(path: str, choice: Choice) -> Choice:
    """Return what a choice means for a file: of one without tables, not what is for tables."""
    none: dict[str, Any] = dict.fromkeys(OF_TABLES)
    return choice if holds_tables(path) else replace(choice, **none)


def _in_file(path: str, choice: Choice) -> list[Wanted]:
    wanted: list[Wanted] = []
    last = 0
    entries = (found.entry for found in find_events(path, choice))
    try:
        for entry, doubt in _scannable(path, entries, choice):
            last = entry.frame
            wanted.append(Wanted(path, None, entry.frame, doubt))
    except (BadInput, OSError):
        # What cannot be read is an event too, which planning refuses with the reason.
        return [*wanted, Wanted(path, None, last + 1 if last else None)]
    is_only = len(wanted) == 1 and wanted[0].doubt is None
    return [Wanted(path)] if is_only or not wanted else wanted


def _find_named(path: str, choice: Choice, known: Mapping[EventId, list[Wanted]]) -> bool:
    """Add the events of a file to those that are named; return whether all of it was read."""
    only = next(iter(known)) if len(known) == 1 else None  # others of the file are not read
    entries = (it.entry for it in find_events(path, replace(choice, event=only, frame=None)))
    by_number: dict[int, list[EventId]] = {}
    for event in known:
        by_number.setdefault(event.event_id, []).append(event)
    meant = (it for it in entries if it.event_id in by_number)
    try:
        for entry, doubt in _scannable(path, meant, choice):
            for event in by_number[entry.event_id]:
                if entry.is_meant(Choice(event=event)):
                    wanted = Wanted(path, str(entry.id), entry.frame, doubt)
                    known[event].append(wanted)
    except (BadInput, OSError):
        return False
    return True


def _nowhere(event: EventId, paths: Sequence[str], unreadable: Sequence[str]) -> list[Wanted]:
    """Return an event that no file has: planning says why, of files that cannot be read too."""
    if len(paths) == 1 or unreadable:
        return [Wanted(path, str(event)) for path in unreadable or paths]
    doubt = f"None of the {len(paths)} files has event {event}."
    return [Wanted(paths[0], str(event), None, doubt)]


def _scannable(
    path: str, entries: Iterable[EventEntry], choice: Choice
) -> Iterator[tuple[EventEntry, str | None]]:
    """Yield the sub-events with pulses of each event, or one if it has none.

    Of a sub-event that several streams have, only the first is there, with the doubt.
    """
    for of_event in _by_event(entries, choice):
        fits = [it for it in of_event if it.can_be_scanned(choice)]
        if not fits:  # planning says why, best of a frame that should have the pulses
            fits = [max(of_event, key=lambda it: it.wanted(choice) in it.pulses)]
        for sub_event in dict.fromkeys(it.sub_event_id for it in fits):
            same = [it for it in fits if it.sub_event_id == sub_event]
            if len({it.stream for it in same}) > 1:
                yield same[0], str(ambiguous(path, same))
            else:
                yield from ((it, None) for it in same)


def _by_event(entries: Iterable[EventEntry], choice: Choice) -> Iterator[list[EventEntry]]:
    """Yield the sub-events of each event; an error comes after what was before it."""
    group: list[EventEntry] = []
    try:
        for entry in entries:
            if group and (entry.run_id, entry.event_id) != (group[0].run_id, group[0].event_id):
                yield group
                group = []
            group.append(entry)
    except (BadInput, OSError):
        before = [it for it in group if it.can_be_scanned(choice)]
        if before:
            yield before
        raise
    if group:
        yield group


class Taker:
    """Take the events of a campaign in their order, without reading a file twice."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._file = ""
        self._events: Iterator[Found] = iter(())
        self._at = 0  # frame

    def take(self, entry: Entry) -> EventFile:
        """Return the file of one event.

        Raises
        ------
        BadInput
            The file is damaged, does not have the event, or has it in several streams.
        """
        if entry.doubt is not None:
            raise BadInput(entry.doubt)
        if entry.frame is None or entry.event is not None:
            event = None if entry.event is None else parse_event_id(entry.event)
            return take_event(entry.file, self._with(entry, event))
        if entry.file != self._file or entry.frame <= self._at:
            self._file = entry.file
            self._events = find_events(entry.file, choice_in(entry.file, self._choice))
        for found in self._events:
            self._at = found.entry.frame
            if self._at == entry.frame:
                return self._checked(entry, found)
        self._file = ""
        place = Place(entry.file)
        raise place.complaint(f"has no event in frame {entry.frame}", "is it the same file?")

    def _checked(self, entry: Entry, found: Found) -> EventFile:
        if found.entry.can_be_scanned(self._choice):
            return found.take()
        return take_event(entry.file, self._with(entry, None))  # says what is missing

    def _with(self, entry: Entry, event: EventId | None) -> Choice:
        choice = choice_in(entry.file, self._choice)
        return replace(choice, event=event, frame=entry.frame)
