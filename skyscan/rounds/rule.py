"""Choose the next pixels by upstream's rule (icecube/skymap_scanner, server/pixels.py).

There are two deliberate differences: a NaN that comes first does not win, and ties have an
order (coarser nside, then lower pixel), so that the choice depends only on the finished pixels
and not on the order of their results.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import pi, sqrt
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from skyscan import healpix
from skyscan.pixels import Pixel, children

if TYPE_CHECKING:
    from collections.abc import Sequence

#: What is finished, {nside: (pixels, llh)}: two arrays of one length, pixels ascending. NaN for
#: a fit that failed.
Llhs: TypeAlias = Mapping[int, tuple[NDArray[np.int64], NDArray[np.float64]]]

#: What was chosen, {nside: pixels}, ascending.
Chosen: TypeAlias = dict[int, NDArray[np.int64]]

#: 2 |delta llh| between neighbours above which both are refined (pixels.py).
REFINE_ABOVE = 200_000.0

_CHUNK = 1 << 18  # pixels whose neighbours are looked at together, to limit the memory


def next_pixels(
    finished: Mapping[int, Mapping[int, float]],
    progression: Sequence[tuple[int, int]],
    pointing: tuple[float, float, float] | None = None,
) -> set[Pixel]:
    """Choose the pixels to reconstruct next.

    Parameters
    ----------
    finished : {nside: {pixel: llh}}
        Everything reconstructed so far; NaN for a fit that failed.
    progression : sequence of (nside, extension)
        Coarse to fine. Pixels are chosen from all nsides finished so far and the next one.
    pointing : (ra, dec, radius), radians J2000, optional
        The first nside covers only pixels this close to the pixel that contains (ra, dec).

    Returns
    -------
    set of Pixel
        Pixels that are not finished yet; empty if the scan has converged.
    """
    chosen = choose(llhs_of(finished), progression, pointing)
    return {Pixel(nside, pixel) for nside in chosen for pixel in chosen[nside].tolist()}


def llhs_of(finished: Mapping[int, Mapping[int, float]]) -> Llhs:
    """Return {nside: {pixel: llh}} as arrays."""
    arrays = {}
    for nside, llhs in finished.items():
        pixels = np.array(sorted(llhs), np.int64)
        arrays[nside] = pixels, np.array([llhs[pixel] for pixel in pixels.tolist()], float)
    return arrays


def choose(
    finished: Llhs,
    progression: Sequence[tuple[int, int]],
    pointing: tuple[float, float, float] | None = None,
) -> Chosen:
    """Choose the pixels to reconstruct next: `next_pixels` for arrays.

    Returns
    -------
    dict of int to ndarray
        {nside: pixels}, coarse to fine; an nside without pixels is left out.
    """
    done = {nside: llhs for nside, llhs in finished.items() if len(llhs[0])}
    if not done:
        return {progression[0][0]: first_pixels(progression[0][0], pointing)}
    chosen: Chosen = {}
    levels = [i for i, (nside, _) in enumerate(progression) if nside in done]
    best = best_pixel(done)
    for i in range(min(max(levels, default=-1) + 1, len(progression) - 1)):
        nside = progression[i][0]
        finer, extension = progression[i + 1]
        refined = pixels_to_refine(done, nside, extension, best)
        pixels = np.unique(children(nside, finer, refined))
        if finer in done:
            pixels = np.setdiff1d(pixels, done[finer][0], assume_unique=True)
        if len(pixels):
            chosen[finer] = pixels
    return chosen


def first_pixels(nside: int, pointing: tuple[float, float, float] | None) -> NDArray[np.int64]:
    """Return all pixels of ``nside``, or for a pointed scan those near its central pixel."""
    if pointing is None:
        return np.arange(healpix.nside2npix(nside), dtype=np.int64)
    ra, dec, radius = pointing
    centre = int(healpix.ang2pix(nside, pi / 2 - dec, ra))
    return np.sort(_closer_than(radius, nside, Pixel(nside, centre)))


def best_pixel(finished: Llhs) -> Pixel | None:
    """Return the pixel of lowest llh over all nsides; None if all are NaN."""
    candidates = []
    for nside, (pixels, llh) in finished.items():
        if not np.isnan(llh).all():
            first = int(np.nanargmin(llh))  # the lowest pixel of equals
            candidates.append((float(llh[first]), nside, int(pixels[first])))
    best = min(candidates, default=None)
    return None if best is None else Pixel(best[1], best[2])


def pixels_to_refine(
    finished: Llhs, nside: int, extension: int, best: Pixel | None
) -> NDArray[np.int64]:
    """Return the pixels of ``nside`` to refine into their children, ascending.

    These are both neighbours at every step in 2 llh above REFINE_ABOVE, and the pixels around
    the best one whose centres lie within a circle that has the area of ``extension`` pixels of
    this nside.
    """
    if nside not in finished:
        return np.empty(0, np.int64)
    chosen = _steep_pixels(*finished[nside], nside)
    if best is not None:
        radius = sqrt(healpix.nside2pixarea(nside) * extension / pi)
        chosen = np.union1d(chosen, _closer_than(radius, nside, best))
    return chosen


def _closer_than(radius: float, nside: int, centre: Pixel) -> NDArray[np.int64]:
    """Return the pixels of ``nside`` with centres closer than ``radius`` to a centre."""
    x0, y0, z0 = healpix.pix2vec(centre.nside, centre.pixel)
    margin = 1e-6  # query_disc preselects; the rounding at the edge must be upstream's
    near = healpix.query_disc(nside, (x0, y0, z0), min(radius + margin, pi))
    x1, y1, z1 = healpix.pix2vec(nside, near)
    distance = np.arccos(np.clip(x0 * x1 + y0 * y1 + z0 * z1, -1.0, 1.0))
    return np.asarray(near[distance < radius], np.int64)


def _steep_pixels(
    pixels: NDArray[np.int64], llh: NDArray[np.float64], nside: int
) -> NDArray[np.int64]:
    numbers = llh[~np.isnan(llh)]
    if len(numbers) == 0 or 2.0 * (numbers.max() - numbers.min()) <= REFINE_ABOVE:
        return np.empty(0, np.int64)  # no step can be that high
    steep = [np.empty(0, np.int64)]
    for start in range(0, len(pixels), _CHUNK):
        here = slice(start, start + _CHUNK)
        # shape (8, n), -1 where a pixel has only seven neighbours
        neighbours = healpix.get_all_neighbours(nside, pixels[here])
        at = np.minimum(np.searchsorted(pixels, neighbours), len(pixels) - 1)
        is_finished = pixels[at] == neighbours
        step = 2.0 * np.abs(llh[here] - np.where(is_finished, llh[at], np.nan))
        side, which = np.nonzero(step > REFINE_ABOVE)  # false for NaN
        steep += [pixels[here][which], neighbours[side, which]]
    return np.unique(np.concatenate(steep))
