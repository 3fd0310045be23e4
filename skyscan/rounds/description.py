"""The description of a round, ``round.json``: its batches, and how its pixels were chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skyscan.errors import BadInput
from skyscan.json_text import is_of
from skyscan.storage import read_sealed

if TYPE_CHECKING:
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


def _is_batch(entry: dict[str, Any]) -> bool:
    number, pixels = entry["number"], entry["pixels"]
    is_right = is_of(number, int) and is_of(pixels, int) and is_of(entry["sha256"], str)
    return is_right and 0 <= number < MAX_BATCHES and pixels >= 0
