"""Good enough to point? The checks of an answer, each with its reason."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from math import ceil, pi, radians
from typing import TYPE_CHECKING

import numpy as np
from scipy.spatial import Delaunay

from skyscan import healpix
from skyscan.answer.levels import CONTAINMENTS, ICECUBE
from skyscan.answer.one_track import against_one_track
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.answer.sky.surface import SQUARE_DEGREES
from skyscan.geometry import dom_positions

if TYPE_CHECKING:
    from skyscan.answer.best import BestFit, Minimum
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap
    from skyscan.answer.region import Region
    from skyscan.answer.sky.frame import SkyFrame

#: A region of as many pixels is known well enough without finer ones.
MANY_PIXELS = 300
#: The region of an extended scan, relative to the radius of the 90 % region.
MARGIN = 1.3
#: Pixels in the 50 % region below which its shape is not resolved.
FEWEST_PIXELS = 6.0
#: Part of the sky in the 90 % region above which a map says too little to point anywhere.
LARGEST_PART = 0.1
#: The next nside, relative to the finest one of a scan.
FINER = 4
#: Fits named in one reason.
N_NAMED = 4
PLANE = 2  #: dimensions


@dataclass(frozen=True)
class Check:
    """One reason to trust an answer, or not to.

    Attributes
    ----------
    name : str
        What was checked.
    state : str
        ``ok``, ``warning``, or ``unknown`` if it could not be checked.
    reason : str
        Why, in words.
    command : str or None
        The command that helps.
    """

    name: str
    state: str
    reason: str
    command: str | None = None


def make_checks(
    skymap: SkyMap,
    levels: Levels,
    best: BestFit,
    regions: tuple[Region, ...],
    minima: tuple[Minimum, ...],
) -> tuple[Check, ...]:
    """Return all checks, always in the same order."""
    outer = regions[-1]
    return (
        _complete(skymap),
        _depth(skymap),
        _failed_pixels(skymap, outer),
        _edge(skymap, outer),
        _resolution(skymap, regions[0]),
        _size(outer),
        _other_minima(minima, outer, skymap.frame),
        _online_fits(skymap, levels, outer),
        _vertex(best, skymap),
        _calibration(skymap, levels),
        *_one_track(skymap),
        *_detector(skymap),
    )


def _complete(skymap: SkyMap) -> Check:
    if skymap.complete:
        return Check("complete", "ok", "nothing was left to refine")
    return Check(
        "complete",
        "warning",
        "the map is not complete: the scan was stopped, has failed, met a limit, or has not "
        "ended",
        _command(skymap, "why"),
    )


def _depth(skymap: SkyMap) -> Check:
    """Check whether the scan reached its finest nside."""
    finest = max(nside for nside, rows in skymap.pixels.items() if len(rows))
    wanted = skymap.context.progression
    if not wanted:
        return Check("finest nside", "unknown", "the options of the scan are not at hand")
    if finest < wanted[-1][0]:
        reason = f"the map ends at nside {finest}, and nside {wanted[-1][0]} was asked for"
        return Check("finest nside", "warning", reason, _command(skymap, "why"))
    return Check("finest nside", "ok", f"the scan reached nside {finest}")


def _failed_pixels(skymap: SkyMap, outer: Region) -> Check:
    here = unit_vectors(*skymap.best_deg)
    near, total = 0, 0
    for nside, rows in skymap.pixels.items():
        theta, phi = healpix.pix2ang(nside, rows["index"])
        away = separation(unit_vectors(np.rad2deg(phi), 90 - np.rad2deg(theta)), here)
        reach = outer.radius_deg + np.rad2deg(np.sqrt(healpix.nside2pixarea(nside)))
        failed = ~np.isfinite(rows["llh"])
        near, total = near + int((failed & (away <= reach)).sum()), total + int(failed.sum())
    if near:
        return Check(
            "fits",
            "warning",
            "1 pixel in or next to the 90 % region has no fit; the coarser pixel that "
            "contains it takes its place"
            if near == 1
            else f"{near} pixels in or next to the 90 % region have no fit; the coarser pixels "
            f"that contain them take their place",
            _command(skymap, "retry --failed"),
        )
    where = f"; {total} elsewhere {'has' if total == 1 else 'have'} none" if total else ""
    return Check("fits", "ok", f"every pixel near the best fit has a fit{where}")


def _edge(skymap: SkyMap, outer: Region) -> Check:
    nsides = skymap.samples.nside
    finest = int(nsides.max())
    touched = nsides[skymap.surface.touched(outer.two_delta_llh)]
    coarser = sorted({int(nside) for nside in touched if nside < finest})
    if not coarser:
        return Check("edge", "ok", f"the 90 % region is inside the pixels of nside {finest}")
    coarsest = coarser[0]
    if _resolves(coarsest, outer):
        return Check(
            "edge",
            "ok",
            f"the 90 % region reaches pixels of nside {coarsest}, which are small beside it",
        )
    beyond = "unscanned sky" if coarsest == 0 else f"pixels of nside {coarsest}"
    return Check(
        "edge",
        "warning",
        f"the 90 % region reaches {beyond}, beyond those of nside {finest}: its size is "
        f"not certain",
        _extension(skymap, outer),
    )


def _resolves(nside: int, region: Region) -> bool:
    """Return whether pixels of an nside are so small that they show a region's size."""
    return nside > 0 and region.area_deg2 >= MANY_PIXELS * _pixel_deg2(nside)


