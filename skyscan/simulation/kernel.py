"""Follow photons with a compiled kernel, or with numpy where there is no C compiler."""

from __future__ import annotations

import ctypes
import shutil
import tempfile
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skyscan.compiled.compiler import run_compiler
from skyscan.errors import BadInput
from skyscan.light.cherenkov import COS_CHERENKOV, LIGHT_SPEED, N_GROUP
from skyscan.light.photons import SHOWER_A, SHOWER_B
from skyscan.simulation.light import blocks_of
from skyscan.simulation.numpy_kernel import BLOCK, trace_in_numpy
from skyscan.simulation.scene import CELL_M, Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SOURCE = "photons.c"
COMPILERS = ("cc", "gcc", "clang")
#: The same code on every processor, and no fused operations: the same bytes.
FLAGS = ("-O2", "-std=c11", "-D_GNU_SOURCE", "-ffp-contract=off", "-fPIC", "-shared")

FIRST_CAPACITY = 200_000


class Hits(NamedTuple):
    """Photons that DOMs detected: index in the flattened (86, 60) DOMs, and time (ns)."""

    dom: NDArray[np.int32]
    time: Array


def trace(
    scene: Scene, steps: Array, photons: NDArray[np.int64], seed: int, kernel: str = "auto"
) -> Hits:
    """Follow photons until they are absorbed, and return those that DOMs detect.

    Parameters
    ----------
    scene : Scene
    steps : ndarray, shape (n, STEP_FIELDS)
    photons : ndarray, shape (n,)
        Number of photons of each step.
    seed : int
        0 to 2**63 - 1; the same seed and kernel give the same hits.
    kernel : {"auto", "c", "numpy"}
        ``auto`` is `best_kernel`.

    Raises
    ------
    ValueError
        The C kernel is asked for, and there is no compiler.
    """
    chosen = best_kernel() if kernel == "auto" else kernel
    if chosen == "numpy":
        return Hits(*trace_in_numpy(scene, steps, photons, seed))
    library = _library()
    if library is None:
        raise ValueError("the C kernel needs a C compiler (cc, gcc or clang) on PATH")
    return _trace_in_c(library, scene, steps, photons, seed)


def best_kernel() -> str:
    """Return the fastest kernel that this machine has: ``c`` or ``numpy``."""
    return "numpy" if _library() is None else "c"


@lru_cache(maxsize=1)
def _library() -> ctypes.CDLL | None:
    """Compile and load the kernel; None without a compiler that works."""
    compiler = next(filter(None, map(shutil.which, COMPILERS)), None)
    if compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="skyscan-kernel-") as folder:
        source, library = Path(folder, SOURCE), Path(folder, "photons.so")
        source.write_bytes(
            resources.files("skyscan").joinpath("simulation", SOURCE).read_bytes()
        )
        command = [compiler, *FLAGS, str(source), "-o", str(library), "-lm"]
        try:
            code, _ = run_compiler(command, library.parent)
            loaded = None if code else ctypes.CDLL(str(library))
        except (BadInput, OSError):
            return None
    if loaded is None:
        return None
    loaded.start.restype, loaded.trace.restype = None, ctypes.c_int64
    return loaded


class _Settings(ctypes.Structure):
    """The C kernel's Settings."""

    _fields_ = (
        *((name, ctypes.c_double) for name in ("g", "sam_share", "cos_cherenkov", "velocity")),
        *((name, ctypes.c_double) for name in ("spread_a", "spread_b", "first_z", "thickness")),
        ("n_layers", ctypes.c_int64),
        *((name, ctypes.c_double) for name in ("radius", "grid_x", "grid_y", "cell")),
        *((name, ctypes.c_int64) for name in ("n_x", "n_y", "n_oms", "n_coefficients")),
        *((name, ctypes.c_double) for name in ("farthest", "lowest", "highest")),
    )


class _Tables(ctypes.Structure):
    """The C kernel's Tables: pointers."""

    _fields_ = tuple(
        (name, ctypes.c_void_p)
        for name in (
            *("scattering", "absorption", "strings", "dom_z", "efficiency", "acceptance"),
            *("cell_start", "cell_strings"),
        )
    )


def _settings(scene: Scene) -> _Settings:
    ice = scene.ice
    return _Settings(
        *(ice.g, ice.sam_share, COS_CHERENKOV, LIGHT_SPEED / N_GROUP, SHOWER_A, SHOWER_B),
        *(scene.lowest_z, ice.thickness, len(ice.top), scene.radius, *scene.corner, CELL_M),
        *(*scene.n_cells, scene.dom_z.shape[1], len(ice.acceptance), *scene.limits),
    )


def _trace_in_c(
    library: ctypes.CDLL, scene: Scene, steps: Array, photons: NDArray[np.int64], seed: int
) -> Hits:
    arrays = [
        *(scene.scattering, scene.absorption, scene.strings, scene.dom_z, scene.efficiency),
        *(np.array(scene.ice.acceptance), scene.cell_start, scene.cell_strings),
    ]
    arrays = [np.ascontiguousarray(array) for array in arrays]
    tables = _Tables(*(array.ctypes.data for array in arrays))
    state = np.empty(4, np.uint64)
    library.start(ctypes.c_uint64(seed), ctypes.c_void_p(state.ctypes.data))
    settings, taken = _settings(scene), np.ascontiguousarray(steps[:, :9])
    found = [Hits(np.empty(0, np.int32), np.empty(0))]
    # Python looks for Ctrl-C between the blocks; the bytes do not depend on them.
    for first, counts in blocks_of(photons, BLOCK):
        here = taken[first : first + len(counts)]
        found.append(_block_in_c(library, state, (settings, tables), here, counts))
    return Hits(*(np.concatenate(parts) for parts in zip(*found, strict=True)))


def _block_in_c(
    library: ctypes.CDLL,
    state: NDArray[np.uint64],
    scene: tuple[_Settings, _Tables],
    steps: Array,
    photons: NDArray[np.int64],
) -> Hits:
    """Follow some photons; the state of the generator is then that after them."""
    capacity = FIRST_CAPACITY
    while True:
        dom, time = np.empty(capacity, np.int32), np.empty(capacity)
        arrays = (state, steps, photons, dom, time)
        start, *pointers = [ctypes.c_void_p(array.ctypes.data) for array in arrays]
        n = library.trace(
            *(start, *map(ctypes.byref, scene), ctypes.c_int64(len(steps)), *pointers[:2]),
            *(ctypes.c_int64(capacity), *pointers[2:]),
        )
        if n <= capacity:
            return Hits(dom[:n].copy(), time[:n].copy())
        capacity = n  # the same photons once more, with room for all of their hits
