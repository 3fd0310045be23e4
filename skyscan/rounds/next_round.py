"""The step between rounds: collect the results, choose the next pixels, write their batches.

It runs on the access point, so it is light and evaluates no likelihood. It can be run again at
any time: its output depends only on the results of earlier rounds, and existing results are
kept.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.batches import Batch, batch_bytes, batches_per_file, split
from skyscan.errors import BadInput, DamagedFile
from skyscan.layout import result_path
from skyscan.pixels import parents
from skyscan.records import PIXEL_DTYPE, RECORD_DTYPE, ids_of, keys_of
from skyscan.results import read_results, write_results
from skyscan.rounds.collect import Found, batches_of, best_of, gather
from skyscan.rounds.description import (
    LEFTOVER,
    PREDICTIVE,
    BatchFile,
    batch_files,
    description_of,
    entry_of,
)
from skyscan.rounds.earlier import KnownFits
from skyscan.rounds.leftover import (
    handed_on,
    leftover_depth,
    recorded_batches,
)
from skyscan.rounds.rule import choose
from skyscan.startup import Startup, read_startup
from skyscan.storage import make_folder, write_bytes, write_many, write_sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skyscan.layout import RoundFolder, ScanFolder
    from skyscan.progression import Progression
    from skyscan.records import Fit
    from skyscan.rounds.collect import Gathered
    from skyscan.rounds.rule import Chosen
    from skyscan.scan import Scan


#: Fields of a fit that seed the finer pixels inside its pixel.
SEED_FIELDS = ("x", "y", "z", "time", "energy")
#: Seeds that differ less (relative, and in m, ns and GeV) come from the same fit, repeated on
#: another kind of CPU.
SEED_PRECISION = 1e-6


@dataclass(frozen=True)
class BatchState:
    """One batch of a round.

    Attributes
    ----------
    number : int
        Its number.
    n_pixels, n_missing : int
        Its number of fits, and how many of them are missing.
    file : int
        Number of the first batch in the file that has it.
    """

    number: int
    n_pixels: int
    n_missing: int
    file: int


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
    return _states(here, batches, handed_on(folder, scan.id, number))


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


def deal(
    folder: ScanFolder,
    scan: Scan,
    number: int,
    pixels: NDArray[np.void],
    *,
    depth: int = 0,
    predictive: bool = False,
) -> list[Batch]:
    """Distribute pixels over the batches of a round, and write them.

    Parameters
    ----------
    folder, scan, number : ScanFolder, Scan, int
        The round and its scan.
    pixels : ndarray, shape (n,), dtype PIXEL_DTYPE
        The pixels to fit.
    depth : int
        The round's number in a row of leftover rounds; 0 if it is not one.
    predictive : bool
        Whether it was chosen from the results so far, so that it cannot be chosen again.

    Raises
    ------
    BadInput
        The round exists with other batches.
    """
    parts = split(
        pixels,
        batch_size=scan.batch_size,
        jobs_per_round=scan.jobs_per_round,
        halvings=scan.halvings,
    )
    scan_id = scan.id
    batches = [Batch(scan_id, number, i, part) for i, part in enumerate(parts)]
    here = folder.round(number)
    if description_of(here) is None:
        _reuse_known(folder, here, scan_id, batches)
    kind = {
        **({LEFTOVER: depth} if depth else {}),
        **({PREDICTIVE: True} if predictive else {}),
    }
    kept = _kept(here, scan_id, batches, kind)
    if kept is not None:
        return kept
    _write_round(here, scan_id, batches, kind)
    return batches


def _kept(
    here: RoundFolder, scan_id: str, batches: list[Batch], kind: Mapping[str, Any]
) -> list[Batch] | None:
    """Return the batches that a round has, if they have these pixels and seeds; else None.

    A fit that was repeated on another kind of CPU may differ in its last bits, and with it the
    seeds that follow from it. What was chosen and fitted from the earlier ones stays valid.
    """
    recorded = description_of(here)
    if recorded is None or {key: recorded.get(key) for key in kind} != kind:
        return None
    try:
        old = [batch for batch, _ in batches_of(here, scan_id)]
    except DamagedFile:
        return None
    if [len(batch.pixels) for batch in old] != [len(batch.pixels) for batch in batches]:
        return None
    return old if _are_alike(_all_pixels(old), _all_pixels(batches)) else None


def _all_pixels(batches: Sequence[Batch]) -> NDArray[np.void]:
    return np.concatenate([np.empty(0, PIXEL_DTYPE), *(batch.pixels for batch in batches)])


def _are_alike(old: NDArray[np.void], new: NDArray[np.void]) -> bool:
    """Return whether rows (dtype PIXEL_DTYPE) have the same fits from nearly the same seeds."""
    if not np.array_equal(keys_of(old), keys_of(new)):
        return False
    return all(
        np.allclose(old[name], new[name], SEED_PRECISION, SEED_PRECISION, equal_nan=True)
        for name in SEED_FIELDS
    )


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


def _reuse_known(
    folder: ScanFolder, here: RoundFolder, scan_id: str, batches: list[Batch]
) -> None:
    """Write the known fits of a new round's pixels to its result files.

    They come from earlier attempts, or from the round itself if only its description was lost.
    """
    if not folder.earlier.exists() and not here.path.exists():
        return
    known = KnownFits(folder, scan_id)
    for batch in batches:
        records = known.of(batch)
        if len(records):
            write_results(here.result(batch.number), batch, records)


def _write_round(
    here: RoundFolder, scan_id: str, batches: list[Batch], kind: Mapping[str, Any]
) -> None:
    recorded = description_of(here)
    contents, entries = {}, []
    for group in _in_files(batches, recorded):
        first, content = group[0].number, batch_bytes(*group)
        contents[here.batch(first)] = content
        sizes = [len(batch.pixels) for batch in group]
        entries.append(entry_of(BatchFile(first, sizes, sha256(content).hexdigest())))
    description: dict[str, Any] = {"scan_id": scan_id, "batches": entries, **kind}
    if recorded not in (None, description):
        raise BadInput(
            f"The batches in {here.description} do not follow from the results of the earlier "
            f"rounds; a file was changed. Run `skyscan retry --anew` to choose the rounds "
            f"again and keep the results."
        )
    here.logs.mkdir(parents=True, exist_ok=True)
    if kind:  # it depends on the time of its choice, and cannot be chosen again
        for path, content in contents.items():
            write_bytes(path, content)
    elif contents:
        write_many(here.batch(0).parent, {path.name: it for path, it in contents.items()})
    write_sealed(here.description, description)


def _in_files(
    batches: Sequence[Batch], recorded: Mapping[str, Any] | None
) -> Iterator[Sequence[Batch]]:
    """Yield the batches that share a file, as recorded if the round was chosen before."""
    if recorded is None:
        n = batches_per_file([len(batch.pixels) for batch in batches])
        numbers = [n] * -(-len(batches) // n)
    else:
        numbers = [len(file.sizes) for file in batch_files(recorded)]
    ends = np.cumsum(numbers).tolist()
    yield from filter(None, (batches[a:b] for a, b in pairwise([0, *ends, len(batches)])))


def _states(
    here: RoundFolder, batches: Sequence[Batch], later: Mapping[Fit, np.void | None]
) -> list[BatchState]:
    """Return the states of the batches of a round; clean its result files for its jobs."""
    files = {
        number: file.first
        for file in batch_files(description_of(here) or {"batches": ()})
        for number in range(file.first, file.first + len(file.sizes))
    }
    is_new = not later and not here.results.exists()
    if batches and is_new:
        _make_results(here, batches)
    return [
        BatchState(
            *(batch.number, len(batch.pixels)),
            len(batch.pixels) if is_new else _missing(here, batch, later),
            files[batch.number],
        )
        for batch in batches
    ]


def _make_results(here: RoundFolder, batches: Sequence[Batch]) -> None:
    """Make the empty result files of a new round, without syncing them one by one."""
    make_folder(here.results)
    top = here.results.parent
    for batch in batches:
        path = f"{top}/{result_path(batch.number)}"
        os.mkdir(path.rpartition("/")[0])  # noqa: PTH102  for each of many jobs
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o666))


def _missing(here: RoundFolder, batch: Batch, later: Mapping[Fit, np.void | None]) -> int:
    """Return how many fits of a batch are missing, and clean its result file.

    Remaining fits belong to the next round; those that it has done are copied back here.
    """
    path = here.result(batch.number)
    result = read_results(path, batch)
    if result.complaints and len(result.records):
        write_results(path, batch, result.records)
    elif path.exists() and result.complaints:
        write_bytes(path, b"")
    elif result.complaints:  # of every batch of a new round: not synced one by one
        make_folder(path.parent)
        path.touch()
    missing = ids_of(result.missing(batch))
    back = [record for ids in missing if (record := later.get(ids)) is not None]
    if back:
        records = np.concatenate([result.records, np.array(back, RECORD_DTYPE)])
        write_results(path, batch, records)
    return sum(it not in later for it in missing)
