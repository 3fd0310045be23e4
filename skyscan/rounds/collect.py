"""Read the results of the rounds so far from their result files."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from skyscan.batches import Batch, batches_in
from skyscan.errors import BadInput, DamagedFile, TryAgain
from skyscan.records import (
    FOUND_DTYPE,
    PIXEL_DTYPE,
    fill_found,
    found_of,
    keys_of,
    pixel_keys_of,
)
from skyscan.results import read_results, whole_results
from skyscan.rounds.description import BatchFile, batch_files, read_description

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.layout import RoundFolder, ScanFolder
    from skyscan.rounds.rule import Llhs


class MissingResults(TryAgain):
    """A batch has no, incomplete or foreign results; `skyscan resume` repeats its fits."""


@dataclass(frozen=True)
class Found:
    """The best fit of each finished pixel.

    Attributes
    ----------
    best : ndarray, shape (npix,), dtype FOUND_DTYPE
        One record per pixel, ordered by nside, then pixel.
    records : ndarray, shape (n,), dtype FOUND_DTYPE
        All variations.
    """

    best: NDArray[np.void]
    records: NDArray[np.void]

    def levels(self) -> dict[int, NDArray[np.void]]:
        """Return {nside: its part of ``best``}, coarse to fine."""
        nsides, starts = np.unique(self.best["nside"], return_index=True)
        parts = np.split(self.best, starts[1:])
        return {int(nside): part for nside, part in zip(nsides, parts, strict=False)}

    def llhs(self) -> Llhs:
        """Return the llh of each finished pixel."""
        return {nside: (rows["pixel"], rows["llh"]) for nside, rows in self.levels().items()}


def best_of(records: NDArray[np.void]) -> Found:
    """Return the variation of lowest llh for each pixel.

    A number always wins over NaN; among equals, the lower variation wins.
    """
    pixels = pixel_keys_of(records)
    if np.all(pixels[1:] > pixels[:-1]):  # as of one round
        return Found(records, records)
    order = np.argsort(pixels)
    if np.any(pixels[order[1:]] == pixels[order[:-1]]):  # some have several variations
        # lexsort's last key leads. NaN sorts last, after every number.
        order = np.lexsort((records["variation"], records["llh"], pixels))
        is_first = np.ones(len(records), bool)
        is_first[1:] = pixels[order[1:]] != pixels[order[:-1]]
        order = order[is_first]
    return Found(records[order], records)


def collect(folder: ScanFolder, scan_id: str, rounds: list[int]) -> Found:
    """Read the results of ``rounds``, which must be complete.

    Raises
    ------
    MissingResults
        Result files are missing, incomplete, damaged or of another scan; the message names
        them.
    """
    gathered = gather(folder, scan_id, rounds)
    gathered.check()
    return best_of(gathered.records)


@dataclass(frozen=True)
class Gathered:
    """The results of some rounds, and their remaining fits.

    Attributes
    ----------
    records : ndarray, shape (n,), dtype FOUND_DTYPE
        The record of each fit, from the first round that has it.
    leftover : ndarray, shape (n,), dtype PIXEL_DTYPE
        Pixels of jobs that have no record, ordered by nside, pixel, variation.
    damage : dict of int to list of str
        Damage in result files, by round.
    incomplete : dict of int to list of str
        Result files without all their records, by round.
    """

    records: NDArray[np.void]
    leftover: NDArray[np.void]
    damage: dict[int, list[str]]
    incomplete: dict[int, list[str]]

    def check(self) -> None:
        """Refuse results that are not complete.

        Raises
        ------
        MissingResults
            Result files are missing, incomplete, damaged or of another scan; the message
            names them.
        """
        complaints = [*chain(*self.damage.values()), *chain(*self.incomplete.values())]
        if complaints:
            raise MissingResults(
                "; ".join(complaints) + ". Run `skyscan resume` to repeat only these fits."
            )


def gather(folder: ScanFolder, scan_id: str, rounds: list[int]) -> Gathered:
    """Read the results of ``rounds``, complete or not.

    A remaining fit of one round is repeated in the next one, and counts once.

    Raises
    ------
    DamagedFile
        A round's description or a batch file is damaged, or of another scan.
    """
    damage: dict[int, list[str]] = {}
    files = {number: _files(folder.round(number)) for number in rounds}
    # Not parts that are joined at the end: that takes twice the memory.
    n_pixels = sum(sum(file.sizes) for file in chain(*files.values()))
    records, n = np.empty(n_pixels, FOUND_DTYPE), 0
    unfinished: list[tuple[int, Path, int, NDArray[np.void]]] = []
    for number in rounds:
        here = folder.round(number)
        for file in files[number]:
            batches = list(_batches_in(here, scan_id, file))
            whole = whole_results(batches)
            parts = [] if whole is None else [whole]
            for batch, path in batches if whole is None else ():
                result = read_results(path, batch)
                if result.complaints:
                    damage.setdefault(number, []).extend(result.complaints)
                parts.append(result.records)
                missing = result.missing(batch)
                if len(missing):
                    unfinished.append((number, path, len(batch.pixels), missing))
            for part in parts:
                if len(records) < n + len(part):  # the description has fewer pixels
                    records = np.concatenate([records[:n], np.empty(len(part), FOUND_DTYPE)])
                fill_found(records[n:], part)
                n += len(part)
    records, found = _first_of_each(records[:n])
    left = [np.empty(0, PIXEL_DTYPE)]
    incomplete: dict[int, list[str]] = {}
    for number, path, n_pixels, missing in unfinished:
        left.append(missing[~np.isin(keys_of(missing), found)])
        if n := len(left[-1]):
            text = f"{path} is missing {n} of {n_pixels} pixels"
            incomplete.setdefault(number, []).append(text)
    # Of a fit that several rounds were to do, the last one's row.
    leftover = np.concatenate(left)[::-1]
    _, last = np.unique(keys_of(leftover), return_index=True)
    return Gathered(records, leftover[last], damage, incomplete)


def _first_of_each(
    records: NDArray[np.void],
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Return the first record of each fit, in their order, and the sorted keys of all."""
    keys = keys_of(records)
    if np.all(keys[1:] > keys[:-1]):
        return records, keys
    in_order = np.sort(keys)
    if np.all(in_order[1:] != in_order[:-1]):
        return records, in_order
    keys, first = np.unique(keys, return_index=True)
    return records[np.sort(first)], keys


