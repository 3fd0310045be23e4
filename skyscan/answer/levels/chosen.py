"""The choice of levels: those that were named, or the default of a reconstruction."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.answer.levels import CALIBRATED, CHOICES, ICECUBE, NAMED, WILKS, read_levels
from skyscan.answer.levels.calibration import calibrated_levels, why_none
from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from skyscan.answer.levels import Levels
    from skyscan.likelihood import Likelihood


def default_levels(reco: str | None, likelihood: Likelihood | None = None) -> Levels:
    """Return the levels that a reconstruction's map is read with unless others are chosen."""
    measured = calibrated_levels(likelihood)
    if measured is not None:
        return measured
    return ICECUBE if reco in ICECUBE.calibrated_for else WILKS


def parse_levels(
    word: str | None, reco: str | None, likelihood: Likelihood | None = None
) -> Levels:
    """Return the levels that ``--levels`` names: a table's name or file; None is the default.

    Parameters
    ----------
    word : str or None
    reco : str or None
        The reconstruction, if it is known.
    likelihood : Likelihood or None
        That of its fits, if it is recorded; the calibrated levels depend on it.

    Raises
    ------
    WrongUsage
        There is neither a table nor a file of that name, or there are no calibrated levels.
    BadInput
        The file is not a table of levels.
    """
    if word is None:
        return default_levels(reco, likelihood)
    if word == CALIBRATED:
        return _calibrated(likelihood)
    if word in NAMED:
        return NAMED[word]
    path = Path(word)
    if not path.is_file():
        raise WrongUsage(
            f"--levels {word!r} is neither {' nor '.join(CHOICES)} nor a file; write a file "
            f"with rows such as `0.5 1.39` and `0.9 4.61`."
        )
    return read_levels(path)


def _calibrated(likelihood: Likelihood | None) -> Levels:
    measured = calibrated_levels(likelihood)
    if measured is None:
        raise WrongUsage(
            f"--levels {CALIBRATED}: there are no calibrated levels: {why_none(likelihood)}; "
            f"leave the option out, or choose --levels {WILKS.name}."
        )
    return measured
