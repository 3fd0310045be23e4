"""Batches: the pixels that one job reconstructs, with their seeds."""

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

LARGEST = 2**32  #: a number of a round or batch that a result file can hold


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
    """Distribute ``pixels`` over batches like cards, so that all share the slow regions.

    The variations of a pixel are adjacent in ``pixels`` and may go to different batches. Larger
    batches get pixels more often, in proportion to their sizes.
    """
    sizes = batch_sizes(
        len(pixels), batch_size=batch_size, jobs_per_round=jobs_per_round, halvings=halvings
    )
    owners = np.repeat(np.arange(len(sizes)), sizes)
    turns = [(np.arange(size) + 0.5) / size for size in sizes]
    owner_of_pixel = owners[np.lexsort((owners, np.concatenate([*turns, np.empty(0)])))]
    by_batch = pixels[np.argsort(owner_of_pixel, kind="stable")]
    return np.split(by_batch, np.cumsum(sizes)[:-1]) if sizes else []


def batch_sizes(
    n: int, *, batch_size: int | None, jobs_per_round: int | None, halvings: int = 0
) -> list[int]:
    """Return the sizes of the batches of a round of ``n`` pixels, largest first.

    Parameters
    ----------
    n : int
        The number of pixels.
    batch_size, jobs_per_round : int or None
        The largest size of a batch, or the number of jobs of the round; one of them is given.
    halvings : int
        How often the batches are halved, so that a round does not end by waiting for one large
        batch: each set of batches shares half of the remaining pixels (factoring, Hummel,
        Schonberg and Flynn 1992, Commun. ACM 35, 90).
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
        The file is missing, damaged, or not a batch.
    """
    try:
        arrays = read_npz(path)
    except BadInput as error:
        raise DamagedFile(f"{error} Run `skyscan resume` to write it again.") from error
    try:
        scan_id = arrays["scan_id"].tobytes().decode()
        header = arrays["header"]
        number_of_round, number = header.tolist()
        batch = Batch(scan_id, number_of_round, number, arrays["pixels"])
        is_right = header.dtype.kind == "i" and header.min() >= 0 and header.max() < LARGEST
    except (KeyError, TypeError, ValueError):
        is_right = False
    if not (is_right and batch.pixels.dtype == PIXEL_DTYPE and batch.pixels.ndim == 1):
        raise DamagedFile(
            f"{path} is not a batch of this version; run `skyscan resume` to write it again."
        )
    return batch
