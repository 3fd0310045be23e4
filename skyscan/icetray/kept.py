"""The fitted frames of a scan as one ``.i3`` file, written without icetray.

The file has the event's G, C, D and Q frames as prep left them, and for each pixel the physics
frame of its best variation, the best pixel first. A physics frame has what prep put into the
event's own, which the fit read, and what the fit added.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.i3.frame import Frame, split_frame, verify_frame, write_frame
from skyscan.events.i3.i3file import PHYSICS_STOPS
from skyscan.events.place import MalformedError
from skyscan.events.raw import read_raw_packet
from skyscan.frames import SUFFIX, read_kept
from skyscan.records import ids_of
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.layout import ScanFolder
    from skyscan.records import Fit

#: The frames that prep leaves for the jobs: G, C, D, Q, and p, the event's physics frame.
PACKET_FILE = "GCDQp.i3"


def write_kept(folder: ScanFolder, name: str, best: NDArray[np.void], n_pixels: int) -> Path:
    """Write the frames of the best pixels; return the path of the file.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    name : str
        Name of its event.
    best : ndarray, shape (npix,), dtype FOUND_DTYPE
        The best variation of each pixel.
    n_pixels : int
        The number of pixels, from the best one; 0 for all that have a fit.

    Raises
    ------
    BadInput
        The frames that prep left are damaged.
    """
    packet = read_raw_packet(folder.startup / PACKET_FILE).frames
    parents = [it.raw for it in packet if it.stop not in PHYSICS_STOPS]
    (of_event,) = [split_frame(it.raw) for it in packet if it.stop in PHYSICS_STOPS]
    fitted = best[np.isfinite(best["llh"])]
    ranked = ids_of(fitted[np.argsort(fitted["llh"], kind="stable")])
    chosen = ranked[: n_pixels or None]
    found = _frames_of(folder, set(chosen))
    frames = [_whole(of_event, found[ids]) for ids in chosen if ids in found]
    path = folder.path / f"{name}_frames.i3"
    write_bytes(path, b"".join([*parents, *frames]))
    return path


def _frames_of(folder: ScanFolder, wanted: set[Fit]) -> dict[Fit, bytes]:
    """Return the intact frames of fits; a round replaces what was moved aside for it."""
    found: dict[Fit, bytes] = {}
    for place in (folder.earlier, folder.rounds):
        for path in sorted(place.rglob(f"*{SUFFIX}")):
            found |= read_kept(path, wanted)
    return found


def _whole(of_event: Frame, raw: bytes) -> bytes:
    """Return a fitted frame with the objects of the event's physics frame, on the stream P."""
    try:
        verify_frame(raw)
    except MalformedError:
        return raw  # of a later version of icetray: a frame by itself is still one
    objects = {**of_event.objects, **split_frame(raw).objects}
    return write_frame(Frame("P", MappingProxyType(objects)))
