"""Check the structure of a FITS file before astropy reads it.

astropy believes what headers say: a header without an end is searched to the end of the file,
once more for each block, and a table of rows without content may have any number of them.
"""

from __future__ import annotations

import re
from math import prod

BLOCK, CARD = 2880, 80  #: bytes
MAX_HDUS = 64
MAX_BLOCKS = 300  #: of a header: 10,800 cards, of 999 columns with ten each
MAX_AXES = 9
MAX_COLUMNS = 999  #: of FITS
_SIZE = re.compile(rb"(BITPIX|NAXIS\d*|PCOUNT|GCOUNT|TFIELDS) *=")
_NUMBER = re.compile(rb"=\s*(-?\d{1,18})\s*(?:/.*)?", re.DOTALL)


def check_structure(content: bytes) -> None:
    """Check that all headers end, and that the file has the data that they announce.

    Raises
    ------
    ValueError
        It is not so.
    """
    at = number = 0
    while at < len(content) and content[at : at + BLOCK].strip(b"\0 "):
        number += 1
        if number > MAX_HDUS:
            raise ValueError(f"it has more than {MAX_HDUS} parts")
        sizes, at = _header(content, at)
        at += _padded(_data_bytes(sizes, len(content) - at))


def _header(content: bytes, at: int) -> tuple[dict[bytes, int], int]:
    """Return the numbers in a header that tell the size of its data, and where it ends."""
    sizes: dict[bytes, int] = {}
    for begin in range(at, min(len(content), at + MAX_BLOCKS * BLOCK), BLOCK):
        block = content[begin : begin + BLOCK]
        for card in (block[i : i + CARD] for i in range(0, len(block), CARD)):
            if card.rstrip() == b"END":
                return sizes, begin + BLOCK
            if found := _SIZE.match(card):
                value = _NUMBER.match(card, found.end() - 1)
                if value is None or found[1] in sizes:
                    raise ValueError(f"{found[1].decode()} is not one whole number")
                sizes[found[1]] = int(value[1])
    raise ValueError("a header has no end")


def _data_bytes(sizes: dict[bytes, int], left: int) -> int:
    """Return the size of the data that a header announces."""
    n_axes = sizes.get(b"NAXIS", 0)
    if not 0 <= n_axes <= MAX_AXES:
        raise ValueError(f"it has data of {n_axes} dimensions")
    axes = [sizes.get(b"NAXIS%d" % (i + 1), 0) for i in range(n_axes)]
    heap, groups = sizes.get(b"PCOUNT", 0), sizes.get(b"GCOUNT", 1)
    n_bytes = abs(sizes.get(b"BITPIX", 8)) // 8 * groups * (heap + prod(axes) * bool(axes))
    if sizes.get(b"TFIELDS", 0) > MAX_COLUMNS:
        raise ValueError(f"it has more than {MAX_COLUMNS} columns")
    if min([0, heap, groups, *axes]) < 0 or n_bytes > left:
        raise ValueError("its headers announce data that it does not have")
    if len(axes) > 1 and not axes[0] and axes[1]:
        raise ValueError("it has rows without content")
    return n_bytes


def _padded(n_bytes: int) -> int:
    return -(-n_bytes // BLOCK) * BLOCK
