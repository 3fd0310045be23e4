"""Levels: which 2 delta llh encloses the true direction with a probability of 50 % and 90 %."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from math import isfinite
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, one_line
from skyscan.plain import plain_number
from skyscan.regular import read_regular

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.likelihood import Likelihood

#: Probabilities of the regions that every view shows.
CONTAINMENTS = (0.5, 0.9)
MAX_BYTES = 64 * 1024  #: of a file of levels, which has two lines and comments


@dataclass(frozen=True)
class Levels:
    """A table of 2 delta llh by containment probability.

    Attributes
    ----------
    name : str
        ``calibrated``, ``wilks``, ``icecube``, or the name of the user's file.
    table : tuple of (containment, 2 delta llh)
        The levels of 0.5 and of 0.9.
    description : str
        Where the numbers come from, in words.
    calibrated_for : tuple of str
        The reconstructions for which these levels were shown to hold.
    event : str
        Name of the only event for which they hold; empty if they hold for any.
    """

    name: str
    table: tuple[tuple[float, float], ...]
    description: str
    calibrated_for: tuple[str, ...] = ()
    event: str = ""

    def why_not(
        self, reco: str | None, event: str, likelihood: Likelihood | None = None
    ) -> str:
        """Return for what these levels are not calibrated; empty if they hold for a map.

        Parameters
        ----------
        reco : str or None
            The reconstruction.
        event : str
            Name of the event.
        likelihood : Likelihood or None
            That of the fits: ``auto`` may have chosen either of two reconstructions.
        """
        fitted = likelihood.reco if reco == "auto" and likelihood is not None else reco
        if fitted not in self.calibrated_for:
            return str(reco if fitted == reco else f"{reco}, which chose {fitted}")
        return "" if self.event in {"", event} else f"{event}, but for {self.event}"

    @property
    def text(self) -> str:
        """Return the levels as one line, which `levels_of` reads."""
        if NAMED.get(self.name) == self:
            return self.name
        return " ".join([*(f"{p:g}:{level!r}" for p, level in self.table), self.name])

    def at(self, containment: float) -> float:
        """Return the 2 delta llh of a containment probability in the table."""
        return dict(self.table)[containment]


#: Two degrees of freedom, rounded as skyreader rounds them.
WILKS = Levels(
    "wilks",
    ((0.5, 1.39), (0.9, 4.61)),
    "Wilks' theorem with two degrees of freedom",
    calibrated_for=("millipede_wilks",),
)
#: skyreader's `get_contour_levels` with systematics: resimulations of IC160427A.
ICECUBE = Levels(
    "icecube",
    ((0.5, 22.2), (0.9, 64.2)),
    "IceCube's calibration of millipede's llh, from resimulations of IC160427A",
    calibrated_for=("millipede_original",),
)
NAMED = {levels.name: levels for levels in (WILKS, ICECUBE)}
_OWN_LEVELS = re.compile(
    r"# measured with (\w+) on (\d+) events simulated around the best fit of (\S+)$", re.ASCII
)
#: Levels that were measured on simulated events (`skyscan.answer.levels.calibration`).
CALIBRATED = "calibrated"
#: What ``--levels`` may name.
CHOICES = (CALIBRATED, *NAMED)
LEVELS_HELP = (
    "levels of the 50 %% and 90 %% regions: calibrated (measured on simulated events with as "
    "many hits), wilks (2 delta llh of 1.39 and 4.61), icecube (22.2 and 64.2, for millipede's "
    "llh only), or a text file with a row for 0.5 and a row for 0.9, such as `0.5 1.39` "
    "(default: calibrated where they were measured, icecube for millipede_original, else wilks)"
)


def own_levels_line(reco: str, n_events: int, name: str) -> str:
    """Return the line of a file of levels by which `read_levels` knows what they are."""
    return (
        f"# measured with {reco} on {n_events} events simulated around the best fit of {name}"
    )


def levels_of(text: str) -> Levels:
    """Return the levels of a line that `Levels.text` gave.

    Raises
    ------
    BadInput
        It is not such a line.
    """
    if text in NAMED:
        return NAMED[text]
    words = text.split(" ", len(CONTAINMENTS))
    try:
        pairs = [word.split(":") for word in words[: len(CONTAINMENTS)]]
        table = tuple((plain_number(p), plain_number(level)) for p, level in pairs)
        name = one_line(words[len(CONTAINMENTS)])
    except (ValueError, IndexError) as error:
        raise BadInput(f"{text!r} are not levels of regions.") from error
    return _checked(Levels(name, table, f"the table in {name}"))


def read_levels(path: Path) -> Levels:
    """Read a table of levels: containment probability and 2 delta llh, one pair per line.

    Columns are separated by blanks or a comma; a ``#`` starts a comment. The first comment of
    a file of `skyscan calibrate` says what its levels are.

    Raises
    ------
    BadInput
        A line is not a pair of numbers, the containments are not 0.5 and 0.9, or the levels do
        not rise.
    """
    try:
        lines = read_regular(path, MAX_BYTES).decode().splitlines()
        rows = [line.partition("#")[0].replace(",", " ").split() for line in lines]
        pairs = sorted(
            (plain_number(p), plain_number(level)) for p, level in filter(None, rows)
        )
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror}); check the path.") from error
    except ValueError as error:
        raise BadInput(
            f"{path} is not a table of levels ({error}); write one pair of containment "
            f"probability and 2 delta llh per line."
        ) from error
    name = one_line(path.name)  # which may be no UTF-8
    name = f"{name} (a file)" if name in CHOICES else name
    levels = Levels(name, tuple(pairs), f"the table in {name}")
    found = next(filter(None, map(_OWN_LEVELS.match, lines)), None)
    if found:
        reco, number, event = found.groups()
        text = (
            f"measured with {reco} on {number} events simulated around the best fit of {event}"
        )
        levels = replace(levels, description=text, calibrated_for=(reco,), event=event)
    return _checked(levels, str(path))


def _checked(levels: Levels, where: str = "") -> Levels:
    """Return levels that are those of 0.5 and 0.9 and rise."""
    pairs, where = levels.table, where or levels.name
    if tuple(p for p, _ in pairs) != CONTAINMENTS:
        raise BadInput(
            f"{where} has levels for the containments {[p for p, _ in pairs]}; write one line "
            f"for 0.5 and one for 0.9."
        )
    (_, low), (_, high) = pairs
    if not (0 < low < high and isfinite(high)):
        raise BadInput(
            f"{where} has the levels {low:g} and {high:g}, which do not rise from 0."
        )
    return levels
