"""Writers for data that the project only reads: masks of pulses, and I3SuperDST."""

import struct
from itertools import groupby

import numpy as np

from skyscan.events.event import LC_FLAG
from skyscan.events.i3.archive import OutArchive
from skyscan.events.i3.frame import FrameObject
from skyscan.events.i3.superdst import (
    FULL_CHARGE,
    FULL_FIRST_TIME,
    FULL_TIME,
    FULL_WORD,
    LAST_IN_ICE_OM,
    SHORT_SIZES,
    START_TIME_NS,
)

MASK_TYPE = "I3RecoPulseSeriesMapMask"
SUPERDST_TYPE = "I3SuperDST"
READOUT_NS = 6400  #: pulses of a DOM within this time belong to one readout


def mask_buffer(source, doms, series):
    """Return an I3RecoPulseSeriesMapMask: the DOMs, and which pulses of each are set."""
    archive = OutArchive("I3RecoPulseSeriesMapMask", 2)
    archive.string(source)
    for i, bits in enumerate([doms, *series]):
        packed = np.packbits(np.array(bits, bool), bitorder="little").tobytes()
        archive.begin("bitmask", 0, tracked=False)
        archive.pack("<HB", len(packed), 8 * len(packed) - len(bits))
        archive.pack(f"<{len(packed)}s", packed)
        if i == 0:
            archive.begin("vector", 0, tracked=False)
            archive.pack("<I", len(series))
    return archive.buffer()


def mask_of(source, pulses, kept):
    """Return the mask that keeps ``kept`` (bool) of ``pulses``, which ``source`` has."""
    _, first = np.unique(pulses[["string", "om"]], return_index=True)
    parts = np.split(kept, first[1:])
    series = [part for part in parts if part.any()]
    return FrameObject(MASK_TYPE, mask_buffer(source, [p.any() for p in parts], series))


def union_of(*keys: str):
    """Return an I3RecoPulseSeriesMapUnion."""
    archive = OutArchive("I3RecoPulseSeriesMapUnion", 0)
    archive.begin("vector", 0, tracked=False)
    archive.pack("<I", len(keys))
    for key in keys:
        archive.string(key)
    return FrameObject("I3RecoPulseSeriesMapUnion", archive.buffer())


def combination_of(key):
    """Return an I3RecoPulseSeriesMapCombineByModule."""
    archive = OutArchive("I3RecoPulseSeriesMapCombineByModule", 0)
    archive.string(key)
    return FrameObject("I3RecoPulseSeriesMapCombineByModule", archive.buffer())


def correction_of(key, calibration):
    """Return an I3RecoPulseSeriesMapApplySPECorrection."""
    archive = OutArchive("I3RecoPulseSeriesMapApplySPECorrection", 0)
    archive.string(key)
    archive.string(calibration)
    return FrameObject("I3RecoPulseSeriesMapApplySPECorrection", archive.buffer())


def geometry_of(modules, version=3):
    """Return an I3Geometry of (string, om, pmt, x, y, z, type) as far as its modules go.

    Layout of icecube/icetray-public, I3Geometry.cxx, I3OMGeo.cxx; ``version`` as the class has
    it: 0 and 1 with the first I3OMGeo, 3 with the last.
    """
    archive = OutArchive("I3Geometry", version)
    if version:
        archive.begin("I3Map", 0)
        archive.begin_base()
    of_module = {0: 0, 1: 1}.get(version, 2)
    archive.begin("map", 0, tracked=False)
    archive.pack("<I", len(modules))
    for string, om, pmt, x, y, z, kind in modules:
        archive.begin("pair", 0, tracked=False)
        archive.begin("OMKey", 2)
        archive.pack("<iIB", string, om, pmt)
        archive.begin("I3OMGeo", of_module)
        archive.begin("I3Position", 0)
        archive.begin_base()
        archive.pack("<ddd", x, y, z)
        if of_module:
            for name in ("I3Orientation", "I3Quaternion"):
                archive.begin(name, 0)
                archive.begin_base()
            archive.pack("<dddd", 0.0, 1.0, 0.0, 0.0)
            archive.pack("<id", kind, 0.0444)
        else:
            archive.pack("<iidd", -1, kind, 0.0444, 0.0)
        if of_module > 1:
            archive.pack("<i", 1)
    archive.pack("<16s", bytes(16))  # tanks, times and what else there is
    return FrameObject("I3Geometry", archive.buffer())


