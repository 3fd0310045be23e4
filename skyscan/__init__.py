"""Scan the sky for the origin of an IceCube event: the science and the steps of a scan."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skyscan.answer.maps import SkyMap
    from skyscan.answer.read import read_map
    from skyscan.coordinates import equatorial_to_local, local_to_equatorial
    from skyscan.events.event import Event
    from skyscan.events.reader import read_event
    from skyscan.rounds.rule import next_pixels

__all__ = [
    "Event",
    "SkyMap",
    "__version__",
    "equatorial_to_local",
    "local_to_equatorial",
    "next_pixels",
    "read_event",
    "read_map",
]

#: The version is defined only here: hatch reads it for the package's metadata, which jobs that
#: run from ``skyscan.zip`` do not have.
__version__ = "0.1.0"

_MODULES = {
    "Event": "skyscan.events.event",
    "equatorial_to_local": "skyscan.coordinates",
    "local_to_equatorial": "skyscan.coordinates",
    "next_pixels": "skyscan.rounds.rule",
    "SkyMap": "skyscan.answer.maps",
    "read_event": "skyscan.events.reader",
    "read_map": "skyscan.answer.read",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})


def __getattr__(name: str) -> object:
    """Import a public name on first use.

    A step must run far enough to report which module its Python is missing, and importing
    healpy is slow.
    """
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
