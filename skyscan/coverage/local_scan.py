"""Scan the surroundings of the true direction of a simulated event.

A pixel's fit is a function of the pixel and its seed, which comes from the coarser pixel around
it. A scan of a few pixels therefore has the same llh in them, bit by bit, as one of the whole
sky, and what is left is to find its lowest pixel without fitting all the others.
"""

from __future__ import annotations

import tempfile
from functools import lru_cache
from math import inf, pi, sqrt
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.interpolate import LinearNDInterpolator

from skyscan import healpix
from skyscan.compiled.compiler import compiled_kernel
from skyscan.coordinates import equatorial_to_local
from skyscan.errors import BadInput
from skyscan.layout import KERNEL_SO
from skyscan.pixels import directions, parents
from skyscan.progression import DEFAULT_PROGRESSION
from skyscan.records import FIT_DTYPE, PIXEL_DTYPE, SEED_FIELDS
from skyscan.recos import reco_class
from skyscan.rounds.rule import choose
from skyscan.skymap import SKYMAP_DTYPE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from skyscan.events.event import Event
    from skyscan.progression import Progression
    from skyscan.recos import Reco

    Array = NDArray[np.float64]
    Pixels = NDArray[np.int64]

#: Number of lowest cells around which each step of the search continues.
N_FOLLOWED = {"track": 3, "track_bulk": 3, "cascade": 2}
#: The nsides of the cells that a step looks at, by the nside of the pixels that stand for them.
TRACK_STEPS = ((512, (32, 64, 128, 256, 512)),)
STEPS = {
    "track": TRACK_STEPS,
    "track_bulk": TRACK_STEPS,
    "cascade": ((8, (2, 4, 8)), (64, (16, 32, 64))),
}
#: Of the map; that of a shower is smooth, and its regions are large.
PROGRESSIONS = {"cascade": DEFAULT_PROGRESSION[:2]}
#: A shower's map may have minima anywhere: its search begins with cells of the whole sky.
WHOLE_SKY = ("cascade",)
MOST_FITS = 3000


class Nearby(NamedTuple):
    """What a local scan found.

    Attributes
    ----------
    best : ndarray, shape (2,)
        RA and Dec of the lowest pixel, radians, J2000.
    llh : float
        Its llh; NaN if no pixel has a fit.
    truth_llh : float
        The llh of the map at the true direction.
    truth_nside : int
        The nside of the pixels that the map has there.
    n_fits : int
        Number of fits.
    """

    best: Array
    llh: float
    truth_llh: float
    truth_nside: int
    n_fits: int

    @property
    def test_statistic(self) -> float:
        """2 delta llh of the true direction."""
        return 2.0 * (self.truth_llh - self.llh)


