"""The answer of a map: where, how sure, and whether to trust it; every view shows it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan import __version__
from skyscan.answer.best import BestFit, Minimum, best_fit_of, minima_of
from skyscan.answer.checks import Check, make_checks
from skyscan.answer.from_truth import FromTruth, from_truth
from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.region import Region, region
from skyscan.answer.sky.directions import (
    utc,
)
from skyscan.answer.sky.frame import ICRS, LOCAL, SkyFrame, turn_text
from skyscan.errors import printable

if TYPE_CHECKING:
    from skyscan.answer.levels import Levels
    from skyscan.answer.maps import SkyMap
    from skyscan.likelihood import Likelihood

#: Version of the shape of `Answer.as_dict`; ``answer.schema.json`` describes it.
FORMAT = 1
DIGITS = 12  #: of a digest in the text
_UNITS = (("PeV", 1e6), ("TeV", 1e3))
NO_TIME = "unknown: the map is in IceCube's local frame, not on the sky"


@dataclass(frozen=True)
class Answer:
    """All that a map says.

    Attributes
    ----------
    name : str
        Name of the event.
    run_id, event_id, event_type, is_real_event, mjd
        The event's metadata; ``mjd`` in days, UTC.
    utc : str
        Its time.
    reco : str or None
        The reconstruction, if it is known.
    complete : bool
        Whether nothing was left to refine.
    best : BestFit
        The best fit.
    levels : Levels
        What the regions are made with.
    levels_text : str
        The same in words.
    regions : tuple of Region
        For 50 % and 90 %.
    probability_inside : tuple of float
        What the probability map has inside each region.
    minima : tuple of Minimum
        The lowest other minima that are at least as deep as the level of the 50 % region.
    checks : tuple of Check
        Good enough to point?
    n_pixels : dict of int to int
        Number of pixels by nside.
    n_failed : int
        Number of pixels without a fit, whose place a coarser pixel takes.
    notes : tuple of str
        What was found when the map was read.
    frame : SkyFrame
        In a local map, of an event without a time, RA and Dec in the names of attributes stand
        for azimuth and elevation, except in ``best``.
    truth : FromTruth or None
        The errors, if the event says what was simulated.
    light : dict or None
        The ice and the tables of light of the fits, with their digests, if the scan says which
        (`skyscan.light.ice_json.provenance`).
    likelihood : Likelihood or None
        By which the calibrated levels are chosen, if the scan says it.
    """

    name: str
    run_id: int
    event_id: int
    event_type: str | None
    is_real_event: bool
    mjd: float
    utc: str
    reco: str | None
    complete: bool
    best: BestFit
    levels: Levels
    levels_text: str
    regions: tuple[Region, ...]
    probability_inside: tuple[float, ...]
    minima: tuple[Minimum, ...]
    checks: tuple[Check, ...]
    n_pixels: dict[int, int]
    n_failed: int
    notes: tuple[str, ...]
    frame: SkyFrame = ICRS
    truth: FromTruth | None = None
    light: dict[str, Any] | None = None
    likelihood: Likelihood | None = None

    def region(self, containment: float) -> Region:
        """Return the region of a containment probability."""
        return next(it for it in self.regions if it.containment == containment)

    @property
    def is_good(self) -> bool:
        """Whether no check warns."""
        return all(check.state != "warning" for check in self.checks)

    def as_dict(self) -> dict[str, Any]:
        """Return the answer for JSON, as ``answer.schema.json`` describes it; NaN is null."""
        value = {"format": FORMAT, "skyscan": __version__, **asdict(self)}
        value["levels"] = {
            "name": self.levels.name,
            "description": self.levels_text,
            **{f"{100 * p:g}": level for p, level in self.levels.table},
        }
        inside = zip(self.regions, self.probability_inside, strict=True)
        value["regions"] = {
            it.percent: {**asdict(it), "probability_inside": inside_it}
            for it, inside_it in inside
        }
        value["n_pixels"] = {str(nside): n for nside, n in self.n_pixels.items()}
        del value["probability_inside"], value["levels_text"]
        value["frame"] = self.frame.name
        cleaned: dict[str, Any] = without_nan(value)
        return cleaned

    def lines(self) -> list[str]:
        """Return the answer as text, a label and a fact on each line."""
        best = self.best
        first = (
            f"  best fit  {self.direction}; "
            f"nside {best.nside}, pixel {best.pixel}, llh {best.llh:.2f}"
        )
        return [first, *self.further_lines()]

    @property
    def direction(self) -> str:
        """The best fit as text, with the frame."""
        best = self.best
        if self.frame.is_local:
            return local_text(best.zenith_deg, best.azimuth_deg)
        return f"{self.frame.direction(best.ra_deg, best.dec_deg)} ({self.frame.note})"

    def further_lines(self) -> list[str]:
        """Return what `lines` has after the best fit."""
        best = self.best
        kind = "real" if self.is_real_event else "SIMULATED"
        elsewhere = (
            f"{best.ra_hms} {best.dec_dms}; galactic l {turn_text(best.l_deg)}, "
            f"b {best.b_deg:+.2f}; zenith {best.zenith_deg:.2f}, "
            f"azimuth {turn_text(best.azimuth_deg)}"
        )
        place = [
            f"            {elsewhere}",
            f"  time      {self.utc} (MJD {self.mjd:.5f}), {kind} event",
        ]
        if self.frame.is_local:
            place = [f"  time      {NO_TIME}; {kind} event"]
        lines = [
            *place,
            *self.energy_lines(),
            *(f"  {it.percent:>2} %      {_measures(it, self.frame)}" for it in self.regions),
            f"  levels    {self.levels_text}",
            *self.light_lines(),
            *(
                f"  minimum   {self.frame.direction(it.ra_deg, it.dec_deg)}: 2 delta llh "
                f"{it.two_delta_llh:.2f}, {it.distance_deg:.2f} deg from the best fit"
                for it in self.minima
                if it.two_delta_llh <= self.region(CONTAINMENTS[-1]).two_delta_llh
            ),
            *(f"  note      {note}" for note in self.notes),
        ]
        return [*lines, *self.truth_lines(), *self.check_lines()]

    def energy_lines(self) -> list[str]:
        """Return the deposited energies of the best fit, if the reconstruction fits any."""
        inside, total = self.best.energy_in_gev, self.best.energy_total_gev
        shown = [
            f"{_energy(it)} {where}"
            for it, where in ((inside, "inside the detector"), (total, "in total"))
            if isfinite(it)
        ]
        return [f"  energy    {', '.join(shown)} (deposited)"] if shown else []

    def light_lines(self) -> list[str]:
        """Return which ice the fits were made in, if they were made in layered ice."""
        if self.light is None:
            return []
        name = printable(self.light["ice"])
        return [f"  ice       {name}, SHA-256 {self.light['ice_sha256'][:DIGITS]}"]

    def truth_lines(self) -> list[str]:
        """Return how far the best fit is from what was simulated, if the event says it."""
        if self.truth is None:
            return []
        there = self.truth.ra_deg, self.truth.dec_deg
        if self.frame.is_local:
            return self.truth.lines(local_text(90.0 - there[1], there[0]))
        return self.truth.lines(f"{self.frame.direction(*there)} ({self.frame.note})")

    def check_lines(self) -> list[str]:
        """Return the checks as text, what is good in one line."""
        good = [check.name for check in self.checks if check.state == "ok"]
        lines = [f"  good      {', '.join(good)}"] if good else []
        for check in self.checks:
            if check.state != "ok":
                label = "warning" if check.state == "warning" else "unknown"
                lines.append(f"  {label}   {check.name}: {check.reason}")
                if check.command:
                    lines.append(f"            {check.command}")
        return lines

    def html(self) -> str:
        """Return the answer as a small HTML table, for notebooks."""
        rows = [(line[2:12].strip(), line[12:]) for line in self.lines()]
        cells = "".join(
            f"<tr><th>{escape(label)}</th><td style='text-align:left'>{escape(text)}</td></tr>"
            for label, text in rows
        )
        return f"<table><caption>{escape(self.name)}</caption>{cells}</table>"


def make_answer(skymap: SkyMap, levels: Levels) -> Answer:
    """Return the answer of a map.

    Raises
    ------
    BadInput
        No pixel of the map has a fit.
    """
    regions = tuple(
        region(skymap.surface, skymap.best_deg, p, levels.at(p)) for p in CONTAINMENTS
    )
    best, minima = best_fit_of(skymap), minima_of(skymap, levels)
    cells, density = skymap.probability(levels)
    mass = density * cells.solid_angle
    values = skymap.cell_values
    return Answer(
        name=skymap.event_name,
        run_id=skymap.run_id,
        event_id=skymap.event_id,
        event_type=skymap.event_type,
        is_real_event=skymap.is_real_event,
        mjd=skymap.mjd,
        utc=utc(skymap.mjd),
        reco=skymap.reco,
        complete=skymap.complete,
        best=best,
        levels=levels,
        levels_text=in_words(levels, skymap),
        regions=regions,
        probability_inside=tuple(
            float(mass[values <= levels.at(p)].sum()) for p in CONTAINMENTS
        ),
        minima=minima,
        checks=make_checks(skymap, levels, best, regions, minima),
        n_pixels={nside: len(rows) for nside, rows in sorted(skymap.pixels.items())},
        n_failed=sum(int((~np.isfinite(rows["llh"])).sum()) for rows in skymap.pixels.values()),
        notes=skymap.notes,
        frame=skymap.frame,
        light=skymap.context.light,
        likelihood=skymap.context.likelihood,
        truth=from_truth(skymap, levels, best, regions),
    )


def in_words(levels: Levels, skymap: SkyMap) -> str:
    """Return what the levels are, and whether they hold for a map."""
    numbers = " and ".join(f"{level:g}" for _, level in levels.table)
    text = f"{levels.name}: 2 delta llh of {numbers} for 50 % and 90 %, {levels.description}"
    if skymap.reco is None:
        return f"{text}; the reconstruction is unknown"
    why = levels.why_not(skymap.reco, skymap.event_name, skymap.context.likelihood)
    return f"{text}; not calibrated for {why}" if why else text


def local_text(zenith_deg: float, azimuth_deg: float) -> str:
    """Return a direction in IceCube's local frame as text."""
    return f"zenith {zenith_deg:.2f} deg, azimuth {turn_text(azimuth_deg)} deg ({LOCAL.note})"


def _energy(gev: float) -> str:
    unit, size = next(((it, size) for it, size in _UNITS if gev >= size), ("GeV", 1.0))
    return f"{gev / size:.3g} {unit}"


def _measures(it: Region, frame: SkyFrame) -> str:
    """Return a region's numbers as a circular gives them."""
    parts = f" in {it.n_parts} parts" if it.n_parts > 1 else ""
    return (
        f"{frame.longitude} +{it.ra_plus_deg:.2f} -{it.ra_minus_deg:.2f} deg, "
        f"{frame.latitude} +{it.dec_plus_deg:.2f} "
        f"-{it.dec_minus_deg:.2f} deg; {it.area_deg2:.2f} deg2{parts}, within "
        f"{it.radius_deg:.2f} deg of the best fit"
    )


def without_nan(value: Any) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value with null for what is not a finite number, and lists for tuples."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    return None if isinstance(value, float) and not isfinite(value) else value
