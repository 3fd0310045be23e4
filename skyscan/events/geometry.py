"""The detector in the G frame of an ``.i3`` file: icetray's I3Geometry.

Layouts by icecube/icetray-public, dataclasses: I3Geometry, I3OMGeo, I3Position, I3Orientation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.detector import DOM_DTYPE, FARTHEST_M, Detector
from skyscan.events.i3.archive import InArchive
from skyscan.events.i3.frame import split_frame, verify_frame
from skyscan.events.i3.i3file import first_frames
from skyscan.events.i3.pulsemap import MAX_DOMS, MAX_OM, limited
from skyscan.events.place import MalformedError, Place
from skyscan.events.raw import opened

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

GEOMETRY_KEY = "I3Geometry"
GEOMETRY_VERSIONS = (0, 1, 2, 3)
OMGEO_VERSIONS = (0, 1, 2)
#: I3OMGeo::OMType of modules with photomultipliers in the ice: of none said, AMANDA, IceCube,
#: and those of the Upgrade and of Gen2. IceTop, scintillators, radios and lasers are others.
_IN_ICE = (0, 10, 20, *range(110, 173))


def detector_in_file(path: Path) -> Detector:
    """Return the detector of the first G frame of an ``.i3`` file.

    Of a module with several photomultipliers, the place is the mean of theirs.

    Raises
    ------
    BadInput
        The file has no G frame with an I3Geometry, or is damaged.
    """
    place = Place(str(path))
    with opened(place) as stream:
        for number, stop, raw in first_frames(place, stream):
            if stop != "G":
                continue
            at = place.at_frame(f"frame number {number} ({stop!a})")
            with at.reading():
                verify_frame(raw)
                found = split_frame(raw).objects.get(GEOMETRY_KEY)
            if found is not None:
                with at.at_key(GEOMETRY_KEY).reading():
                    return Detector(read_geometry(found.buffer))
    raise place.complaint(
        f"has no G frame with an {GEOMETRY_KEY}", "give --geometry a table or a GCD file"
    )


def read_geometry(buffer: bytes) -> NDArray[np.void]:
    """Read the modules in the ice of an I3Geometry.

    Returns
    -------
    ndarray, shape (n,), dtype DOM_DTYPE
        Ordered by string and om.

    Raises
    ------
    MalformedError
        The object is damaged, of an unknown version, or has no module in the ice.
    """
    archive = InArchive(buffer)
    version = archive.begin_object(GEOMETRY_KEY, GEOMETRY_VERSIONS)
    if version > 0:  # before, it was a std::map
        archive.begin("I3Map", (0,))
        archive.begin_base()
    archive.begin("map", (0,))
    rows = [
        _read_module(archive)
        for _ in range(limited(archive.integer("<I"), MAX_DOMS, "modules"))
    ]
    in_ice = [dom for dom, kind in rows if kind in _IN_ICE]
    if not in_ice:
        raise MalformedError("has no module in the ice")
    return _by_module(np.array(in_ice, DOM_DTYPE))  # what follows is on the surface


def _read_module(
    archive: InArchive,
) -> tuple[tuple[int | float, ...], int]:
    """Read a photomultiplier: string, om, x, y, z (m), and the type of its module."""
    archive.begin("pair", (0,))
    archive.begin("OMKey", (1, 2))
    version = archive.begin_class("OMKey", (1, 2))
    string, om, *_ = archive.unpack("<iIB" if version > 1 else "<iI")
    if om > MAX_OM:
        raise MalformedError(f"names an impossible DOM ({string}, {om})")
    version = archive.begin("I3OMGeo", OMGEO_VERSIONS)
    archive.begin("I3Position", (0,))
    archive.begin_base()
    place = archive.unpack("<ddd")
    if not (np.abs(place) < FARTHEST_M).all():
        raise MalformedError(f"has no place for DOM ({string}, {om})")
    if version:
        for name in ("I3Orientation", "I3Quaternion"):
            archive.begin(name, (0,))
            archive.begin_base()
        archive.unpack("<dddd")
    else:
        archive.integer("<i")  # up or down
    kind = archive.integer("<i")
    archive.unpack("<d" if version else "<dd")  # area, before version 1 an angle too
    if version > 1:
        archive.integer("<i")  # kind of photomultiplier
    return (string, om, *place), kind


def _by_module(rows: NDArray[np.void]) -> NDArray[np.void]:
    modules, which = np.unique(rows[["string", "om"]], return_inverse=True)
    found = np.zeros(len(modules), DOM_DTYPE)
    found["string"], found["om"] = modules["string"], modules["om"]
    n = np.bincount(which.ravel())
    for axis in "xyz":
        found[axis] = np.bincount(which.ravel(), weights=rows[axis]) / n
    return found
