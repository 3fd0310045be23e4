"""What a round's jobs did not finish in their time: it is the next round's work.

A batch has a time budget (``--time-budget``). A job that has spent it hands in what it has,
and the fits that are left over are dealt out anew, with the same seeds, in a round of their
own: so a round waits for no slow machine. Each such round in a row doubles the budget, and
the last round that a scan may have has none, so this ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput, DamagedFile
from skyscan.records import ids_of
from skyscan.results import read_results
from skyscan.rounds.collect import batches_of, gather
from skyscan.storage import read_sealed

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from skyscan.batches import Batch
    from skyscan.layout import RoundFolder, ScanFolder
    from skyscan.records import Fit
    from skyscan.scan import Scan

# In a round's description: what it has cannot be told from the results of the others.
LEFTOVER = "leftover"
PREDICTIVE = "predictive"


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
    """Return the batches of a round as they were dealt out; None: deal anew.

    Of a round of leftovers, or one that was chosen ahead of others: what was left over, or in,
    cannot be told from results that have changed since.
    """
    try:
        told = read_sealed(here.description)
    except BadInput:
        return None
    if not told.get(LEFTOVER) and not told.get(PREDICTIVE):
        return None
    try:
        return [batch for batch, _ in batches_of(here, scan_id)]
    except DamagedFile:
        return None


def handed_on(folder: ScanFolder, scan_id: str, number: int) -> dict[Fit, np.void | None]:
    """Return the fits that a round left over: {ids: record, None where not done yet}."""
    later: dict[Fit, np.void | None] = {}
    for following in folder.chosen_rounds():
        here = folder.round(following)
        if following <= number or not leftover_depth(here):
            continue
        for batch, path in batches_of(here, scan_id):
            for ids in ids_of(batch.pixels):
                later.setdefault(ids, None)
            records = read_results(path, batch).records
            later.update(zip(ids_of(records), records, strict=True))
    return later


def left_behind(
    folder: ScanFolder, scan_id: str, ended: Collection[int]
) -> tuple[NDArray[np.void], int]:
    """Return what rounds that have ended left over and no round has had since.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan_id : str
        Its id.
    ended : collection of int
        The rounds whose jobs have all ended.

    Returns
    -------
    pixels : ndarray, shape (n,), dtype PIXEL_DTYPE
        Ordered by nside, pixel, variation. None, while a result file is damaged.
    depth : int
        The how manieth round of leftovers in a row these are for.
    """
    gathered = gather(folder, scan_id, sorted(ended))
    if gathered.damage:
        return gathered.leftover[:0], 0
    handed = {
        ids
        for number in folder.chosen_rounds()
        if number not in ended and leftover_depth(folder.round(number))
        for batch, _ in batches_of(folder.round(number), scan_id)
        for ids in ids_of(batch.pixels)
    }
    new = [ids not in handed for ids in ids_of(gathered.leftover)]
    depth = max((leftover_depth(folder.round(number)) for number in ended), default=0) + 1
    return gathered.leftover[np.array(new, bool)], depth
