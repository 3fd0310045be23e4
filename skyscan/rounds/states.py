"""The batches of an open round: what is missing, with result files that are fit for jobs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from skyscan.layout import result_path
from skyscan.records import RECORD_DTYPE, ids_of
from skyscan.results import read_results, whole_results, write_results
from skyscan.rounds.description import batch_files, description_of
from skyscan.storage import make_folder, write_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from skyscan.batches import Batch
    from skyscan.layout import RoundFolder
    from skyscan.records import Fit


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


def states_of(
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
    states = []
    for first, group in groupby(batches, key=lambda batch: files[batch.number]):
        of_file = [(batch, here.result(batch.number)) for batch in group]
        is_done = not is_new and whole_results(of_file) is not None
        for batch, _ in of_file:
            n = 0 if is_done else len(batch.pixels)
            missing = n if is_new or is_done else _missing(here, batch, later)
            states.append(BatchState(batch.number, len(batch.pixels), missing, first))
    return states


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
    pixels = result.missing(batch)
    if not later:
        return len(pixels)
    missing = ids_of(pixels)
    back = [record for ids in missing if (record := later.get(ids)) is not None]
    if back:
        records = np.concatenate([result.records, np.array(back, RECORD_DTYPE)])
        write_results(path, batch, records)
    return sum(it not in later for it in missing)
