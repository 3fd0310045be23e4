"""The detector's G, C and D frames from a file of their own."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING

from skyscan.events.gcd import DIFF, GCD_STOPS
from skyscan.events.i3.frame import split_frame, verify_frame
from skyscan.events.i3.i3file import first_frames
from skyscan.events.place import Place
from skyscan.events.raw import opened
from skyscan.recos import reco_class
from skyscan.storage import write_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.options import Options


@dataclass(frozen=True)
class Detector:
    """A file of one G, one C and one D frame.

    Attributes
    ----------
    content : bytes
    sha256 : str
        Digest of the content.
    store : Path or None
        A folder in which many scans share one file by its digest.
    """

    content: bytes = field(repr=False)
    sha256: str
    store: Path | None = None


#: What each frame must have, or the difference to a baseline's, for icetray.
OBJECTS = {"G": "I3Geometry", "C": "I3Calibration", "D": "I3DetectorStatus"}


def detector_for(options: Options, store: Path | None) -> Detector | None:
    """Return the detector that options give (``--gcd``); None if the fit needs none.

    Raises
    ------
    BadInput
        The file is missing or damaged, or lacks a frame.
    """
    if options.gcd is None or not reco_class(options.reco).needs_detector:
        return None
    return replace(_detector_in(options.gcd, _version(options.gcd)), store=store)


def _version(path: Path) -> tuple[int, int]:
    """Return what changes when a file does; an unreadable one is read, which says why."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_size


@lru_cache(maxsize=1)  # a campaign plans many events with the same detector
def _detector_in(path: Path, _of: tuple[int, int]) -> Detector:
    place, found = Place(str(path)), {}
    with opened(place) as stream:
        for number, stop, raw in first_frames(place, stream):
            if stop in GCD_STOPS:
                with place.at_frame(f"frame number {number} ({stop!a})").reading():
                    verify_frame(raw)
                    keys = set(split_frame(raw).objects)
                if not keys & {OBJECTS[stop], f"{OBJECTS[stop]}{DIFF}"}:
                    raise place.complaint(
                        f"has no {OBJECTS[stop]} in frame number {number} ({stop!a})",
                        "give --gcd a file with the detector's G, C and D frames",
                    )
                found[stop] = raw
            if len(found) == len(GCD_STOPS):
                break
    missing = [stop for stop in GCD_STOPS if stop not in found]
    if missing:
        raise place.complaint(
            f"has no {', '.join(missing)} frame", "give --gcd a file with G, C and D frames"
        )
    content = b"".join(found[stop] for stop in GCD_STOPS)
    return Detector(content, sha256(content).hexdigest())


def place_detector(detector: Detector, file: Path) -> None:
    """Write a detector's file for a scan: a link to the shared one, where there can be one."""
    if detector.store is not None:
        detector.store.mkdir(parents=True, exist_ok=True)
        shared = detector.store / f"{detector.sha256}.i3"
        if not shared.exists():
            write_bytes(shared, detector.content)
        with suppress(OSError):
            file.unlink(missing_ok=True)
            os.link(shared, file)
            return
    write_bytes(file, detector.content)
