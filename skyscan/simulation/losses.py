"""Energy losses of a muon in ice: stochastic ones above 0.5 GeV, and the rest continuously.

The mean losses are those of D. E. Groom, N. V. Mokhov and S. I. Striganov, At. Data Nucl. Data
Tables 78 (2001) 183, for water, constant above 1 TeV to about 10 %. The spectra are simple
forms: of bremsstrahlung that for complete screening (Particle Data Group, "Passage of particles
through matter"); of pairs and of nuclear interactions, forms of this project that fall as
those do and have the mean losses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ICE_G_PER_CM3 = 0.917
IONISATION_GEV_PER_M = 0.25 * ICE_G_PER_CM3
#: Mean losses b = -(dE/dx)/E per m of water.
B_BREMSSTRAHLUNG, B_PAIRS, B_NUCLEAR = 1.3e-4, 1.7e-4, 0.4e-4

#: Losses below this (GeV) are counted with the light of the bare muon.
SMALLEST_GEV = 0.5
#: Fraction of the energy near which the spectrum of pairs changes from v^-1 to v^-3.
PAIR_KNEE = 2e-3

#: Below this (GeV) a muon is followed no further: it is about to stop.
LAST_GEV = 5.0

#: A piece of path without a stochastic loss costs at most this fraction of the energy.
LARGEST_STEP = 0.05

_V = np.geomspace(1e-8, 1.0, 1601)
_MIDDLE, _WIDTH = np.sqrt(_V[1:] * _V[:-1]), np.diff(_V)


class Loss(NamedTuple):
    """A stochastic loss: distance from the muon's start (m), energy (GeV), and its kind."""

    distance: float
    energy_gev: float
    is_hadronic: bool


class Path(NamedTuple):
    """A muon's losses, and its energy (GeV) at distances (m) from its start, both ascending."""

    losses: list[Loss]
    distance: Array
    energy_gev: Array


def propagate(energy_gev: float, length: float, random: np.random.Generator) -> Path:
    """Draw the losses of a muon along a path.

    Parameters
    ----------
    energy_gev : float
        At the start.
    length : float, m
        The muon may stop earlier.
    random : numpy.random.Generator

    Returns
    -------
    Path
        The last distance is where the muon stops, or ``length``.
    """
    energy, place = energy_gev, 0.0
    losses: list[Loss] = []
    nodes = [(place, energy)]
    while place < length and energy > LAST_GEV:
        rate, is_hadronic, energy_lost = _draw(energy, random.random(2))
        slowly = IONISATION_GEV_PER_M + continuous_b(energy) * energy
        to_loss = float(-np.log1p(-random.random())) / rate
        gap = min(to_loss, length - place, LARGEST_STEP * energy / slowly)
        energy -= gap * slowly
        place += gap
        if gap == to_loss and energy > LAST_GEV:
            lost = min(energy_lost, energy)
            losses.append(Loss(place, lost, is_hadronic))
            energy -= lost
        nodes.append((place, max(energy, 0.0)))
    distance, energies = np.array(nodes).T
    return Path(losses, distance, energies)


def spectra() -> Array:
    """Return v dN/dv, 1/m, of bremsstrahlung, pairs, nuclear losses: (3, n) at ``_MIDDLE``.

    v is the fraction of the energy that is lost.
    """
    v = _MIDDLE
    shapes = np.stack(
        [4 / 3 * (1 - v) + v * v, 1 / (1 + v / PAIR_KNEE) ** 2, np.exp(-3 * v) * (1 - v)]
    )
    mean = np.array([B_BREMSSTRAHLUNG, B_PAIRS, B_NUCLEAR]) * ICE_G_PER_CM3
    return np.asarray(shapes * (mean / (shapes * _WIDTH).sum(axis=1))[:, None])


_SPECTRA = spectra()
_NUMBERS = np.cumsum((_SPECTRA / _MIDDLE * _WIDTH)[:, ::-1], axis=1)[:, ::-1]
_LOST = np.concatenate([np.zeros((3, 1)), np.cumsum(_SPECTRA * _WIDTH, axis=1)], axis=1)


def continuous_b(energy_gev: float) -> float:
    """Return the part of b, per m, that losses below SMALLEST_GEV make up."""
    return float(sum(np.interp(SMALLEST_GEV / energy_gev, _V, lost) for lost in _LOST))


def _draw(energy_gev: float, chances: Array) -> tuple[float, bool, float]:
    """Return the rate of stochastic losses (1/m), and the kind and energy of the next."""
    first = int(np.searchsorted(_V, SMALLEST_GEV / energy_gev))
    first = min(first, len(_MIDDLE) - 1)
    rates = np.cumsum(_NUMBERS[:, first])
    kind = int(np.searchsorted(rates, chances[0] * rates[-1], side="right"))
    kind = min(kind, len(rates) - 1)
    beyond = _NUMBERS[kind, first:]  # decreases from the rate to nearly zero
    at = int(np.searchsorted(-beyond, -chances[1] * beyond[0], side="right")) - 1
    at = max(at, 0)
    upper = beyond[at + 1] if at + 1 < len(beyond) else 0.0
    share = (beyond[at] - chances[1] * beyond[0]) / max(beyond[at] - upper, 1e-300)
    v = _V[first + at] * (_V[first + at + 1] / _V[first + at]) ** min(max(share, 0.0), 1.0)
    return float(rates[-1]), kind == 2, float(v * energy_gev)  # noqa: PLR2004  (nuclear)
