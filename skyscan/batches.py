"""Batches: the pixels that one job reconstructs, with the seeds that they start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput, DamagedFile
from skyscan.records import PIXEL_DTYPE
from skyscan.storage import npz_bytes, read_npz, write_bytes

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
    pixels: NDArray[np.void], *, batch_size: int | None, jobs_per_round: int | None
) -> list[NDArray[np.void]]:
    """Deal ``pixels`` out to jobs like cards, so that slow regions are shared by all.

    All variations of one pixel lie next to each other in ``pixels`` and may part.
    """
    if batch_size is None:
        n_batches = min(jobs_per_round or 1, len(pixels))
    else:
        n_batches = -(-len(pixels) // batch_size)
    return [pixels[start::n_batches] for start in range(n_batches)]


def write_batch(path: Path, batch: Batch) -> None:
    """Write one batch file."""
    write_bytes(path, batch_bytes(batch))


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
