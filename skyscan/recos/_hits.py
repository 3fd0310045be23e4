"""Whether the cleaning leaves enough of an event for the open reconstructions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.events.event import Event

#: The fits have three parameters or more, and the scan two more: fewer hits do not constrain
#: them.
MIN_DOMS = 6


def check_hits(event: Event, hits: NDArray[np.void], what: str, place: str = "") -> None:
    """Refuse an event of which the cleaning leaves too few hits.

    Parameters
    ----------
    event : Event
    hits : ndarray, shape (n,)
        What the cleaning left, one row a DOM.
    what : str
        Which fit needs them, such as ``a track fit``.
    place : str
        The beginning of the message.

    Raises
    ------
    BadInput
        They are fewer than MIN_DOMS.
    """
    if len(hits) < MIN_DOMS:
        raise BadInput(
            f"{place}{event.name}: {len(hits)} DOMs of {event.pulses_key} are left after the "
            f"cleaning (in-ice pulses outside DeepCore, near locally coincident ones); {what} "
            f"needs {MIN_DOMS}. Choose other pulses with --pulses."
        )


def hits_of(doms: NDArray[np.void]) -> NDArray[np.void]:
    """Return those DOMs of a fit, hits and dark ones, that have a hit."""
    return np.asarray(doms[np.isfinite(doms["time"])])
