"""Read files of users that may be compressed: whole, but not more than such files have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.events.packing.decompression import MAGICS, inflated
from skyscan.regular import open_regular, read_regular
from skyscan.storage import FREE_BYTES, MAX_RATIO

if TYPE_CHECKING:
    from os import PathLike


def read_unpacked(path: str | PathLike[str], most: int) -> bytes:
    """Return the content of a file, unpacked if it is compressed.

    Raises
    ------
    OSError, ValueError
        It cannot be read, or has more than ``most`` bytes or far more than its size tells.
    """
    with open_regular(path) as file:
        begin = file.peek(max(map(len, MAGICS)))
        magic = next((it for it in MAGICS if begin.startswith(it)), None)
        if magic is not None:
            size = file.seek(0, 2)
            file.seek(0)
            most = min(most, max(FREE_BYTES, MAX_RATIO * size))
            with inflated(file, magic) as stream:
                content = stream.read(most + 1)
            if len(content) > most:
                raise ValueError(f"it unpacks to more than {most} bytes")
            return content
    return read_regular(path, most)
