"""The likelihood of tracks and their losses in layered ice by the compiled kernel."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.compiled.library import (
    CAxis,
    Compiled,
    Kernel,
    c_axis,
    doubles,
    filled,
    pointer,
)
from skyscan.compiled.shower import CShowerLight, shower_light
from skyscan.compiled.track import CTrackLight, track_light

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from skyscan.compiled.shower import ShowerTables
    from skyscan.light.cherenkov import Axes, TrackFrames
    from skyscan.light.ice_model import IceModel
    from skyscan.light.layered import Axis, Tables

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

_NUMBERS = ("n_hits", "most_segments", "most_pairs", "n_steps")
_AXES = ("axes_first", "axes_second", "axes_along")
_SEGMENTS = ("n_segments", "places", "starts", "hits", "pair_doms")
_DOMS = (
    *("x", "y", "z", "photons", "scattering", "absorption", "factors", "muon_factors"),
    *("charge", "weights"),
)
_MUON_AXES = ("muon_charge_lengths", "muon_charge_cosines", "muon_charge_distances")
_CHARGES = (
    *("muon_farthest", "centre_z", "shape", "noise", "constant", "largest_energy"),
    *("total_charge", "smallest_share", "tiny", "least_seen"),
)


class _Losses(ctypes.Structure):
    """The kernel's LossModel."""

    _fields_ = (
        *(("light", CShowerLight), ("muon", CTrackLight)),
        *((name, ctypes.c_longlong) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in (*_AXES, *_SEGMENTS, *_DOMS, "muon_charge")),
        *((name, CAxis) for name in _MUON_AXES),
        *((name, ctypes.c_double) for name in _CHARGES),
        ("space", ctypes.c_void_p),
    )


class LossDoms(NamedTuple):
    """The DOMs of an event, those with hits first, all of shape (ndom,).

    ``places`` (m, from the charge centre) is (ndom, 3), ``levels`` their z in the ice (m).
    ``times`` (ns) and ``photons`` count for hits only; ``charge`` and ``weights`` (the charge
    plus the shape) are 0 where the charge is not known. ``factors`` are the expected charge
    (PE/GeV) at 1 m of a segment, ``muon_factors`` that (PE) of the bare muon.
    """

    places: Array
    levels: Array
    times: Array
    photons: Array
    charge: Array
    weights: Array
    factors: Array
    muon_factors: Array


class LossTracks(NamedTuple):
    """Tracks of n directions: axes, DOMs in their frames, and segments.

    ``places`` (m), ``segments`` and ``doms`` are lists by direction: where segments are, and
    pairs of a segment and a DOM, ordered by segment, then by DOM.
    """

    axes: Axes
    frames: TrackFrames
    places: Sequence[Array]
    segments: Sequence[Rows]
    doms: Sequence[Rows]


class MuonTables(NamedTuple):
    """What `skyscan.losses.light.MuonLight` looks up."""

    charge_axes: tuple[Axis, Axis, Axis]
    log_charge: Array
    farthest: float
    times: Tables


class LossSettings(NamedTuple):
    """Settings of the likelihood: see the constants of `skyscan.losses`."""

    shape: float
    noise_pe: float
    constant: float
    largest_gev: float
    smallest_share: float
    tiny: float
    least_seen: float
    jitter_ns: float
    n_steps: int


class CompiledLosses(Compiled):
    """The likelihood of tracks and their losses; see `Compiled`."""

    def __init__(
        self,
        kernel: Kernel,
        model: ctypes.Structure,
        kept: Sequence[NDArray[np.generic]],
        n_segments: list[int],
    ) -> None:
        super().__init__(kernel.losses, model, kept)
        self._details, self._n_segments = kernel.losses_details, n_segments

    def details(self, rows: Rows, points: Array) -> tuple[Array, Array, list[Array]]:
        """Return -ln L, the part of it that is of times, and the energies of segments (GeV).

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each point has.
        points : ndarray, shape (m, 3)
        """
        arrays = [np.ascontiguousarray(rows, np.int64), doubles(points)]
        llh, times = np.zeros(len(rows)), np.zeros(len(rows))
        energies = np.zeros((len(rows), max(self._n_segments)))
        self._details(
            *(ctypes.byref(self._model), ctypes.c_longlong(len(rows))),
            *map(pointer, (*arrays, llh, times, energies)),
        )
        numbers = [self._n_segments[row] for row in rows.tolist()]
        return llh, times, [it[:n].copy() for it, n in zip(energies, numbers, strict=True)]


