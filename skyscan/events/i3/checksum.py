"""CRC-32C (Castagnoli) as icetray computes it, in numpy."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLYNOMIAL = 0x82F63B78  # reflected
BYTES_PER_LANE = 64
BLOCK_LEVEL = 16  #: 2**16 lanes (4 MB) at a time, so that large frames need little memory
WORD_BITS = 32


def crc32c(data: bytes | memoryview) -> int:
    """Return the CRC-32C of ``data`` with start value 0 and no final inversion.

    With start value 0 the checksum is linear in the data, and leading zeros change nothing.
    The data are therefore cut into lanes that advance together, byte by byte; then neighbours
    are joined, with the left one shifted by the length of the right one.
    """
    size = BYTES_PER_LANE << BLOCK_LEVEL
    first = len(data) % size
    found = np.array([_crc32c_of_block(data[:first])], np.uint32)
    for begin in range(first, len(data), size):
        block = _crc32c_of_block(data[begin : begin + size])
        found = _moved(found, _move_by_lanes(BLOCK_LEVEL)) ^ block
    return int(found[0])


def _crc32c_of_block(data: bytes | memoryview) -> np.uint32:
    n_lanes = 1 << max(-(-len(data) // BYTES_PER_LANE) - 1, 0).bit_length()
    lanes = np.zeros((n_lanes, BYTES_PER_LANE), np.uint8)
    if data:
        lanes.ravel()[-len(data) :] = np.frombuffer(data, np.uint8)
    table = _table()
    state = np.zeros(n_lanes, np.uint32)
    for column in np.ascontiguousarray(lanes.T):
        state = table[(state ^ column) & 0xFF] ^ (state >> 8)
    level = 0
    while state.size > 1:
        state = _moved(state[::2], _move_by_lanes(level)) ^ state[1::2]
        level += 1
    return np.uint32(state[0])


@lru_cache(maxsize=1)
def _table() -> NDArray[np.uint32]:
    """Return the effect of each byte on the register."""
    table = np.arange(256, dtype=np.uint32)
    for _ in range(8):
        table = np.where(table & 1, (table >> 1) ^ np.uint32(POLYNOMIAL), table >> 1)
    return table.astype(np.uint32)


@lru_cache(maxsize=64)
def _move_by_lanes(level: int) -> NDArray[np.uint32]:
    """Return the effect of 2**level lanes of zeros on each bit of the register."""
    bits = np.left_shift(np.uint32(1), np.arange(WORD_BITS, dtype=np.uint32))
    if level:
        half = _move_by_lanes(level - 1)
        return _moved(half, half)
    table = _table()
    for _ in range(BYTES_PER_LANE):
        bits = table[bits & 0xFF] ^ (bits >> 8)
    return bits


def _moved(state: NDArray[np.uint32], move: NDArray[np.uint32]) -> NDArray[np.uint32]:
    moved = np.zeros_like(state)
    for bit in range(WORD_BITS):
        moved ^= ((state >> np.uint32(bit)) & np.uint32(1)) * move[bit]
    return moved
