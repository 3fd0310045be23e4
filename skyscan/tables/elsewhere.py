"""Events of icetray frames in another detector than IceCube-86 (``--geometry``)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from skyscan.events.chosen import alone
from skyscan.events.entry import EventFile
from skyscan.events.event_json import event_json_bytes
from skyscan.events.reader import read_event
from skyscan.events.truth import truth_of
from skyscan.tables.files import read_geometry
from skyscan.tables.pulse_table import EVENT_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.events.choice import Choice
    from skyscan.events.entry import Found


def moved(path: Path, found: Found, choice: Choice) -> Found:
    """Return an event whose file has its pulses, its truth and the detector, but no frames.

    Where the detector is IceCube-86 after all, the event stays as it is.

    Raises
    ------
    BadInput
        The file of the detector has none.
    """
    if choice.geometry is None or read_geometry(choice.geometry) is None:
        return found
    return replace(found, take=partial(_take, path, found, choice))


def _take(path: Path, found: Found, choice: Choice) -> EventFile:
    detector = None if choice.geometry is None else read_geometry(choice.geometry)
    taken = replace(found.take(), is_whole=False)
    with alone(path, taken) as chosen:
        event = read_event(chosen.path, found.entry.wanted(choice))
    event = replace(event, detector=detector, truth=truth_of(event), fits={}, has_frames=False)
    return EventFile(EVENT_FILE, event_json_bytes(event))