class Fits:
    """Fits of an event by pixel, made when they are asked for, with the seeds of a scan."""

    def __init__(self, reco: str, event: Event, progression: Progression) -> None:
        self.nsides = [nside for nside, _ in progression]
        self._mjd = event.mjd
        self._reco, self._seed = _prepared(reco, event)
        self._fits: dict[int, dict[int, NDArray[np.void]]] = {n: {} for n in self.nsides}

    def __len__(self) -> int:
        """Return the number of fits."""
        return sum(map(len, self._fits.values()))

    def llh(self, nside: int, pixels: Pixels) -> Array:
        """Return the llh of pixels, shape (n,); infinite without a fit."""
        self._make(nside, pixels)
        known = self._fits[nside]
        llh = np.array([known[pixel]["llh"] for pixel in pixels.tolist()], float)
        return np.where(np.isfinite(llh), llh, inf)

    def llhs(self) -> dict[int, tuple[Pixels, Array]]:
        """Return the pixels, ascending, and their llh, by nside."""
        known = {n: np.array(sorted(fits), np.int64) for n, fits in self._fits.items() if fits}
        return {nside: (pixels, self.llh(nside, pixels)) for nside, pixels in known.items()}

    def lowest(self) -> tuple[float, int, int]:
        """Return llh, nside and pixel of the lowest fit."""
        return min(
            (float(fit["llh"]), nside, pixel)
            for nside, fits in self._fits.items()
            for pixel, fit in fits.items()
            if np.isfinite(fit["llh"])
        )

    def rows(self) -> dict[int, NDArray[np.void]]:
        """Return all fits as the pixels of a map, dtype SKYMAP_DTYPE, by nside."""
        found = {}
        for nside, fits in self._fits.items():
            rows = np.zeros(len(fits), SKYMAP_DTYPE)
            rows["index"] = sorted(fits)
            for row, pixel in zip(rows, sorted(fits), strict=True):
                for name, theirs in zip("XYZT", ("x", "y", "z", "time"), strict=True):
                    row[name] = fits[pixel][theirs]
                row["llh"] = fits[pixel]["llh"]
            found[nside] = rows
        return found

    def _make(self, nside: int, pixels: Pixels) -> None:
        wanted = np.unique(pixels)
        new = np.array([p for p in wanted.tolist() if p not in self._fits[nside]], np.int64)
        if not len(new):
            return
        rows = np.repeat(self._seed, len(new))
        rows["nside"], rows["pixel"] = nside, new
        level = self.nsides.index(nside)
        if level:
            self._take_seeds(rows, nside, self.nsides[level - 1], new)
        for fit, pixel in zip(self._fitted(rows), new.tolist(), strict=True):
            self._fits[nside][pixel] = fit

    def _take_seeds(
        self, rows: NDArray[np.void], nside: int, coarser: int, pixels: Pixels
    ) -> None:
        around = parents(nside, coarser, pixels)
        self._make(coarser, around)
        for row, parent in zip(rows, around.tolist(), strict=True):
            fit = self._fits[coarser][parent]
            if np.isfinite(fit["llh"]):
                for name in SEED_FIELDS:
                    row[name] = fit[name]

    def _fitted(self, rows: NDArray[np.void]) -> NDArray[np.void]:
        ra, dec = directions(rows["nside"], rows["pixel"])
        zenith, azimuth = equatorial_to_local(ra, dec, self._mjd)
        size = self._reco.chunk_size
        chunks = [slice(start, start + size) for start in range(0, len(rows), size)]
        parts = [self._reco.reconstruct(rows[c], zenith[c], azimuth[c]) for c in chunks]
        return np.concatenate(parts) if parts else np.empty(0, FIT_DTYPE)


def scan_whole_sky(reco: str, event: Event) -> Nearby:
    """Find the lowest pixel of an event's scan by the scan itself."""
    progression = progression_of(reco)
    fits = Fits(reco, event, progression)
    while chosen := choose(fits.llhs(), progression):
        for nside in sorted(chosen):
            fits.llh(nside, chosen[nside])
    llh, nside, pixel = fits.lowest()
    best = directions(np.array([nside]), np.array([pixel]))[:, 0]
    return Nearby(best, llh, np.nan, 0, len(fits))


def progression_of(reco: str) -> Progression:
    """Return the progression of the maps that a reconstruction's levels are measured on."""
    return PROGRESSIONS.get(reco, DEFAULT_PROGRESSION)


def scan_near(reco: str, event: Event, truth: tuple[float, float]) -> Nearby:
    """Find the lowest pixel of an event's scan, starting at the true direction.

    The cells of a coarse grid are looked at, each by one pixel in it, until the lowest
    few have no lower neighbours; then those of a grid twice as fine around them, and so on to
    the finest pixels.

    Parameters
    ----------
    reco : str
        One of STEPS.
    event : Event
    truth : (float, float)
        RA and Dec, radians, J2000.
    """
    progression = progression_of(reco)
    fits = Fits(reco, event, progression)
    theta, phi = pi / 2 - truth[1], truth[0]
    nside, steps = STEPS[reco][0]
    starts = np.array([healpix.ang2pix(nside, theta, phi)], np.int64)
    if reco in WHOLE_SKY:
        starts = np.append(starts, samples_of(nside, steps[0], np.arange(12 * steps[0] ** 2)))
    for finest, cells in STEPS[reco]:
        if finest != nside:
            starts = samples_of(finest, nside, starts)
            nside = finest
        for step in cells:
            starts = walked(fits, finest, step, starts, N_FOLLOWED[reco])
    nside = _nside_at(truth, fits.lowest()[1:], progression)
    value = _value_at(fits, nside, theta, phi)
    llh, nside_of_best, pixel = fits.lowest()
    best = directions(np.array([nside_of_best]), np.array([pixel]))[:, 0]
    return Nearby(best, llh, value, nside, len(fits))


