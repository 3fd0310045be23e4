"""The startup folder: what prep found in the event, and what every job starts from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import radians
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.coordinates import local_to_equatorial
from skyscan.errors import BadInput, DamagedFile
from skyscan.events.event import Event, Vertex
from skyscan.events.reader import read_event
from skyscan.layout import STARTUP_JSON
from skyscan.recos import Reco, reco_class
from skyscan.storage import read_sealed, sha256_of, write_sealed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.events.source import Source


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
            **{
                **value,
                "seed": Vertex(**seed),
                "pointing": tuple(pointing) if pointing else None,
            }
        )
    except (BadInput, KeyError, TypeError, ValueError, AttributeError) as error:
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


def prepare(
    scan_id: str,
    reco_name: str,
    source: Source,
    folder: Path,
    read: Callable[[Path, str | None], Event] = read_event,
) -> Startup:
    """Run the reconstruction's own preparation and write the startup folder.

    Parameters
    ----------
    scan_id : str
        The scan that this is for.
    reco_name : str
        Which reconstruction.
    source : Source
        The event file.
    folder : Path
        Where to write; ``startup.json`` is written last, so a folder that has it is whole.
    read : callable
        Reads an event file with a given pulse series (None: the realtime format's own).

    Raises
    ------
    BadInput
        The event lacks a key that the reconstruction needs.
    """
    event = read(source.path, None)
    reco = reco_class(reco_name)(event.format_version)
    if reco.pulses_key != event.pulses_key:
        event = read(source.path, reco.pulses_key)
    reco.check(source, event)
    folder.mkdir(parents=True, exist_ok=True)
    seed = reco.prepare_from(source, event, folder)
    startup = Startup(
        scan_id=scan_id,
        reco=reco_name,
        format_version=event.format_version,
        mjd=event.mjd,
        seed=seed,
        n_variations=len(reco.variations()),
        pointing=_pointing(event, reco),
        files={
            path.name: sha256_of(path)
            for path in sorted(folder.iterdir())
            if path.is_file() and path.name != STARTUP_JSON
        },
    )
    startup.write(folder)
    return startup


def seeded(
    pixels: NDArray[np.void],
    reco: Reco,
    zenith: NDArray[np.float64],
    azimuth: NDArray[np.float64],
) -> NDArray[np.void]:
    """Return a copy of ``pixels`` with each one's vertex variation added to its seed.

    Parameters
    ----------
    pixels : ndarray, shape (n,), dtype PIXEL_DTYPE
    reco : Reco
    zenith, azimuth : ndarray, shape (n,), radians
        The pixels' directions in IceCube's local frame.
    """
    offsets = reco.offsets(pixels, zenith, azimuth)
    moved = pixels.copy()
    for i, axis in enumerate("xyz"):
        moved[axis] += offsets[:, i]
    return moved


def _pointing(event: Event, reco: Reco) -> tuple[float, float, float] | None:
    key = reco.pointing_key
    if key is None:
        return None
    fit = event.fits[key]
    ra, dec = local_to_equatorial(fit.zenith, fit.azimuth, event.mjd)
    return float(ra), float(dec), radians(reco.angular_distance)


def _nan_as_none(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    if isinstance(value, dict):
        return {key: _nan_as_none(item) for key, item in value.items()}
    return None if isinstance(value, float) and np.isnan(value) else value
