"""Choose a scan's rounds again and reuse the fits of earlier attempts.

To repeat a part of a scan, or to extend it, its rounds are moved aside in one rename. The
rounds are then chosen again from the first one, as in a new scan, and known fits of the same
pixel from the same seed are reused. The map is therefore that of a new scan, but only new or
discarded fits are computed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.batches import Batch, read_batches
from skyscan.errors import BadInput
from skyscan.json_text import is_of
from skyscan.layout import RoundFolder
from skyscan.records import IDS, RECORD_DTYPE, ids_of
from skyscan.results import read_results
from skyscan.storage import read_json, write_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.layout import ScanFolder
    from skyscan.records import Fit

FORGET_JSON = "forget.json"


def set_aside(folder: ScanFolder, forget: Collection[Fit]) -> Path:
    """Move all rounds and their maps aside, so that the rounds are chosen again.

    The rounds are moved last, in one rename, so the scan can be resumed if the process is
    interrupted.

    Parameters
    ----------
    folder : ScanFolder
        A scan that is not in the queue.
    forget : collection of (nside, pixel, variation)
        The fits that must not be reused.

    Returns
    -------
    Path
        The new folder of the rounds.
    """
    number = len(attempts(folder)) + 1
    here = folder.earlier / f"{number:03d}"
    here.mkdir(parents=True, exist_ok=True)
    write_json(here / FORGET_JSON, {"fits": sorted(forget)})
    # The old map would look like that of the new scan, and DAGMan's files are of old rounds.
    stale = list(folder.path.glob("run*.*"))
    for path in (*stale, *folder.workflow.glob("round_*.dag*")):
        path.replace(here / path.name)
    rounds = folder.rounds
    rounds.mkdir(exist_ok=True)
    rounds.rename(here / rounds.name)
    rounds.mkdir()
    return here


class KnownFits:
    """The fits of earlier attempts and of this one that are still valid.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan_id : str
        Its id; results of other scans are ignored.
    """

    def __init__(self, folder: ScanFolder, scan_id: str) -> None:
        # The key is the whole row: the same pixel from another seed is another fit.
        self._records: dict[bytes, np.void] = {}
        for attempt in attempts(folder):
            self._add(attempt / folder.rounds.name, scan_id)
            forget = fits_to_forget(attempt)
            self._records = {
                row: record
                for row, record in self._records.items()
                if record[list(IDS)].item() not in forget
            }

        self._add(folder.rounds, scan_id)

    def _add(self, rounds: Path, scan_id: str) -> None:
        for batch, records in fits_in(rounds, scan_id):
            found = dict(zip(ids_of(records), records, strict=True))
            for row, ids in zip(batch.pixels, ids_of(batch.pixels), strict=True):
                if ids in found:
                    self._records[row.tobytes()] = found[ids]

    def of(self, batch: Batch) -> NDArray[np.void]:
        """Return the known fits of a batch, dtype RECORD_DTYPE, in its order."""
        known = [self._records.get(row.tobytes()) for row in batch.pixels]
        return np.array([it for it in known if it is not None], RECORD_DTYPE)


def fits_in(rounds: Path, scan_id: str) -> Iterator[tuple[Batch, NDArray[np.void]]]:
    """Yield each intact batch in a folder of rounds with its intact records."""
    for path in sorted(rounds.glob("*/batches/*.npz")):
        try:
            batches = read_batches(path)
        except BadInput:
            continue  # their pixels are fitted again
        here = RoundFolder(path.parents[1])
        for batch in batches:
            if batch.scan_id == scan_id:
                yield batch, read_results(here.result(batch.number), batch).records


def fits_to_forget(attempt: Path) -> set[tuple[int, ...]]:
    """Return the fits (nside, pixel, variation) of an attempt that must not be reused.

    Raises
    ------
    BadInput
        Their list is missing or damaged.
    """
    fits = read_json(attempt / FORGET_JSON).get("fits")
    if not is_of(fits, list[list[int]]):
        raise BadInput(f"{attempt / FORGET_JSON} has no list of fits.")
    return {tuple(fit) for fit in fits or ()}


def attempts(folder: ScanFolder) -> list[Path]:
    """Return the folders of earlier attempts, oldest first."""
    return sorted(path.parent for path in folder.earlier.glob(f"[0-9]*/{folder.rounds.name}"))
