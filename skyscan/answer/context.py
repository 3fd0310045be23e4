"""What is known of a scan besides its map."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.alternatives.fitted import read_fitted
from skyscan.answer.levels import CALIBRATED, CONTAINMENTS, levels_of
from skyscan.answer.levels.calibration import recorded_levels
from skyscan.coordinates import local_to_equatorial
from skyscan.errors import BadInput, one_line
from skyscan.events.reader import read_event
from skyscan.events.truth import PARTICLE_KEYS, truth_of
from skyscan.json_text import is_of
from skyscan.layout import LIGHT_JSON, LIKELIHOOD_JSON, SCAN_JSON, TRACK_NPZ, ScanFolder
from skyscan.likelihood import read_likelihood
from skyscan.scan import read_scan
from skyscan.storage import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from skyscan.alternatives.fitted import FittedEvent
    from skyscan.answer.levels import Levels
    from skyscan.detector import Detector
    from skyscan.events.event import Event, Truth
    from skyscan.likelihood import Likelihood
    from skyscan.progression import Progression

#: The content of ``light.json``, and its JSON types.
_LIGHT: dict[str, Any] = {"ice": str, "ice_sha256": str, "tables_sha256": dict[str, str]}


@dataclass(frozen=True)
class Context:
    """What the checks of an answer need besides the map; whatever is unknown is left out.

    Attributes
    ----------
    reco : str or None
        The reconstruction.
    progression : tuple of (nside, extension)
        What the scan was to do; empty if unknown.
    folder : Path or None
        Its scan folder.
    fits : mapping of str to (RA, Dec), degrees, J2000
        The fits that came with the event; None if the event is not at hand. In a local map,
        azimuth and elevation.
    levels : Levels or None
        Those that the scan was planned with.
    truth : Truth or None
        What was simulated, if the event says so.
    detector : Detector or None
        The detector, if it is not IceCube-86.
    light : dict or None
        The ice and the tables of light of the fits (`skyscan.light.ice_json.provenance`), if
        the reconstruction has any.
    likelihood : Likelihood or None
        That of the fits, if prep has recorded it.
    fitted : FittedEvent or None
        What the fits of ``track`` see of the event.
    """

    reco: str | None = None
    progression: Progression = ()
    folder: Path | None = None
    fits: Mapping[str, tuple[float, float]] | None = field(default=None)
    levels: Levels | None = None
    truth: Truth | None = None
    detector: Detector | None = None
    light: dict[str, Any] | None = None
    likelihood: Likelihood | None = None
    fitted: FittedEvent | None = None


def context_of(folder: Path) -> Context:
    """Read what a scan folder says; what is damaged is left out."""
    place = ScanFolder(folder)
    try:
        scan = read_scan(place.scan_json)
    except BadInput:
        return Context(folder=folder)
    event = event_of(folder)
    levels = None if scan.levels is None else levels_of(scan.levels)
    known = Context(
        scan.reco,
        scan.progression,
        folder,
        levels=levels,
        light=light_of(place),
        likelihood=read_likelihood(place.startup / LIKELIHOOD_JSON),
    )
    if event is None:
        return known
    return replace(
        known,
        fits=fits_of(event),
        truth=truth_of(event),
        detector=event.detector,
        fitted=read_fitted(place.startup / TRACK_NPZ, event.pulses),
    )


def light_of(folder: ScanFolder) -> dict[str, Any] | None:
    """Return which ice and tables of light a scan is fitted with; None if none is recorded."""
    try:
        light = read_json(folder.startup / LIGHT_JSON)
    except (BadInput, OSError):
        return None
    known = {name: light.get(name) for name in _LIGHT}
    return known if all(is_of(known[name], kind) for name, kind in _LIGHT.items()) else None


def event_of(folder: Path | None) -> Event | None:
    """Return the event of a scan folder; None if it cannot be read."""
    if folder is None:
        return None
    place = ScanFolder(folder)
    try:
        scan = read_scan(place.scan_json)
        return read_event(place.event / scan.event_file, scan.pulses)
    except (BadInput, OSError):
        return None


def context_beside(path: Path) -> Context:
    """Return the context of a map file: that of the scan folder that it lies in, if any."""
    for folder in path.absolute().parents[:2]:  # a partial map lies one folder deeper
        if (folder / SCAN_JSON).is_file():
            return context_of(folder)
    return Context()


def with_reported_levels(context: Context, summary: Path) -> Context:
    """Return a context with the calibrated levels that the answer beside a map has.

    Levels that were chosen when the scan was planned stay.
    """
    if context.levels is not None or context.likelihood is None:
        return context
    try:
        known: Any = read_json(summary).get("levels")
    except (BadInput, OSError):
        return context
    if not is_of(known, dict[str, Any]) or known.get("name") != CALIBRATED:
        return context
    values = [known.get(f"{100 * p:g}") for p in CONTAINMENTS]
    if not is_of(values, list[float]):
        return context
    words = str(known.get("description", "")).partition(" %, ")[2]
    return replace(context, levels=recorded_levels(values, words, context.likelihood))


def fits_of(event: Event) -> dict[str, tuple[float, float]]:
    """Return RA and Dec (degrees) of the successful fits that came with an event.

    True particles of a simulation are not fits.
    """
    found = {}
    for key, fit in sorted(event.fits.items()):
        if key in PARTICLE_KEYS:
            continue
        if fit.fit_status == 0 and np.isfinite([fit.zenith, fit.azimuth]).all():
            ra, dec = local_to_equatorial(fit.zenith, fit.azimuth, event.mjd)
            found[one_line(key)] = float(np.rad2deg(ra)), float(np.rad2deg(dec))
    return found
