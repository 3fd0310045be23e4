"""The source of an event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Source:
    """An event file, and facts that are not in the file.

    Attributes
    ----------
    path : Path
        The event file.
    is_real_event : bool
        Whether the event is data rather than simulation.
    gcd_dir : Path or None
        Folder of baseline GCD files to search first.
    pulses : str or None
        Frame key of the pulse series; None means that of the realtime format.
    gcd : Path or None
        File with the detector's G, C and D frames, which replace those of the event file.
    ice : Path or None
        File of the ice model that the user chose (`skyscan.light.ice_json`).
    kernel : Path or None
        File of the compiled kernel (`skyscan.compiled`); None means numpy.
    """

    path: Path
    is_real_event: bool
    gcd_dir: Path | None = None
    pulses: str | None = None
    gcd: Path | None = None
    ice: Path | None = None
    kernel: Path | None = None
