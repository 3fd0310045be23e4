"""A Monte Carlo of photons in homogeneous ice, in units of the effective scattering length.

A photon starts on the axis of a track or at a point, travels a path with an exponential
distribution, and scatters; its absorption is a weight. What crosses a cylinder around the
track, or a sphere around the point, is recorded by its delay after the direct light and by
moments of its direction: the sums of Legendre polynomials of the cosine to the direct photon's
direction. The azimuth of a DOM's axis about that direction is averaged over, so that these
moments give the light that a DOM of any angular acceptance sees (see `skyscan.light.tables`).

The loop is in C (photons.c), compiled where tables are made; no scan needs it.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skyscan.errors import BadInput
from skyscan.light.cherenkov import COS_CHERENKOV, N_GROUP, SIN_CHERENKOV

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from skyscan.light.grid import Grid

    Array = NDArray[np.float64]

#: Directions of the particles in a shower: x = 1 - cos has the density x^(a-1) exp(-b x^a)
#: (ppc; M. Kowalski, parametrisation by GEANT).
SHOWER_A, SHOWER_B = 0.39, 2.61

#: Portable: no option for the processor at hand, so that all machines compute the same.
FLAGS = ("-O2", "-fPIC", "-shared", "-ffp-contract=off")


class _Setup(ctypes.Structure):
    _fields_ = (
        *((name, ctypes.c_double) for name in ("sam_share", "g", "scattering")),
        *((name, ctypes.c_double) for name in ("n_group", "cos_cherenkov", "sin_cherenkov")),
        *((name, ctypes.c_double) for name in ("first_time", "log_step")),
        *((name, ctypes.c_double) for name in ("shower_a", "shower_b")),
        *(
            (name, ctypes.c_int32)
            for name in ("is_shower", "n_surfaces", "n_angles", "n_times", "n_lengths")
        ),
    )


@lru_cache(maxsize=1)
def compiled() -> Callable[..., None]:
    """Compile photons.c and return its function.

    Raises
    ------
    BadInput
        There is no C compiler, or it fails.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        raise BadInput(
            "The tables of light are made by a C program: install a C compiler, such as gcc."
        )
    source = resources.files("skyscan").joinpath("light", "photons.c").read_text("utf-8")
    with tempfile.TemporaryDirectory() as folder:
        path, library = Path(folder, "photons.c"), Path(folder, "photons.so")
        path.write_text(source, "utf-8")
        command = [compiler, *FLAGS, "-o", str(library), str(path), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BadInput(f"{compiler} cannot compile photons.c: {done.stderr.strip()}")
        function = ctypes.CDLL(str(library)).follow_photons
    function.restype = None
    return function


def moments(
    grid: Grid,
    n: int,
    seed: int,
    *,
    is_shower: bool,
    sam_share: float,
    g: float = 0.9,
    scattering: float | None = None,
) -> Array:
    """Follow photons and return their moments.

    Parameters
    ----------
    grid : Grid
    n : int
        Number of photons.
    seed : int
        The same seed gives the same photons.
    is_shower : bool
        Photons of a shower at a point, instead of those of an infinite track.
    sam_share, g : float
        The scattering function: see `skyscan.light.ice_model.IceModel`.
    scattering : float, optional
        Mean path between scatterings; by default 1 - g, which makes le the unit of length.

    Returns
    -------
    ndarray, shape ``grid.shape``
        Fluence of the photons in each bin, by absorption length and degree, relative to the
        direct light without absorption (for a shower: if it were isotropic).
    """
    step = float(np.diff(np.log(grid.time_edges)).mean())
    shape = grid.shape
    setup = _Setup(
        sam_share=sam_share,
        g=g,
        scattering=(1 - g) if scattering is None else scattering,
        n_group=N_GROUP,
        cos_cherenkov=COS_CHERENKOV,
        sin_cherenkov=SIN_CHERENKOV,
        first_time=grid.time_edges[0],
        log_step=step,
        shower_a=SHOWER_A,
        shower_b=SHOWER_B,
        is_shower=is_shower,
        n_surfaces=shape[0],
        n_angles=shape[1],
        n_times=shape[2],
        n_lengths=shape[3],
    )
    sums = np.zeros(shape)
    arrays = [
        np.ascontiguousarray(values, np.float64)
        for values in (grid.radius, grid.angle_edges, grid.absorption)
    ]
    places = [ctypes.c_void_p(values.ctypes.data) for values in (*arrays, sums)]
    ending = (ctypes.c_uint64(seed), ctypes.c_int64(n), places[3])
    compiled()(ctypes.byref(setup), *places[:3], *ending)
    if is_shower:
        return np.asarray(sums / n / (np.diff(grid.angle_edges) / 2)[:, None, None, None])
    return np.asarray(sums / n * SIN_CHERENKOV)