def samples_of(finest: int, nside: int, cells: Pixels) -> Pixels:
    """Return the finest pixel that stands for each cell of a coarser nside (RING).

    It is near the same corner of each.
    """
    n = (finest // nside) ** 2
    nested = np.asarray(healpix.ring2nest(nside, cells), np.int64) * n + min(3, n - 1)
    return np.asarray(healpix.nest2ring(finest, nested), np.int64)


def _prepared(name: str, event: Event) -> tuple[Reco, NDArray[np.void]]:
    """Return a reconstruction that is set up, and the event's seed as a row."""
    with tempfile.TemporaryDirectory(prefix="skyscan-coverage-") as folder:
        kernel = _kernel()
        if kernel is not None and reco_class(name).has_kernel:
            Path(folder, KERNEL_SO).write_bytes(kernel)
        seed = reco_class(name)(event.format_version).prepare(event, Path(folder))
        reco = reco_class(name)(event.format_version)
        reco.setup(Path(folder))
    row = np.zeros(1, PIXEL_DTYPE)
    for field in SEED_FIELDS:
        row[field] = getattr(seed, field)
    return reco, row


@lru_cache
def _kernel() -> bytes | None:
    """Return the compiled kernel, whose fits are those of numpy; None without a compiler."""
    try:
        return compiled_kernel()
    except BadInput:
        return None


def walked(fits: Fits, finest: int, step: int, starts: Pixels, n_followed: int) -> Pixels:
    """Return the lowest pixels after a walk over the cells of a step.

    Parameters
    ----------
    fits : Fits
    finest, step : int
        The nside of the pixels that stand for the cells, and that of these.
    starts : ndarray of int
        Pixels in the first cells.
    n_followed : int
        Number of pixels whose surroundings are looked at, and that are returned.
    """
    cells = np.unique(parents(finest, step, starts))
    while True:
        pixels = samples_of(finest, step, cells)
        lowest = np.argsort(fits.llh(finest, pixels), kind="stable")[:n_followed]
        around = healpix.get_all_neighbours(step, cells[lowest]).ravel()
        more = np.union1d(cells, around[around >= 0])
        if len(more) == len(cells) or len(fits) >= MOST_FITS:
            return np.asarray(pixels[lowest], np.int64)
        cells = more


def _nside_at(
    truth: tuple[float, float], best: tuple[int, int], progression: Progression
) -> int:
    """Return the nside of the pixels that a scan with this best pixel has at a direction."""
    nside, x = progression[0][0], np.array(healpix.pix2vec(*best))
    for finer, extension in progression[1:]:
        pixel = healpix.ang2pix(nside, pi / 2 - truth[1], truth[0])
        radius = sqrt(healpix.nside2pixarea(nside) * extension / pi)
        if np.arccos(np.clip(x @ np.array(healpix.pix2vec(nside, pixel)), -1, 1)) >= radius:
            break
        nside = finer
    return nside


def _value_at(fits: Fits, nside: int, theta: float, phi: float) -> float:
    """Return the llh at a direction, linear between the centres of pixels as in a map."""
    pixel = int(healpix.ang2pix(nside, theta, phi))
    near = healpix.get_all_neighbours(nside, pixel)
    pixels = np.unique(np.append(near[near >= 0], pixel))
    llh = fits.llh(nside, pixels)
    here = np.array([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)])
    first = np.cross(here, [0.0, 0.0, 1.0] if abs(here[2]) < 0.9 else [1.0, 0.0, 0.0])  # noqa: PLR2004
    first /= np.linalg.norm(first)
    vectors = np.stack(healpix.pix2vec(nside, pixels), axis=-1)
    flat = np.stack([vectors @ first, vectors @ np.cross(here, first)], axis=-1)
    flat /= (vectors @ here)[:, None]
    return float(LinearNDInterpolator(flat, llh)(0.0, 0.0))
