"""The step between rounds: collect the results, choose the next pixels, deal them.

It runs on the access point, so it is light and evaluates no likelihood. It can be run again at
any time: its output depends only on the results of earlier rounds, and existing results are
kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.pixels import parents
from skyscan.records import PIXEL_DTYPE, SEED_FIELDS
from skyscan.rounds.collect import Found, best_of, gather
from skyscan.rounds.dealing import deal
from skyscan.rounds.leftover import (
    handed_on,
    leftover_depth,
    recorded_batches,
)
from skyscan.rounds.rule import choose
from skyscan.rounds.states import BatchState, states_of
from skyscan.startup import Startup, read_startup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from skyscan.batches import Batch
    from skyscan.layout import ScanFolder
    from skyscan.progression import Progression
    from skyscan.rounds.collect import Gathered
    from skyscan.rounds.rule import Chosen
    from skyscan.scan import Scan


def open_round(folder: ScanFolder, scan: Scan, number: int) -> list[BatchState]:
    """Choose the pixels of round ``number`` and write its batches.

    Returns
    -------
    list of BatchState
        Empty when nothing is left to reconstruct.

    Raises
    ------
    MissingResults
        An earlier round is not complete.
    BadInput
        The startup folder or an earlier round is damaged.
    """
    here = folder.round(number)
    if scan.predictive_scanning_threshold < 1:
        is_over = not here.description.exists()  # its gate chooses (`rounds.predictive`)
    else:
        is_over = number > 0 and not folder.round(number - 1).description.exists()
    if is_over:
        return []  # no pixels were chosen, and no round was added since
    startup = startup_of(folder, scan)
    batches = recorded_batches(here, scan.id)
    if batches is None:
        batches = _choose(folder, scan, startup, number)
    return states_of(here, batches, handed_on(folder, scan.id, number))


def startup_of(folder: ScanFolder, scan: Scan) -> Startup:
    """Read the startup file that prep wrote for this scan.

    Raises
    ------
    BadInput
        It is damaged or belongs to another scan.
    """
    startup = read_startup(folder.startup)
    if startup.scan_id != scan.id:
        raise BadInput(
            f"{folder.startup_json} belongs to another scan; plan into a new folder."
        )
    return startup


def _choose(folder: ScanFolder, scan: Scan, startup: Startup, number: int) -> list[Batch]:
    """Return batches of the remaining fits of earlier rounds, or of the rule's next pixels."""
    gathered = gather(folder, scan.id, list(range(number)))
    if scan.time_budget and len(gathered.leftover) and not gathered.damage:
        depth = leftover_depth(folder.round(number - 1)) + 1
        return deal(folder, scan, number, gathered.leftover, depth=depth)
    gathered.check()
    pixels = chosen_by_rule(scan, startup, gathered)
    if len(pixels) or folder.round(number).description.exists():
        return deal(folder, scan, number, pixels)
    return []


def chosen_by_rule(scan: Scan, startup: Startup, gathered: Gathered) -> NDArray[np.void]:
    """Return the next pixels by the rule, given all results, with seeds (PIXEL_DTYPE)."""
    found = best_of(gathered.records)
    chosen = choose(found.llhs(), scan.progression, startup.pointing)
    return seed_pixels(chosen, found, startup, scan.progression)


def seed_pixels(
    chosen: Chosen, found: Found, startup: Startup, progression: Progression
) -> NDArray[np.void]:
    """Return the chosen pixels with seeds: the best fit of the coarser pixel around each.

    If the nearest coarser pixel that was reconstructed has no fit, or there is no such pixel,
    the seed is the event's own.

    Returns
    -------
    ndarray, shape (n_chosen * n_variations,), dtype PIXEL_DTYPE
        Ordered by nside, pixel, variation.
    """
    levels = found.levels()
    parts = [np.empty((0, startup.n_variations), PIXEL_DTYPE)]
    for nside in sorted(chosen):
        pixels = np.zeros((len(chosen[nside]), startup.n_variations), PIXEL_DTYPE)
        pixels["nside"] = nside
        pixels["pixel"] = chosen[nside][:, None]
        pixels["variation"] = np.arange(startup.n_variations)
        for name in SEED_FIELDS:
            pixels[name] = getattr(startup.seed, name)
        for rows, fits in _coarser_fits(nside, chosen[nside], levels, progression):
            for name in SEED_FIELDS:
                pixels[name][rows] = fits[name][:, None]
        parts.append(pixels)
    return np.concatenate(parts).reshape(-1)


def coarser_nsides(nside: int, progression: Progression) -> list[int]:
    """Return the nsides that seeds of an nside may come from, the finest first."""
    return sorted((coarser for coarser, _ in progression if coarser < nside), reverse=True)


def _coarser_fits(
    nside: int,
    pixels: NDArray[np.int64],
    levels: Mapping[int, NDArray[np.void]],
    progression: Progression,
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.void]]]:
    """Yield indices into ``pixels``, and the fits that they get their seeds from."""
    remaining = np.arange(len(pixels))
    for coarser in coarser_nsides(nside, progression):
        if coarser not in levels:
            continue
        fits = levels[coarser]
        around = parents(nside, coarser, pixels[remaining])
        at = np.minimum(np.searchsorted(fits["pixel"], around), len(fits) - 1)
        is_there = fits["pixel"][at] == around
        has_fit = is_there & ~np.isnan(fits["llh"][at])
        yield remaining[has_fit], fits[at[has_fit]]
        remaining = remaining[~is_there]
