"""The event that a scan is of: chosen from its file, in a file of its own."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from skyscan.events.choice import Choice, parse_event_id
from skyscan.events.chosen import alone
from skyscan.events.files import take_event
from skyscan.recos import reco_class
from workflows.engines import ENGINES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from skyscan.events.chosen import ChosenEvent
    from workflows.options import Options


def choice_of(options: Options) -> Choice:
    """Return the event and the pulses that options choose.

    Raises
    ------
    BadInput
        The reconstruction does not exist.
    """
    with_detector = options.gcd is None and reco_class(options.reco).needs_detector
    return Choice(
        event=None if options.event_id is None else parse_event_id(options.event_id),
        frame=options.frame,
        stream=options.stream,
        sub_event=options.sub_event,
        pulses=options.pulses,
        run_id=options.run_id,
        mjd=options.mjd,
        truth=options.truth,
        geometry=options.geometry,
        with_detector=with_detector,
        detector_apart=with_detector and ENGINES[options.engine].has_campaigns,
    )


@contextmanager
def chosen_event(path: Path, options: Options) -> Iterator[ChosenEvent]:
    """Take the one event of a file that options choose (`skyscan.events.chosen.alone`)."""
    choice = choice_of(options)
    with alone(path, take_event(path, choice)) as chosen:
        yield chosen
