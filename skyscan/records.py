"""The result record: what one fit of one pixel leaves behind, defined once, here."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: What a fit is asked: one variation of one pixel, with the seed vertex that it starts
#: from (m, ns, GeV; the best fit of the containing coarser pixel, or the event's own).
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

#: What a fit answers: llh = -ln L of the best fit, energy deposited inside the
#: instrumented volume and in all (GeV), and the vertex (m, ns, GeV).
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

#: The record on disk: the pixel's ids, the fit, how long it took (s), which attempt it
#: was, why it is NaN (UTF-8, empty when it is not), and a CRC-32 of all bytes before.
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

IDS = ("nside", "pixel", "variation")

Fit = tuple[int, int, int]  # nside, pixel, variation


def ids_of(rows: NDArray[np.void]) -> list[Fit]:
    """Return (nside, pixel, variation) of rows of PIXEL_DTYPE or RECORD_DTYPE."""
    ids: list[Fit] = rows[list(IDS)].tolist()
    return ids


def empty_fits(n: int) -> NDArray[np.void]:
    """Return ``n`` fits that found nothing: all NaN, dtype FIT_DTYPE."""
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
    """Tell, record by record, whether the checksum fits the content."""
    return np.asarray(records["checksum"] == _checksums(records))


def _checksums(records: NDArray[np.void]) -> NDArray[np.uint32]:
    body = RECORD_DTYPE.itemsize - RECORD_DTYPE["checksum"].itemsize
    return np.array([zlib.crc32(record.tobytes()[:body]) for record in records], np.uint32)
