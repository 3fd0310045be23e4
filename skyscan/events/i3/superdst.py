"""I3SuperDST: the pulses of an event in 16-bit words, as sent over the satellite.

The layout is that of icetray's dataclasses/payload/I3SuperDST.cxx, version 1. A readout
consists of a header, which names the DOM, and charge stamps, the last of which is marked.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.i3.archive import InArchive
from skyscan.events.i3.pulsemap import MAX_PULSES, PulseMap, limited, pulse_map
from skyscan.events.place import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

START_TIME_NS = -512  #: earliest time that can be stored
#: A value with all its bits set continues in further words, until one has not all bits set.
FULL_FIRST_TIME = 0x7FF
FULL_TIME = 0xFF
FULL_CHARGE = 0x3F
FULL_WORD = 0xFFFF
LAST_IN_ICE_OM = 60
LC, ATWD, FADC = 1, 2, 4  # bits of a pulse's flags

SHORT_SIZES = 0xFF - 8
CUT = "ends in the middle of a readout"


@dataclass
class _Pulse:
    """A pulse while its time and width can still change."""

    time: float
    charge: float
    width: float
    flags: int


@dataclass
class _Streams:
    """The four streams of an I3SuperDST and the position in each."""

    stamps: list[int]
    headers: list[int]
    widths: list[list[int]]
    extra: bytes
    at: int = 0
    widths_at: list[int] = field(default_factory=lambda: [0] * 4)
    extra_at: int = 0

    def stamp(self) -> int:
        if self.at >= len(self.stamps):
            raise MalformedError(CUT)
        self.at += 1
        return self.stamps[self.at - 1]

    def completed(self, value: int, full: int) -> int:
        """Return a value, with the words that continue it if all its bits are set."""
        if value == full:
            more = FULL_WORD
            while more == FULL_WORD:
                more = self.stamp()
                value += more
        return value

    def width(self, kind: int) -> float:
        if self.widths_at[kind] >= len(self.widths[kind]):
            raise MalformedError("has fewer widths than pulses")
        self.widths_at[kind] += 1
        return float(1 << self.widths[kind][self.widths_at[kind] - 1])

    def extra_byte(self) -> int:
        if self.extra_at >= len(self.extra):
            raise MalformedError("has fewer IceTop charges than pulses")
        self.extra_at += 1
        return self.extra[self.extra_at - 1]


def read_superdst(buffer: bytes) -> PulseMap:
    """Read an I3SuperDST and unpack it into pulses, IceTop's included."""
    archive = InArchive(buffer)
    archive.begin_object("I3SuperDST", (1,))
    stamps, headers = _words(archive, "stamps"), _words(archive, "headers")
    widths = [_widths(_items(archive, "bytes"), len(stamps)) for _ in range(4)]
    streams = _Streams(stamps, headers, widths, _items(archive, "bytes"))
    archive.end()
    doms: dict[tuple[int, int, int], list[_Pulse]] = {}
    reference = START_TIME_NS
    for header in headers:
        dom, readout = _readout(streams, header, reference)
        reference = int(readout[0].time)
        doms.setdefault(dom, []).extend(readout)
    if streams.at != len(stamps):
        raise MalformedError("has more pulses than its readouts")
    return pulse_map({dom: list(_rows(pulses)) for dom, pulses in doms.items()})


def count_superdst(buffer: bytes) -> int:
    """Return the number of pulses of an I3SuperDST: each has a stamp."""
    archive = InArchive(buffer)
    archive.begin_object("I3SuperDST", (1,))
    stamps, headers = _words(archive, "stamps"), _words(archive, "headers")
    at = n = 0
    try:
        for header in headers:
            in_ice = (header & 0x3F) < LAST_IN_ICE_OM
            can_be_full = header >> 13 == FULL_FIRST_TIME >> 8
            stamp = 0
            while not stamp >> 15:
                stamp = stamps[at]
                at, n = at + 1, n + 1
                if stamp & 0xFF == FULL_TIME and can_be_full:
                    at = _after_words(stamps, at)
                if in_ice and stamp >> 8 & FULL_CHARGE == FULL_CHARGE:
                    at = _after_words(stamps, at)
                can_be_full = True
    except IndexError as error:
        raise MalformedError(CUT) from error
    return n


