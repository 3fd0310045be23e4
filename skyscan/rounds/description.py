"""The description of a round, ``round.json``: its batches, and how its pixels were chosen.

An entry of its ``batches`` is a file of them: the ``number`` of the first, the numbers of
``pixels`` of all, or a single number if it is alone, and the SHA-256 of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from skyscan.errors import BadInput
from skyscan.json_text import is_of
from skyscan.storage import read_sealed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from skyscan.layout import RoundFolder

# Optional keys: the pixels of such a round do not follow from the results of the others.
LEFTOVER = "leftover"
PREDICTIVE = "predictive"
MAX_DEPTH = 1000  #: of leftover rounds in a row; a scan has fewer rounds
MAX_BATCHES = 10**7  #: of a round


def read_description(here: RoundFolder) -> dict[str, Any]:
    """Return the description of a round.

    Raises
    ------
    BadInput
        It is missing or damaged, was edited, or does not describe a round.
    """
    value = read_sealed(here.description)
    try:
        is_right = (
            is_of(value["scan_id"], str)
            and is_of(value["batches"], list[dict[str, Any]])
            and all(_is_batch(entry) for entry in value["batches"])
            and is_of(depth := value.get(LEFTOVER, 0), int)
            and 0 <= depth <= MAX_DEPTH
        )
    except KeyError:
        is_right = False
    if not is_right:
        raise BadInput(f"{here.description} does not describe a round.")
    return value


def description_of(here: RoundFolder) -> dict[str, Any] | None:
    """Return the description of a round; None if it is missing or damaged."""
    try:
        return read_description(here)
    except BadInput:
        return None


class BatchFile(NamedTuple):
    """A file of batches whose numbers follow each other.

    Attributes
    ----------
    first : int
        Number of the first batch.
    sizes : sequence of int
        The numbers of pixels of all.
    sha256 : str
        Digest of the file.
    """

    first: int
    sizes: list[int]
    sha256: str


def batch_files(description: Mapping[str, Any]) -> Iterator[BatchFile]:
    """Yield the files of the batches of a round, from its description."""
    for entry in description["batches"]:
        pixels = entry["pixels"]
        sizes = pixels if isinstance(pixels, list) else [pixels]
        yield BatchFile(entry["number"], sizes, entry["sha256"])


def entry_of(file: BatchFile) -> dict[str, Any]:
    """Return how a description names a file of batches."""
    pixels = file.sizes if len(file.sizes) > 1 else file.sizes[0]
    return {"number": file.first, "pixels": pixels, "sha256": file.sha256}


def _is_batch(entry: dict[str, Any]) -> bool:
    number, pixels = entry["number"], entry["pixels"]
    sizes = pixels if isinstance(pixels, list) else [pixels]
    if not is_of(number, int) or not is_of(entry["sha256"], str):
        return False
    # Not `is_of`, which takes 10 us for each.
    are_sizes = bool(sizes) and {type(it) for it in sizes} == {int} and min(sizes) >= 0
    return are_sizes and 0 <= number <= MAX_BATCHES - len(sizes)
