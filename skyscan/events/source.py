"""Where an event comes from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Source:
    """An event file, and what no file says of itself.

    Attributes
    ----------
    path : Path
        The event file.
    is_real_event : bool
        Data, not simulation.
    gcd_dir : Path or None
        Folder of baseline GCD files to look in first.
    """

    path: Path
    is_real_event: bool
    gcd_dir: Path | None = None
