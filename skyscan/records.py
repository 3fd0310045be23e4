"""The result record: the only definition of what is stored for one fit of one pixel."""

from __future__ import annotations

import struct
import zlib
from itertools import starmap
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The input of a fit: one variation of one pixel, with the seed vertex that it starts from
#: (m, ns, GeV; the best fit of the coarser pixel that contains it, or the event's own).
PIXEL_DTYPE = np.dtype(
    [
        ("nside", "<i4"),
        ("pixel", "<i8"),  # RING order, J2000: ra = phi, dec = pi/2 - theta
        ("variation", "<i4"),
        ("x", "<f8"),
        ("y", "<f8"),
        ("z", "<f8"),
        ("time", "<f8"),
        ("energy", "<f8"),
    ]
)
#: Fields of a fit that seed the finer pixels inside its pixel.
SEED_FIELDS = ("x", "y", "z", "time", "energy")

#: The result of a fit: llh = -ln L of the best fit, the energy deposited inside the
#: instrumented volume and in total (GeV), and the vertex (m, ns, GeV).
FIT_DTYPE = np.dtype(
    [
        ("llh", "<f8"),
        ("E_in", "<f8"),
        ("E_tot", "<f8"),
        ("x", "<f8"),
        ("y", "<f8"),
        ("z", "<f8"),
        ("time", "<f8"),
        ("energy", "<f8"),
    ]
)

REASON_BYTES = 120

#: The record on disk: the pixel's ids, the fit, its run time (s), the number of the attempt,
#: the reason for NaN (UTF-8, empty otherwise), and a CRC-32 of all preceding bytes.
RECORD_DTYPE = np.dtype(
    [
        ("nside", "<i4"),
        ("pixel", "<i8"),
        ("variation", "<i4"),
        *[(name, FIT_DTYPE[name].str) for name in FIT_DTYPE.names or ()],
        ("run_time", "<f8"),
        ("attempt", "<i4"),
        ("reason", f"S{REASON_BYTES}"),
        ("checksum", "<u4"),
    ]
)

#: A record that was read: the reason as a number (`reasons_of`), and no checksum. It takes less
#: than half of the memory.
FOUND_DTYPE = np.dtype(
    [
        (name, RECORD_DTYPE[name].str)
        for name in RECORD_DTYPE.names or ()
        if name not in ("reason", "checksum")
    ]
    + [("reason", "<u4")]
)
#: The reasons that this process has read, and their numbers: a few texts of many records.
_texts = [b""]
_numbers = {b"": 0}

IDS = ("nside", "pixel", "variation")

Fit = tuple[int, int, int]  # nside, pixel, variation


def ids_of(rows: NDArray[np.void]) -> list[Fit]:
    """Return (nside, pixel, variation) of rows of PIXEL_DTYPE or RECORD_DTYPE."""
    ids: list[Fit] = rows[list(IDS)].tolist()
    return ids


# A key has 4 bits for log2(nside), 32 for the pixel (MAX_NSIDE has fewer than 2**32), and the
# rest for the variation.
_PIXEL_BITS, _VARIATION_BITS = 32, 27
_AT_ONCE = 1 << 14  # rows whose intermediate results stay in the processor's cache
NO_KEY = -1


def keys_of(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Return a number for each fit, unique and in the order of nside, pixel and variation.

    Parameters
    ----------
    rows : ndarray, shape (n,), with the fields of IDS

    Returns
    -------
    ndarray, shape (n,)
        NO_KEY for rows that no scan can have, such as those whose nside is not a power of 2.
    """
    keys = np.empty(len(rows), np.int64)
    for start in range(0, len(rows), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        keys[part] = _some_keys_of(rows[part])
    return keys


def _some_keys_of(rows: NDArray[np.void]) -> NDArray[np.int64]:
    nside, pixel, variation = (rows[name].astype(np.int64) for name in IDS)
    mantissa, exponent = np.frexp(nside.astype(float))
    level = exponent.astype(np.int64) - 1
    is_valid = (mantissa == 0.5) & (level < 16)  # noqa: PLR2004  (a power of 2; 4 bits)
    is_valid &= (pixel >= 0) & (pixel < 1 << _PIXEL_BITS)
    is_valid &= (variation >= 0) & (variation < 1 << _VARIATION_BITS)
    key = (((level << _PIXEL_BITS) | pixel) << _VARIATION_BITS) | variation
    return np.where(is_valid, key, NO_KEY)


def pixel_keys_of(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """Return the part of `keys_of` that the variations of a pixel share."""
    return keys_of(rows) >> _VARIATION_BITS


def found_of(records: NDArray[np.void]) -> NDArray[np.void]:
    """Return records of RECORD_DTYPE as FOUND_DTYPE."""
    found = np.empty(len(records), FOUND_DTYPE)
    fill_found(found, records)
    return found


def fill_found(space: NDArray[np.void], records: NDArray[np.void]) -> None:
    """Write records as `found_of` returns them to the beginning of ``space`` (FOUND_DTYPE)."""
    found = space[: len(records)]
    for name in FOUND_DTYPE.names or ():
        found[name] = 0 if name == "reason" else records[name]
    has_reason = np.flatnonzero(records["reason"] != b"")
    if len(has_reason):
        texts, which = np.unique(records["reason"][has_reason], return_inverse=True)
        numbers = [_number_of(text) for text in texts.tolist()]
        found["reason"][has_reason] = np.array(numbers, np.uint32)[which]


def reasons_of(rows: NDArray[np.void]) -> list[bytes]:
    """Return the reason of each row of RECORD_DTYPE or FOUND_DTYPE; empty for none."""
    reasons = rows["reason"].tolist()
    return [_texts[it] for it in reasons] if rows.dtype == FOUND_DTYPE else reasons


def _number_of(reason: bytes) -> int:
    number = _numbers.setdefault(reason, len(_texts))
    if number == len(_texts):
        _texts.append(reason)
    return number


def empty_fits(n: int) -> NDArray[np.void]:
    """Return ``n`` fits without a result: all NaN, dtype FIT_DTYPE."""
    fits = np.empty(n, FIT_DTYPE)
    for name in FIT_DTYPE.names or ():
        fits[name] = np.nan
    return fits


def sign(records: NDArray[np.void]) -> NDArray[np.void]:
    """Return a copy of ``records`` (dtype RECORD_DTYPE) with the checksums set."""
    signed = records.copy()
    signed["checksum"] = _checksums(signed)
    return signed


def are_intact(records: NDArray[np.void]) -> NDArray[np.bool_]:
    """Return for each record whether its checksum matches its content."""
    return np.asarray(records["checksum"] == _checksums(records))


# The bytes of a record before its checksum.
_BODY = struct.Struct(f"{RECORD_DTYPE.itemsize - 4}s4x")


def _checksums(records: NDArray[np.void]) -> NDArray[np.uint32]:
    # One call per record, without a slice and a generator for each: twice as fast.
    content = np.ascontiguousarray(records).view(np.uint8)
    checksums = starmap(zlib.crc32, _BODY.iter_unpack(content.data))
    return np.fromiter(checksums, np.uint32, len(records))
