"""The result record: the only definition of what is stored for one fit of one pixel."""

from __future__ import annotations

import zlib
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

IDS = ("nside", "pixel", "variation")

Fit = tuple[int, int, int]  # nside, pixel, variation


def ids_of(rows: NDArray[np.void]) -> list[Fit]:
    """Return (nside, pixel, variation) of rows of PIXEL_DTYPE or RECORD_DTYPE."""
    ids: list[Fit] = rows[list(IDS)].tolist()
    return ids


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


def _checksums(records: NDArray[np.void]) -> NDArray[np.uint32]:
    body = RECORD_DTYPE.itemsize - RECORD_DTYPE["checksum"].itemsize
    return np.array([zlib.crc32(record.tobytes()[:body]) for record in records], np.uint32)
