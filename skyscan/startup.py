"""The startup folder: the result of prep, from which every job starts."""

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
    """The data about an event that a job needs besides the reconstruction's own files.

    Attributes
    ----------
    scan_id : str
        The id of the scan.
    reco, format_version : str
        The reconstruction and the realtime format.
    mjd : float
        Time of the event, days UTC.
    seed : Vertex
        The event's seed vertex (m, ns, GeV).
    n_variations : int
        The number of seed vertices from which each pixel is fitted.
    pointing : (ra, dec, radius) in radians J2000, or None
        The region of a pointed scan.
    files : {name: SHA-256}
        The files that the reconstruction prepared.
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
            f"{folder / STARTUP_JSON} is missing or damaged ({error}); run `skyscan resume` "
            f"to prepare it again."
        ) from error


def check_files(folder: Path, startup: Startup) -> None:
    """Check the other files of the startup folder against the digests in ``startup.json``.

    Raises
    ------
    DamagedFile
        A file is missing or damaged.
    """
    for name, sha256 in startup.files.items():
        path = folder / name
        if not path.is_file() or sha256_of(path) != sha256:
            raise DamagedFile(
                f"{path} is missing or damaged; run `skyscan resume` to prepare it again."
            )


def is_whole(folder: Path, scan_id: str) -> bool:
    """Return whether the startup folder of this scan is complete and undamaged."""
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
