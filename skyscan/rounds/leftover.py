"""Leftovers: remaining fits of jobs that have spent their time budget go to the next round.

A batch has a time budget (``--time-budget``). A job that has spent it returns its results, and
its remaining fits are distributed again, with the same seeds, in a separate round, so that no
round waits for a slow machine. The budget doubles with each such round in a row, and the last
round that a scan may have has no budget, so the scan ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import DamagedFile
from skyscan.records import ids_of
from skyscan.results import read_results
from skyscan.rounds.collect import batches_of, gather
from skyscan.rounds.description import LEFTOVER, PREDICTIVE, description_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from skyscan.batches import Batch
    from skyscan.layout import RoundFolder, ScanFolder
    from skyscan.records import Fit
    from skyscan.scan import Scan


def leftover_depth(here: RoundFolder) -> int:
    """Return the round's number in a row of leftover rounds; 0 if it is not one."""
    return int((description_of(here) or {}).get(LEFTOVER, 0))


def time_budget(folder: ScanFolder, scan: Scan, number: int) -> float:
    """Return the seconds that a job of a round may take; 0 means no limit.

    A round that is repeated must not leave new fits over, since the next round already exists.
    """
    is_last = number + 1 >= scan.max_rounds
    if is_last or folder.round(number + 1).description.exists():
        return 0.0
    return float(scan.time_budget * 2 ** leftover_depth(folder.round(number)))


def recorded_batches(here: RoundFolder, scan_id: str) -> list[Batch] | None:
    """Return the batches of a round as recorded; None if they must be chosen again.

    Only a leftover round or a predictive one is recorded: it depends on the results at the
    time of its choice, which have changed since.
    """
    description = description_of(here) or {}
    if not description.get(LEFTOVER) and not description.get(PREDICTIVE):
        return None
    try:
        return [batch for batch, _ in batches_of(here, scan_id)]
    except DamagedFile:
        return None


def handed_on(folder: ScanFolder, scan_id: str, number: int) -> dict[Fit, np.void | None]:
    """Return the fits that a round left to later ones: {ids: record, or None if not done}.

    Raises
    ------
    DamagedFile
        A batch file of a leftover round is damaged.
    """
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
    """Return the remaining fits of rounds that have ended, if no later round has them.

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
        Ordered by nside, pixel, variation. Empty while a result file is damaged.
    depth : int
        The number of their round in a row of leftover rounds.
    """
    gathered = gather(folder, scan_id, sorted(ended))
    if gathered.damage:
        return gathered.leftover[:0], 0
    taken_over = {
        ids
        for number in folder.chosen_rounds()
        if number not in ended and leftover_depth(folder.round(number))
        for batch, _ in batches_of(folder.round(number), scan_id)
        for ids in ids_of(batch.pixels)
    }
    new = [ids not in taken_over for ids in ids_of(gathered.leftover)]
    depth = max((leftover_depth(folder.round(number)) for number in ended), default=0) + 1
    return gathered.leftover[np.array(new, bool)], depth