def collect_partial(
    folder: ScanFolder,
    scan_id: str,
    arriving: Mapping[int, Mapping[int, list[Path]]] | None = None,
) -> Found:
    """Read the results of all rounds, complete or not, for the map of a scan that failed.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    scan_id : str
        Its id.
    arriving : mapping, optional
        Further result files of a batch, which are not in the scan folder yet:
        {round: {batch: paths}}.
    """
    records = [np.empty(0, FOUND_DTYPE)]
    for number in folder.chosen_rounds():
        elsewhere = (arriving or {}).get(number, {})
        for batch, path in _intact_batches(folder.round(number), scan_id):
            result = read_results(path, batch)
            for further in elsewhere.get(batch.number, []):
                result = result.joined(read_results(further, batch))
            records.append(found_of(result.records))
    return best_of(np.concatenate(records))


def _intact_batches(folder: RoundFolder, scan_id: str) -> Iterator[tuple[Batch, Path]]:
    """Yield the batches of a round that are not damaged; the report names the others."""
    with suppress(BadInput):
        for file in _files(folder):
            with suppress(BadInput):
                yield from _batches_in(folder, scan_id, file)


def batches_of(folder: RoundFolder, scan_id: str) -> Iterator[tuple[Batch, Path]]:
    """Yield each batch of a chosen round with the path of its result file.

    Raises
    ------
    DamagedFile
        The round's description or a batch file is damaged, or of another scan.
    """
    for file in _files(folder):
        yield from _batches_in(folder, scan_id, file)


def _files(folder: RoundFolder) -> list[BatchFile]:
    try:
        return list(batch_files(read_description(folder)))
    except BadInput as error:
        raise DamagedFile(
            f"{folder.description} is damaged ({error}); run `skyscan resume`."
        ) from error


def _batches_in(
    folder: RoundFolder, scan_id: str, file: BatchFile
) -> Iterator[tuple[Batch, Path]]:
    path = folder.batch(file.first)
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DamagedFile(f"{path} is missing; run `skyscan resume`.") from None
    batches = batches_in(content, path)
    is_of_scan = all(batch.scan_id == scan_id for batch in batches)
    if not is_of_scan or sha256(content).hexdigest() != file.sha256:
        raise DamagedFile(
            f"{path} is damaged or belongs to another scan; run `skyscan resume`."
        )
    for batch in batches:
        yield batch, folder.result(batch.number)
