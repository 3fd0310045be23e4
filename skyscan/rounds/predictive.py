"""Predictive scanning: choose finer pixels before all coarser ones are done.

With ``--predictive-scanning-threshold`` below 1, the rounds of a scan run side by side. A gate
before each round checks the results again and again. It opens when the results are at least
the threshold's fraction of all pixels given to jobs, and the rule, applied to these results,
chooses new pixels. A pixel waits for the coarser pixel that provides its seed, so its fit is
the same as in a scan that waits for all results. When all results are there, the rule decides:
the scan ends if it adds no pixels. Such a scan may fit more pixels, but never fewer.

The pixels of a round depend on the results at that time. They are therefore recorded in its
``round.json`` and kept when further results arrive.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from skyscan.pixels import parents
from skyscan.records import pixel_keys_of
from skyscan.rounds.collect import Found, best_of, gather
from skyscan.rounds.dealing import deal
from skyscan.rounds.description import description_of
from skyscan.rounds.leftover import left_behind
from skyscan.rounds.next_round import chosen_by_rule, coarser_nsides, seed_pixels, startup_of
from skyscan.rounds.rule import choose

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from skyscan.layout import ScanFolder
    from skyscan.rounds.collect import Gathered
    from skyscan.scan import Scan
    from skyscan.startup import Startup


class Gate(Enum):
    """The decision of a gate about its round."""

    OPEN = "it has pixels"
    SHUT = "it will have no pixels: the scan has converged"
    NOT_YET = "try again later"


def look(folder: ScanFolder, scan: Scan, number: int, ended: Collection[int]) -> Gate:
    """Check the results so far, and open round ``number`` if it can have pixels.

    Parameters
    ----------
    folder, scan, number : ScanFolder, Scan, int
        The round and its scan. All rounds before it have been chosen, or one of them got no
        pixels.
    ended : collection of int
        The rounds whose jobs have all ended, so that they add no further results.

    Returns
    -------
    Gate
        OPEN: the round's batches and its description are written.

    Raises
    ------
    MissingResults
        All jobs have ended, and results are missing or damaged.
    BadInput
        The startup folder or an earlier round is damaged.
    """
    if description_of(folder.round(number)) is not None:
        return Gate.OPEN
    others = [n for n in folder.chosen_rounds() if n != number]
    if number and number - 1 not in others:
        return Gate.SHUT
    startup = startup_of(folder, scan)
    gathered = gather(folder, scan.id, others)
    if not gathered.damage and not gathered.incomplete:
        pixels = chosen_by_rule(scan, startup, gathered)
        return _opened(folder, scan, number, pixels) if len(pixels) else Gate.SHUT
    if scan.time_budget:
        over = [n for n in others if n in ended]
        pixels, depth = left_behind(folder, scan.id, over)
        if len(pixels):
            deal(folder, scan, number, pixels, depth=depth)
            return Gate.OPEN
    unfinished = gathered.damage.keys() | gathered.incomplete.keys()
    if unfinished.issubset(ended):
        gathered.check()  # there will be no further results
    is_last = number + 1 >= scan.max_rounds  # it must have all remaining pixels
    if is_last or not _is_enough(gathered, scan.predictive_scanning_threshold):
        return Gate.NOT_YET
    pixels = early_pixels(scan, startup, gathered)
    return _opened(folder, scan, number, pixels) if len(pixels) else Gate.NOT_YET


def early_pixels(scan: Scan, startup: Startup, gathered: Gathered) -> NDArray[np.void]:
    """Return the next pixels by the results so far, if their seeds are known (PIXEL_DTYPE).

    A pixel is done when all its variations are.
    """
    left = gathered.leftover
    under_way = {int(n): left["pixel"][left["nside"] == n] for n in np.unique(left["nside"])}
    best = best_of(gathered.records).best
    is_under_way = np.isin(pixel_keys_of(best), pixel_keys_of(left))
    found = Found(best[~is_under_way], gathered.records)
    finished = found.llhs()
    chosen = {}
    for nside, pixels in choose(finished, scan.progression, startup.pointing).items():
        waits = np.isin(pixels, under_way.get(nside, ()))
        undecided = ~waits
        for coarser in coarser_nsides(nside, scan.progression):
            around = parents(nside, coarser, pixels)
            waits |= undecided & np.isin(around, under_way.get(coarser, ()))
            known = finished[coarser][0] if coarser in finished else ()
            undecided &= ~waits & ~np.isin(around, known)
        chosen[nside] = pixels[~waits]  # the seed of an undecided one is the event's own
    return seed_pixels(chosen, found, startup, scan.progression)


def _is_enough(gathered: Gathered, threshold: float) -> bool:
    n_in = len(gathered.records)
    return n_in >= threshold * (n_in + len(gathered.leftover))


def _opened(folder: ScanFolder, scan: Scan, number: int, pixels: NDArray[np.void]) -> Gate:
    deal(folder, scan, number, pixels, predictive=True)
    return Gate.OPEN
