"""The progression of a scan: its nsides, and how far it refines around the best pixel."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from collections.abc import Sequence

#: (nside, extension) pairs, coarse to fine; the extension is a number of pixels.
Progression = tuple[tuple[int, int], ...]

DEFAULT_PROGRESSION: Progression = ((8, 0), (64, 12), (512, 24))
MAX_NSIDE = 2**14  # pixels of 13 arcsec, finer than any IceCube event needs
MAX_DIGITS = 10  # of a valid number: MAX_NSIDE has fewer than 10**10 pixels


def parse_progression(words: Sequence[str]) -> Progression:
    """Read ``["8:0", "64:12", "512:24"]``.

    Raises
    ------
    WrongUsage
        A word is not NSIDE:EXTENSION, or the progression is not valid.
    """
    pairs = []
    for word in words:
        nside, colon, extension = word.partition(":")
        numbers = word.isascii() and nside.isdecimal() and extension.isdecimal()
        if not (colon and numbers and max(len(nside), len(extension)) <= MAX_DIGITS):
            raise WrongUsage(
                f"--nsides {word!r} is not NSIDE:EXTENSION; write for example "
                f"--nsides 8:0 64:12 512:24."
            )
        pairs.append((int(nside), int(extension)))
    return check_progression(pairs)


def check_progression(pairs: Sequence[tuple[int, int]]) -> Progression:
    """Return the pairs as a Progression if they follow upstream's rules.

    Raises
    ------
    WrongUsage
        An nside is not a power of two, the nsides do not ascend, the first extension is not 0
        or a later one is.
    """
    try:
        progression = tuple((int(nside), int(extension)) for nside, extension in pairs)
    except OverflowError as error:  # of a file
        raise WrongUsage(f"--nsides: {error}.") from error
    if not progression:
        raise WrongUsage("--nsides is empty; the default is 8:0 64:12 512:24.")
    for nside, _ in progression:
        if not 0 < nside <= MAX_NSIDE or nside & (nside - 1):
            raise WrongUsage(
                f"--nsides: {nside} is not a power of two between 1 and {MAX_NSIDE}."
            )
    if any(coarse >= fine for (coarse, _), (fine, _) in pairwise(progression)):
        raise WrongUsage("--nsides must ascend, with each nside only once.")
    if progression[0][1] != 0:
        raise WrongUsage(
            f"--nsides: the first round fits all pixels, so the extension of nside "
            f"{progression[0][0]} must be 0."
        )
    if any(extension == 0 for _, extension in progression[1:]):
        raise WrongUsage("--nsides: all extensions except the first must be at least 1 pixel.")
    return progression
