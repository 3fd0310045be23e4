"""The geometry, calibration and detector status that an event needs.

Alerts carry only differences to a baseline GCD file, whose name they hold; packets without
any take the whole baseline of their run.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, TryAgain
from skyscan.events.gcd import baseline_gcd_named
from skyscan.icetray.frames import read_frames, run_tray
from skyscan.icetray.keys import GEOMETRY
from skyscan.staging import BASELINE_GCDS, stage
from skyscan.storage import sha256_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from skyscan.icetray.frames import Frame, Tray

DIFF = "Diff"  # I3GeometryDiff is what I3Geometry becomes when it is compressed
GCD_STOPS = "GCD"
#: The first run of a baseline: 2016_01_08_Run127381.i3, baseline_gcd_131577.i3.
_RUN_IN_NAME = re.compile(r"Run(\d+)\.i3|baseline_gcd_(\d+)\.i3")


@dataclass(frozen=True)
class Baseline:
    """A baseline GCD file by name, and the SHA-256 of what prep found in it."""

    name: str
    sha256: str


def baseline_of(frames: Sequence[Frame]) -> str | None:
    """Return the file name of the baseline that a packet's differences are to, or None.

    Raises
    ------
    BadInput
        The differences are to several files.
    """
    names = {
        frame[key].base_filename
        for frame in frames
        if frame.Stop.id in GCD_STOPS
        for key in frame.keys()  # noqa: SIM118  (a frame is no dictionary)
        if key.endswith(DIFF) and frame.get_stop(key) == frame.Stop
    }
    if len(names) > 1:
        raise BadInput(
            f"The GCD frames are differences to several files ({', '.join(sorted(names))})."
        )
    return baseline_gcd_named(names.pop()) if names else None


def has_geometry(frames: Sequence[Frame]) -> bool:
    """Return whether the packet has a geometry, complete or as a difference."""
    return any(GEOMETRY in frame or GEOMETRY + DIFF in frame for frame in frames[:1])


def stage_baseline(name: str, gcd_dir: Path | None, sha256: str | None = None) -> Path:
    """Return the path of the baseline GCD file; download it if it is missing.

    Raises
    ------
    BadInput
        It cannot be found, or it is not the file that prep used.
    TryAgain
        It cannot be downloaded at present.
    """
    extra = (gcd_dir,) if gcd_dir else ()
    return stage(BASELINE_GCDS, name, extra, sha256)


def baseline_for_run(run_id: int, gcd_dir: Path | None) -> Path:
    """Return the baseline GCD file for a packet that has no GCD.

    The rule is upstream's: in the order of their names, the last whose first run is
    before the event's; the first of all when there is none.

    Raises
    ------
    BadInput
        There is no folder with baseline GCD files here.
    TryAgain
        There may be one, but it cannot be read.
    """
    folders = BASELINE_GCDS.folders((gcd_dir,) if gcd_dir else ())
    troubles = []
    for folder in folders:
        try:
            names = sorted(path.name for path in folder.iterdir() if ".i3" in path.name)
        except FileNotFoundError:
            continue
        except OSError as error:  # a CVMFS that is down, a folder that is closed to us
            troubles.append(f"{folder}: {error.strerror}")
            continue
        if names:
            return folder / choose_by_run(names, run_id)
    looked = ", ".join(map(str, folders))
    if troubles:
        raise TryAgain(
            f"The event has no GCD, and not all of {looked} can be read: {'; '.join(troubles)}."
        )
    raise BadInput(
        f"The event has no GCD, and this machine has no folder of baseline GCD files "
        f"({looked}); give one with --gcd-dir."
    )


def choose_by_run(names: Iterable[str], run_id: int) -> str:
    """Return the baseline for a run among sorted file names."""
    chosen, *_ = names = list(names)
    for name in names:
        found = _RUN_IN_NAME.search(name)
        if found and run_id > int(found[1] or found[2]):
            chosen = name
    return chosen


def described(path: Path) -> Baseline:
    """Return the name and the digest of a baseline GCD file."""
    return Baseline(path.name, sha256_of(path))


def uncompressed(frames: Sequence[Frame], baseline: Path | None) -> list[Frame]:
    """Return the frames with whole GCD objects, each seeing those before it.

    Without a baseline the GCD is whole already.
    """

    def add_uncompression(tray: Tray) -> None:
        if baseline is not None:
            from icecube.frame_object_diff.segments import uncompress

            tray.Add(
                uncompress,
                "GCD_uncompress_GCD_patch",
                keep_compressed=False,
                base_path="",
                base_filename=str(baseline),
            )

    return run_tray(frames, add_uncompression)


def geometry_frame(frames: Sequence[Frame], baseline: Path | None) -> Frame:
    """Return the frame with the geometry: the baseline's, as upstream does, if there is one.

    Raises
    ------
    BadInput
        There is no geometry in it.
    """
    frame = read_frames(baseline)[0] if baseline else frames[0]
    if GEOMETRY not in frame:
        raise BadInput(f"{baseline or 'The G frame of the event'} has no {GEOMETRY}.")
    return frame
