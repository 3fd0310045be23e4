"""The interface of an ice model: arrival times of the photons of a track."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Survival probabilities are no smaller than this, so that their logarithms are finite.
SMALLEST = 1e-300


class Ice(Protocol):
    """An ice model, with the settings of the timing likelihood that suit it."""

    @property
    def jitter_ns(self) -> float:
        """Standard deviation (ns) of arrival times around those of the model."""

    @property
    def one_photon(self) -> float:
        """Probability that a pulse is the first of one photon, whatever the charge."""

    def n_photons(self, charge: Array) -> Array:
        """Return the number of photons of which a DOM's first pulse is taken as the first.

        Parameters
        ----------
        charge : ndarray, PE
            Charge of the DOM.

        Returns
        -------
        ndarray, same shape, at least 1
        """

    def log_survival(
        self, delay: Array, distance: Array, cos_eta: Array, dom_z: Array
    ) -> Array:
        """Return ln of the probability that an arriving photon is later than a delay.

        A model whose ice has layers finds the point of emission from the path of the
        direct photon: it lies ``distance / SIN_CHERENKOV * cos_eta`` below the DOM.

        Parameters
        ----------
        delay : ndarray, shape (..., n, ndom), ns
            Delay after the arrival of an unscattered photon.
        distance : ndarray, shape (n, ndom), m
            Distance from the DOM to the nearest point of the track.
        cos_eta : ndarray, shape (n, ndom)
            z component of the unscattered photon's direction: 1 moves up, into the PMT.
        dom_z : ndarray, shape (ndom,), m
            IceCube coordinates.

        Returns
        -------
        ndarray, shape (..., n, ndom)
            0 where ``delay`` is not positive; at least ln SMALLEST.
        """
