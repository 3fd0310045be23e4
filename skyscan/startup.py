"""The startup folder: what prep found in the event, and what every job starts from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput, DamagedFile
from skyscan.events.event import Vertex
from skyscan.layout import STARTUP_JSON
from skyscan.storage import read_sealed, sha256_of, write_sealed

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Startup:
    """What a job must know of the event besides what the reconstruction prepared.

    Attributes
    ----------
    scan_id : str
        The scan that this was prepared for.
    reco, format_version : str
        Which reconstruction, for which realtime format.
    mjd : float
        Time of the event, days UTC: turns the sky over the detector.
    seed : Vertex
        The event's seed vertex (m, ns, GeV).
    n_variations : int
        How many seed vertices each pixel is fitted from.
    pointing : (ra, dec, radius) in radians J2000, or None
        Where a pointed scan looks.
    files : {name: SHA-256}
        What the reconstruction prepared.
    """

    scan_id: str
    reco: str
    format_version: str
    mjd: float
    seed: Vertex
    n_variations: int
    pointing: tuple[float, float, float] | None
    files: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write ``startup.json``."""
        write_sealed(folder / STARTUP_JSON, _nan_as_none(asdict(self)))


def read_startup(folder: Path) -> Startup:
    """Read ``startup.json``.

    Raises
    ------
    DamagedFile
        It is missing or damaged.
    """
    try:
        value = read_sealed(folder / STARTUP_JSON)
        seed = {k: np.nan if v is None else float(v) for k, v in value["seed"].items()}
        pointing = value["pointing"]
        return Startup(
            scan_id=value["scan_id"],
            reco=value["reco"],
            format_version=value["format_version"],
            mjd=float(value["mjd"]),
            seed=Vertex(**seed),
            n_variations=int(value["n_variations"]),
            pointing=(pointing[0], pointing[1], pointing[2]) if pointing else None,
            files=dict(value["files"]),
        )
    except (BadInput, KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFile(
            f"{folder / STARTUP_JSON} is missing or damaged ({error}); `skyscan resume` has "
            f"prep write it again."
        ) from error


def check_files(folder: Path, startup: Startup) -> None:
    """Hold what prep left beside ``startup.json`` to the digests in it.

    Raises
    ------
    DamagedFile
        One is missing or another.
    """
    for name, sha256 in startup.files.items():
        path = folder / name
        if not path.is_file() or sha256_of(path) != sha256:
            raise DamagedFile(
                f"{path} is missing or damaged; `skyscan resume` has prep write it again."
            )


def is_whole(folder: Path, scan_id: str) -> bool:
    """Tell whether prep has done all its work for this scan, and nothing was lost since."""
    try:
        startup = read_startup(folder)
        check_files(folder, startup)
    except (DamagedFile, OSError):
        return False
    return startup.scan_id == scan_id


def _nan_as_none(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, dict):
        return {key: _nan_as_none(item) for key, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
