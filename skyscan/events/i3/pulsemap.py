"""Pulses by DOM: I3RecoPulseSeriesMap, and masks that select some of its pulses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.event import PULSE_DTYPE
from skyscan.events.i3.archive import InArchive, OutArchive
from skyscan.events.i3.frame import FrameObject
from skyscan.events.place import MalformedError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

MAP_TYPE = "I3Map<OMKey, vector<I3RecoPulse> >"

MAX_OM = 2**31 - 1  #: stored without sign, read with one
MAX_DOMS = 65536  #: the detector has 5,484, and the Upgrade some 20,000 photomultipliers
MAX_MASKS = 8  #: masks of masks; one or two are usual
MAX_JOINED = 100  #: pulse series in a union; two or three are usual
MAX_PULSES = 2_000_000  #: of a series; the brightest events have some 100,000
#: The class of a series with corrected charges.
SPE_CORRECTION = "I3RecoPulseSeriesMapApplySPECorrection"
#: An I3RecoPulse (version 3) in a buffer, after its number when it is tracked.
_PULSE = [("time", "<f8"), ("charge", "<f4"), ("width", "<f4"), ("flags", "u1")]
PULSE_LAYOUT = np.dtype(_PULSE)
TRACKED_PULSE_LAYOUT = np.dtype([("instance", "<u4"), *_PULSE])


@dataclass(frozen=True)
class PulseMap:
    """Pulses by DOM.

    Attributes
    ----------
    doms : ndarray of int, shape (n_doms, 3)
        String, om and pmt of each DOM, in this order.
    counts : ndarray of int, shape (n_doms,)
        Pulses of each DOM; a DOM may have none.
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        Ordered by DOM.
    """

    doms: NDArray[np.int64]
    counts: NDArray[np.int64]
    pulses: NDArray[np.void]


@dataclass(frozen=True)
class Mask:
    """A selection of the pulses of another frame object.

    Attributes
    ----------
    source : str
        Frame key of a map or of another mask.
    doms : ndarray of bool, shape (n_doms of the source,)
    pulses : tuple of ndarray of bool
        For each selected DOM, which of its pulses are selected.
    """

    source: str
    doms: NDArray[np.bool_]
    pulses: tuple[NDArray[np.bool_], ...]


def pulse_map(
    rows: Mapping[tuple[int, int, int], Sequence[tuple[float, float, float, int]]],
) -> PulseMap:
    """Return {(string, om, pmt): [(time, charge, width, flags), ...]} as a map."""
    doms = sorted(rows.items())
    flat = [(*dom, *row) for dom, series in doms for row in series]
    counts = np.array([len(series) for _, series in doms], np.int64)
    return PulseMap(_as_doms([dom for dom, _ in doms]), counts, np.array(flat, PULSE_DTYPE))


def read_pulse_map(buffer: bytes) -> PulseMap:
    """Read an I3RecoPulseSeriesMap."""
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMap", (0,))
    archive.begin("map", (0,))
    doms: list[tuple[int | float, ...]] = []
    parts: list[NDArray[np.void]] = []
    n_pulses = 0
    for _ in range(limited(archive.integer("<I"), MAX_DOMS, "DOMs")):
        archive.begin("pair", (0,))
        archive.begin("OMKey", (2,))
        dom = archive.unpack("<iIB")
        if dom[1] > MAX_OM:
            raise MalformedError(f"names an impossible DOM ({dom[0]}, {dom[1]})")
        archive.begin("vector", (0,))
        count = archive.integer("<I")
        n_pulses = limited(n_pulses + count, MAX_PULSES, "pulses")
        part = _read_series(archive, count)
        part["string"], part["om"], part["pmt"] = dom
        doms.append(dom)
        parts.append(part)
    archive.end()
    counts = np.array([part.size for part in parts], np.int64)
    pulses = np.concatenate([np.empty(0, PULSE_DTYPE), *parts])
    return PulseMap(_as_doms(doms), counts, pulses)


def write_pulse_map(pulses: NDArray[np.void]) -> FrameObject:
    """Write pulses (dtype PULSE_DTYPE) as an I3RecoPulseSeriesMap, by DOM in their order."""
    archive = OutArchive("I3RecoPulseSeriesMap", 0)
    archive.begin("map", 0, tracked=False)
    doms: dict[tuple[int, int, int], list[tuple[float, float, float, int]]] = {}
    for string, om, pmt, *pulse in pulses.tolist():
        doms.setdefault((string, om, pmt), []).append(tuple(pulse))
    archive.pack("<I", len(doms))
    for dom, series in sorted(doms.items()):
        archive.begin("pair", 0, tracked=False)
        archive.begin("OMKey", 2)
        archive.pack("<iIB", *dom)
        archive.begin("vector", 0, tracked=False)
        archive.pack("<I", len(series))
        for pulse in series:
            archive.begin("I3RecoPulse", 3)
            archive.pack("<dffB", *pulse)
    return FrameObject(MAP_TYPE, archive.buffer())


def read_mask(buffer: bytes) -> Mask:
    """Read an I3RecoPulseSeriesMapMask."""
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMapMask", (2,))
    source = archive.string()
    doms = _read_bits(archive)
    archive.begin("vector", (0,))
    n_masks = limited(archive.integer("<I"), MAX_DOMS, "DOMs")
    if n_masks != np.count_nonzero(doms):
        raise MalformedError("does not have one mask for each of its DOMs")
    pulses = tuple(_read_bits(archive) for _ in range(n_masks))
    archive.end()
    return Mask(source, doms, pulses)


def apply_mask(mask: Mask, source: PulseMap) -> PulseMap:
    """Return the pulses of ``source`` that the mask selects, without DOMs that have none."""
    if mask.doms.size != source.counts.size:
        raise MalformedError(
            f"was made for {mask.doms.size} DOMs,"
            f" but {shown(mask.source)} has {source.counts.size}"
        )
    counts = source.counts[mask.doms]
    if [bits.size for bits in mask.pulses] != counts.tolist():
        raise MalformedError(f"was made for pulses other than those of {shown(mask.source)}")
    kept = np.repeat(mask.doms, source.counts)
    kept[kept] = np.concatenate([np.empty(0, np.bool_), *mask.pulses])
    left = np.array([np.count_nonzero(bits) for bits in mask.pulses], np.int64)
    doms = source.doms[mask.doms]
    return PulseMap(doms[left > 0], left[left > 0], source.pulses[kept])


def read_union(buffer: bytes) -> tuple[str, ...]:
    """Read an I3RecoPulseSeriesMapUnion: the keys of the series that it joins."""
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMapUnion", (0,))
    archive.begin("vector", (0,))
    n_keys = limited(archive.integer("<I"), MAX_JOINED, "pulse series")
    keys = tuple(archive.string() for _ in range(n_keys))
    archive.end()
    return keys


def read_combination(buffer: bytes) -> str:
    """Read an I3RecoPulseSeriesMapCombineByModule: the key of its source."""
    archive = InArchive(buffer)
    archive.begin_object("I3RecoPulseSeriesMapCombineByModule", (0,))
    key = archive.string()
    archive.end()
    return key


def read_correction(buffer: bytes) -> str:
    """Read an I3RecoPulseSeriesMapApplySPECorrection: the key of its source."""
    archive = InArchive(buffer)
    archive.begin_object(SPE_CORRECTION, (0,))
    key = archive.string()
    archive.string()  # key of the I3Calibration
    archive.end()
    return key


def joined(maps: Sequence[PulseMap]) -> PulseMap:
    """Return the pulses of all maps, DOM by DOM and sorted by time (icetray, I3MapOMKeyUnion).

    A pulse that several maps have is there several times, as in icetray.
    """
    doms = np.concatenate([np.empty((0, 3), np.int64), *(it.doms for it in maps)])
    pulses = np.concatenate([np.empty(0, PULSE_DTYPE), *(it.pulses for it in maps)])
    limited(pulses.size, MAX_PULSES, "pulses")
    counts = np.concatenate([np.empty(0, np.int64), *(it.counts for it in maps)])
    unique, which = np.unique(doms, axis=0, return_inverse=True)
    totals = np.bincount(which.ravel(), weights=counts, minlength=len(unique))
    order = np.lexsort([pulses[name] for name in ("time", "pmt", "om", "string")])
    return PulseMap(unique, totals.astype(np.int64), pulses[order])


def by_module(source: PulseMap) -> PulseMap:
    """Return the pulses with those of all PMTs of a module on PMT 0, sorted by time."""
    doms, pulses = source.doms.copy(), source.pulses.copy()
    doms[:, 2], pulses["pmt"] = 0, 0
    return joined([PulseMap(doms, source.counts, pulses)])


def _as_doms(doms: Sequence[tuple[int | float, ...]]) -> NDArray[np.int64]:
    return np.array(doms, np.int64).reshape(-1, 3)


def limited(n: int, most: int, what: str) -> int:
    """Return a number that a buffer claims, unless it is larger than in any event.

    Raises
    ------
    MalformedError
        It is more than the most that is read.
    """
    if n > most:
        raise MalformedError(f"claims to hold {n} {what}, more than any event has")
    return n


def _read_series(archive: InArchive, count: int) -> NDArray[np.void]:
    """Read the pulses of a DOM; the class precedes the first pulse of a buffer."""
    if not count:
        return np.empty(0, PULSE_DTYPE)
    archive.begin_class("I3RecoPulse", (3,))
    tracked = archive.are_tracked("I3RecoPulse")
    layout = TRACKED_PULSE_LAYOUT if tracked else PULSE_LAYOUT
    stored = np.frombuffer(archive.take(count * layout.itemsize), layout)
    if tracked:
        archive.count_instances(stored["instance"])
    series = np.zeros(count, PULSE_DTYPE)
    with np.errstate(invalid="ignore"):  # damaged bytes may be signalling NaNs
        for name, _ in _PULSE:
            series[name] = stored[name]
    return series


def _read_bits(archive: InArchive) -> NDArray[np.bool_]:
    """Read a bit mask: number of bytes (u16), unused bits of the last byte, and the bytes."""
    archive.begin("bitmask", (0,))
    size, padding = archive.integer("<H"), archive.integer("<B")
    # icetray writes a mask of nothing as one byte without a used bit
    if padding > min(8, 8 * size):
        raise MalformedError("has an impossible mask")
    packed = np.frombuffer(archive.take(size), np.uint8)
    return np.unpackbits(packed, count=8 * size - padding, bitorder="little").astype(np.bool_)
