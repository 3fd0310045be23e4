"""Files of events of any format: list what is in them, and take one event.

A format is a module with ``find_events(path, choice)``, which yields a `Found` for every event
of a file that the choice allows, in the order of the file, without holding more than one event
in memory. It is imported only for files that look like its own: formats of tables need packages
that jobs do not have.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, WrongUsage
from skyscan.events.choice import Choice
from skyscan.events.event_json import is_event_json
from skyscan.events.place import Place, shown
from skyscan.events.raw import is_compressed, opened
from skyscan.regular import open_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from os import PathLike

    from skyscan.events.entry import EventEntry, EventFile, Found

BEGIN_BYTES = 4096  #: of a file, from which its format is known
MAX_NAMED = 5  #: events in a message
#: The module that reads tables, and the options that only they need.
TABLES = "skyscan.tables.files"
OF_TABLES = ("run_id", "mjd", "truth")
#: The module that reads the project's own event file.
OWN = "skyscan.events.event_json"
#: The module that reads frames, and the one that puts an event into another detector.
FRAMES = "skyscan.events.sequence"
ELSEWHERE = "skyscan.tables.elsewhere"
PARQUET = b"PAR1"
SQLITE = b"SQLite format 3\0"
#: A table in CSV begins with names of columns, separated by commas, semicolons or tabs, and at
#: least one of these.
_COLUMNS = frozenset(
    [
        "string",
        "om",
        "time",
        "charge",
        "event",
        "event_id",
        "event_no",
        "sensor_id",
        "dom_time",
        "dom_number",
        "t",
    ]
)


@dataclass(frozen=True)
class FileFormat:
    """A format of files of events.

    Attributes
    ----------
    recognises : callable
        Whether a file has this format, by its first bytes and its name.
    module : str
        The module with ``find_events``.
    """

    recognises: Callable[[bytes, str], bool]
    module: str


def is_own(begin: bytes, _name: str) -> bool:
    """Return whether a file begins as the project's own event file."""
    return is_event_json(begin)


def is_table(begin: bytes, _name: str) -> bool:
    """Return whether a file begins as Parquet, SQLite, or CSV with the names of columns."""
    if begin.startswith((PARQUET, SQLITE)):
        return True
    lines = begin.removeprefix(b"\xef\xbb\xbf").splitlines()
    head = next((it for it in lines if it.strip() and not it.startswith(b"#")), b"")
    return _is_csv_head(head)


def _is_csv_head(head: bytes) -> bool:
    try:
        line = head.decode("utf-8")
    except UnicodeDecodeError:
        return False
    if line.lstrip().startswith(("{", "[")) or not line.replace("\t", "").isprintable():
        return False
    line = line.lower()
    if _COLUMNS.isdisjoint(re.findall(r"\w+", line)):
        return False
    from skyscan.events.csv_head import names_in  # not for jobs, whose files are others

    names = names_in(line)
    return len(names) > 1 and not _COLUMNS.isdisjoint(names)


def is_anything(_begin: bytes, _name: str) -> bool:
    """Accept every file: the last format says what is wrong with those that have none."""
    return True


#: The first one that recognises a file reads it.
FORMATS: tuple[FileFormat, ...] = (
    FileFormat(is_own, OWN),
    FileFormat(is_table, TABLES),
    FileFormat(is_anything, FRAMES),
)


def find_events(path: str | PathLike[str], choice: Choice | None = None) -> Iterator[Found]:
    """Yield the events of a file that a choice allows, with or without pulses.

    Raises
    ------
    BadInput
        The file is missing, is of no known format, or is damaged where it has been read.
    """
    form = _format_of(Path(path))
    _check(Path(path), form, choice or Choice())
    module = import_module(form.module)
    is_elsewhere = form.module == FRAMES and choice is not None and choice.geometry is not None
    for found in module.find_events(Path(path), choice or Choice()):
        if found.entry.is_meant(choice or Choice()):
            yield (
                import_module(ELSEWHERE).moved(Path(path), found, choice)
                if is_elsewhere
                else found
            )


def list_events(
    path: str | PathLike[str], choice: Choice | None = None
) -> Iterator[EventEntry]:
    """Yield what a file says of its events, one sub-event after another.

    Nothing is decoded: pulses are counted, checksums are not verified.

    Raises
    ------
    BadInput
        As `find_events`.
    """
    for found in find_events(path, choice):
        yield found.entry


