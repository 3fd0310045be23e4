"""The fits that the rounds of a scan ask for."""

from __future__ import annotations

from math import pi, radians
from typing import TYPE_CHECKING, Protocol

import numpy as np

from skyscan import healpix
from skyscan.pixels import parents
from skyscan.rounds.rule import choose

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.progression import Progression
    from skyscan.rounds.rule import Llhs

#: Width of the minimum of llh. The rule looks only at the order of the pixels, unless llh steps
#: by `rule.REFINE_ABOVE`, which takes a tenth of this width.
WIDTH = radians(0.5)


class Sky(Protocol):
    """What rounds ask for; fits are numbered in the order in which they were asked for."""

    @property
    def n_pixels(self) -> int:
        """The number of pixels so far."""
        ...

    def ask(self, done: NDArray[np.bool_]) -> int:
        """Return the number of further fits, given which of the earlier ones are done."""
        ...


class RuledSky:
    """An event somewhere in the sky, whose pixels the scan's own rule chooses.

    llh grows with the square of the distance from a true direction; the rule is the one of
    scans (`skyscan.rounds.rule`).

    Parameters
    ----------
    progression : sequence of (nside, extension)
        Coarse to fine.
    n_variations : int
        Fits per pixel.
    random : Generator
        Where the event is.
    """

    def __init__(
        self, progression: Progression, n_variations: int, random: np.random.Generator
    ) -> None:
        self._progression = progression
        self._n_variations = n_variations
        sin_dec, ra = random.uniform(-1.0, 1.0), random.uniform(0.0, 2.0 * pi)
        cos_dec = np.sqrt(1.0 - sin_dec**2)
        self._truth = np.array([cos_dec * np.cos(ra), cos_dec * np.sin(ra), sin_dec])
        self._nsides = np.empty(0, np.int64)
        self._pixels = np.empty(0, np.int64)
        self._llh = np.empty(0)
        self._settled: tuple[int, int] | None = None

    @property
    def n_pixels(self) -> int:
        """Return the number of pixels so far."""
        return len(self._pixels)

    def ask(self, done: NDArray[np.bool_]) -> int:
        """Choose further pixels by the rule, from those of which all variations are done.

        A pixel waits for the coarser one that gives it its seed, as in `rounds.predictive`.
        """
        whole = np.asarray(done.reshape(-1, self._n_variations).all(axis=1), bool)
        now = self._best_and_levels(whole)
        if now is not None and now == self._settled:
            return 0  # the rule would choose the same pixels as last time
        n = n_waiting = 0
        for nside, chosen in choose(self._llhs(whole), self._progression).items():
            new = np.setdiff1d(chosen, self._pixels[self._nsides == nside], assume_unique=True)
            waits = self._waits(nside, new, whole)
            n_waiting += int(waits.sum())
            new = new[~waits]
            self._add(nside, new)
            whole = np.append(whole, np.zeros(len(new), bool))
            n += len(new)
        self._settled = None if n_waiting else now
        return n * self._n_variations

    def _best_and_levels(self, whole: NDArray[np.bool_]) -> tuple[int, int] | None:
        """Return what the choice follows from: the best pixel, and how many nsides are done."""
        if not whole.any():
            return None
        best = int(np.argmin(np.where(whole, self._llh, np.inf)))
        return best, len(np.unique(self._nsides[whole]))

    def _add(self, nside: int, pixels: NDArray[np.int64]) -> None:
        if len(pixels) == 0:
            return
        cosine = self._truth @ np.asarray(healpix.pix2vec(nside, pixels))
        distance = np.arccos(np.clip(cosine, -1.0, 1.0))
        self._nsides = np.append(self._nsides, np.full(len(pixels), nside))
        self._pixels = np.append(self._pixels, pixels)
        self._llh = np.append(self._llh, 0.5 * (distance / WIDTH) ** 2)

    def _llhs(self, whole: NDArray[np.bool_]) -> Llhs:
        found = {}
        for nside, _ in self._progression:
            at = np.flatnonzero(whole & (self._nsides == nside))
            if len(at):
                at = at[np.argsort(self._pixels[at])]
                found[nside] = self._pixels[at], self._llh[at]
        return found

    def _waits(
        self, nside: int, pixels: NDArray[np.int64], whole: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        waits = np.zeros(len(pixels), bool)
        for coarser, _ in self._progression:
            if coarser < nside:
                under_way = self._pixels[~whole & (self._nsides == coarser)]
                waits |= np.isin(parents(nside, coarser, pixels), under_way)
        return waits
