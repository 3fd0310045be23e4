"""The event that a scan is of: chosen from its file, in a file of its own."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from skyscan.errors import SkyscanError
from skyscan.events.choice import Choice, parse_event_id
from skyscan.events.files import take_event
from skyscan.recos import reco_class

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.events.entry import EventFile
    from workflows.options import Options


@dataclass(frozen=True)
class ChosenEvent:
    """An event whose file holds nothing else.

    Attributes
    ----------
    path : Path
        The user's file if it holds only this event, otherwise a file that does not last.
    name : str
        Name of the scan's own copy.
    """

    path: Path
    name: str


def choice_of(options: Options) -> Choice:
    """Return the event and the pulses that options choose.

    Raises
    ------
    BadInput
        The reconstruction does not exist.
    """
    return Choice(
        event=None if options.event_id is None else parse_event_id(options.event_id),
        frame=options.frame,
        stream=options.stream,
        sub_event=options.sub_event,
        pulses=options.pulses,
        run_id=options.run_id,
        mjd=options.mjd,
        truth=options.truth,
        with_detector=reco_class(options.reco).needs_detector,
    )


@contextmanager
def chosen_event(path: Path, options: Options) -> Iterator[ChosenEvent]:
    """Take the one event of a file that options choose; see `alone`."""
    choice = choice_of(options)
    with alone(path, take_event(path, choice)) as chosen:
        yield chosen


@contextmanager
def alone(path: Path, event: EventFile) -> Iterator[ChosenEvent]:
    """Provide the file of one event for as long as it is read and copied.

    Errors that name this file name the one that the event was taken from instead.

    Parameters
    ----------
    path : Path
        The file that the event was taken from.
    event : EventFile
    """
    if event.is_whole:
        yield ChosenEvent(path, event.name)
        return
    with TemporaryDirectory(prefix="skyscan-") as folder:
        own = Path(folder, event.name)
        own.write_bytes(event.content)
        try:
            yield ChosenEvent(own, event.name)
        except SkyscanError as error:
            raise type(error)(str(error).replace(str(own), str(path))) from error
