"""Where the open reconstructions start: at the event's own seed, or a coarser pixel's fit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SEED_FIELDS = ("x", "y", "z", "time")

#: Largest difference (m, ns) between a seed and the event's own at which they are the same.
SAME_SEED = 1e-6
#: A seed that differs more (m, ns) from the event's own is not the result of a fit.
FAR_SEED = 1e5


def mean_of(hits: NDArray[np.void]) -> Array:
    """Return the event's seed, shape (4,): mean place (m) and time (ns) of hits by charge."""
    total = hits["charge"].sum()
    return np.array([(hits["charge"] * hits[name]).sum() / total for name in SEED_FIELDS])


def seeds_of(pixels: NDArray[np.void]) -> Array:
    """Return the seeds of pixels (PIXEL_DTYPE), shape (n, 4): x, y, z (m), time (ns)."""
    return np.stack([pixels[name] for name in SEED_FIELDS], axis=-1)


def are_guesses(seeds: Array, event_seed: Array) -> NDArray[np.bool_]:
    """Return for each seed, shape (n, 4), whether it is a fit and not the event's own seed."""
    away = np.abs(seeds - event_seed)
    return np.asarray((away > SAME_SEED).any(axis=-1) & (away < FAR_SEED).all(axis=-1))