def _after_words(stamps: list[int], at: int) -> int:
    """Return the place after the words that continue a value."""
    while stamps[at] == FULL_WORD:
        at += 1
    return at + 1


def _readout(
    streams: _Streams, header: int, reference: int
) -> tuple[tuple[int, int, int], list[_Pulse]]:
    """Read the pulses of a header; the first time is relative to the previous readout."""
    string, om = (header >> 6) & 0x7F, (header & 0x3F) + 1
    on_ice = om > LAST_IN_ICE_OM
    pulses: list[_Pulse] = []
    time, full, slop = reference, FULL_FIRST_TIME, (header >> 13) << 8
    last = False
    while not last:
        stamp = streams.stamp()
        hlc, last = bool(stamp >> 14 & 1), bool(stamp >> 15)
        time += streams.completed((stamp & 0xFF) | slop, full)
        code = stamp >> 8 & FULL_CHARGE
        if on_ice:
            charge = 10.0 ** ((code | streams.extra_byte() << 6) * 9 / (2**14 - 1) - 2)
        else:
            charge = 0.05 * streams.completed(code, FULL_CHARGE) + 0.025
        width = streams.width(2 * on_ice + hlc)
        flags = FADC | LC | ATWD if hlc else FADC
        pulses.append(_Pulse(float(time), charge, width, flags))
        full, slop = FULL_TIME, 0
    return (string, om, 0), pulses


def _rows(pulses: list[_Pulse]) -> Iterator[tuple[float, float, float, int]]:
    """Sort the pulses of a DOM and cut their widths, so that they do not overlap."""
    ordered = sorted(pulses, key=lambda pulse: pulse.time)
    unmerged = False  # the first pulse has no width left and none before it to share with
    for i, (pulse, following) in enumerate(pairwise(ordered)):
        pulse.width = min(pulse.width, following.time - pulse.time)
        if pulse.width == 0 or unmerged:
            if i:
                _share_width(ordered[i - 1], pulse)
            unmerged = not i
        else:
            unmerged = False
    if unmerged and len(ordered) > 1:
        _share_width(ordered[-2], ordered[-1])
    for pulse in ordered:
        yield pulse.time, float(np.float32(pulse.charge)), pulse.width, pulse.flags


def _share_width(before: _Pulse, pulse: _Pulse) -> None:
    """Split the total width of two pulses equally."""
    if before.width == 0 and pulse.width > 0:
        before.width = pulse.width
    before.width /= 2
    pulse.width = before.width
    pulse.time = before.time + before.width


def _items(archive: InArchive, kind: str, item_bytes: int = 1) -> bytes:
    """Read a size (one byte, or 255 - n and n bytes) and that many items."""
    archive.begin(kind, (0,))
    archive.begin("size", (0,))
    size = archive.integer("<B")
    if size >= SHORT_SIZES:
        size = int.from_bytes(archive.take(0xFF - size), "little")
    return archive.take(limited(size, MAX_PULSES, kind) * item_bytes)


def _words(archive: InArchive, kind: str) -> list[int]:
    return [word for (word,) in struct.iter_unpack("<H", _items(archive, kind, 2))]


def _widths(runs: bytes, most: int) -> list[int]:
    """Decode runs: low 4 bits a value, high 4 bits of equal ones the length of its run."""
    widths: list[int] = []
    for value, group in groupby(runs, key=lambda run: run & 0xF):
        length = 0
        for i, run in enumerate(group):
            length += (run >> 4) << (4 * i)
            # A few bytes can claim any length, in numbers of any size.
            if length > most - len(widths):
                raise MalformedError("has more widths than pulses")
        widths += [value] * length
    return widths
