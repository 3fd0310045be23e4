"""Scan the sky for the origin of an IceCube event: the science and the steps of a scan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.coordinates import equatorial_to_local, local_to_equatorial
from skyscan.events.event import Event
from skyscan.events.reader import read_event

if TYPE_CHECKING:
    from skyscan.rounds.rule import next_pixels

__all__ = ["Event", "equatorial_to_local", "local_to_equatorial", "next_pixels", "read_event"]


def __getattr__(name: str) -> object:
    """Import ``next_pixels`` when it is asked for: healpy takes longer than all the rest."""
    if name == "next_pixels":
        from skyscan.rounds.rule import next_pixels

        return next_pixels
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
