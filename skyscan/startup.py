"""The startup folder: the result of prep, from which every job starts."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput, DamagedFile
from skyscan.events.event import Vertex
from skyscan.json_text import is_of
from skyscan.layout import STARTUP_JSON
from skyscan.storage import read_sealed, sha256_of, write_sealed

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_VARIATIONS = 100_000  #: of the seed vertex; a reconstruction has less than ten
FIRST_MJD, LAST_MJD = 51_544, 125_000  #: 2000 to 2200, as for events
#: The JSON types of the fields.
_TYPES: dict[str, Any] = {
    **dict.fromkeys(("scan_id", "reco", "format_version"), str),
    "mjd": float | None,
    "seed": dict[str, float | None],
    "n_variations": int,
    "pointing": tuple[float, float, float] | None,
    "files": dict[str, str],
    "pulses": str | None,
}


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
        Time of the event, days UTC; NaN if it has none.
    seed : Vertex
        The event's seed vertex (m, ns, GeV).
    n_variations : int
        The number of seed vertices from which each pixel is fitted.
    pointing : (ra, dec, radius) in radians J2000, or None
        The region of a pointed scan.
    files : {name: SHA-256}
        The files that the reconstruction prepared.
    pulses : str or None
        Frame key of the pulse series that the user chose; None means that of the format.
    """

    scan_id: str
    reco: str
    format_version: str
    mjd: float
    seed: Vertex
    n_variations: int
    pointing: tuple[float, float, float] | None
    files: dict[str, str]
    pulses: str | None = None

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
        # Before it could be chosen, startup.json had no pulse series.
        value = {"pulses": None, **value}
        known = {field.name: value[field.name] for field in fields(Startup)}
        _check_values(known)
        seed = {k: np.nan if v is None else float(v) for k, v in value["seed"].items()}
        pointing = value["pointing"]
        known["seed"] = Vertex(**seed)
        known["mjd"] = np.nan if known["mjd"] is None else known["mjd"]
        known["pointing"] = tuple(pointing) if pointing else None
        return Startup(**known)
    except (BadInput, KeyError, TypeError, ValueError) as error:
        raise DamagedFile(
            f"{folder / STARTUP_JSON} is missing or damaged ({error}); run `skyscan resume` "
            f"to prepare it again."
        ) from error


def _check_values(known: Mapping[str, Any]) -> None:
    """Check that values have the types of their fields, and that an event can have them.

    Raises
    ------
    ValueError
        A value cannot be.
    """
    wrong = [name for name, kind in _TYPES.items() if not is_of(known[name], kind)]
    if not wrong:
        can_be = {
            "mjd": known["mjd"] is None or FIRST_MJD <= known["mjd"] <= LAST_MJD,
            "n_variations": 0 < known["n_variations"] <= MAX_VARIATIONS,
            "files": all(name == Path(name).name for name in known["files"]),
        }
        wrong = [name for name, is_right in can_be.items() if not is_right]
    if wrong:
        raise ValueError(f"out of range or of another type: {', '.join(wrong)}")


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
