"""The likelihood of tracks in layered ice by the compiled kernel."""

from __future__ import annotations

import ctypes
from math import sqrt
from typing import TYPE_CHECKING

from skyscan.compiled.library import (
    CAxis,
    Compiled,
    CTiming,
    Kernel,
    c_axis,
    c_timing,
    doubles,
    filled,
    pointer,
)
from skyscan.light.cherenkov import (
    COS_CHERENKOV,
    DISTANCE_DELAY,
    DOM_RADIUS_M,
    LIGHT_SPEED,
    SIN_CHERENKOV,
)
from skyscan.light.ice_model import SHORTEST_PATH_M

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from skyscan.light.cherenkov import TrackFrames
    from skyscan.light.layered import LayeredIce, Tables

    Array = NDArray[np.float64]

_FRAMES = ("along", "first", "second", "along_z", "first_z")
_DOMS = ("times", "levels", "scattering", "absorption")
_CONSTANTS = {
    "light_speed": LIGHT_SPEED,
    "cos_cherenkov": COS_CHERENKOV,
    "sin_cherenkov": SIN_CHERENKOV,
    "distance_delay": DISTANCE_DELAY,
    "dom_radius": DOM_RADIUS_M,
    "shortest_path": SHORTEST_PATH_M,
}


class CTrackLight(ctypes.Structure):
    """The kernel's TrackLight."""

    _fields_ = (
        *(("n_doms", ctypes.c_longlong), ("is_quick", ctypes.c_longlong)),
        *((name, ctypes.c_void_p) for name in (*_FRAMES, *_DOMS, "log_survival")),
        *((name, CAxis) for name in ("lengths", "cosines", "distances", "delays")),
        *(("scattering_at", ctypes.c_void_p), ("absorption_at", ctypes.c_void_p)),
        ("depths", CAxis),
        *((name, ctypes.c_double) for name in _CONSTANTS),
        ("timing", CTiming),
    )


class _Track(ctypes.Structure):
    """The kernel's Track."""

    _fields_ = (
        ("light", CTrackLight),
        ("photons", ctypes.c_void_p),
        ("one_photon", ctypes.c_double),
    )


def track_light(
    tables: Tables,
    frames: TrackFrames,
    *,
    times: Array,
    levels: Array,
    jitter_ns: float,
    is_quick: bool,
) -> tuple[CTrackLight, list[Array]]:
    """Return the kernel's light of tracks, and the arrays of which it has the addresses.

    Parameters
    ----------
    tables : Tables
    frames : TrackFrames
        The DOMs in the frames of the n directions.
    times, levels : ndarray, shape (ndom,), ns, m
        Of the DOMs; ``levels`` is where the ice of each lies in the model's column.
    jitter_ns : float
    is_quick : bool
        Whether the nearest nodes in la/le and cos eta do.
    """
    ends = [tables.depth_axis.interpolated(depths, levels) for depths in tables.depths]
    arrays = [*map(filled, frames[:3]), *map(doubles, frames[3:])]
    arrays += map(filled, (times, levels, *ends))
    arrays += map(doubles, (tables.log_survival, *tables.depths))
    places = [pointer(array) for array in arrays]
    light = CTrackLight(
        *(len(times), is_quick, *places[:-2], *map(c_axis, tables.axes), *places[-2:]),
        *(c_axis(tables.depth_axis), *_CONSTANTS.values(), c_timing(sqrt(3) * jitter_ns)),
    )
    return light, arrays


def compiled_tracks(
    kernel: Kernel,
    ice: LayeredIce,
    frames: TrackFrames,
    *,
    times: Array,
    levels: Array,
    charge: Array,
) -> Compiled:
    """Return the likelihood of an event's hits under tracks.

    Parameters
    ----------
    kernel : Kernel
    ice : LayeredIce
    frames : TrackFrames
        The DOMs in the frames of the n directions.
    times, levels, charge : ndarray, shape (ndom,), ns, m, PE
        Of the hits; ``levels`` is where the ice of each DOM lies in the model's column.
    """
    light, arrays = track_light(
        *(ice.tables, frames),
        times=times,
        levels=levels,
        jitter_ns=ice.jitter_ns,
        is_quick=ice.is_quick,
    )
    photons = filled(ice.n_photons(charge))
    track = _Track(light, pointer(photons), ice.one_photon)
    return Compiled(kernel.track, track, [*arrays, photons])
