"""Predictive scanning: finer pixels are chosen before all coarser ones are in.

With ``--predictive-scanning-threshold`` below 1 the rounds of a scan run side by side. Before
each stands a gate, which looks again and again at what has come home. It opens when that is
the threshold's part of all that was dealt out, and the rule, given just that, wants pixels
that nobody has yet. A pixel waits for the coarser pixel that it takes its seed from, so it is
fitted as in a scan that waits for all. When everything is in, the rule has the last word: the
scan ends when it adds nothing. So such a scan may fit more pixels, and never leaves one out.

What a round was given depends on what had come home by then. So that stands in its
``round.json`` and is kept, whatever has come since.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.pixels import Pixel, parent
from skyscan.rounds.collect import Found, best_of, gather
from skyscan.rounds.leftover import left_behind
from skyscan.rounds.next_round import chosen_by_rule, deal, seed_pixels, startup_of
from skyscan.rounds.rule import next_pixels
from skyscan.storage import read_sealed

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from skyscan.layout import ScanFolder
    from skyscan.rounds.collect import Gathered
    from skyscan.scan import Scan
    from skyscan.startup import Startup


class Gate(Enum):
    """What a gate says of its round."""

    OPEN = "it has pixels"
    SHUT = "it will have none: the scan has converged"
    NOT_YET = "ask again"


def look(folder: ScanFolder, scan: Scan, number: int, ended: Collection[int]) -> Gate:
    """Look at what has come home, and open round ``number`` if it can have pixels.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan : Scan
        Its options.
    number : int
        The round; all rounds before it have been chosen, or one of them got none.
    ended : collection of int
        The rounds whose jobs have all ended, so that nothing more comes of them.

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
    if _is_chosen(folder, number):
        return Gate.OPEN
    others = [n for n in folder.chosen_rounds() if n != number]
    if number and number - 1 not in others:
        return Gate.SHUT
    startup = startup_of(folder, scan)
    gathered = gather(folder, scan.id, others)
    if not gathered.damage and not gathered.lacking:
        pixels = chosen_by_rule(scan, startup, gathered)
        return _opened(folder, scan, number, pixels) if len(pixels) else Gate.SHUT
    if scan.time_budget:
        over = [n for n in others if n in ended]
        pixels, depth = left_behind(folder, scan.id, over)
        if len(pixels):
            deal(folder, scan, number, pixels, depth=depth)
            return Gate.OPEN
    unfinished = gathered.damage.keys() | gathered.lacking.keys()
    if unfinished.issubset(ended):
        gathered.check()  # nothing more comes
    is_last = number + 1 >= scan.max_rounds  # it must have all that is left
    if is_last or not _is_enough(gathered, scan.predictive_scanning_threshold):
        return Gate.NOT_YET
    pixels = early_pixels(scan, startup, gathered)
    return _opened(folder, scan, number, pixels) if len(pixels) else Gate.NOT_YET


def early_pixels(scan: Scan, startup: Startup, gathered: Gathered) -> NDArray[np.void]:
    """Return what the rule wants by what is in, and what can have its seed (PIXEL_DTYPE).

    A pixel is in when all of its variations are.
    """
    under_way = {Pixel(*row.item()) for row in gathered.leftover[["nside", "pixel"]]}
    best = best_of(gathered.records).best
    is_in = [Pixel(*row.item()) not in under_way for row in best[["nside", "pixel"]]]
    found = Found(best[np.array(is_in, bool)], gathered.records)
    finished = found.llhs()
    chosen = next_pixels(finished, scan.progression, startup.pointing) - under_way
    nsides = sorted((nside for nside, _ in scan.progression), reverse=True)

    def has_its_seed(pixel: Pixel) -> bool:
        for nside in (n for n in nsides if n < pixel.nside):
            coarser = Pixel(nside, parent(pixel.nside, nside, pixel.pixel))
            if coarser in under_way:
                return False
            if coarser.pixel in finished.get(nside, {}):
                return True
        return True  # the event's own

    return seed_pixels(filter(has_its_seed, chosen), found, startup, scan.progression)


def _is_enough(gathered: Gathered, threshold: float) -> bool:
    n_in = len(gathered.records)
    return n_in >= threshold * (n_in + len(gathered.leftover))


def _opened(folder: ScanFolder, scan: Scan, number: int, pixels: NDArray[np.void]) -> Gate:
    deal(folder, scan, number, pixels, predictive=True)
    return Gate.OPEN


def _is_chosen(folder: ScanFolder, number: int) -> bool:
    try:
        read_sealed(folder.round(number).description)
    except BadInput:
        return False
    return True
