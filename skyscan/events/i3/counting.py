"""Count the pulses of series without decoding them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING

from skyscan.events.i3.archive import InArchive, class_name
from skyscan.events.i3.pulsemap import (
    MAX_DOMS,
    MAX_MASKS,
    PULSE_LAYOUT,
    SPE_CORRECTION,
    TRACKED_PULSE_LAYOUT,
    limited,
    read_combination,
    read_correction,
    read_union,
)
from skyscan.events.i3.superdst import count_superdst
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

OMKEY_BYTES = 9  #: string, om, pmt
BITS_OF_BYTE = 8
BITS_HEAD_BYTES = 3  #: number of bytes (two), and of bits that are not used


@dataclass(frozen=True)
class Series:
    """What an object of pulses says of itself.

    Attributes
    ----------
    n : int or None
        Number of pulses; None if it is that of its sources, or the object is damaged.
    sources : tuple of str
        Keys of the series that it selects from or joins.
    is_joined : bool
        Whether it has all pulses of its sources.
    is_readable : bool
        Whether its class can be read here.
    """

    n: int | None
    sources: tuple[str, ...] = ()
    is_joined: bool = False
    is_readable: bool = True


def series_in(buffer: bytes) -> Series | None:
    """Return what an object says of its pulses, or None if it is of another class.

    A damaged one may be anything: its reader says what is wrong.
    """
    counter = COUNTERS.get(class_name(buffer) or "")
    try:
        return counter(buffer) if counter else None
    except MalformedError:
        return Series(None)


def count_pulses(
    series: Mapping[str, Series],
) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Count the pulses of all series that a physics frame sees.

    Parameters
    ----------
    series : mapping of str to Series
        By frame key.

    Returns
    -------
    numbers : dict of str to (int or None)
        None if a series, or one that it joins, is damaged or missing.
    unreadable : tuple of str
        Keys of series that cannot be read because the event lacks a source of theirs, or
        because of their class.
    """
    known: dict[str, tuple[int | None, bool]] = {}
    found = {key: _resolved(key, series, known) for key in series}
    unreadable = sorted(key for key, (_, is_readable) in found.items() if not is_readable)
    return {key: n for key, (n, _) in found.items()}, tuple(unreadable)


def _resolved(
    key: str,
    series: Mapping[str, Series],
    known: dict[str, tuple[int | None, bool]],
    depth: int = 0,
) -> tuple[int | None, bool]:
    """Return the number of pulses of a series, and whether it can be read."""
    if key in known:
        return known[key]
    if key not in series or depth > MAX_MASKS:
        return None, False
    known[key] = None, False  # for those that are made of themselves
    own = series[key]
    sources = [_resolved(source, series, known, depth + 1) for source in own.sources]
    n = _sum(n for n, _ in sources) if own.is_joined else own.n
    known[key] = n, own.is_readable and all(is_readable for _, is_readable in sources)
    return known[key]


def _sum(numbers: Iterable[int | None]) -> int | None:
    total = 0
    for n in numbers:
        if n is None:
            return None
        total += n
    return total


def _in_map(buffer: bytes) -> Series:
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
    return Series(total)


def _begin_first(archive: InArchive) -> int:
    """Read what precedes the first DOM's number of pulses; return its size for the others."""
    archive.begin("pair", (0,))
    archive.begin("OMKey", (2,))
    archive.take(OMKEY_BYTES)
    archive.begin("vector", (0,))
    numbers = sum(archive.are_tracked(name) for name in ("pair", "OMKey", "vector"))
    return 4 * numbers + OMKEY_BYTES


def _in_mask(buffer: bytes) -> Series:
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMapMask", (2,))
    source = archive.string()
    archive.begin("bitmask", (0,))
    _bits(archive)
    archive.begin("vector", (0,))
    n_masks = limited(archive.integer("<I"), MAX_DOMS, "DOMs")
    have_numbers = archive.are_tracked("bitmask")
    total = 0
    for _ in range(n_masks):
        if have_numbers:
            archive.begin("bitmask", (0,))
        total += _bits(archive)
    return Series(total, (source,))


def _bits(archive: InArchive) -> int:
    """Return the number of set bits of the next bit mask; events have hundreds."""
    low, high, padding = archive.take(BITS_HEAD_BYTES)
    size = low | high << 8
    bits = int.from_bytes(archive.take(size), "little")
    return (bits & ((1 << max(BITS_OF_BYTE * size - padding, 0)) - 1)).bit_count()


def _in_superdst(buffer: bytes) -> Series:
    return Series(count_superdst(buffer))


def _in_union(buffer: bytes) -> Series:
    return Series(None, read_union(buffer), is_joined=True)


def _in_combination(buffer: bytes) -> Series:
    return Series(None, (read_combination(buffer),), is_joined=True)


def _in_correction(buffer: bytes) -> Series:
    source = (read_correction(buffer),)
    return Series(None, source, is_joined=True, is_readable=_has_icetray())


@cache
def _has_icetray() -> bool:
    return find_spec("icecube") is not None


COUNTERS: dict[str, Callable[[bytes], Series]] = {
    "I3RecoPulseSeriesMap": _in_map,
    "I3RecoPulseSeriesMapMask": _in_mask,
    "I3SuperDST": _in_superdst,
    "I3RecoPulseSeriesMapUnion": _in_union,
    "I3RecoPulseSeriesMapCombineByModule": _in_combination,
    SPE_CORRECTION: _in_correction,
}
