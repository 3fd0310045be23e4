"""Result files: a header that names scan and batch, then one record per fit as it is done.

Only ever appended to. Each record carries its own checksum, so a torn or damaged one is
found and redone, and nothing else is lost.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.records import RECORD_DTYPE, are_intact, ids_of
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.batches import Batch
    from skyscan.records import Fit

MAGIC = b"SKYSCAN\x01"
# magic, scan id, round, batch, CRC-32 of the batch's pixels, size of a record, CRC-32 of
# what precedes
_HEADER = struct.Struct("<8s32sIIIII")


def header(batch: Batch) -> bytes:
    """Return the first bytes of the result file of ``batch``."""
    ids = (batch.scan_id.encode(), batch.round, batch.number)
    pixels = zlib.crc32(batch.pixels.tobytes())
    body = _HEADER.pack(MAGIC, *ids, pixels, RECORD_DTYPE.itemsize, 0)[:-4]
    return body + struct.pack("<I", zlib.crc32(body))


@dataclass(frozen=True)
class ResultFile:
    """What one result file holds.

    Attributes
    ----------
    records : ndarray, shape (n,), dtype RECORD_DTYPE
        The first intact record of each pixel variation of the batch, in file order.
    complaints : tuple of str
        What else was found: another scan's header, damaged, doubled or foreign records.
    """

    records: NDArray[np.void]
    complaints: tuple[str, ...]

    def missing(self, batch: Batch) -> NDArray[np.void]:
        """Return the pixels of ``batch`` (dtype PIXEL_DTYPE) that have no record yet."""
        done = set(ids_of(self.records))
        wanted = [ids not in done for ids in ids_of(batch.pixels)]
        return np.asarray(batch.pixels[np.array(wanted, bool)])

    def joined(self, other: ResultFile) -> ResultFile:
        """Return this with the records that only ``other``, of the same batch, has."""
        done = set(ids_of(self.records))
        new = [ids not in done for ids in ids_of(other.records)]
        records = np.concatenate([self.records, other.records[np.array(new, bool)]])
        return ResultFile(records, self.complaints + other.complaints)


def read_results(path: Path, batch: Batch) -> ResultFile:
    """Read the result file of ``batch``; what is damaged is left out and told.

    An absent or empty file is one in which nothing is done yet.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return ResultFile(np.empty(0, RECORD_DTYPE), (f"{path} is missing",))
    if not content:
        return ResultFile(np.empty(0, RECORD_DTYPE), ())
    if content[: _HEADER.size] != header(batch):
        complaint = f"{path} is damaged at its head, or of another scan, round or batch"
        return ResultFile(np.empty(0, RECORD_DTYPE), (complaint,))
    return _sift(path, content[_HEADER.size :], batch)


def write_results(path: Path, batch: Batch, records: NDArray[np.void]) -> None:
    """Write a clean result file that holds ``records`` (dtype RECORD_DTYPE)."""
    write_bytes(path, header(batch) + records.tobytes())


class ResultWriter:
    """Appends records to a result file.

    They survive the end of the process, however it comes, at once, and that of the
    machine after a second at most: a disk that is made to sync takes longer than many fits.
    """

    SYNC_EVERY = 1.0  # seconds

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._synced = time.monotonic()

    def append(self, records: NDArray[np.void]) -> None:
        """Add ``records`` (dtype RECORD_DTYPE, signed)."""
        self._file.write(records.tobytes())
        self._file.flush()
        if time.monotonic() - self._synced > self.SYNC_EVERY:
            self._sync()

    def close(self) -> None:
        """Sync and close."""
        self._sync()
        self._file.close()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()


def _sift(path: Path, body: bytes, batch: Batch) -> ResultFile:
    complaints = []
    whole = len(body) // RECORD_DTYPE.itemsize
    if len(body) % RECORD_DTYPE.itemsize:
        complaints.append(f"{path} ends in a torn record")
    records = np.frombuffer(body, RECORD_DTYPE, whole)
    intact = are_intact(records)
    if not intact.all():
        complaints.append(f"{path} has {np.count_nonzero(~intact)} damaged records")
    wanted, of_record = set(ids_of(batch.pixels)), ids_of(records)
    seen: set[Fit] = set()
    keep = []
    for i in np.flatnonzero(intact):
        ids = of_record[i]
        if ids not in wanted:
            complaints.append(f"{path} has a record of a pixel that is not in its batch: {ids}")
        elif ids in seen:
            complaints.append(f"{path} has pixel {ids} twice")
        else:
            seen.add(ids)
            keep.append(i)
    return ResultFile(records[keep], tuple(complaints))


def count_records(path: Path) -> int:
    """Return how many records a result file has room for: quick, nothing is checked."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    return max(0, size - _HEADER.size) // RECORD_DTYPE.itemsize
