"""Modules with which prep processes an event's frames before any pixel is fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.icetray.gcd import DIFF, GCD_STOPS
from skyscan.icetray.keys import BAD_DOMS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from skyscan.icetray.frames import Frame, Tray

#: Suffixes for the pulses of a series with and without a local coincidence.
HLC, SLC = "HLC", "SLC"


def add_uncompression(tray: Tray, baseline: Path) -> None:
    """Add the rebuilding of the GCD from its differences, which are kept."""
    from icecube.frame_object_diff.segments import uncompress

    tray.Add(
        uncompress,
        "GCD_uncompress",
        keep_compressed=True,
        base_path=str(baseline.parent),
        base_filename=baseline.name,
    )


def needs_bad_doms(frames: Sequence[Frame]) -> bool:
    """Return whether the detector status has no list of bad DOMs."""
    status = next(frame for frame in frames if frame.Stop.id == "D")
    return BAD_DOMS not in status


def add_bad_doms(tray: Tray, run_id: int, *, is_real_event: bool) -> None:
    """Add the list of bad DOMs; for data, i3live is queried without snapshot export."""
    from icecube.BadDomList.BadDomListTraySegment import BadDomList

    tray.Add(
        BadDomList, RunId=run_id, Simulation=not is_real_event, I3liveUrlSnapshotExport=None
    )


def add_coincidence_split(tray: Tray, pulses_key: str) -> None:
    """Add the split of a pulse series by local coincidence, if the event does not have it."""
    tray.AddModule(
        "I3LCPulseCleaning",
        "lcclean1",
        Input=pulses_key,
        OutputHLC=pulses_key + HLC,
        OutputSLC=pulses_key + SLC,
        If=lambda frame: pulses_key + HLC not in frame,
    )


def add_recompression(tray: Tray) -> None:
    """Remove GCD objects that have differences: jobs rebuild them from the baseline."""
    from icecube import icetray

    def drop_rebuilt(frame: Frame) -> None:
        for key in list(frame.keys()):
            rebuilt = key[: -len(DIFF)]
            if key.endswith(DIFF) and rebuilt in frame:
                del frame[rebuilt]

    streams = [icetray.I3Frame.Stream(stop) for stop in GCD_STOPS]
    tray.AddModule(drop_rebuilt, "drop_rebuilt", Streams=streams)
