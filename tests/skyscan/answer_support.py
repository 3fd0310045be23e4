"""Maps whose answer is known: a Gaussian at any place of the sky, in pixels of two nsides."""

import healpy
import numpy as np

from skyscan.answer.context import Context
from skyscan.answer.maps import SkyMap
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.skymap import SKYMAP_DTYPE

MJD = 60310.25
#: 2 delta llh of 1.39 and 4.61 is this many sigma from the centre of a Gaussian.
SIGMAS = {0.5: 1.39**0.5, 0.9: 4.61**0.5}


def rows(pixels, llh):
    made = np.zeros(len(pixels), SKYMAP_DTYPE)
    made["index"], made["llh"] = pixels, llh
    made["E_in"] = made["E_tot"] = np.nan
    return made


def directions_of(nside, pixels):
    ra, dec = healpy.pix2ang(nside, pixels, lonlat=True)
    return unit_vectors(ra, dec)


def gaussian_map(
    ra=50.0, dec=-3.0, sigma=1.0, *, nsides=(8, 128), reach=4.0, others=(), **changes: object
):
    """Return a map with llh = 100 + (distance / sigma)^2 / 2, fine within ``reach`` sigma.

    ``others`` are further minima: (ra, dec, 2 delta llh).
    """
    here = unit_vectors(ra, dec)
    pixels = {}
    for i, nside in enumerate(nsides):
        numbers = np.arange(12 * nside**2)
        if i:
            near = directions_of(nsides[i - 1], np.arange(12 * nsides[i - 1] ** 2))
            size = np.rad2deg(healpy.nside2resol(nsides[i - 1]))
            parents = np.flatnonzero(separation(near, here) < reach * sigma + size)
            numbers = children_of(nsides[i - 1], nside, parents)
        away = separation(directions_of(nside, numbers), here)
        two = (away / sigma) ** 2
        for other_ra, other_dec, height in others:
            away = separation(directions_of(nside, numbers), unit_vectors(other_ra, other_dec))
            two = np.minimum(two, height + (away / sigma) ** 2)
        pixels[nside] = rows(numbers, 100.0 + two / 2)
    made = {
        "run_id": 1,
        "event_id": 2,
        "mjd": MJD,
        "event_type": "neutrino",
        "is_real_event": False,
        "complete": True,
        "pixels": pixels,
        "context": Context(),
    }
    return SkyMap(**{**made, **changes})


def children_of(nside, finer, parents):
    n = (finer // nside) ** 2
    nested = healpy.ring2nest(nside, parents)[:, np.newaxis] * n + np.arange(n)
    return np.sort(healpy.nest2ring(finer, nested.reshape(-1)))


def without_fits(skymap, nside, pixels):
    """Return a map in which the fits of some pixels failed."""
    from dataclasses import replace

    changed = {n: these.copy() for n, these in skymap.pixels.items()}
    changed[nside]["llh"][np.isin(changed[nside]["index"], pixels)] = np.nan
    return replace(skymap, pixels=changed)
