"""Batches: the pixels that one job reconstructs, with the seeds that they start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput, DamagedFile
from skyscan.records import PIXEL_DTYPE
from skyscan.storage import npz_bytes, read_npz

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """The work of one job: ``pixels`` is of dtype PIXEL_DTYPE, shape (n,)."""

    scan_id: str
    round: int
    number: int
    pixels: NDArray[np.void]


def split(
    pixels: NDArray[np.void],
    *,
    batch_size: int | None,
    jobs_per_round: int | None,
    halvings: int = 0,
) -> list[NDArray[np.void]]:
    """Deal ``pixels`` out to jobs like cards, so that slow regions are shared by all.

    All variations of one pixel lie next to each other in ``pixels`` and may part. A larger
    batch gets cards more often, in proportion to its size.
    """
    sizes = batch_sizes(
        len(pixels), batch_size=batch_size, jobs_per_round=jobs_per_round, halvings=halvings
    )
    owners = np.repeat(np.arange(len(sizes)), sizes)
    turns = [(np.arange(size) + 0.5) / size for size in sizes]
    dealt = owners[np.lexsort((owners, np.concatenate([*turns, np.empty(0)])))]
    return [pixels[dealt == batch] for batch in range(len(sizes))]


def batch_sizes(
    n: int, *, batch_size: int | None, jobs_per_round: int | None, halvings: int = 0
) -> list[int]:
    """Return how many of ``n`` pixels each batch of a round has, the largest first.

    Parameters
    ----------
    n : int
        How many there are.
    batch_size, jobs_per_round : int or None
        The most that a batch has, or how many jobs the round has; one of the two is given.
    halvings : int
        How often the batches get half as large, so that a round does not end with waiting for
        one large batch: each time so many of them share half of what is left (factoring,
        Hummel, Schonberg and Flynn 1992, Commun. ACM 35, 90).
    """
    jobs = -(-n // batch_size) if batch_size else min(jobs_per_round or 1, n)
    sizes: list[int] = []
    left = n
    for share in [2] * halvings + [1]:
        size, larger = divmod(left if share == 1 else -(-left // share), max(jobs, 1))
        now = [size + 1] * larger + [size] * (jobs - larger)
        sizes += [it for it in now if it]
        left = n - sum(sizes)
    return sorted(sizes, reverse=True)


def batch_bytes(batch: Batch) -> bytes:
    """Return the content of a batch file; the same batch gives the same bytes."""
    header = np.array([batch.round, batch.number], np.int64)
    scan_id = np.frombuffer(batch.scan_id.encode(), np.uint8)
    return npz_bytes({"scan_id": scan_id, "header": header, "pixels": batch.pixels})


def read_batch(path: Path) -> Batch:
    """Read one batch file.

    Raises
    ------
    DamagedFile
        The file is missing, damaged, or no batch.
    """
    try:
        arrays = read_npz(path)
    except BadInput as error:
        raise DamagedFile(f"{error} `skyscan resume` has it written again.") from error
    try:
        scan_id = arrays["scan_id"].tobytes().decode()
        number_of_round, number = arrays["header"].tolist()
        batch = Batch(scan_id, number_of_round, number, arrays["pixels"])
    except (KeyError, TypeError, ValueError):
        batch = None
    if batch is None or batch.pixels.dtype != PIXEL_DTYPE:
        raise DamagedFile(
            f"{path} is no batch of this version; resume the scan to have it rewritten."
        )
    return batch