def _pixel_deg2(nside: int) -> float:
    return float(np.rad2deg(np.rad2deg(healpix.nside2pixarea(nside))))


def _resolution(skymap: SkyMap, inner: Region) -> Check:
    finest = int(skymap.samples.nside.max())
    n_pixels = inner.area_deg2 / _pixel_deg2(finest)
    if n_pixels >= FEWEST_PIXELS:
        return Check(
            "pixel size", "ok", f"the 50 % region is as large as {n_pixels:.0f} pixels"
        )
    return Check(
        "pixel size",
        "warning",
        f"the 50 % region is {_as_small_as(n_pixels)} of nside {finest}: its shape is not "
        f"resolved",
        _finer(skymap, finest),
    )


def _size(outer: Region) -> Check:
    """Check whether the map tells one direction from another."""
    part = outer.area_deg2 / (4 * pi * SQUARE_DEGREES)
    if part <= LARGEST_PART:
        return Check("region size", "ok", f"the 90 % region is {100 * part:.2g} % of the sky")
    return Check(
        "region size",
        "warning",
        f"the 90 % region is {100 * part:.0f} % of the sky: the map hardly constrains the "
        f"direction, and the best fit may be anywhere in it",
    )


def _as_small_as(n_pixels: float) -> str:
    if n_pixels < 1:
        return "smaller than a pixel"
    return f"as small as {n_pixels:.1f} pixels"


def _finer(skymap: SkyMap, finest: int) -> str | None:
    """Return the command that scans the surroundings of the best fit with a finer nside."""
    progression = skymap.context.progression
    if not progression or progression[-1][0] != finest:
        return None
    words = [f"{nside}:{extension}" for nside, extension in progression]
    return _command(skymap, "extend", f"--nsides {' '.join(words)} {FINER * finest}:12")


def _extension(skymap: SkyMap, outer: Region) -> str | None:
    """Return the command that scans the 90 % region with pixels that show its size.

    These are the finest, except for a large region: it would have millions of them.
    """
    progression = list(skymap.context.progression)
    if len(progression) < 2:  # noqa: PLR2004  (nothing to be finer than)
        return None
    last = len(progression) - 1
    i = next((i for i in range(1, last) if _resolves(progression[i][0], outer)), last)
    coarser, (finer, now) = progression[i - 1][0], progression[i]
    reach = min(radians(MARGIN * outer.radius_deg), pi)
    size = pi * reach**2 / healpix.nside2pixarea(coarser)  # as skyscan.rounds.rule has it
    progression[i] = finer, max(ceil(size), 2 * now)
    words = " ".join(f"{nside}:{extension}" for nside, extension in progression)
    return _command(skymap, "extend", f"--nsides {words}")


def _other_minima(minima: tuple[Minimum, ...], outer: Region, frame: SkyFrame) -> Check:
    inside = [it for it in minima if it.two_delta_llh <= outer.two_delta_llh]
    if inside:
        it = inside[0]
        more = f", and {len(inside) - 1} more" if len(inside) > 1 else ""
        return Check(
            "one minimum",
            "warning",
            f"a second minimum is inside 90 %: {frame.direction(it.ra_deg, it.dec_deg)}, "
            f"{it.distance_deg:.2f} deg from the best fit, "
            f"2 delta llh {it.two_delta_llh:.2f}{more}",
        )
    return Check("one minimum", "ok", "no second minimum is inside 90 %")


