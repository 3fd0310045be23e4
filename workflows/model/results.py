"""Read the result files of a scan once, without their batches."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.records import IDS, RECORD_DTYPE
from skyscan.results import HEADER_BYTES, header_ids, most_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

_SIZE = RECORD_DTYPE.itemsize
_BODY = _SIZE - RECORD_DTYPE["checksum"].itemsize
_IDS = sum(RECORD_DTYPE[name].itemsize for name in IDS)  # the first fields
_AT = RECORD_DTYPE.fields["run_time"][1] if RECORD_DTYPE.fields else 0
_CHECKSUM, _SECONDS = struct.Struct("<I"), struct.Struct("<d")


@dataclass(frozen=True)
class BatchResults:
    """The fits of one batch that have come home.

    Attributes
    ----------
    n : int
        Their number; one that is there twice counts once.
    seconds : float
        Sum of their durations.
    written : float
        When the file was written last.
    content : bytes
        Their records.
    """

    n: int = 0
    seconds: float = 0.0
    written: float = 0.0
    content: bytes = b""


NONE = BatchResults()


class ResultReader:
    """Reads the result files of one scan; a file that has not changed is not read again."""

    def __init__(self, scan_id: str) -> None:
        self._scan_id = scan_id
        self._known: dict[str, tuple[tuple[int, int], BatchResults]] = {}

    def read(self, path: str, number_of_round: int, batch: int, n_fits: int) -> BatchResults:
        """Return the intact records of a batch's result file; none if it is of another one."""
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except OSError:
            return NONE
        try:
            status = os.fstat(descriptor)
            state = (status.st_size, status.st_mtime_ns)
            known = self._known.get(path)
            if known is not None and known[0] == state:
                return known[1]
            content = _read(descriptor, most_bytes(n_fits))
        except OSError:
            return NONE
        finally:
            os.close(descriptor)
        found = NONE
        if header_ids(content) == (self._scan_id, number_of_round, batch):
            found = _intact(content[HEADER_BYTES:], status.st_mtime)
        self._known[path] = (state, found)
        return found

    def read_best(
        self, paths: Iterable[Path], number: int, batch: int, n_fits: int
    ) -> BatchResults:
        """Return the results of the file with most records."""
        found = [self.read(str(path), number, batch, n_fits) for path in paths]
        return max(found, key=lambda it: it.n, default=NONE)


def records_of(found: Iterable[BatchResults]) -> NDArray[np.void]:
    """Return all records, dtype RECORD_DTYPE, shape (n,)."""
    return np.frombuffer(b"".join(it.content for it in found), RECORD_DTYPE)


def _read(descriptor: int, most: int) -> bytes:
    parts = []
    while part := os.read(descriptor, min(most, 1 << 20)):
        parts.append(part)
        most -= len(part)
    return b"".join(parts)


def _intact(body: bytes, written: float) -> BatchResults:
    # Most files have few records: a loop takes less time than arrays.
    kept: dict[bytes, bytes] = {}
    for at in range(0, len(body) - _SIZE + 1, _SIZE):
        record = body[at : at + _SIZE]
        (checksum,) = _CHECKSUM.unpack_from(record, _BODY)
        if checksum == zlib.crc32(record[:_BODY]):
            kept.setdefault(record[:_IDS], record)
    seconds = sum(_SECONDS.unpack_from(record, _AT)[0] for record in kept.values())
    return BatchResults(len(kept), seconds, written, b"".join(kept.values()))
