"""Follow photons with numpy: the floor where there is no C compiler, and slow.

The same physics as ``photons.c``, with other random numbers: all photons of a block take one
piece of path at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.light.cherenkov import COS_CHERENKOV, LIGHT_SPEED, N_GROUP
from skyscan.light.ice_model import acceptance_at
from skyscan.light.photons import SHOWER_A, SHOWER_B
from skyscan.simulation.light import blocks_of
from skyscan.simulation.scene import CELL_M, LONGEST_PIECE_M, Scene

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

BLOCK = 50_000  #: photons that are followed together
VELOCITY = LIGHT_SPEED / N_GROUP
TINY = 1e-12


def trace_in_numpy(
    scene: Scene, steps: Array, photons: NDArray[np.int64], seed: int
) -> tuple[NDArray[np.int32], Array]:
    """Return the DOM and the time (ns) of each detected photon; see `kernel.trace`."""
    random = np.random.Generator(np.random.PCG64(seed))
    found = [(np.empty(0, np.int64), np.empty(0))]
    for first, counts in blocks_of(photons, BLOCK):
        here = steps[first : first + len(counts)]
        found += _follow(scene, np.repeat(here, counts, axis=0), random)
    dom, time = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return dom.astype(np.int32), time


def _follow(
    scene: Scene, steps: Array, random: np.random.Generator
) -> list[tuple[NDArray[np.int64], Array]]:
    place, direction, time = _emit(steps, random)
    to_absorption, to_scattering = (-np.log1p(-random.random(len(place))) for _ in range(2))
    farthest, lowest, highest = scene.limits
    found = []
    while len(place):
        length, scattering, absorption = _next_piece(
            scene, place, direction, to_scattering, to_absorption
        )
        found.append(_detect(scene, place, direction, time, length, random))
        place = place + length[:, None] * direction
        time = time + length / VELOCITY
        to_scattering = to_scattering - length / scattering
        to_absorption = to_absorption - length / absorption
        turning = np.flatnonzero(to_scattering <= TINY)
        cosine = _scattering_cosine(scene, random.random((2, len(turning))))
        direction[turning] = _turned(direction[turning], cosine, random)
        to_scattering[turning] = -np.log1p(-random.random(len(turning)))
        is_near = np.hypot(place[:, 0], place[:, 1]) < farthest
        is_near &= (place[:, 2] > lowest) & (place[:, 2] < highest)
        kept = is_near & (to_absorption > TINY)
        place, direction, time = place[kept], direction[kept], time[kept]
        to_scattering, to_absorption = to_scattering[kept], to_absorption[kept]
    return found


def _emit(steps: Array, random: np.random.Generator) -> tuple[Array, Array, Array]:
    along = steps[:, 7] * random.random(len(steps))
    axis = steps[:, 4:7].copy()
    place = steps[:, :3] + along[:, None] * axis
    full = 1 - np.exp(-SHOWER_B * 2.0**SHOWER_A)
    spread = np.minimum(
        (-np.log1p(-full * random.random(len(steps))) / SHOWER_B) ** (1 / SHOWER_A), 2.0
    )
    cosine = np.where(steps[:, 8] > 0.5, 1 - spread, 1.0)  # noqa: PLR2004  (a flag)
    particle = _turned(axis, cosine, random)
    direction = _turned(particle, np.full(len(steps), COS_CHERENKOV), random)
    return place, direction, steps[:, 3] + along / LIGHT_SPEED


def _next_piece(
    scene: Scene, place: Array, direction: Array, to_scattering: Array, to_absorption: Array
) -> tuple[Array, Array, Array]:
    """Return the length of the next piece of path, and the layer's two lengths, all in m."""
    thickness, n_layers = scene.ice.thickness, len(scene.scattering)
    height = (place[:, 2] - scene.lowest_z) / thickness
    layer = np.clip(np.floor(height), 0, n_layers - 1)
    rise = direction[:, 2]
    up = np.where((rise > TINY) & (layer < n_layers - 1), (layer + 1 - height), np.inf)
    down = np.where((rise < -TINY) & (layer > 0), (height - layer), np.inf)
    border = np.minimum(up, down) * thickness / np.maximum(np.abs(rise), TINY) + 1e-9
    index = layer.astype(np.intp)
    scattering, absorption = scene.scattering[index], scene.absorption[index]
    length = np.minimum(np.minimum(border, LONGEST_PIECE_M), to_scattering * scattering)
    length = np.maximum(np.minimum(length, to_absorption * absorption), 0.0)
    return length, scattering, absorption