def _online_fits(skymap: SkyMap, levels: Levels, outer: Region) -> Check:
    fits = skymap.context.fits
    if fits is None:
        return Check("online fits", "unknown", "the event is not at hand")
    if not fits:
        return Check("online fits", "unknown", "no successful fit came with the event")
    here, scale = unit_vectors(*skymap.best_deg), skymap.scale(levels)
    names, directions = list(fits), unit_vectors(*np.array(list(fits.values())).T)
    away, values = separation(directions, here), skymap.surface.at(directions)
    texts = [
        f"{names[i]} is {away[i]:.2f} deg away ("
        + ("outside" if values[i] > outer.two_delta_llh else "inside")
        + f" {100 * CONTAINMENTS[-1]:g} %, at {_percent(scale.containment(values[i]))})"
        for i in np.argsort(away)[:N_NAMED]
    ]
    state = "ok" if (values <= outer.two_delta_llh).any() else "warning"
    return Check("online fits", state, "; ".join(texts))


def _percent(probability: float) -> str:
    return "over 99.9 %" if probability > 0.999 else f"{100 * probability:.1f} %"  # noqa: PLR2004


def _one_track(skymap: SkyMap) -> tuple[Check, ...]:
    """Return whether the event is what ``track`` assumes; nothing for other fits."""
    likelihood = skymap.context.likelihood
    if likelihood is None or likelihood.reco != "track" or skymap.context.detector is not None:
        return ()
    event = skymap.context.fitted
    if event is None:
        return (Check("one track", "unknown", "the event or its hits are not at hand"),)
    found = against_one_track(event, skymap)
    if not found:
        reason = "times and dark DOMs agree with one muon that passes through the detector"
        return (Check("one track", "ok", reason),)
    reason = (
        f"the fit assumes one muon that passes through the detector, but {'; or '.join(found)}"
    )
    return (Check("one track", "warning", reason),)


def _detector(skymap: SkyMap) -> tuple[Check, ...]:
    """Return a warning for another detector than IceCube-86."""
    detector = skymap.context.detector
    if detector is None:
        return ()
    return (
        Check(
            "detector",
            "warning",
            f"the detector is not IceCube-86 but one of {len(detector.doms)} DOMs "
            f"(--geometry): the medium, the PMTs and the cleaning of hits are IceCube's",
        ),
    )


def _vertex(best: BestFit, skymap: SkyMap) -> Check:
    vertex = np.array([best.x_m, best.y_m, best.z_m])
    if not np.isfinite(vertex).all():
        return Check("vertex", "unknown", "the best fit has no vertex")
    detector = skymap.context.detector
    doms = dom_positions().reshape(-1, 3) if detector is None else detector.places
    strings = np.unique(doms[:, :2], axis=0)
    if np.linalg.matrix_rank(strings - strings[0]) < PLANE:
        return Check("vertex", "unknown", "the strings are on a line: they enclose nothing")
    above = doms[:, 2].min() <= vertex[2] <= doms[:, 2].max()
    if above and Delaunay(strings).find_simplex(vertex[:2]) >= 0:
        return Check("vertex", "ok", "the best fit's vertex is inside the detector")
    nearest = float(np.linalg.norm(doms - vertex, axis=1).min())
    return Check(
        "vertex",
        "warning",
        f"the best fit's vertex is outside the detector, {nearest:.0f} m from the nearest DOM",
    )


def _calibration(skymap: SkyMap, levels: Levels) -> Check:
    reco = skymap.reco
    why = levels.why_not(reco, skymap.event_name, skymap.context.likelihood)
    if not why:
        return Check("levels", "ok", f"{levels.name} levels hold for {reco}")
    if levels == ICECUBE:
        who = f"not for {reco}" if reco else "and the reconstruction is unknown"
        return Check(
            "levels", "warning", f"the icecube levels are meant for millipede_original, {who}"
        )
    if reco is None:
        return Check("levels", "unknown", "the reconstruction is unknown")
    return Check(
        "levels",
        "warning",
        f"{levels.name} levels are not calibrated for {why}: the regions may contain the true "
        f"direction less often than they say",
    )


def _command(skymap: SkyMap, name: str, options: str = "") -> str | None:
    folder = skymap.context.folder
    if folder is None:
        return None
    place = shlex.quote(str(folder))
    return f"skyscan {name} {place}" + (f" {options}" if options else "")
