"""An event that was taken from a file of many, in a file of its own while it is read."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from skyscan.errors import SkyscanError
from skyscan.layout import GCD_FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from skyscan.events.entry import EventFile


@dataclass(frozen=True)
class ChosenEvent:
    """An event whose file holds nothing else.

    Attributes
    ----------
    path : Path
        The user's file if it holds only this event, otherwise a file that does not last.
    name : str
        Name of the scan's own copy.
    gcd : Path or None
        File of the detector's G, C and D frames, if they are not in that of the event; it does
        not last.
    """

    path: Path
    name: str
    gcd: Path | None = None


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
        gcd = Path(folder, GCD_FILE) if event.detector else None
        if gcd is not None:
            gcd.write_bytes(event.detector)
        try:
            yield ChosenEvent(own, event.name, gcd)
        except SkyscanError as error:
            text = str(error).replace(str(own), str(path)).replace(str(gcd or own), str(path))
            raise type(error)(text) from error
