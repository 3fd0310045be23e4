"""Frames of fits on their way from a job to the scan folder.

A reconstruction may offer the frame of each fit, as bytes (`skyscan.recos.Reco.frames`). A job
collects them in a file next to its results: for each fit a head with its ids and a CRC-32, and
the frame. A truncated or damaged frame ends the file; the frames before it are kept.
"""

from __future__ import annotations

import os
import struct
import zlib
from typing import TYPE_CHECKING

from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from skyscan.records import Fit

#: Internal: of how many of the best pixels a scan keeps the frames, 0 for all; set by planning
#: with ``--keep-frames``.
KEEP_VARIABLE = "SKYSCAN_KEEP_FRAMES"
SUFFIX = ".frames"
MAGIC = b"SKYF"
MAX_FRAME = 128 * 1024**2  #: bytes, as of a frame in an `.i3` file
#: Magic, nside, pixel, variation, number of bytes; then the CRC-32 of these and the frame.
_HEAD = struct.Struct("<4siqiI")
_CHECKSUM = struct.Struct("<I")


def are_kept() -> bool:
    """Return whether this process, of a job, is to keep frames."""
    return KEEP_VARIABLE in os.environ


def packed(ids: Fit, frame: bytes) -> bytes:
    """Return the entry of one fit."""
    head = _HEAD.pack(MAGIC, *ids, len(frame))
    return head + _CHECKSUM.pack(zlib.crc32(frame, zlib.crc32(head))) + frame


def read_kept(path: Path, wanted: Container[Fit] | None = None) -> dict[Fit, bytes]:
    """Read the frames of a file; the last one counts of a fit that is there twice.

    A missing file has none.

    Parameters
    ----------
    path : Path
    wanted : container of fits, optional
        The fits whose frames are kept in memory; all by default.
    """
    try:
        with path.open("rb") as file:
            every = _intact(file)
            return {ids: raw for ids, raw in every if wanted is None or ids in wanted}
    except FileNotFoundError:
        return {}


def _intact(file: BinaryIO) -> Iterator[tuple[Fit, bytes]]:
    """Yield the frames of a file, one at a time, up to the first that is not whole."""
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        magic, nside, pixel, variation, size = _HEAD.unpack(head)
        checksum = file.read(_CHECKSUM.size)
        if magic != MAGIC or size > MAX_FRAME or len(checksum) < _CHECKSUM.size:
            return
        frame = file.read(size)
        if _CHECKSUM.unpack(checksum)[0] != zlib.crc32(frame, zlib.crc32(head)):
            return
        yield (nside, pixel, variation), frame


def begin_kept(path: Path, earlier: Iterable[Path]) -> None:
    """Write the file of a job with the frames of its earlier starts."""
    found: dict[Fit, bytes] = {}
    for place in (*earlier, path):
        found |= read_kept(place)
    write_bytes(path, b"".join(packed(ids, frame) for ids, frame in found.items()))


def append_kept(path: Path, entries: bytes) -> None:
    """Add entries of `packed` to the file of a job."""
    with path.open("ab") as file:
        file.write(entries)