def superdst_buffer(stamps, headers, widths, extra=b""):
    """Return an I3SuperDST of raw words and run-length bytes."""

    def items(kind, raw, n) -> None:
        archive.begin(kind, 0, tracked=False)
        archive.begin("size", 0, tracked=False)
        if n < SHORT_SIZES:
            archive.pack("<B", n)
        else:
            archive.pack("<BH", 0xFF - 2, n)
        archive.pack(f"<{len(raw)}s", raw)

    archive = OutArchive("I3SuperDST", 1)
    for kind, words in (("stamps", stamps), ("headers", headers)):
        items(kind, struct.pack(f"<{len(words)}H", *words), len(words))
    for runs in widths:
        items("bytes", runs, len(runs))
    items("bytes", extra, len(extra))
    return archive.buffer()


def stamp(time, charge, *, hlc=False, last=True):
    return time | charge << 8 | hlc << 14 | last << 15


def header(string, om, slop=0):
    return string << 6 | om - 1 | slop << 13


def superdst_of(pulses):
    """Return pulses, dtype PULSE_DTYPE, as I3SuperDST has them: whole ns, steps of charge."""
    stamps, headers, extra = [], [], bytearray()
    widths = [[] for _ in range(4)]
    reference = START_TIME_NS
    for readout in readouts_of(pulses):
        before, full = reference, FULL_FIRST_TIME
        reference = whole(readout[0]["time"])
        for number, pulse in enumerate(readout):
            hlc, on_ice = bool(pulse["flags"] & LC_FLAG), pulse["om"] > LAST_IN_ICE_OM
            time, more = in_words(whole(pulse["time"]) - before, full)
            if on_ice:
                code = whole((np.log10(pulse["charge"]) + 2) * (2**14 - 1) / 9)
                charge, more_charge = code & FULL_CHARGE, []
                extra.append(code >> 6)
            else:
                steps = max(0, whole((pulse["charge"] - 0.025) / 0.05))
                charge, more_charge = in_words(steps, FULL_CHARGE)
            if number == 0:
                headers.append(header(int(pulse["string"]), int(pulse["om"]), time >> 8))
            last = number == len(readout) - 1
            stamps += [stamp(time & 0xFF, charge, hlc=hlc, last=last), *more, *more_charge]
            widths[2 * on_ice + hlc].append(whole(np.log2(pulse["width"])))
            before, full = whole(pulse["time"]), FULL_TIME
    runs = [runs_of(of_kind) for of_kind in widths]
    return FrameObject(SUPERDST_TYPE, superdst_buffer(stamps, headers, runs, bytes(extra)))


def readouts_of(pulses):
    """Return lists of neighbouring pulses of one DOM, in time order."""
    readouts = []
    for pulse in np.sort(pulses, order=["string", "om", "time"]):
        last = readouts[-1][0] if readouts else None
        same = last is not None and last[["string", "om"]] == pulse[["string", "om"]]
        if same and pulse["time"] - last["time"] < READOUT_NS:
            readouts[-1].append(pulse)
        else:
            readouts.append([pulse])
    return sorted(readouts, key=lambda readout: readout[0]["time"])


def in_words(value, full):
    """Return the part that fits into the bits of a stamp, and the words that follow it."""
    if value < full:
        return value, []
    words, left = [], value - full
    while left >= FULL_WORD:
        words.append(FULL_WORD)
        left -= FULL_WORD
    return full, [*words, left]


def runs_of(values):
    """Return the bytes of runs: low 4 bits a value, high 4 bits a digit of the run's length."""
    runs = bytearray()
    for value, group in groupby(values):
        length = len(list(group))
        while length:
            runs.append((length & 0xF) << 4 | value)
            length >>= 4
    return bytes(runs)


def whole(number):
    return int(np.rint(number))
