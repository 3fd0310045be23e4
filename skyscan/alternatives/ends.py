"""Whether a track starts or stops in the detector: which DOMs along it have light, which not.

A muon that passes through the detector lights the DOMs near its path. If DOMs before the first
light, or behind the last, are dark although a muon shines brightly enough there, it starts or
stops between them. The likelihood is that of hit and dark DOMs, each by itself, beside that of
the times. The best fit of times knows nothing of dark DOMs, so that the best of several
directions is taken for either hypothesis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.doms import are_alive, efficiencies
from skyscan.geometry import FIRST_DEEPCORE_STRING, N_OMS, dom_positions, is_in_ice
from skyscan.shower.rival import TrackLight

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.alternatives.fitted import FittedEvent, FittedTrack

    Array = NDArray[np.float64]

#: Farther from the track (m), the light of a muon says little.
NEAR_M = 100.0
#: Light of a muon of 20 GeV with its losses below 0.5 GeV, relative to its own: no muon that
#: passes through the detector has less.
LEAST_LIGHT = 1.25
#: The charge that a muon makes is known to this; showers only add to it.
SPREAD = 0.5
#: Probability that a DOM has a hit which is not the track's own light.
OTHER_LIGHT = 0.01
#: A DOM counts in words if a muon lights it with this probability.
SEEN = 0.05


@dataclass(frozen=True)
class End:
    """Where a track may start or stop.

    Attributes
    ----------
    gain : float
        ln L of the DOMs before a start, or behind a stop, without the track's light there,
        relative to that with it.
    n_dark : int
        Dark DOMs there that a muon would light with a probability of SEEN or more.
    expected : float
        How many of them it would light.
    length_m : float
        Of the part of the track that lights them.
    """

    gain: float
    n_dark: int
    expected: float
    length_m: float


class _Along(NamedTuple):
    """The DOMs along a track, in the order in which it lights them.

    ``dark`` is the probability that the track leaves a DOM dark.
    """

    along: Array
    dark: Array
    is_hit: NDArray[np.bool_]

    @property
    def lost(self) -> Array:
        """-ln L of each DOM under the track's light, relative to that without it."""
        lit = np.log(np.minimum((1 - self.dark) / OTHER_LIGHT + 1, 1 / OTHER_LIGHT))
        return np.where(self.is_hit, -lit, -np.log(self.dark))

    def reversed(self) -> _Along:
        return _Along(-self.along[::-1], self.dark[::-1], self.is_hit[::-1])


def ends_of(event: FittedEvent, tracks: Sequence[FittedTrack], llh: Array) -> tuple[End, End]:
    """Return where a track most likely starts, and where it stops.

    Parameters
    ----------
    event : FittedEvent
    tracks : sequence of FittedTrack
        The best fits of directions that the times allow.
    llh : ndarray, shape (len(tracks),)
        -ln L of the times.
    """
    places, is_hit, efficiency = _doms_of(event)
    light = TrackLight(event.ice)
    alongs = []
    for track in tracks:
        along, distance = track.emission(places)
        near = distance < NEAR_M
        charge = (
            LEAST_LIGHT
            * efficiency[near]
            * light.charge_per_brightness(
                places[near], track.vertex, track.zenith, track.azimuth
            )
        )
        dark = (1 + SPREAD**2 * charge) ** (-1 / SPREAD**2)
        order = np.argsort(along[near], kind="stable")
        alongs.append(_Along(along[near][order], dark[order], is_hit[near][order]))
    return _end(alongs, llh), _end([it.reversed() for it in alongs], llh)


def _end(alongs: list[_Along], llh: Array) -> End:
    """Return the most likely start of tracks, relative to the best one that has none."""
    gains = [np.concatenate([[0.0], np.cumsum(it.lost)]) for it in alongs]
    through = llh + [it[-1] for it in gains]
    starting = through - [it.max() for it in gains]
    best = int(np.argmin(starting))
    it, n = alongs[best], int(np.argmax(gains[best]))
    counted = ~it.is_hit[:n] & (1 - it.dark[:n] >= SEEN)
    reach = it.along[:n][counted]
    return End(
        gain=float(through.min() - starting[best]),
        n_dark=int(counted.sum()),
        expected=float((1 - it.dark[:n])[counted].sum()),
        length_m=float(np.ptp(reach)) if len(reach) else 0.0,
    )


def _doms_of(event: FittedEvent) -> tuple[Array, NDArray[np.bool_], Array]:
    """Return place, whether it is hit, and efficiency of each DOM that counts.

    A DOM without a hit of the fit counts as dark if it works and has no pulse at all.
    """
    n_strings = FIRST_DEEPCORE_STRING - 1
    places = dom_positions()[:n_strings].reshape(-1, 3)
    index = {place: i for i, place in enumerate(map(tuple, places.tolist()))}
    is_hit = np.zeros(len(places), bool)
    here = event.hits[["x", "y", "z"]].tolist()
    is_hit[[index[place] for place in here if place in index]] = True  # all, unless damaged
    pulses = event.pulses[is_in_ice(event.pulses["string"], event.pulses["om"])]
    pulses = pulses[pulses["string"] <= n_strings]
    has_pulse = np.zeros(len(places), bool)
    has_pulse[(pulses["string"] - 1) * N_OMS + pulses["om"] - 1] = True
    counts = is_hit | (are_alive()[:n_strings].ravel() & ~has_pulse)
    # A DOM that is listed as dead but has a hit lives.
    efficiency = efficiencies()[:n_strings].ravel()
    efficiency = np.where(efficiency > 0, efficiency, 1.0)
    return places[counts], is_hit[counts], efficiency[counts]
