"""Choose the next pixels by upstream's rule (icecube/skymap_scanner, server/pixels.py).

There are two deliberate differences: a NaN that comes first does not win, and ties have an
order (coarser nside, then lower pixel), so that the choice depends only on the finished pixels
and not on the order of their results.
"""

from __future__ import annotations

from math import isnan, pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from skyscan import healpix
from skyscan.pixels import Pixel, children

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


#: 2 |delta llh| between neighbours above which both are refined (pixels.py).
REFINE_ABOVE = 200_000.0


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
    done = {nside: pixels for nside, pixels in finished.items() if pixels}
    if not done:
        return first_pixels(progression[0][0], pointing)
    chosen = set()
    levels = [i for i, (nside, _) in enumerate(progression) if nside in done]
    best = best_pixel(done)
    for i in range(min(max(levels, default=-1) + 1, len(progression) - 1)):
        nside = progression[i][0]
        finer, extension = progression[i + 1]
        chosen |= {
            Pixel(finer, child)
            for parent in pixels_to_refine(done, nside, extension, best)
            for child in children(nside, finer, parent)
        }
    return {pixel for pixel in chosen if pixel.pixel not in done.get(pixel.nside, {})}


def first_pixels(nside: int, pointing: tuple[float, float, float] | None) -> set[Pixel]:
    """Return all pixels of ``nside``, or for a pointed scan those near its central pixel."""
    if pointing is None:
        return {Pixel(nside, pixel) for pixel in range(healpix.nside2npix(nside))}
    ra, dec, radius = pointing
    centre = int(healpix.ang2pix(nside, pi / 2 - dec, ra))
    near = _closer_than(radius, nside, Pixel(nside, centre))
    return {Pixel(nside, int(pixel)) for pixel in near}


def best_pixel(finished: Mapping[int, Mapping[int, float]]) -> Pixel | None:
    """Return the pixel of lowest llh over all nsides; None if all are NaN."""
    candidates = (
        (llh, nside, pixel)
        for nside, pixels in finished.items()
        for pixel, llh in pixels.items()
        if not isnan(llh)
    )
    best = min(candidates, default=None)
    return None if best is None else Pixel(best[1], best[2])


def pixels_to_refine(
    finished: Mapping[int, Mapping[int, float]],
    nside: int,
    extension: int,
    best: Pixel | None,
) -> set[int]:
    """Return the pixels of ``nside`` to refine into their children.

    These are both neighbours at every step in 2 llh above REFINE_ABOVE, and the pixels around
    the best one whose centres lie within a circle that has the area of ``extension`` pixels of
    this nside.
    """
    if nside not in finished:
        return set()
    chosen = _steep_pixels(finished[nside], nside)
    if best is not None:
        radius = sqrt(healpix.nside2pixarea(nside) * extension / pi)
        chosen |= {int(pixel) for pixel in _closer_than(radius, nside, best)}
    return chosen


def _closer_than(radius: float, nside: int, centre: Pixel) -> NDArray[np.int64]:
    """Return the pixels of ``nside`` with centres closer than ``radius`` to a centre."""
    x0, y0, z0 = healpix.pix2vec(centre.nside, centre.pixel)
    margin = 1e-6  # query_disc preselects; the rounding at the edge must be upstream's
    near = healpix.query_disc(nside, (x0, y0, z0), min(radius + margin, pi))
    x1, y1, z1 = healpix.pix2vec(nside, near)
    distance = np.arccos(np.clip(x0 * x1 + y0 * y1 + z0 * z1, -1.0, 1.0))
    return np.asarray(near[distance < radius], np.int64)


def _steep_pixels(llhs: Mapping[int, float], nside: int) -> set[int]:
    pixels = np.array(sorted(llhs), np.int64)
    llh = np.array([llhs[int(pixel)] for pixel in pixels])
    neighbours = healpix.get_all_neighbours(nside, pixels)  # (8, n), -1 for no neighbour
    at = np.minimum(np.searchsorted(pixels, neighbours), len(pixels) - 1)
    finished = pixels[at] == neighbours
    step = 2.0 * np.abs(llh - np.where(finished, llh[at], np.nan))
    side, which = np.nonzero(step > REFINE_ABOVE)  # false for NaN
    return {int(p) for p in pixels[which]} | {int(p) for p in neighbours[side, which]}
