"""Tables in compressed files, unpacked into temporary ones, since parts of them are read."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from skyscan.events.packing.decompression import MAGICS
from skyscan.events.place import Place
from skyscan.events.raw import opened
from skyscan.regular import open_regular

BLOCK = 2**20
#: What unpacks to more bytes and more than this many times its size is no table.
LARGE, MOST = 2**24, 20


def unpacked(path: Path) -> Path:
    """Return a file with the content of one that may be compressed.

    The temporary file is there as long as this process, or until others have been unpacked.

    Raises
    ------
    BadInput
        The file is damaged, or unpacks to far more than a table does.
    """
    try:
        with open_regular(path) as file:
            if not file.read(max(map(len, MAGICS))).startswith(MAGICS):
                return path
    except OSError:  # whoever reads the file says why
        return path
    return Path(_temporary(path, path.stat().st_mtime_ns).name)


@lru_cache(maxsize=4)  # of a campaign: pulses, truth and geometry
def _temporary(path: Path, _changed: int) -> Any:  # noqa: ANN401  (removed when it is closed)
    place = Place(str(path))
    most = max(LARGE, MOST * path.stat().st_size)
    made = NamedTemporaryFile(prefix="skyscan-")  # noqa: SIM115  (kept open)
    n_bytes = 0
    with opened(place) as stream:
        while block := stream.read(BLOCK):
            n_bytes += len(block)
            if n_bytes > most:
                raise place.complaint("unpacks to far more than a table does")
            made.write(block)
    made.flush()
    return made
