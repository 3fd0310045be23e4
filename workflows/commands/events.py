"""`skyscan events`: what is in files of events."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyscan.errors import ExitCode, SkyscanError, printable
from skyscan.events.choice import Choice
from skyscan.events.files import list_events

if TYPE_CHECKING:
    import argparse

    from skyscan.events.entry import EventEntry
    from workflows.commands.plan import Commands

#: Columns of a line; ids and times have these widths in nearly all files.
LINE = "{:>7}  {:<18}  {:<24}  {:<10}  {:<8}  {}"
MAX_SERIES = 3  #: pulse series in a line


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "events", help="list the events in files: ids, time, streams and pulse series"
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="file of events")
    parser.add_argument(
        "--pulses", metavar="KEY", help="the pulse series that a scan would read"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per line")
    parser.set_defaults(run=_events)


def _events(options: argparse.Namespace) -> ExitCode:
    choice, code = Choice(pulses=options.pulses), ExitCode.DONE
    for path in options.files:
        try:
            if options.json:
                for entry in list_events(path, choice):
                    print(json.dumps(as_json(path, entry, choice)))
            else:
                _print_table(path, choice)
        except SkyscanError as error:  # the other files may be whole
            print(printable(f"skyscan: error: {error}"), file=sys.stderr)
            code = error.exit_code
    return code


def _print_table(path: Path, choice: Choice) -> None:
    count = _Count()
    series: set[str] = set()
    wanted = ""
    for entry in list_events(path, choice):
        if not count.frames:
            print(printable(str(path)))
            print(LINE.format("frame", "event", "time", "stream", "type", "pulses"))
        count.add(entry, can_be_scanned=entry.can_be_scanned(choice))
        series |= {key for key, n in entry.pulses.items() if n != 0} - {*entry.unreadable}
        wanted = entry.wanted(choice)
        print(printable(line(entry, choice)))
    if not count.frames:
        print(printable(f"{path}: no events"))
        return
    print(count)
    if series and not count.scannable:
        print(printable(f"None has {wanted}; choose other pulses with --pulses."))


class _Count:
    """Count events and sub-events while their physics frames are listed one by one."""

    def __init__(self) -> None:
        self.events = self.sub_events = self.frames = self.scannable = 0
        self._event: tuple[int | None, int] | None = None
        self._seen: dict[int, bool] = {}  # sub-events of this event, and if any can be scanned

    def add(self, entry: EventEntry, *, can_be_scanned: bool) -> None:
        """Count the next line."""
        self.frames += 1
        event = entry.run_id, entry.event_id
        if event != self._event:
            self._event, self._seen = event, {}
            self.events += 1
        before = self._seen.get(entry.sub_event_id)
        self.sub_events += before is None
        self.scannable += can_be_scanned and not before
        self._seen[entry.sub_event_id] = bool(before) or can_be_scanned

    def __str__(self) -> str:
        text = "1 event" if self.events == 1 else f"{self.events} events"
        if self.sub_events != self.events:
            text = f"{self.sub_events} sub-events of {text}"
        if self.frames != self.sub_events:
            text += f" in {self.frames} physics frames"
        return f"{text}, {self.scannable} can be scanned"


def as_json(path: Path, entry: EventEntry, choice: Choice) -> dict[str, Any]:
    """Return an event for programs."""
    return {
        "file": str(path),
        **asdict(entry),
        "id": str(entry.id),
        "wanted_pulses": entry.wanted(choice),
        "can_be_scanned": entry.can_be_scanned(choice),
    }


def line(entry: EventEntry, choice: Choice) -> str:
    """Return the line of an event; the pulse series that a scan reads has an asterisk."""
    from skyscan.answer.sky.directions import utc

    time = "" if entry.mjd is None else utc(entry.mjd)
    wanted = entry.wanted(choice)
    usable = wanted if entry.can_be_scanned(choice) else ""
    keys = sorted(entry.pulses, key=lambda key: (key != wanted, key))
    series = [_series(entry, key, usable) for key in keys[:MAX_SERIES]]
    if len(keys) > MAX_SERIES:
        series.append(f"{len(keys) - MAX_SERIES} more")
    return LINE.format(
        entry.frame,
        str(entry.id),
        time,
        entry.stream,
        entry.event_type or "",
        ", ".join(series) or "none",
    )


def _series(entry: EventEntry, key: str, usable: str) -> str:
    name = f"{key}*" if key == usable else key
    count = entry.pulses[key]
    text = name if count is None else f"{name} {count}"
    return f"{text} (unreadable)" if key in entry.unreadable else text