def take_event(path: str | PathLike[str], choice: Choice | None = None) -> EventFile:
    """Return the one event of a file that is meant and has the wanted pulse series.

    Raises
    ------
    BadInput
        There is none, or there are several: the message lists them.
    """
    choice = choice or Choice()
    fits: list[EventEntry] = []
    taken: EventFile | None = None
    nearest: Found | None = None  # of those that cannot be scanned
    for found in find_events(path, choice):
        if not found.entry.can_be_scanned(choice):
            if nearest is None or _nearness(found, choice) > _nearness(nearest, choice):
                nearest = found
                if found.entry.wanted(choice) in found.entry.unreadable:
                    taken = taken or found.take()  # its reader says why
            continue
        fits.append(found.entry)
        if len(fits) == 1:
            taken = found.take()
        elif len(fits) > MAX_NAMED:
            break
    if taken is None:
        raise _none(Path(path), choice, None if nearest is None else nearest.entry)
    if len(fits) > 1:
        raise ambiguous(path, fits)
    return taken


def _check(path: Path, form: FileFormat, choice: Choice) -> None:
    """Refuse options that are of tables only."""
    given = [name for name in OF_TABLES if getattr(choice, name) is not None]
    if choice.geometry is not None and form.module == OWN:
        raise WrongUsage(
            f"{path} was made from another file, with its detector; give --geometry with that."
        )
    if given and form.module != TABLES and path.exists():
        options = ", ".join(f"--{name.removesuffix('_id')}" for name in given)
        raise WrongUsage(
            f"{path} is not a table (CSV, Parquet, SQLite); {options} is for tables only."
        )


def _format_of(path: Path) -> FileFormat:
    begin = b""
    with suppress(OSError), open_regular(path) as file:  # whoever reads the file says why
        begin = file.read(BEGIN_BYTES)
    if is_packed_table(path):
        return next(it for it in FORMATS if it.module == TABLES)
    return next(it for it in FORMATS if it.recognises(begin, path.name))


def holds_tables(path: str | PathLike[str]) -> bool:
    """Return whether a file has its events in tables."""
    return _format_of(Path(path)).module == TABLES


def is_packed_table(path: str | PathLike[str]) -> bool:
    """Return whether a file is a compressed table."""
    try:
        return is_compressed(Place(str(path))) and is_table(_begin_inside(Path(path)), "")
    except (OSError, ValueError):
        return False


def _begin_inside(path: Path) -> bytes:
    """Return the first bytes in a compressed file; none if it is damaged."""
    try:
        with opened(Place(str(path))) as stream:
            return stream.peek(BEGIN_BYTES)
    except BadInput:
        return b""


def _nearness(found: Found, choice: Choice) -> tuple[bool, int]:
    """Return how near an event is to one with the pulses: a NullSplit frame has none at all."""
    pulses = found.entry.pulses
    return found.entry.wanted(choice) in pulses, len(pulses)


def _none(path: Path, choice: Choice, nearest: EventEntry | None) -> BadInput:
    place = Place(str(path))
    if nearest is None:
        names = ("frame", "stream", "sub_event")
        given = [(name, getattr(choice, name)) for name in names]
        asked = [f"{k.replace('_', '-')} {v}" for k, v in given if v is not None]
        event = "event" if choice.event is None else f"event {choice.event}"
        if choice.event is None and not asked:
            return place.complaint("has no event", "give an archive of event files")
        having = f" with {' and '.join(asked)}" if asked else ""
        advice = "`skyscan events FILE` lists what it has"
        return place.complaint(f"has no {event}{having}", advice)
    if nearest.wanted(choice) in nearest.pulses:
        at = place.at_frame(f"frame number {nearest.frame} ('P')").at_key(
            nearest.wanted(choice)
        )
        return at.complaint("holds no pulses", "choose another pulse series with --pulses")
    series = ", ".join(map(shown, sorted(nearest.pulses))) or "no pulse series"
    return place.complaint(
        f"has no event with {shown(nearest.wanted(choice))}, the pulse series to read;"
        f" {nearest} has {series}",
        "choose one of them with --pulses",
    )


def ambiguous(path: str | PathLike[str], fits: Sequence[EventEntry]) -> BadInput:
    """Return the error that several events of a file can be meant."""
    if len({(it.run_id, it.event_id) for it in fits}) > 1:
        how = "--event"
    else:
        parts: dict[str, set[object]] = {
            "--sub-event": {it.sub_event_id for it in fits},
            "--stream": {it.stream for it in fits},
        }
        differing = [option for option, values in parts.items() if len(values) > 1]
        how = " or ".join(differing) or "--frame"  # the same twice differs only in its place
    # a campaign has one scan of each event and sub-event
    has_all = len({it.id for it in fits}) > 1
    campaign = ", or scan all with `skyscan campaign`" if has_all else ""
    return Place(str(path)).complaint(
        f"has several events that can be scanned: {_named(fits)}",
        f"choose one with {how}{campaign}",
    )


def _named(entries: Iterable[EventEntry]) -> str:
    named = list(entries)
    text = ", ".join(map(str, islice(named, MAX_NAMED)))
    return f"{text} and others" if len(named) > MAX_NAMED else text
