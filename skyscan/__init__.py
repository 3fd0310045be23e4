"""Scan the sky for the origin of an IceCube event: the science and the steps of a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.coordinates import equatorial_to_local, local_to_equatorial
from skyscan.events.event import Event
from skyscan.events.reader import read_event

if TYPE_CHECKING:
    from skyscan.rounds.rule import next_pixels

__all__ = [
    "Event",
    "__version__",
    "equatorial_to_local",
    "local_to_equatorial",
    "next_pixels",
    "read_event",
]

#: The version is defined only here: hatch reads it for the package's metadata, which jobs that
#: run from ``skyscan.zip`` do not have.
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import ``next_pixels`` on first use, since importing healpy is slow."""
    if name == "next_pixels":
        from skyscan.rounds.rule import next_pixels

        return next_pixels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