def _detect(  # noqa: PLR0917
    scene: Scene,
    place: Array,
    direction: Array,
    time: Array,
    length: Array,
    random: np.random.Generator,
) -> tuple[NDArray[np.int64], Array]:
    """Return the DOM and the time of the photons that DOMs detect on a piece of path."""
    photon, string = _near_strings(scene, place)
    z, rise = place[photon, 2], direction[photon, 2] * length[photon]
    low = np.minimum(z, z + rise) - scene.radius
    high = np.maximum(z, z + rise) + scene.radius
    # z of a string's DOMs decrease; on a common axis the strings follow each other
    offset = 10_000.0
    levels = (offset * np.arange(len(scene.dom_z))[:, None] - scene.dom_z).ravel()
    first = np.searchsorted(levels, offset * string - high)
    last = np.searchsorted(levels, offset * string - low, side="right")
    counts = last - first
    photon = np.repeat(photon, counts)
    dom = np.repeat(first - np.cumsum(counts) + counts, counts) + np.arange(len(photon))
    centre = np.column_stack(
        [scene.strings[dom // scene.dom_z.shape[1]], scene.dom_z.flat[dom]]
    )
    away = centre - place[photon]
    along = (away * direction[photon]).sum(axis=-1)
    across2 = (away**2).sum(axis=-1) - along**2
    seen = acceptance_at(scene.ice.acceptance, direction[photon, 2])
    hit = (along >= 0) & (along < length[photon]) & (across2 < scene.radius**2)
    hit &= random.random(len(photon)) < seen * scene.efficiency.flat[dom]
    return dom[hit], time[photon[hit]] + along[hit] / VELOCITY


def _near_strings(scene: Scene, place: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs of a photon and a string that it may pass on its next piece."""
    n_x, n_y = scene.n_cells
    column = np.floor((place[:, 0] - scene.corner[0]) / CELL_M).astype(np.intp)
    row = np.floor((place[:, 1] - scene.corner[1]) / CELL_M).astype(np.intp)
    inside = np.flatnonzero((column >= 0) & (column < n_x) & (row >= 0) & (row < n_y))
    cell = column[inside] * n_y + row[inside]
    start = scene.cell_start[cell].astype(np.intp)
    counts = scene.cell_start[cell + 1] - start
    photon = np.repeat(inside, counts)
    index = np.repeat(start - np.cumsum(counts) + counts, counts) + np.arange(len(photon))
    return photon, scene.cell_strings[index].astype(np.intp)


def _scattering_cosine(scene: Scene, chances: Array) -> Array:
    g = scene.ice.g
    liu = 2 * chances[1] ** ((1 - g) / (1 + g)) - 1
    ratio = (1 - g * g) / (1 - g + 2 * g * chances[1])
    henyey = (1 + g * g - ratio * ratio) / (2 * g)
    cosine = np.where(chances[0] < scene.ice.sam_share, liu, henyey)
    return np.asarray(np.clip(cosine, -1.0, 1.0))


def _turned(axis: Array, cosine: Array, random: np.random.Generator) -> Array:
    """Return unit vectors at an angle to the given ones, about a random axis."""
    sine = np.sqrt(np.maximum(0.0, 1 - cosine**2))
    phi = 2 * np.pi * random.random(len(axis))
    # an axis across: with whichever of x and z is less parallel
    other = np.where(np.abs(axis[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])  # noqa: PLR2004
    first = np.cross(axis, other)
    first /= np.linalg.norm(first, axis=-1, keepdims=True)
    second = np.cross(axis, first)
    turned = cosine[:, None] * axis
    turned += (sine * np.cos(phi))[:, None] * first + (sine * np.sin(phi))[:, None] * second
    return np.asarray(turned / np.linalg.norm(turned, axis=-1, keepdims=True))
