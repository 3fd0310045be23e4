"""Distribute the pixels of a round over batches, and write these, some to a file."""

from __future__ import annotations

from hashlib import sha256
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.batches import Batch, batch_bytes, batches_per_file, split
from skyscan.errors import BadInput, DamagedFile
from skyscan.records import PIXEL_DTYPE, SEED_FIELDS, keys_of
from skyscan.results import write_results
from skyscan.rounds.collect import batches_of
from skyscan.rounds.description import (
    LEFTOVER,
    PREDICTIVE,
    BatchFile,
    batch_files,
    description_of,
    entry_of,
)
from skyscan.rounds.earlier import KnownFits
from skyscan.storage import write_bytes, write_many, write_sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from skyscan.layout import RoundFolder, ScanFolder
    from skyscan.scan import Scan

#: Seeds that differ less (relative, and in m, ns and GeV) come from the same fit, repeated on
#: another kind of CPU.
SEED_PRECISION = 1e-6


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
    # Rows of many fields: np.concatenate takes longer, 50 us for each array.
    return np.frombuffer(b"".join(batch.pixels.tobytes() for batch in batches), PIXEL_DTYPE)


def _are_alike(old: NDArray[np.void], new: NDArray[np.void]) -> bool:
    """Return whether rows (dtype PIXEL_DTYPE) have the same fits from nearly the same seeds."""
    if not np.array_equal(keys_of(old), keys_of(new)):
        return False
    return all(
        np.allclose(old[name], new[name], SEED_PRECISION, SEED_PRECISION, equal_nan=True)
        for name in SEED_FIELDS
    )


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
