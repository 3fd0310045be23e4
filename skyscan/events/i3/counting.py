"""Count the pulses of a frame object without decoding them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.i3.archive import InArchive, class_name
from skyscan.events.i3.pulsemap import (
    MAX_DOMS,
    PULSE_LAYOUT,
    TRACKED_PULSE_LAYOUT,
    limited,
)
from skyscan.events.i3.superdst import FULL_CHARGE, FULL_TIME, stamps_of
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable

OMKEY_BYTES = 9  #: string, om, pmt
BITS_OF_BYTE = 8


def is_pulse_series(kind: str | None) -> bool:
    """Return whether a class is one of pulse series."""
    return kind in COUNTERS


def count_pulses(buffer: bytes) -> int | None:
    """Return the number of pulses of an object; None if it depends on other objects.

    Raises
    ------
    MalformedError
        The object is damaged.
    """
    counter = COUNTERS.get(class_name(buffer) or "")
    return counter(buffer) if counter else None


def _in_map(buffer: bytes) -> int | None:
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMap", (0,))
    archive.begin("map", (0,))
    n_doms = limited(archive.integer("<I"), MAX_DOMS, "DOMs")
    total, skipped, pulse_bytes = 0, 0, 0
    for number in range(n_doms):
        if number:
            archive.take(skipped)
        else:
            skipped = _begin_first(archive)
        count = archive.integer("<I")
        if count and not pulse_bytes:
            archive.begin_class("I3RecoPulse", (3,))
            tracked = archive.are_tracked("I3RecoPulse")
            pulse_bytes = (TRACKED_PULSE_LAYOUT if tracked else PULSE_LAYOUT).itemsize
        archive.take(count * pulse_bytes)
        total += count
    return total


def _begin_first(archive: InArchive) -> int:
    """Read what precedes the first DOM's number of pulses; return its size for the others."""
    archive.begin("pair", (0,))
    archive.begin("OMKey", (2,))
    archive.take(OMKEY_BYTES)
    archive.begin("vector", (0,))
    numbers = sum(archive.are_tracked(name) for name in ("pair", "OMKey", "vector"))
    return 4 * numbers + OMKEY_BYTES


def _in_mask(buffer: bytes) -> int | None:
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMapMask", (2,))
    archive.string()
    _bits(archive)
    archive.begin("vector", (0,))
    n_masks = limited(archive.integer("<I"), MAX_DOMS, "DOMs")
    return sum(_bits(archive) for _ in range(n_masks))


def _bits(archive: InArchive) -> int:
    """Return the number of set bits of the next bit mask."""
    archive.begin("bitmask", (0,))
    size, padding = archive.unpack("<HB")
    bits = int.from_bytes(archive.take(int(size)), "little")
    used = BITS_OF_BYTE * int(size) - int(padding)
    return (bits & ((1 << max(used, 0)) - 1)).bit_count()


def _in_superdst(buffer: bytes) -> int | None:
    """Count the stamps; None if some may be the continuation of a large value."""
    stamps = stamps_of(buffer)
    large = (stamps & 0xFF == FULL_TIME) | (stamps >> 8 & FULL_CHARGE == FULL_CHARGE)
    return None if np.any(large) else int(stamps.size)


def _unknown(buffer: bytes) -> int | None:
    """Check only that the object can be what its class says."""
    if not buffer:
        raise MalformedError("is empty")
    return None


COUNTERS: dict[str, Callable[[bytes], int | None]] = {
    "I3RecoPulseSeriesMap": _in_map,
    "I3RecoPulseSeriesMapMask": _in_mask,
    "I3SuperDST": _in_superdst,
    "I3RecoPulseSeriesMapUnion": _unknown,
    "I3RecoPulseSeriesMapCombineByModule": _unknown,
    "I3RecoPulseSeriesMapApplySPECorrection": _unknown,
}
