"""Scan the sky for the origin of an IceCube event: the science and the steps of a scan."""

from skyscan.coordinates import equatorial_to_local, local_to_equatorial
from skyscan.events.event import Event
from skyscan.events.reader import read_event

__all__ = ["Event", "equatorial_to_local", "local_to_equatorial", "read_event"]
