"""Batches: the pixels that one job reconstructs, with their seeds.

A batch has a file of its own. In a round of very many jobs, batches whose numbers follow each
other share a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.errors import BadInput, DamagedFile
from skyscan.records import PIXEL_DTYPE
from skyscan.storage import npz_arrays, npz_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

LARGEST = 2**32  #: numbers of rounds and batches are below it: a result file has 32 bits
#: The most files of batches of a round, unless those that share one take more than
#: SHARED_BYTES: every job gets a whole file, and 2 MB of code besides.
FILES, SHARED_BYTES = 1000, 64 * 1024


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
        size, larger = divmod(-(-left // share), max(jobs, 1))
        now = [size + 1] * larger + [size] * (jobs - larger)
        sizes += [it for it in now if it]
        left = n - sum(sizes)
    return sorted(sizes, reverse=True)


def batches_per_file(sizes: Sequence[int]) -> int:
    """Return how many batches of a round share a file, given their numbers of pixels.

    A file takes 1 ms to write, so that a round of many jobs has fewer files than jobs. Each job
    gets the whole file, which must therefore stay small.
    """
    if len(sizes) <= FILES:
        return 1
    largest = max(sizes) * PIXEL_DTYPE.itemsize
    return max(1, min(-(-len(sizes) // FILES), SHARED_BYTES // largest))


def batch_bytes(batch: Batch, *more: Batch) -> bytes:
    """Return the content of a file of batches; the same batches give the same bytes.

    Parameters
    ----------
    batch, *more : Batch
        Batches of a round, whose numbers follow each other.
    """
    header = np.array([batch.round, batch.number], np.int64)
    scan_id = np.frombuffer(batch.scan_id.encode(), np.uint8)
    arrays: dict[str, NDArray[Any]] = {"scan_id": scan_id, "header": header}
    if more:
        arrays["sizes"] = np.array([len(it.pixels) for it in (batch, *more)], np.int64)
    # Rows of many fields: np.concatenate takes longer, 50 us for each array.
    content = b"".join(it.pixels.tobytes() for it in (batch, *more))
    return npz_bytes({**arrays, "pixels": np.frombuffer(content, PIXEL_DTYPE)})


def read_batch(path: Path, number: int | None = None) -> Batch:
    """Read one batch from its file.

    Parameters
    ----------
    path : Path
        The file.
    number : int, optional
        The batch, if the file has several.

    Raises
    ------
    DamagedFile
        The file is missing, damaged, or has no such batch.
    """
    batches = read_batches(path)
    if number is None and len(batches) == 1:
        return batches[0]
    found = [batch for batch in batches if batch.number == number]
    if not found:
        raise DamagedFile(f"{path} does not have batch {number}; run `skyscan resume`.")
    return found[0]


def read_batches(path: Path) -> list[Batch]:
    """Read the batches in a file.

    Raises
    ------
    DamagedFile
        The file is missing, damaged, or has no batches.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise DamagedFile(
            f"{path} is missing. Run `skyscan resume` to write it again."
        ) from None
    return batches_in(content, path)


def batches_in(content: bytes, path: Path) -> list[Batch]:
    """Return the batches in the content of the file ``path``.

    Raises
    ------
    DamagedFile
        It is damaged, or has no batches.
    """
    try:
        arrays = npz_arrays(content, path)
    except BadInput as error:
        raise DamagedFile(f"{error} Run `skyscan resume` to write it again.") from error
    try:
        batches = _batches_of(arrays)
    except (KeyError, TypeError, ValueError):
        raise DamagedFile(
            f"{path} is not a batch of this version; run `skyscan resume` to write it again."
        ) from None
    return batches


def _batches_of(arrays: Mapping[str, NDArray[Any]]) -> list[Batch]:
    """Return batches from the arrays of their file; raise ValueError if they cannot be."""
    scan_id = arrays["scan_id"].tobytes().decode()
    header, pixels = arrays["header"], arrays["pixels"]
    if pixels.dtype != PIXEL_DTYPE or pixels.ndim != 1:
        raise ValueError("not pixels")
    sizes = arrays.get("sizes", np.array([len(pixels)]))
    if header.dtype.kind != "i" or sizes.dtype.kind != "i" or sizes.ndim != 1:
        raise ValueError("not numbers")
    number_of_round, first = header.tolist()
    if (
        min(number_of_round, first) < 0
        or max(number_of_round + 1, first + len(sizes)) > LARGEST
    ):
        raise ValueError("numbers that cannot be")
    if not len(sizes) or sizes.min() < 0 or sizes.sum() != len(pixels):
        raise ValueError("other pixels")
    parts = np.split(pixels, np.cumsum(sizes)[:-1])
    return [
        Batch(scan_id, number_of_round, number, part)
        for number, part in enumerate(parts, start=first)
    ]
