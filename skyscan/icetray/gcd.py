"""The geometry, calibration and detector status (GCD) that an event needs.

Alerts contain differences to a baseline GCD file, and the name of that file. Packets without
GCD use the baseline of their run.
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

DIFF = "Diff"  # compression turns I3Geometry into I3GeometryDiff
GCD_STOPS = "GCD"
#: The first run of a baseline: 2016_01_08_Run127381.i3, baseline_gcd_131577.i3.
_RUN_IN_NAME = re.compile(r"Run(\d+)\.i3|baseline_gcd_(\d+)\.i3")


@dataclass(frozen=True)
class Baseline:
    """The name of a baseline GCD file, and the SHA-256 of the file that prep used."""

    name: str
    sha256: str


def baseline_of(frames: Sequence[Frame]) -> str | None:
    """Return the file name of the baseline that a packet refers to, or None.

    Raises
    ------
    BadInput
        The packet refers to several files.
    """
    names = {
        frame[key].base_filename
        for frame in frames
        if frame.Stop.id in GCD_STOPS
        for key in frame.keys()  # noqa: SIM118  (a frame is not a dictionary)
        if key.endswith(DIFF) and frame.get_stop(key) == frame.Stop
    }
    if len(names) > 1:
        raise BadInput(
            f"The GCD frames refer to several baseline files ({', '.join(sorted(names))})."
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
        The file cannot be found, or is not the one that prep used.
    TryAgain
        The file cannot be downloaded at present.
    """
    extra = (gcd_dir,) if gcd_dir else ()
    return stage(BASELINE_GCDS, name, extra, sha256)


def baseline_for_run(run_id: int, gcd_dir: Path | None) -> Path:
    """Return the baseline GCD file for a packet that has no GCD.

    The rule is upstream's: sorted by name, the last file whose first run is before the
    event's run, or else the first file.

    Raises
    ------
    BadInput
        This machine has no folder of baseline GCD files.
    TryAgain
        A folder cannot be read, and no other has such files.
    """
    folders = BASELINE_GCDS.folders((gcd_dir,) if gcd_dir else ())
    errors = []
    for folder in folders:
        try:
            names = sorted(path.name for path in folder.iterdir() if ".i3" in path.name)
        except FileNotFoundError:
            continue
        except OSError as error:  # CVMFS is down, or permission is denied
            errors.append(f"{folder}: {error.strerror}")
            continue
        if names:
            return folder / choose_by_run(names, run_id)
    searched = ", ".join(map(str, folders))
    if errors:
        raise TryAgain(
            f"The event has no GCD, and some of {searched} cannot be read: {'; '.join(errors)}."
        )
    raise BadInput(
        f"The event has no GCD, and this machine has no folder of baseline GCD files "
        f"({searched}); give one with --gcd-dir."
    )


def choose_by_run(names: Iterable[str], run_id: int) -> str:
    """Return the baseline for a run from sorted file names."""
    chosen, *_ = names = list(names)
    for name in names:
        found = _RUN_IN_NAME.search(name)
        if found and run_id > int(found[1] or found[2]):
            chosen = name
    return chosen


def baseline_at(path: Path) -> Baseline:
    """Return the name and the SHA-256 of a baseline GCD file."""
    return Baseline(path.name, sha256_of(path))


def uncompressed(frames: Sequence[Frame], baseline: Path | None) -> list[Frame]:
    """Return the frames with complete GCD objects; each frame sees those before it.

    Without a baseline the GCD is complete already.
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
    """Return the frame with the geometry, from the baseline if there is one (as upstream).

    Raises
    ------
    BadInput
        The frame has no geometry.
    """
    frame = read_frames(baseline)[0] if baseline else frames[0]
    if GEOMETRY not in frame:
        raise BadInput(f"{baseline or 'The G frame of the event'} has no {GEOMETRY}.")
    return frame
