"""What a round's jobs did not finish in their time: it is the next round's work.

A batch has a time budget (``--time-budget``). A job that has spent it hands in what it has,
and the fits that are left over are dealt out anew, with the same seeds, in a round of their
own: so a round waits for no slow machine. Each such round in a row doubles the budget, and
the last round that a scan may have has none, so this ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from skyscan.collect import batches_of
from skyscan.errors import BadInput, DamagedFile
from skyscan.records import IDS
from skyscan.results import read_results
from skyscan.storage import read_sealed

if TYPE_CHECKING:
    import numpy as np

    from skyscan.batches import Batch
    from skyscan.layout import RoundFolder, ScanFolder
    from skyscan.scan import Scan

LEFTOVER = "leftover"  # in a round's description


def leftover_depth(folder: RoundFolder) -> int:
    """Return the how manieth round of leftovers in a row this is; 0: it is none."""
    try:
        return int(read_sealed(folder.description).get(LEFTOVER, 0))
    except BadInput:
        return 0


def time_budget(folder: ScanFolder, scan: Scan, number: int) -> float:
    """Return the seconds that a job of a round may take; 0: as long as it wants.

    A round that is done again must not leave over anything new: the next one is there already.
    """
    is_last = number + 1 >= scan.max_rounds
    if is_last or folder.round(number + 1).description.exists():
        return 0.0
    return float(scan.time_budget * 2 ** leftover_depth(folder.round(number)))


def recorded_batches(here: RoundFolder, scan_id: str) -> list[Batch] | None:
    """Return the batches of a round of leftovers as they were dealt out; None: deal anew.

    What was left over cannot be told from results that have changed since.
    """
    if not leftover_depth(here):
        return None
    try:
        return [batch for batch, _ in batches_of(here, scan_id)]
    except DamagedFile:
        return None


def handed_on(
    folder: ScanFolder, scan_id: str, number: int
) -> dict[tuple[int, ...], np.void | None]:
    """Return the fits that a round left over: {ids: record, None where not done yet}."""
    later: dict[tuple[int, ...], np.void | None] = {}
    following = number + 1
    while leftover_depth(folder.round(following)):
        for batch, path in batches_of(folder.round(following), scan_id):
            for row in batch.pixels[list(IDS)]:
                later.setdefault(row.item(), None)
            for record in read_results(path, batch).records:
                later[tuple(int(record[name]) for name in IDS)] = record
        following += 1
    return later
