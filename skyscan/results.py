"""Result files: a header that names the scan and the batch, then one record per fit.

Records are only appended. Each record has its own checksum, so a truncated or damaged record
is found and its fit is repeated, and the others are kept.
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.finite import without_infinities
from skyscan.records import (
    IDS,
    NO_KEY,
    PIXEL_DTYPE,
    RECORD_DTYPE,
    are_intact,
    ids_of,
    keys_of,
    sign,
)
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.batches import Batch

MAX_COMPLAINTS = 20
#: A file with more records than this for each fit of its batch is read up to there.
MOST_RECORDS_OF_A_FIT = 100
MAGIC = b"SKYSCAN\x01"
# magic, scan id, round, batch, CRC-32 of the batch's pixels, size of a record, CRC-32 of the
# preceding bytes
_HEADER = struct.Struct("<8s32sIIIII")


#: Bytes before the first record.
HEADER_BYTES = _HEADER.size


def most_bytes(n_fits: int) -> int:
    """Return how much of a result file is read, in bytes, if its batch has ``n_fits``."""
    return HEADER_BYTES + n_fits * MOST_RECORDS_OF_A_FIT * RECORD_DTYPE.itemsize


def header_ids(content: bytes) -> tuple[str, int, int] | None:
    """Return the scan id, the round and the batch that a result file names; None if damaged."""
    if len(content) < _HEADER.size or content[:8] != MAGIC:
        return None
    _, scan_id, number_of_round, batch, _, size, checksum = _HEADER.unpack_from(content)
    is_intact = checksum == zlib.crc32(content[: _HEADER.size - 4])
    if not is_intact or size != RECORD_DTYPE.itemsize:
        return None
    return scan_id.decode(errors="replace"), number_of_round, batch


def header(batch: Batch) -> bytes:
    """Return the first bytes of the result file of ``batch``."""
    ids = (batch.scan_id.encode(), batch.round, batch.number)
    pixels = zlib.crc32(batch.pixels.tobytes())
    body = _HEADER.pack(MAGIC, *ids, pixels, RECORD_DTYPE.itemsize, 0)[:-4]
    return body + struct.pack("<I", zlib.crc32(body))


@dataclass(frozen=True)
class ResultFile:
    """The content of one result file.

    Attributes
    ----------
    records : ndarray, shape (n,), dtype RECORD_DTYPE
        The first intact record of each pixel variation of the batch, in file order.
    complaints : tuple of str
        Other findings: another scan's header, or damaged, duplicate or foreign records.
    """

    records: NDArray[np.void]
    complaints: tuple[str, ...]

    def missing(self, batch: Batch) -> NDArray[np.void]:
        """Return the pixels of ``batch`` (dtype PIXEL_DTYPE) that have no record yet."""
        if len(self.records) == len(batch.pixels):  # each is of another pixel of the batch
            return batch.pixels[:0]
        if not len(self.records):
            return batch.pixels
        is_done = np.isin(keys_of(batch.pixels), keys_of(self.records))
        return np.asarray(batch.pixels[~is_done])

    def joined(self, other: ResultFile) -> ResultFile:
        """Return these results plus the missing records from ``other``, of the same batch."""
        is_new = ~np.isin(keys_of(other.records), keys_of(self.records))
        records = np.concatenate([self.records, other.records[is_new]])
        return ResultFile(records, self.complaints + other.complaints)


def whole_results(files: Sequence[tuple[Batch, Path]]) -> NDArray[np.void] | None:
    """Return the records of batches if each has all of its own; None if one does not.

    It takes a tenth of the time of `read_results` where batches are small.

    Returns
    -------
    ndarray, shape (n,), dtype RECORD_DTYPE, or None
        The records of one batch after the other, each in the order of its pixels.
    """
    bodies = []
    for batch, path in files:
        size = _HEADER.size + len(batch.pixels) * RECORD_DTYPE.itemsize
        try:
            with open(path, "rb", buffering=0) as file:  # noqa: PTH123  for each of many jobs
                content = file.read(size + 1)
        except FileNotFoundError:
            return None
        if len(content) != size or content[: _HEADER.size] != header(batch):
            return None
        bodies.append(content[_HEADER.size :])
    records = np.frombuffer(b"".join(bodies), RECORD_DTYPE)
    pixels = np.concatenate([np.empty(0, PIXEL_DTYPE), *(batch.pixels for batch, _ in files)])
    is_whole = (
        all(np.array_equal(records[name], pixels[name]) for name in IDS)
        and are_intact(records).all()
        and without_infinities(records) is records
    )
    return records if is_whole else None


def read_results(path: Path, batch: Batch) -> ResultFile:
    """Read the result file of ``batch``; leave out damaged records and report them.

    A missing or empty file means that no fit is done yet.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes(len(batch.pixels)))
    except FileNotFoundError:
        return ResultFile(np.empty(0, RECORD_DTYPE), (f"{path} is missing",))
    if not content:
        return ResultFile(np.empty(0, RECORD_DTYPE), ())
    if content[: _HEADER.size] != header(batch):
        complaint = f"{path} has a damaged header, or is of another scan, round or batch"
        return ResultFile(np.empty(0, RECORD_DTYPE), (complaint,))
    found = _sift(path, content[_HEADER.size :], batch)
    # Jobs record no infinite values; those of an earlier version did.
    finite = without_infinities(found.records)
    if finite is found.records:
        return found
    return ResultFile(sign(finite), found.complaints)


def write_results(path: Path, batch: Batch, records: NDArray[np.void]) -> None:
    """Write a result file that holds only ``records`` (dtype RECORD_DTYPE)."""
    write_bytes(path, header(batch) + records.tobytes())


class ResultWriter:
    """Append records to a result file.

    Records survive a crash of the process at once, and a crash of the machine after at most a
    second: syncing the disk takes longer than many fits.
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
        complaints.append(f"{path} ends in a truncated record")
    records = np.frombuffer(body, RECORD_DTYPE, whole)
    intact = are_intact(records)
    if not intact.all():
        complaints.append(f"{path} has {np.count_nonzero(~intact)} damaged records")
    keys, expected = keys_of(records), keys_of(batch.pixels)
    if not complaints and intact.all() and np.array_equal(keys, expected):
        return ResultFile(records, ())  # as of most jobs
    is_expected = (keys != NO_KEY) & np.isin(keys, expected)
    candidates = np.flatnonzero(intact & is_expected)
    _, first = np.unique(keys[candidates], return_index=True)
    keep = np.zeros(whole, bool)
    keep[candidates[first]] = True
    left_out = np.flatnonzero(intact & ~keep)
    for ids, is_double in zip(ids_of(records[left_out]), is_expected[left_out], strict=True):
        if is_double:
            complaints.append(f"{path} has pixel {ids} twice")
        else:
            complaints.append(f"{path} has a record of a pixel that is not in its batch: {ids}")
    if (more := len(complaints) - MAX_COMPLAINTS) > 0:
        complaints[MAX_COMPLAINTS:] = [f"{path} has {more} more records that do not belong"]
    return ResultFile(records[keep], tuple(complaints))


def count_records(path: Path) -> int:
    """Return the number of records in a result file from its size, without checking them."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return 0
    return max(0, size - _HEADER.size) // RECORD_DTYPE.itemsize
