"""Load the compiled kernel, and hand arrays and settings to it.

The kernel (`kernel.c`) is compiled where a scan is planned (`skyscan.compiled.compiler`)
and is a file of the scan, so that all of its jobs use the same.
"""

from __future__ import annotations

import ctypes
import os
import platform
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.errors import TryAgain
from skyscan.light.first_photon import BROAD_NOISE, NARROW_NOISE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from skyscan.light.layered import Axis

    Array = NDArray[np.float64]
    Rows = NDArray[np.intp]

#: What a user can do if the kernel does not run on a machine.
REMEDY = "plan the scan with `--kernel numpy`, which runs on any machine"

#: Arrays of DOMs are filled up to a multiple of this.
LANES = 8
MOST_DIMENSIONS = 4


class CAxis(ctypes.Structure):
    """The kernel's Axis."""

    _fields_ = (
        ("first", ctypes.c_double),
        ("per_step", ctypes.c_double),
        ("n", ctypes.c_longlong),
    )


class CTiming(ctypes.Structure):
    """The kernel's Timing."""

    _fields_ = tuple(
        (name, ctypes.c_double)
        for name in ("half_width", "broad", "broad_width", "narrow", "narrow_width")
    )


class _Search(ctypes.Structure):
    """The kernel's Search."""

    _fields_ = (
        ("tolerance", ctypes.c_double),
        ("max_evaluations", ctypes.c_longlong),
        ("step", ctypes.c_double * MOST_DIMENSIONS),
    )


class Functions(NamedTuple):
    """Functions of the kernel for one kind of particle."""

    values: Callable[..., None]
    minima: Callable[..., None]


class KernelDoesNotLoad(TryAgain):
    """A machine cannot load the compiled kernel; another one may."""


class Kernel:
    """The compiled kernel.

    Attributes
    ----------
    track, shower, losses : Functions
    losses_details : function
        Also gives the energies of segments.

    Raises
    ------
    KernelDoesNotLoad
        This machine cannot load it.
    """

    def __init__(self, path: Path, *, with_avx2: bool | None = None) -> None:
        try:
            library = _loaded(path)
            avx2 = has_avx2() if with_avx2 is None else with_avx2
            self.track, self.shower, self.losses = (
                _functions(library, kind, avx2=avx2) for kind in ("track", "shower", "losses")
            )
            self.losses_details = _function(library, "losses_details", avx2=avx2)
        except (OSError, AttributeError) as error:
            raise KernelDoesNotLoad(
                f"The compiled kernel {path} cannot be loaded on this machine "
                f"({platform.machine()}): {error}; {REMEDY}."
            ) from error
        self.library = library


def _loaded(path: Path) -> ctypes.CDLL:
    """Load a shared object: by its path or, as from a folder that is noexec, from memory."""
    try:
        return ctypes.CDLL(str(path.absolute()))
    except OSError:
        with suppress(OSError):
            return _loaded_from_memory(path)
        raise


def _loaded_from_memory(path: Path) -> ctypes.CDLL:
    # It stays open: the loader takes a file of the same name for the one that it has.
    file = os.memfd_create(path.name)
    with os.fdopen(file, "wb", closefd=False) as content:
        content.write(path.read_bytes())
    return ctypes.CDLL(f"/proc/self/fd/{file}")


def _functions(library: ctypes.CDLL, kind: str, *, avx2: bool) -> Functions:
    return Functions(
        *(_function(library, f"{kind}_{what}", avx2=avx2) for what in Functions._fields)
    )


def _function(library: ctypes.CDLL, name: str, *, avx2: bool) -> Callable[..., None]:
    function = getattr(library, f"{name}_avx2" if avx2 else name)
    function.restype = None
    found: Callable[..., None] = function
    return found


def has_avx2() -> bool:
    """Return whether the processor takes four doubles at a time, as numpy sees it."""
    for package in ("numpy._core", "numpy.core"):  # of 2.0 and later, and of 1.x
        try:
            core = import_module(f"{package}._multiarray_umath")
        except ImportError:
            continue
        present: dict[str, bool] = core.__cpu_features__
        return platform.machine() == "x86_64" and present.get("AVX2", False)
    return False


class Compiled:
    """A likelihood for points of given directions, as the kernel computes it.

    Parameters
    ----------
    functions : Functions
    model : ctypes.Structure
        The kernel's Track or Shower.
    kept : sequence of ndarray
        The arrays of which the model has only the addresses.
    """

    def __init__(
        self,
        functions: Functions,
        model: ctypes.Structure,
        kept: Sequence[NDArray[np.generic]],
    ) -> None:
        self._functions, self._model, self._kept = functions, model, kept

    def values(self, rows: Rows, points: Array) -> tuple[Array, Array]:
        """Return -ln L and the energies (GeV; 0 for tracks) of points, both shape (m,).

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each point has.
        points : ndarray, shape (m, ndim)
        """
        arrays = [np.ascontiguousarray(rows, np.int64), doubles(points)]
        llh, energies = np.empty(len(rows)), np.empty(len(rows))
        self._functions.values(
            *(ctypes.byref(self._model), ctypes.c_longlong(len(rows))),
            *map(pointer, (*arrays, llh, energies)),
        )
        return llh, energies

    def minima(
        self,
        rows: Rows,
        start: Array,
        step: tuple[float, ...],
        tolerance: float,
        max_evaluations: int,
    ) -> tuple[Array, Array, Rows]:
        """Return points, values and evaluations as `skyscan.track.simplex.minimise` does.

        Parameters
        ----------
        rows : ndarray of int, shape (m,)
            Which direction each problem has.
        start, step, tolerance, max_evaluations
            As for `minimise`.
        """
        directions, points = np.ascontiguousarray(rows, np.int64), np.array(start, np.float64)
        llh, evaluations = np.empty(len(rows)), np.empty(len(rows), np.int64)
        steps = (ctypes.c_double * MOST_DIMENSIONS)(*step)
        search = _Search(tolerance, max_evaluations, steps)
        self._functions.minima(
            *(ctypes.byref(self._model), ctypes.c_longlong(len(rows)), pointer(directions)),
            *(ctypes.byref(search), *map(pointer, (points, llh, evaluations))),
        )
        return points, llh, evaluations


def c_axis(axis: Axis) -> CAxis:
    """Return an axis as the kernel takes it."""
    return CAxis(axis.first, 1 / axis.step, axis.n)


def c_timing(half_width: float) -> CTiming:
    """Return the settings of the density of first pulses; half width of the box in ns."""
    return CTiming(half_width, *BROAD_NOISE, *NARROW_NOISE)


def doubles(values: NDArray[np.generic]) -> Array:
    """Return values as doubles that lie one after another."""
    return np.ascontiguousarray(values, np.float64)


def filled(values: Array, *, by: float | None = None) -> Array:
    """Return values of DOMs, shape (..., n), filled up with a number or their first one."""
    missing = -values.shape[-1] % LANES
    more = values[..., :1] if by is None else np.full_like(values[..., :1], by)
    return doubles(np.concatenate([values, np.repeat(more, missing, axis=-1)], axis=-1))


def pointer(array: NDArray[np.generic]) -> ctypes.c_void_p:
    """Return the address of an array."""
    return ctypes.c_void_p(array.ctypes.data)