def compiled_losses(  # noqa: PLR0917
    kernel: Kernel,
    tables: ShowerTables,
    muon: MuonTables,
    ice: IceModel,
    doms: LossDoms,
    tracks: LossTracks,
    *,
    centre_z: float,
    settings: LossSettings,
) -> CompiledLosses:
    """Return the likelihood of an event's DOMs under tracks of n directions.

    Parameters
    ----------
    kernel : Kernel
    tables : ShowerTables
        Of the segments.
    muon : MuonTables
    ice : IceModel
    doms : LossDoms
    tracks : LossTracks
    centre_z : float, m
        z of the charge centre.
    settings : LossSettings
    """
    n_doms, n_hits = len(doms.times), int(np.isfinite(doms.times).sum())
    n_segments = [len(places) for places in tracks.places]
    most, most_pairs = max(n_segments), max(map(len, tracks.doms))
    light, tabled = shower_light(tables, ice, settings.jitter_ns)
    bare, of_muon = track_light(
        *(muon.times, tracks.frames),
        times=np.where(np.isfinite(doms.times), doms.times, 0.0),
        levels=doms.levels,
        jitter_ns=settings.jitter_ns,
        is_quick=tables.is_quick,
    )
    starts = np.searchsorted  # of the pairs of each segment
    hit_segments = [
        segment[dom < n_hits] for segment, dom in zip(tracks.segments, tracks.doms, strict=True)
    ]
    arrays: list[NDArray[np.generic]] = [
        *map(doubles, (tracks.axes.first, tracks.axes.second, tracks.axes.along)),
        np.array(n_segments, np.int64),
        _padded(tracks.places, most, np.float64),
        _padded([starts(it, np.arange(most + 1)) for it in tracks.segments], most + 1),
        _padded([np.bincount(it, minlength=most) for it in hit_segments], most + 1),
        _padded(tracks.doms, most_pairs),
        *map(filled, (*doms.places.T, doms.photons, *ice.depths_of(doms.levels))),
        *map(filled, (doms.factors, doms.muon_factors)),
        *(filled(doms.charge, by=0.0), filled(doms.weights, by=0.0)),
        doubles(muon.log_charge),
    ]
    space = np.zeros(_size_of_space(n_doms, n_hits, most, most_pairs))
    model = _Losses(
        *(light, bare, n_hits, most, most_pairs, settings.n_steps),
        *(*map(pointer, arrays), *map(c_axis, muon.charge_axes)),
        *(muon.farthest, centre_z, settings.shape, settings.noise_pe, settings.constant),
        *(settings.largest_gev, float(doms.charge.sum()), settings.smallest_share),
        *(settings.tiny, settings.least_seen, pointer(space)),
    )
    kept = [*tabled, *of_muon, *arrays, space]
    return CompiledLosses(kernel, model, kept, n_segments)


def _padded(
    rows: Sequence[NDArray[np.generic]], n: int, dtype: type = np.int64
) -> NDArray[np.generic]:
    """Return rows of different lengths as one array, (len(rows), n), filled up with zeros."""
    found: NDArray[np.generic] = np.zeros((len(rows), n), dtype)
    for row, values in zip(found, rows, strict=True):
        row[: len(values)] = values
    return found


def _size_of_space(n_doms: int, n_hits: int, n_segments: int, n_pairs: int) -> int:
    """Return how many doubles the kernel's Space has."""
    doms, hits = (n + 8 for n in (n_doms, n_hits))
    return 8 * n_pairs + n_segments * (hits + 2) + 2 * doms + 8 * hits
