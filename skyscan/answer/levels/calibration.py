"""Levels that were measured on simulated events, by reconstruction and number of hits.

`python -m skyscan.coverage levels` makes the file that is shipped with the package. Its
levels hold for one likelihood: fits with other settings, in other ice or in another detector
have none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from skyscan.answer.levels import CALIBRATED, CONTAINMENTS, Levels, levels_of
from skyscan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skyscan.likelihood import Likelihood

FILE = "levels.json"


@dataclass(frozen=True)
class HitClass:
    """The levels of events with some numbers of hits.

    Attributes
    ----------
    fewest, most : int
        Numbers of hits; there may be any number from ``fewest`` on if ``most`` is None.
    n_events : int
        How many simulated events were scanned.
    levels, errors : tuple of float
        2 delta llh of each of CONTAINMENTS, and its standard error.
    """

    fewest: int
    most: int | None
    n_events: int
    levels: tuple[float, ...]
    errors: tuple[float, ...]

    def has(self, n_hits: int) -> bool:
        """Return whether an event with this number of hits belongs here."""
        return self.fewest <= n_hits and (self.most is None or n_hits <= self.most)

    @property
    def text(self) -> str:
        """Return the numbers of hits in words."""
        if self.most is None:
            return f"{self.fewest} hits and more"
        return f"{self.fewest} to {self.most} hits"


@dataclass(frozen=True)
class Calibration:
    """The levels of one reconstruction: see ``levels.json``.

    Attributes
    ----------
    reco : str
    settings_sha256 : str
        Of the likelihood that they were measured with.
    particle : str
        What was simulated, in the plural.
    classes : tuple of HitClass
    """

    reco: str
    settings_sha256: str
    particle: str
    classes: tuple[HitClass, ...]

    def levels(self, n_hits: int) -> Levels | None:
        """Return the levels of an event; None outside of the classes."""
        found = next((it for it in self.classes if it.has(n_hits)), None)
        if found is None:
            return None
        errors = " and ".join(f"{error:.2g}" for error in found.errors)
        return Levels(
            CALIBRATED,
            tuple(zip(CONTAINMENTS, found.levels, strict=True)),
            f"measured (errors {errors}) with {self.reco} on {found.n_events} simulated "
            f"{self.particle} with {found.text}",
            calibrated_for=(self.reco, "auto"),
        )


@lru_cache(maxsize=1)
def shipped_calibrations() -> dict[str, Calibration]:
    """Return the calibrations of the package by reconstruction."""
    text = resources.files("skyscan").joinpath("data", FILE).read_text("utf-8")
    return {name: _read(name, value) for name, value in json.loads(text)["recos"].items()}


def calibrated_levels(likelihood: Likelihood | None) -> Levels | None:
    """Return the measured levels of an event's fits; None if there are none for them."""
    if likelihood is None:
        return None
    known = shipped_calibrations().get(likelihood.reco)
    if known is None or known.settings_sha256 != likelihood.settings_sha256:
        return None
    return known.levels(likelihood.n_hits)


def recorded_levels(
    values: Sequence[float], words: str, likelihood: Likelihood | None
) -> Levels | None:
    """Return calibrated levels that a file has, if this package gives the fits others or none.

    Every view of a map has the levels of its report, also after the next calibration.

    Parameters
    ----------
    values : sequence of float
        Those of CONTAINMENTS.
    words : str
        How they were measured.
    likelihood : Likelihood or None
        That of the fits.
    """
    now = calibrated_levels(likelihood)
    table = tuple(zip(CONTAINMENTS, values, strict=True))
    if likelihood is None or (now is not None and now.table == table):
        return None
    line = " ".join([*(f"{p:g}:{value!r}" for p, value in table), CALIBRATED])
    try:
        found = levels_of(line)
    except BadInput:
        return None
    return replace(found, description=words, calibrated_for=(likelihood.reco, "auto"))


def why_none(likelihood: Likelihood | None) -> str:
    """Return why `calibrated_levels` gives none, in words."""
    if likelihood is None:
        return "the likelihood of the fits is not recorded"
    known = shipped_calibrations().get(likelihood.reco)
    if known is None:
        return f"none were measured for {likelihood.reco}"
    if known.settings_sha256 != likelihood.settings_sha256:
        return "they were measured with other settings, in other ice or in another detector"
    return f"none were measured for {likelihood.n_hits} hits"


def _read(reco: str, value: dict[str, Any]) -> Calibration:
    classes = tuple(
        HitClass(
            it["hits"][0],
            it["hits"][1],
            it["events"],
            tuple(it[f"{100 * p:g}"]["level"] for p in CONTAINMENTS),
            tuple(it[f"{100 * p:g}"]["error"] for p in CONTAINMENTS),
        )
        for it in value["classes"]
    )
    particle = f"{value['simulation']['kind']}s"
    return Calibration(reco, value["settings_sha256"], particle, classes)
