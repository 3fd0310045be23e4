"""The likelihood of an event's DOMs under one shower of each of given directions.

A shower of known direction has four parameters here: the centre of its light (x, y, z) and the
time there. Its energy follows from the charges.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from math import log
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import gammaln

from skyscan.light.cherenkov import axes_of
from skyscan.shower import times
from skyscan.shower.doms import LATE_EDGES_NS
from skyscan.shower.light import Doms, Paths, ShowerLight, arrival
from skyscan.track.simplex import Minimum, minimise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.compiled.library import Compiled, Kernel
    from skyscan.track.simplex import Search

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: Relative uncertainty of an expected charge. In simulation, whose ice is known, 0.25 is most
#: likely; real ice adds to it.
CHARGE_SPREAD = 0.3
#: Charge (PE) that a DOM has without the shower.
NOISE_PE = 1e-3

#: Factor of all expected charges, fitted to simulated showers with truth (docs/cascade.md):
#: most of it is afterpulses.
EFFICIENCY = 1.09

#: Standard deviation (m) of a Gaussian by which the ice is blurred over depth: scattered light
#: has been in other layers than those of the straight path.
ICE_BLUR_M = 10.0

#: Newton's steps to the energy: how many at most, the largest change of its logarithm, and the
#: one after which the next, which is about its square, does not matter.
ENERGY_STEPS, LARGEST_STEP, SMALLEST_STEP = 6, 2.0, 1e-6

#: ln of 1 EeV in GeV: no shower has more, however far a fit moves it away from the detector.
LARGEST_LOG_ENERGY = 9 * log(10)

#: Number of DOMs that are computed at a time, so that they fit into the processor's cache.
BLOCK = 32768


class Showers(NamedTuple):
    """Showers of m points: -ln L and energy (GeV), both of shape (m,)."""

    llh: Array
    energy_gev: Array


@dataclass(frozen=True)
class ShowerModel:
    """An event's DOMs, and showers that come from n directions.

    Attributes
    ----------
    doms : ndarray, shape (ndom,), dtype DOM_DTYPE
        As `skyscan.shower.doms.doms_of` orders them; those whose charge is not known do not
        count.
    light, quick_light : ShowerLight
        The exact light, and a quicker approximation for a search.
    zenith, azimuth : ndarray, shape (n,), radians
        The directions that the shower comes from, IceCube's local frame.
    efficiency : float
        Factor of all expected charges.
    charge_spread : float
        Relative uncertainty of an expected charge.
    kernel : Kernel, optional
        The compiled kernel; without it, numpy does all.
    """

    doms: NDArray[np.void]
    light: ShowerLight
    quick_light: ShowerLight
    zenith: Array
    azimuth: Array
    efficiency: float = EFFICIENCY
    charge_spread: float = CHARGE_SPREAD
    kernel: Kernel | None = None
    travels: Array = field(init=False, repr=False)
    _places: Doms = field(init=False, repr=False)
    _times: times.Times = field(init=False, repr=False)
    _constant: float = field(init=False, repr=False)
    _compiled: dict[bool, Compiled] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Prepare what is the same for all showers."""
        doms = self.doms[self.doms["has_charge"]]
        places = np.stack([doms[name] for name in "xyz"], axis=-1)
        values = {
            "doms": doms,
            "travels": axes_of(self.zenith, self.azimuth).along,
            "_places": self.light.doms(places),
            "_times": times.Times(doms[np.isfinite(doms["time"])]),
            "_constant": charges_constant(doms["charge"], self.charge_spread),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        """Return the number of directions."""
        return len(self.zenith)

    @cached_property
    def of_first_pulses(self) -> ShowerModel:
        """The same without the charge after the first pulses: it has fewer minima."""
        doms = self.doms.copy()
        doms["late"] = 0
        return replace(self, doms=doms)

    def showers(self, rows: Rows, points: Array, light: ShowerLight) -> Showers:
        """Return -ln L and the energy of some showers.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each has.
        points : ndarray, shape (m, 4), m, m, m, ns
        light : ShowerLight
            One of the model's two.
        """
        compiled = self._compiled_for(light)
        if compiled is not None:
            return Showers(*compiled.values(rows, points))
        size = max(1, BLOCK // len(self.doms))
        llh, energy = np.empty(len(rows)), np.empty(len(rows))
        for start in range(0, len(rows), size):
            block = slice(start, start + size)
            llh[block], energy[block] = self._showers(rows[block], points[block], light)
        return Showers(llh, energy)

    def minima(self, rows: Rows, start: Array, search: Search, light: ShowerLight) -> Minimum:
        """Search for the minima of -ln L from some points, each on its own.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each has.
        start : ndarray, shape (m, 4), m, m, m, ns
        search : Search
        light : ShowerLight
            One of the model's two.
        """
        compiled = self._compiled_for(light)
        if compiled is not None:
            return Minimum(*compiled.minima(rows, start, *search))
        return minimise(
            lambda problems, points: self.showers(rows[problems], points, light).llh,
            start,
            search,
        )

    def _compiled_for(self, light: ShowerLight) -> Compiled | None:
        if self.kernel is None:
            return None
        if light.is_quick not in self._compiled:
            self._compiled[light.is_quick] = self._compile(self.kernel, light)
        return self._compiled[light.is_quick]

    def _compile(self, kernel: Kernel, light: ShowerLight) -> Compiled:
        from skyscan.compiled.shower import ShowerDoms, ShowerSettings, compiled_showers

        doms = ShowerDoms(
            places=self._places.places,
            times=self._times.hits["time"],
            photons=self._times.photons,
            charge=self.doms["charge"],
            late=self._times.late,
            late_edges=np.array(LATE_EDGES_NS),
            factors=light.yield_per_gev * (self.efficiency * self.doms["efficiency"]),
        )
        settings = ShowerSettings(
            charge_spread=self.charge_spread,
            constant=self._constant,
            noise_pe=NOISE_PE,
            largest_log_energy=LARGEST_LOG_ENERGY,
            largest_step=LARGEST_STEP,
            smallest_step=SMALLEST_STEP,
            n_steps=ENERGY_STEPS,
            jitter_ns=times.JITTER_NS,
            length_m=times.LENGTH_M,
            share_spread=times.SHARE_SPREAD,
            even_share=times.EVEN_SHARE,
            least_late=times.LEAST_LATE,
        )
        return compiled_showers(
            kernel, light.tables, light.ice, doms, travels=self.travels, settings=settings
        )

    def _showers(self, rows: Rows, points: Array, light: ShowerLight) -> Showers:
        paths = light.paths(points[:, :3], self.travels[rows], self._places)
        llh, energy = self._of_charges(paths, light)
        hits = paths.first(len(self._times.hits))
        llh += self._times.of_all(points[:, 3:], hits, light)
        return Showers(llh, energy)

    def _of_charges(self, paths: Paths, light: ShowerLight) -> Showers:
        """Return -ln L of the charges alone, and the energy that makes them most likely."""
        expected = light.charge_per_gev(paths)
        expected *= self.efficiency * self.doms["efficiency"]
        charge = self.doms["charge"]
        energy = energies(charge, expected, self.charge_spread)
        expected *= energy[:, None]
        return Showers(
            charges_llh(charge, expected, self.charge_spread, self._constant), energy
        )

    def parts(self, points: Array) -> tuple[Array, Array]:
        """Return -ln L of first pulses and of charges, each of shape (n,).

        Parameters
        ----------
        points : ndarray, shape (n, 4), m, m, m, ns
            One shower for each direction.
        """
        light = self.light
        paths = light.paths(points[:, :3], self.travels, self._places)
        hits = paths.first(len(self._times.hits))
        of_first = self._times.of_first(points[:, 3:], hits, light)
        return of_first, self._of_charges(paths, light).llh

    def time_quantiles(self, centre: Array, levels: Sequence[float]) -> Array:
        """Return times (ns) of showers for which fractions of the hits are direct or earlier.

        Parameters
        ----------
        centre : ndarray, shape (3,), m
        levels : sequence of float

        Returns
        -------
        ndarray, shape (len(levels),)
        """
        hits = self._times.hits
        away = np.stack([hits[name] for name in "xyz"], axis=-1) - centre
        emitted = np.sort(hits["time"] - arrival(np.sqrt((away * away).sum(axis=-1))))
        return np.asarray(emitted[[round(level * (len(hits) - 1)) for level in levels]])


def charges_constant(charge: Array, spread: float) -> float:
    """Return the part of ln L of charges that depends on them only: see `charges_llh`."""
    shape = spread**-2
    constant = gammaln(charge + shape) - gammaln(shape) - gammaln(charge + 1)
    return float((constant + shape * np.log(shape)).sum())


def charges_llh(
    charge: Array, expected: Array, spread: float, constant: float | None = None
) -> Array:
    """Return -ln of the negative binomial (gamma-Poisson) probability of charges, shape (m,).

    Parameters
    ----------
    charge : ndarray, shape (ndom,), PE
    expected : ndarray, shape (m, ndom), PE
    spread : float
        Relative uncertainty of the expected charges.
    constant : float, optional
        `charges_constant`, where it is known.
    """
    shape = spread**-2
    constant = charges_constant(charge, spread) if constant is None else constant
    mean = expected + NOISE_PE
    seen = np.flatnonzero(charge)
    terms = mean + shape
    np.log(terms, out=terms)
    terms *= charge + shape
    terms[..., seen] -= charge[seen] * np.log(mean[..., seen])
    return np.asarray(terms.sum(axis=-1) - constant)


def energies(charge: Array, per_gev: Array, spread: float) -> Array:
    """Return the energies (GeV) that make charges most likely.

    Newton's method for the logarithm of the energy; the likelihood has one maximum.

    Parameters
    ----------
    charge : ndarray, shape (ndom,), PE
    per_gev : ndarray, shape (m, ndom)
        Expected charge, PE/GeV.
    spread : float
        Relative uncertainty of an expected charge.

    Returns
    -------
    ndarray, shape (m,)
    """
    shape = spread**-2
    log_energy = np.log(charge.sum() / per_gev.sum(axis=-1))
    log_energy = np.minimum(log_energy, LARGEST_LOG_ENERGY)
    left = np.arange(len(per_gev))
    for _ in range(ENERGY_STEPS):
        before = log_energy[left]
        mean = np.exp(before)[:, None] * per_gev
        part = mean + shape
        np.divide(1, part, out=part)
        excess = charge - mean
        excess *= part
        mean *= charge + shape
        mean *= part
        mean *= part
        step = excess.sum(axis=-1) / mean.sum(axis=-1)
        step = np.minimum(np.maximum(step, -LARGEST_STEP), LARGEST_STEP)
        after = np.minimum(before + step, LARGEST_LOG_ENERGY)
        log_energy[left] = after
        moves = np.abs(step) >= SMALLEST_STEP
        if not moves.all():
            left, per_gev = left[moves], per_gev[moves]
    return np.asarray(np.exp(log_energy))
