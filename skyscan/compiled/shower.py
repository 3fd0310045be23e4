"""The likelihood of showers in layered ice by the compiled kernel."""

from __future__ import annotations

import ctypes
from math import sqrt
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

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
from skyscan.light.cherenkov import LIGHT_SPEED, N_GROUP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.light.ice_model import IceModel
    from skyscan.light.layered import Axis

    Array = NDArray[np.float64]

#: Number of DOMs that the kernel has room for; IceCube has 5160.
MOST_DOMS = 5200
#: Edges of bins of late charge that it has room for.
MOST_EDGES = 8
#: Bins of cos psi, narrower than the distances of the table's nodes.
N_PSI_BINS = 200

_AXES = ("charge_lengths", "charge_cosines", "time_lengths", "time_cosines")
_LIMITS = ("light_speed", "arrival", "level", "nearest", "farthest", "first_delay")
_NUMBERS = ("n_doms", "n_hits", "n_late", "n_bins", "n_steps")
_DOMS = ("x", "y", "z", "times", "photons", "scattering", "absorption")
_CHARGES = ("factors", "charge", "weights")
_LATE = ("late_edges", "late", "late_sum")
_SHARES = ("length", "share_shape", "even_share", "least_late")
_STEPS = ("largest_log_energy", "largest_step", "smallest_step")
_ENERGY = ("shape", "noise", "constant", *_STEPS, "total_charge")


class CShowerLight(ctypes.Structure):
    """The kernel's ShowerLight."""

    _fields_ = (
        ("is_quick", ctypes.c_longlong),
        *((name, ctypes.c_void_p) for name in ("log_charge", "log_survival")),
        *((name, CAxis) for name in (*_AXES, "distances", "delays")),
        *(("psi", ctypes.c_void_p), ("psi_from", ctypes.c_void_p)),
        *(("n_psi", ctypes.c_longlong), ("n_psi_bins", ctypes.c_longlong)),
        *((name, ctypes.c_void_p) for name in ("edges", "scattering_at", "absorption_at")),
        ("n_edges", ctypes.c_longlong),
        *((name, ctypes.c_double) for name in _LIMITS),
        ("timing", CTiming),
    )


class _Shower(ctypes.Structure):
    """The kernel's Shower."""

    _fields_ = (
        ("light", CShowerLight),
        *((name, ctypes.c_longlong) for name in _NUMBERS),
        *((name, ctypes.c_void_p) for name in ("travels", *_DOMS, *_CHARGES, *_LATE)),
        *((name, ctypes.c_double) for name in (*_SHARES, *_ENERGY)),
    )


class ShowerTables(NamedTuple):
    """What `skyscan.shower.light.ShowerLight` looks up.

    ``log_charge`` and ``log_survival`` are flat: by la/le, cos eta, cos psi, distance (and
    time). ``axes`` are those of ln(la/le) and cos eta, first for charges, then for times, of
    ln(d/le) and of ln(t c/le); ``psi`` are the nodes of cos psi.
    """

    log_charge: Array
    log_survival: Array
    axes: tuple[Axis, Axis, Axis, Axis, Axis, Axis]
    psi: Array
    farthest: float
    level_m: float
    nearest_m: float
    is_quick: bool


class ShowerSettings(NamedTuple):
    """Settings of the likelihood: see the constants of `skyscan.shower.model` and ``times``."""

    charge_spread: float
    constant: float
    noise_pe: float
    largest_log_energy: float
    largest_step: float
    smallest_step: float
    n_steps: int
    jitter_ns: float
    length_m: float
    share_spread: float
    even_share: float
    least_late: float


class ShowerDoms(NamedTuple):
    """The DOMs of an event, those with hits first, of these those with late charge.

    ``places`` is (ndom, 3), m; ``charge`` and ``factors`` are (ndom,), the latter the expected
    charge (PE/GeV) at 1 m without scattering and absorption; ``times`` (ns) and ``photons`` are
    (nhit,); ``late`` is (nlate, nbins), PE, in bins between ``late_edges`` (nbins + 1,), ns
    after the first pulse.
    """

    places: Array
    times: Array
    photons: Array
    charge: Array
    factors: Array
    late: Array
    late_edges: Array


