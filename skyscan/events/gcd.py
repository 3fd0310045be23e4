"""The baseline GCD file of an alert, to which its G, C and D frames hold the differences.

The objects of those frames whose keys end in Diff (I3GeometryDiff, I3CalibrationDiff,
I3DetectorStatusDiff) are of icetray's frame_object_diff, whose sources are not public. In
public alerts of 2016 and 2022 each of them begins, after what every frame object begins
with, with the baseline's file name.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from skyscan.events.i3.archive import InArchive, class_name
from skyscan.events.place import MalformedError, shown

if TYPE_CHECKING:
    from skyscan.events.packet import Packet

GCD_STOPS = "GCD"
DIFF = "Diff"

#: What alerts of 2016 call their baseline, and the file that upstream takes for it
#: (icecube/skymap_scanner, utils/extract_json_message.py).
CURRENT_GCD = "current-gcd"
CURRENT_GCD_FILE = "2016_01_08_Run127381.i3"

MAX_NAME = 255  #: of a file
_FILE_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)


def baseline_gcd_named(base_filename: str) -> str:
    """Return the file name of a baseline GCD from its name in the differences."""
    return CURRENT_GCD_FILE if base_filename == CURRENT_GCD else base_filename


def baseline_gcd_of(packet: Packet) -> str | None:
    """Return the file name of the baseline of an alert's differences.

    None if it has no differences, or if only icetray can read them.

    Raises
    ------
    BadInput
        The differences have several baselines.
    """
    names = {
        name
        for frame in packet.frames
        if frame.stop in GCD_STOPS
        for key, item in frame.objects.items()
        if key.endswith(DIFF) and (name := read_base_filename(item.buffer)) is not None
    }
    if len(names) > 1:
        listed = ", ".join(map(shown, sorted(names)))
        raise packet.place.complaint(f"has differences to several baseline GCDs ({listed})")
    return baseline_gcd_named(names.pop()) if names else None


def read_base_filename(buffer: bytes) -> str | None:
    """Read the baseline's name in a difference; None if its layout is unknown."""
    try:
        archive = InArchive(buffer)
        archive.begin_object(class_name(buffer) or "", (0,))
        name = archive.string()
    except MalformedError:
        return None
    return name if len(name) <= MAX_NAME and _FILE_NAME.fullmatch(name) else None
