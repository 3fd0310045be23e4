"""Whether a scan has the whole map of the pixels that its rounds chose."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.rounds.collect import batches_of
from skyscan.skymap import SkyMap, json_parts, read_skymap
from skyscan.storage import read_json

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.layout import ScanFolder
    from skyscan.scan import Scan


def newest_map(folder: ScanFolder, scan: Scan) -> Path | None:
    """Return the map that a merge wrote last; None if there is none."""
    found = folder.path.glob(f"{scan.name}_*.npz")
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def map_fault(
    folder: ScanFolder, scan: Scan, best: NDArray[np.void] | None = None
) -> str | None:
    """Return why the map of a scan is not whole; None if it is.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan : Scan
        What it was asked to do.
    best : ndarray, shape (npix,), dtype RECORD_DTYPE, optional
        The best fits by the result files, if the map must have the same values. Result files
        of a scan that has ended may have been deleted.
    """
    path = newest_map(folder, scan)
    if path is None:
        return f"there is no map {folder.path / scan.name}_….npz"
    try:
        skymap = read_skymap(path)
        chosen = _chosen(folder, scan)
    except BadInput as error:
        return str(error)
    if not skymap.complete:
        return f"{path} has complete=false"
    if fault := _differs(path, skymap, chosen):
        return fault
    if best is not None and not _has_values(skymap, best):
        return f"{path} is not the map of the results"
    return _json_fault(path.with_suffix(".json"), skymap)


def _chosen(folder: ScanFolder, scan: Scan) -> NDArray[np.int64]:
    """Return the pixels (nside, number) that the rounds chose, in order, each once."""
    rounds = folder.chosen_rounds()
    if not rounds or rounds != list(range(len(rounds))):
        raise BadInput(f"{folder.rounds} has rounds {rounds}, not all rounds from 0.")
    batches = [batch for n in rounds for batch, _ in batches_of(folder.round(n), scan.id)]
    return np.unique(np.concatenate([_ids(batch.pixels) for batch in batches]), axis=0)


def _ids(rows: NDArray[np.void]) -> NDArray[np.int64]:
    return np.stack([rows["nside"], rows["pixel"]], axis=1).astype(np.int64)


def _differs(path: Path, skymap: SkyMap, chosen: NDArray[np.int64]) -> str | None:
    levels = [
        np.stack([np.full(len(rows), nside), rows["index"]], axis=1)
        for nside, rows in sorted(skymap.pixels.items())
    ]
    has = np.concatenate(levels)
    if np.array_equal(has, chosen):
        return None
    return f"{path} has {len(has)} pixels, not the {len(chosen)} that the rounds chose"


def _has_values(skymap: SkyMap, best: NDArray[np.void]) -> bool:
    llh = [rows["llh"] for _, rows in sorted(skymap.pixels.items())]
    return np.array_equal(np.concatenate(llh), best["llh"], equal_nan=True)


def _json_fault(path: Path, skymap: SkyMap) -> str | None:
    # Reading JSON has limits on its size; only maps of earlier versions need it.
    if _is_written(path, skymap):
        return None
    expected = {
        f"nside-{nside}": rows["index"].tolist() for nside, rows in skymap.pixels.items()
    }
    try:
        levels = read_json(path)
        has = {key: [row[0] for row in level["data"]] for key, level in levels.items()}
    except (BadInput, KeyError, TypeError, IndexError):
        has = {}
    return None if has == expected else f"{path} is damaged or missing"


def _is_written(path: Path, skymap: SkyMap) -> bool:
    """Return whether a ``.json`` file is what this version writes for a map."""
    try:
        with path.open("rb") as file:
            is_same = all(file.read(len(part)) == part for part in json_parts(skymap))
            return is_same and not file.read(1)
    except OSError:
        return False
