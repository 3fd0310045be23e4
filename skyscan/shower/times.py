"""The likelihood of when a shower's light arrives: first pulses, and the charge after them.

The first pulse of a DOM is the first of N photons, N being in proportion to its charge. The
time of each photon is blurred by a box, which is the jitter and the length of the shower. The
charge after the first pulse counts by its shares of bins of time, which hardly depend on how
bright the DOM is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP
from skyscan.light.first_photon import sum_of_logs, with_noise
from skyscan.shower.doms import LATE_EDGES_NS, N_BINS
from skyscan.shower.light import Paths, ShowerLight, arrival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Jitter of arrival times, ns.
JITTER_NS = 5.0
#: Photons of which the first pulse is the first, per PE: some light is afterpulses.
PHOTONS_PER_PE = 0.8
#: Standard deviation of the light's origin along a shower of 10 TeV, m.
LENGTH_M = 1.7

#: Relative uncertainty of the share of a bin, and the part of the charge that is spread evenly
#: over the bins.
SHARE_SPREAD = 0.25
EVEN_SHARE = 0.1
#: Smallest probability by which shares are divided.
LEAST_LATE = 1e-9


@dataclass(frozen=True)
class Times:
    """Times of hits, and the charge after them.

    Attributes
    ----------
    hits : ndarray, shape (nhit,), dtype `skyscan.shower.doms.DOM_DTYPE`
        Those whose later charge counts first.
    photons : ndarray, shape (nhit,)
        The number of photons of which each pulse is the first.
    late : ndarray, shape (nlate, N_BINS), PE
        The charge of the first DOMs in bins of time after their first pulse.
    """

    hits: NDArray[np.void]
    photons: Array = field(init=False, repr=False)
    late: Array = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Prepare what is the same for all showers."""
        photons = np.maximum(PHOTONS_PER_PE * self.hits["charge"], 1.0)
        n_late = int(self.hits["late"].any(axis=-1).sum())
        object.__setattr__(self, "photons", photons)
        object.__setattr__(self, "late", self.hits["late"][:n_late])

    def of_first(self, time: Array, paths: Paths, light: ShowerLight) -> Array:
        """Return -ln L of the first pulses, shape (m,).

        Parameters
        ----------
        time : ndarray, shape (m, 1), ns
            Of the centres of the showers' light.
        paths : Paths
            From them to the hits.
        light : ShowerLight
        """
        return self._of_first(self._residual(time, paths), paths, light)[0]

    def of_all(self, time: Array, paths: Paths, light: ShowerLight) -> Array:
        """Return -ln L of the first pulses and of the later charge: see `of_first`."""
        residual = self._residual(time, paths)
        llh, later = self._of_first(residual, paths, light)
        n = len(self.late)
        return llh + self._of_late(residual[:, :n], later[:, :n], paths.first(n), light)

    def _residual(self, time: Array, paths: Paths) -> Array:
        return np.asarray(self.hits["time"] - time - arrival(paths.distance))

    def _of_first(
        self, residual: Array, paths: Paths, light: ShowerLight
    ) -> tuple[Array, Array]:
        """Return -ln L of the first pulses, and the probabilities that photons are later."""
        half_width = half_widths(paths.cos_psi)
        ends = np.stack([residual - half_width, residual, residual + half_width])
        survival = light.log_survival(ends, paths)
        early, middle, late = np.exp(survival, out=survival)
        density = early - late
        density /= 2 * half_width
        middle *= 4
        middle += early
        middle += late
        middle *= 1 / 6  # Simpson's rule: the mean in the box
        none_yet = np.log(middle)
        none_yet *= self.photons - 1
        np.exp(none_yet, out=none_yet)
        none_yet *= self.photons
        density *= none_yet
        return -sum_of_logs(with_noise(density, residual)), middle

    def _of_late(
        self, residual: Array, later: Array, paths: Paths, light: ShowerLight
    ) -> Array:
        """Return -ln of the probability of the later charge's shares, up to a constant.

        The charge of each bin is gamma-Poisson, and their sum is given: that of the sum's
        probability which depends on the shares is Stirling's.
        """
        charge = self.late.T[:, None]
        total, shape = charge.sum(axis=0) * SHARE_SPREAD**2, SHARE_SPREAD**-2
        ends = residual + np.array(LATE_EDGES_NS[1:])[:, None, None]
        survival = light.log_survival(ends, paths)
        edges = np.concatenate([later[None], np.exp(survival, out=survival)])
        share = np.maximum(edges[:-1] - edges[1:], 0.0)
        share *= (1 - EVEN_SHARE) / np.maximum(edges[0] - edges[-1], LEAST_LATE)
        share += EVEN_SHARE / N_BINS
        spread = np.log(1 + (share * share).sum(axis=0) * total)
        terms = share * total
        terms += 1
        np.log(terms, out=terms)
        terms *= charge + shape
        np.log(share, out=share)
        share *= charge
        terms -= share
        return np.asarray((terms.sum(axis=0) - 0.5 * spread).sum(axis=-1))


def half_widths(cos_psi: Array) -> Array:
    """Return half the width of the box (ns) by which times of photons are blurred.

    Light of a shower's end is later or earlier than that of its beginning, by the angle psi
    between its axis and the DOM.
    """
    length = LENGTH_M / LIGHT_SPEED * (1 - N_GROUP * cos_psi)
    return np.asarray(np.sqrt(3 * (JITTER_NS**2 + length * length)))
