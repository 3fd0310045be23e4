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
    from collections.abc import Iterable
    from pathlib import Path

    from skyscan.records import Fit

#: Internal: of how many of the best pixels a scan keeps the frames, 0 for all; set by planning
#: with ``--keep-frames``.
KEEP_VARIABLE = "SKYSCAN_KEEP_FRAMES"
SUFFIX = ".frames"
MAGIC = b"SKYF"
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


def read_kept(path: Path) -> dict[Fit, bytes]:
    """Read the frames of a file; the last one counts of a fit that is there twice.

    A missing file has none.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    found: dict[Fit, bytes] = {}
    at = 0
    while at + _HEAD.size + _CHECKSUM.size <= len(content):
        head = content[at : at + _HEAD.size]
        magic, nside, pixel, variation, size = _HEAD.unpack(head)
        begin = at + _HEAD.size + _CHECKSUM.size
        (checksum,) = _CHECKSUM.unpack(content[at + _HEAD.size : begin])
        frame = content[begin : begin + size]
        if magic != MAGIC or checksum != zlib.crc32(frame, zlib.crc32(head)):
            break
        found[nside, pixel, variation] = frame
        at = begin + size
    return found


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