def shower_light(
    tables: ShowerTables, ice: IceModel, jitter_ns: float
) -> tuple[CShowerLight, list[NDArray[np.generic]]]:
    """Return the kernel's light of showers, and the arrays of which it has the addresses.

    Parameters
    ----------
    tables : ShowerTables
    ice : IceModel
    jitter_ns : float
    """
    edges, integrals = ice.depth_nodes
    arrays: list[NDArray[np.generic]] = [
        *map(doubles, (tables.log_charge, tables.log_survival, tables.psi)),
        *(psi_from(tables.psi), *map(doubles, (edges, *integrals))),
    ]
    places = [pointer(array) for array in arrays]
    light = CShowerLight(
        *(tables.is_quick, *places[:2], *map(c_axis, tables.axes)),
        *(*places[2:4], len(tables.psi), N_PSI_BINS, *places[4:], len(edges)),
        *(LIGHT_SPEED, N_GROUP / LIGHT_SPEED, tables.level_m, tables.nearest_m),
        *(tables.farthest, float(np.exp(tables.axes[-1].first))),
        c_timing(sqrt(3) * jitter_ns),
    )
    return light, arrays


def compiled_showers(
    kernel: Kernel,
    tables: ShowerTables,
    ice: IceModel,
    doms: ShowerDoms,
    *,
    travels: Array,
    settings: ShowerSettings,
) -> Compiled:
    """Return the likelihood of an event's DOMs under showers of n directions.

    Parameters
    ----------
    kernel : Kernel
    tables : ShowerTables
    ice : IceModel
    doms : ShowerDoms
    travels : ndarray, shape (n, 3)
        Directions of travel, unit vectors.
    settings : ShowerSettings
    """
    n_doms, n_hits, (n_late, n_bins) = len(doms.factors), len(doms.times), doms.late.shape
    if n_doms > MOST_DOMS:
        raise ValueError(f"{n_doms} DOMs; the compiled kernel takes {MOST_DOMS}")
    if n_bins >= MOST_EDGES:
        raise ValueError(f"{n_bins} bins; the compiled kernel takes {MOST_EDGES - 1}")
    shape, charge = settings.charge_spread**-2, doms.charge
    light, tabled = shower_light(tables, ice, settings.jitter_ns)
    ends = ice.depths_of(doms.places[:, 2])
    arrays: list[NDArray[np.generic]] = [
        doubles(travels),
        *map(filled, (*doms.places.T, doms.times, doms.photons, *ends)),
        *(filled(it, by=0.0) for it in (doms.factors, charge, charge + shape)),
        doubles(doms.late_edges),
        *(filled(it, by=0.0) for it in (doms.late.T, doms.late.sum(axis=1))),
    ]
    model = _Shower(
        *(light, n_doms, n_hits, n_late, n_bins, settings.n_steps),
        *map(pointer, arrays),
        *(settings.length_m, settings.share_spread**-2, settings.even_share),
        *(settings.least_late, shape, settings.noise_pe, settings.constant),
        *(settings.largest_log_energy, settings.largest_step, settings.smallest_step),
        float(charge.sum()),
    )
    return Compiled(kernel.shower, model, [*tabled, *arrays])


def psi_from(psi: Array) -> NDArray[np.int64]:
    """Return a node of ``psi`` (nnodes,) not above the start of each of N_PSI_BINS bins of it.

    It is one less than the nearest, because of rounding.
    """
    starts = np.linspace(-1.0, 1.0, N_PSI_BINS, endpoint=False)
    below = np.searchsorted(psi, starts, side="right") - 2
    return np.clip(below, 0, len(psi) - 2).astype(np.int64)
