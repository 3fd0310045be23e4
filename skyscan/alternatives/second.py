"""Whether two muons explain the hits of an event better than one.

The hits are divided between two tracks, each fitted in five parameters to its own, and divided
anew by which of the two explains a hit better (as in k-means). Bright showers on one track also
make light that comes later than its own; two showers on the track are therefore the other way
to explain the same hits, and two muons must do better than that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.alternatives.fitted import FittedTrack
from skyscan.light.cherenkov import (
    LIGHT_SPEED,
    N_GROUP,
    axes_of,
    component,
    direct_light,
    frames_of,
)
from skyscan.light.first_photon import density_of, with_noise
from skyscan.light.layered import LayeredIce
from skyscan.track.simplex import Search, minimise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skyscan.alternatives.fitted import FittedEvent
    from skyscan.light.ice import Ice

    Array = NDArray[np.float64]
    Mask = NDArray[np.bool_]

#: Events with a smaller mean of -ln L of a hit, and fewer hits that are more likely noise than
#: light of the track, are not looked at: one track explains them well.
LARGEST_MEAN, FEWEST_ODD = 7.0, 5
#: A track has five parameters.
FEWEST_HITS = 5
#: Hits that only one of two tracks explains: -ln L is larger by this for the other.
CLEARLY = 2.0

#: Light of a shower on the track: it decays within this time (ns), and showers are tried at
#: such steps (m) up to this distance from the vertex. It may come earlier by the jitter (ns).
DECAY_NS, STEP_M, REACH_M, EARLY_NS = 150.0, 5.0, 900.0, 15.0
N_SHOWERS = 2

#: Directions around that of the first guess: radius (rad) and number on each ring; places
#: across the track (m); quantiles of the hits' times.
RINGS = ((0.0, 1), (0.35, 6), (0.8, 8))
PLACES = ((0.0, 0.0), (40.0, 0.0), (-40.0, 0.0), (0.0, 40.0), (0.0, -40.0))
QUANTILES = (0.1, 0.3)
N_FOLLOWED = 3
#: The share of hits that the track explains worst.
WORST_SHARE = 0.4
#: Zenith, azimuth (rad), two coordinates across the track (m), time (ns).
FIRST = Search((0.1, 0.1, 20.0, 20.0, 30.0), 0.1, 100)
AGAIN = Search((0.05, 0.05, 10.0, 10.0, 15.0), 0.1, 100)
N_ROUNDS, LEAST_GAIN = 3, 0.5
#: Of more hits, every second, third, ... is enough for a first track.
MOST_HITS = 100
NEAREST_M = 30.0  #: hits nearer to a line than this count the same for its direction
N_LINES = 3


@dataclass(frozen=True)
class Second:
    """A second muon.

    Attributes
    ----------
    gain : float
        ln L of two muons relative to that of one.
    shower_gain : float
        ln L of one muon with two showers, relative to that of one.
    n_hits : int
        Hits that only the second one explains.
    track : FittedTrack
    """

    gain: float
    shower_gain: float
    n_hits: int
    track: FittedTrack

    @property
    def excess(self) -> float:
        """Gain in ln L of two muons over one with two showers."""
        return self.gain - self.shower_gain


class _Tracks(NamedTuple):
    """Two tracks, shape (1, 5) each, and -ln L of each hit under them."""

    first: Array
    second: Array
    first_llh: Array
    second_llh: Array

    @property
    def llh(self) -> float:
        return float(np.minimum(self.first_llh, self.second_llh).sum())


def second_of(event: FittedEvent, track: FittedTrack) -> Second | None:
    """Return the best second muon; None if one explains the hits well."""
    # As if N were certain: late hits, which a second muon explains, are then the least likely.
    ices = [LayeredIce(event.ice, one_photon=0.0, is_quick=it) for it in (False, True)]
    hits, quick = (_Hits(event.hits, event.centre, ice) for ice in ices)
    single = _parameters(track, event.centre)
    llh, is_odd = hits.llh(single)[0], hits.are_odd(single)
    if is_odd.sum() < FEWEST_ODD and llh.mean() < LARGEST_MEAN:
        return None
    starts = []
    for part in _parts(event.hits, llh, is_odd):
        found = _fitted(quick.of(_thinned(part)))
        starts.append(_Tracks(single, found, llh, hits.llh(found)[0]))
    if not starts:
        return None
    tracks = _divided(min(starts, key=lambda it: it.llh), hits, quick)
    return Second(
        gain=float(llh.sum()) - tracks.llh,
        shower_gain=float(llh.sum() - _with_showers(llh, _shower_llh(event.hits, track)).sum()),
        n_hits=int((tracks.first_llh - tracks.second_llh > CLEARLY).sum()),
        track=_track(tracks.second, event.centre),
    )


def _divided(tracks: _Tracks, hits: _Hits, quick: _Hits) -> _Tracks:
    """Divide the hits between two tracks and fit these again, until nothing is gained."""
    for _ in range(N_ROUNDS):
        of_second = tracks.second_llh < tracks.first_llh
        if min(of_second.sum(), (~of_second).sum()) < FEWEST_HITS:
            break
        first = quick.of(~of_second).minimum(tracks.first, AGAIN)
        second = quick.of(of_second).minimum(tracks.second, AGAIN)
        new = _Tracks(first, second, hits.llh(first)[0], hits.llh(second)[0])
        if new.llh > tracks.llh - LEAST_GAIN:
            break
        tracks = new
    return tracks


def _parts(hits: NDArray[np.void], llh: Array, is_odd: Mask) -> Iterator[Mask]:
    """Yield which hits a second muon may have: unlikely ones, and halves in time and space."""
    place = _places(hits) - _places(hits).mean(axis=0)
    along = place @ np.linalg.svd(place, full_matrices=False)[2][0]
    late, far = hits["time"] > np.median(hits["time"]), along > np.median(along)
    for part in (is_odd, llh > np.quantile(llh, 1 - WORST_SHARE), late, ~late, far, ~far):
        if part.sum() >= FEWEST_HITS:
            yield part


def _thinned(part: Mask) -> Mask:
    chosen = np.flatnonzero(part)
    thinned = np.zeros_like(part)
    thinned[chosen[:: -(-len(chosen) // MOST_HITS)]] = True
    return thinned


@dataclass(frozen=True)
class _Hits:
    """Hits, and -ln L of each under tracks of any direction, shape (n, 5), past a centre."""

    hits: NDArray[np.void]
    centre: Array
    ice: Ice

    def of(self, part: Mask) -> _Hits:
        return _Hits(self.hits[part], self.centre, self.ice)

    def llh(self, tracks: Array) -> Array:
        density, residual = self._density(tracks)
        return np.asarray(-np.log(with_noise(density, residual)))

    def are_odd(self, track: Array) -> Mask:
        """Return which hits are more likely noise than light of a track."""
        density, residual = self._density(track)
        return np.asarray(density[0] < with_noise(np.zeros_like(residual), residual)[0])

    def minimum(self, starts: Array, search: Search) -> Array:
        """Return the best track that is found from some starts, shape (1, 5)."""
        found = minimise(lambda _, points: self.llh(points).sum(axis=-1), starts, search)
        best = int(np.argmin(found.value))
        return found.point[best : best + 1]

    def _density(self, tracks: Array) -> tuple[Array, Array]:
        frames = frames_of(
            axes_of(tracks[:, 0], tracks[:, 1]), _places(self.hits) - self.centre
        )
        light = direct_light(frames, tracks[:, 2:3], tracks[:, 3:4])
        residual = self.hits["time"] - tracks[:, 4:] - light.time
        photons = self.ice.n_photons(self.hits["charge"])
        z = np.ascontiguousarray(self.hits["z"])
        return density_of(residual, light, z, photons, self.ice), residual


def _fitted(hits: _Hits) -> Array:
    """Return the best track of hits without a first guess, shape (1, 5)."""
    starts = np.array(list(_guesses(hits)))
    best = np.argsort(hits.llh(starts).sum(axis=-1), kind="stable")[:N_FOLLOWED]
    return hits.minimum(starts[best], FIRST)


def _guesses(hits: _Hits) -> Iterator[tuple[float, ...]]:
    """Yield tracks around the line of hits in space and time."""
    middle = np.array([np.average(hits.hits[n], weights=hits.hits["charge"]) for n in "xyz"])
    away = middle - hits.centre
    for zenith, azimuth in _directions(hits.hits):
        axes = axes_of(np.array([zenith]), np.array([azimuth]))
        frames = frames_of(axes, _places(hits.hits) - hits.centre)
        start = [float(component(away, axis)[0]) for axis in (axes.first, axes.second)]
        for place in PLACES:
            across = [start[0] + place[0], start[1] + place[1]]
            first, second = (np.full((1, 1), it) for it in across)
            passed = np.sort(hits.hits["time"] - direct_light(frames, first, second).time[0])
            for level in QUANTILES:
                yield zenith, azimuth, *across, float(passed[int(level * (len(passed) - 1))])


def _directions(hits: NDArray[np.void]) -> Iterator[tuple[float, float]]:
    """Yield zenith and azimuth of directions around the line through hits in space and time.

    The line is fitted with weights that leave out what is far from it.
    """
    places, times, weights = _places(hits), hits["time"], np.ones(len(hits))
    velocity = np.zeros(3)
    for _ in range(N_LINES):
        time = np.average(times, weights=weights)
        place = np.average(places, axis=0, weights=weights)
        later = times - time
        spread = float((weights * later**2).sum())
        velocity = (weights * later) @ (places - place) / max(spread, 1.0)
        away = np.linalg.norm(places - place - np.outer(later, velocity), axis=-1)
        weights = 1 / np.maximum(away, NEAREST_M)
    speed = float(np.linalg.norm(velocity))
    source = -velocity / speed if speed > 0 else np.array([0.0, 0.0, 1.0])
    axes = axes_of(*(np.array([it]) for it in _angles(source)))
    for radius, n in RINGS:
        for turn in 2 * np.pi * np.arange(n) / n:
            aside = np.cos(turn) * axes.first[0] + np.sin(turn) * axes.second[0]
            yield _angles(np.cos(radius) * source + np.sin(radius) * aside)


def _angles(source: Array) -> tuple[float, float]:
    """Return zenith and azimuth of a unit vector."""
    return float(np.arccos(np.clip(source[2], -1, 1))), float(np.arctan2(source[1], source[0]))


def _with_showers(llh: Array, of_showers: Array) -> Array:
    """Return -ln L of each hit with the showers that gain most, one after the other."""
    for _ in range(N_SHOWERS):
        tried = np.minimum(of_showers, llh)
        llh = tried[int(np.argmin(tried.sum(axis=-1)))]
    return llh


def _shower_llh(hits: NDArray[np.void], track: FittedTrack) -> Array:
    """Return -ln L of each hit as light of a shower at n places of a track, (n, ndom)."""
    along = np.arange(-REACH_M, REACH_M, STEP_M)
    places = track.vertex + along[:, np.newaxis] * track.axes.along[0]
    distance = np.linalg.norm(_places(hits) - places[:, np.newaxis], axis=-1)
    passed = track.time + along[:, np.newaxis] / LIGHT_SPEED
    residual = hits["time"] - passed - distance * N_GROUP / LIGHT_SPEED
    density = np.exp(-np.maximum(residual, 0.0) / DECAY_NS) / DECAY_NS
    density = np.where(residual > -EARLY_NS, density, 0.0)
    return np.asarray(-np.log(with_noise(density, residual)))


def _places(hits: NDArray[np.void]) -> Array:
    return np.stack([hits[name] for name in "xyz"], axis=-1)


def _parameters(track: FittedTrack, centre: Array) -> Array:
    away = track.vertex - centre
    along, first, second = (float(component(away, axis)[0]) for axis in track.axes)
    time = track.time - along / LIGHT_SPEED
    return np.array([[track.zenith, track.azimuth, first, second, time]])


def _track(parameters: Array, centre: Array) -> FittedTrack:
    zenith, azimuth, first, second, time = parameters[0].tolist()
    axes = axes_of(np.array([zenith]), np.array([azimuth]))
    vertex = centre + first * axes.first[0] + second * axes.second[0]
    source = -axes.along[0]  # zenith and azimuth of the search may leave their ranges
    return FittedTrack(vertex, time, *_angles(source))
