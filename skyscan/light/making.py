"""Make the tables of scattered light: ``python -m skyscan.light make``."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from skyscan.light.grid import Grid
from skyscan.light.photons import moments
from skyscan.light.tables import LightTable, survival

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

#: Photons that are followed at a time; more than one block is needed for the error.
N_BLOCKS = 32

#: Kinds of tables, and the number that makes their random numbers differ.
KINDS = {"track": 0, "shower": 1}

RADII = np.array(
    [
        *(0.05, 0.1, 0.2, 0.35, 0.55, 0.8, 1.1, 1.5, 2.0, 2.6),
        *(3.3, 4.1, 5.1, 6.2, 7.5, 9.0, 11.0, 13.5),
    ]
)
ABSORPTION = np.array([1.5, 2.2, 3.2, 4.6, 7.0])
#: Narrow near the Cherenkov angle, whose cosine is 0.758.
SHOWER_ANGLES = np.array(
    [
        *(-1.0, -0.6, -0.2, 0.1, 0.3, 0.45, 0.55, 0.63, 0.69),
        *(0.73, 0.76, 0.79, 0.83, 0.87, 0.91, 0.95, 1.0),
    ]
)
FIRST_TIME, LAST_TIME, N_TIMES = 0.003, 40.0, 49

#: The error is that of survival probabilities in this range.
STATED_RANGE = (0.05, 0.95)


def grid_of(kind: str) -> Grid:
    """Return the grid of a table."""
    angles = SHOWER_ANGLES if kind == "shower" else np.array([-1.0, 1.0])
    return Grid(RADII, angles, ABSORPTION, np.geomspace(FIRST_TIME, LAST_TIME, N_TIMES))


def make_table(
    kind: str,
    n_photons: int,
    seed: int,
    *,
    sam_share: float,
    g: float,
    n_processes: int = 1,
    grid: Grid | None = None,
) -> LightTable:
    """Make a table, and estimate its statistical error from its own blocks.

    Parameters
    ----------
    kind : str
        ``track`` or ``shower``.
    n_photons : int
        Rounded up to the same number in each block.
    seed : int, less than 2**32
    sam_share, g : float
        The scattering function.
    n_processes : int
    grid : Grid, optional
    """
    grid = grid or grid_of(kind)
    size = -(-n_photons // N_BLOCKS)
    seeds = [((seed * len(KINDS) + KINDS[kind]) << 16) + block for block in range(N_BLOCKS)]
    shower = kind == "shower"
    work = partial(moments, grid, size, is_shower=shower, sam_share=sam_share, g=g)
    blocks = []
    with ProcessPoolExecutor(n_processes) as pool:
        for done, block in enumerate(pool.map(work, seeds), 1):
            blocks.append(block)
            print(f"\r{kind}: {done * size:,} photons", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    provenance = {
        "kind": kind,
        "photons": size * N_BLOCKS,
        "seed": seed,
        "sam_share": sam_share,
        "g": g,
        "made_by": "python -m skyscan.light make",
        "survival_error": [round(float(error), 6) for error in survival_errors(blocks)],
    }
    return LightTable(grid, sum(blocks) / N_BLOCKS, provenance)  # type: ignore[arg-type]


def survival_errors(blocks: list[Array]) -> Array:
    """Return the statistical error of S at each radius, of a DOM that accepts all light.

    Parameters
    ----------
    blocks : list of ndarray, shape ``Grid.shape``
        Moments of independent photons.

    Returns
    -------
    ndarray, shape (n_surfaces,)
        Root of the mean variance over all angles, times and absorption lengths with S in
        STATED_RANGE.
    """
    found = np.stack([survival(np.moveaxis(block[..., 0], 2, -1)) for block in blocks])
    mean, variance = found.mean(axis=0), found.var(axis=0, ddof=1) / len(blocks)
    low, high = STATED_RANGE
    stated = (mean > low) & (mean < high)
    axes = (1, 2, 3)
    sums = np.where(stated, variance, 0.0).sum(axis=axes)
    return np.asarray(np.sqrt(sums / np.maximum(stated.sum(axis=axes), 1)))
