"""The truth of a simulated event, as far as its source has it."""

from __future__ import annotations

from dataclasses import fields, replace
from math import hypot, isfinite, nan
from typing import TYPE_CHECKING

from skyscan.events.event import Truth
from skyscan.json_text import is_of, parse_json

if TYPE_CHECKING:
    from skyscan.events.event import Event

#: Frame keys of the truth in events of `skyscan.events.simulated`: the particle, and a JSON
#: object with the direction (ra_rad, dec_rad, J2000).
TRUTH_KEY, TRUTH_INFO_KEY = "SimulatedTrack", "SimulatedTrackInfo"
#: Frame keys of true particles in IceCube's simulated events, the primary first.
PARTICLE_KEYS = (
    *(TRUTH_KEY, "MCTruth", "MCPrimary1", "MCPrimary", "MCNeutrino", "NuGPrimary"),
    *("PolyplopiaPrimary", "MCInIcePrimary", "MCMostEnergeticTrack", "MCMostEnergeticInIce"),
    *("MCMostEnergeticCascade", "MCMuon"),
)
#: Primaries begin far away; a point further from the centre of the detector is no vertex, m.
FARTHEST_M = 2000.0


def truth_of(event: Event) -> Truth | None:
    """Return what was simulated, from wherever the event has it; None if it has no truth.

    What a table or the message around the frames says goes before the particles in them.
    """
    if event.truth is None:
        return _of_particles(event)
    seen = _of_particles(event)
    if seen is None:
        return event.truth
    unknown = {
        it.name: getattr(seen, it.name)
        for it in fields(Truth)
        if not isfinite(getattr(event.truth, it.name))
    }
    return replace(event.truth, **unknown)


def _of_particles(event: Event) -> Truth | None:
    """Return the truth that the true particles in the frames have."""
    particles = [event.fits[key] for key in PARTICLE_KEYS if key in event.fits]
    ra, dec = _direction_in(event.scalars.get(TRUTH_INFO_KEY))
    if not particles:
        return Truth(ra=ra, dec=dec) if isfinite(ra) else None
    primary = particles[0]
    near = [it for it in particles if hypot(it.x, it.y, it.z) < FARTHEST_M]
    vertex = near[0] if near else None
    return Truth(
        zenith=primary.zenith,
        azimuth=primary.azimuth,
        ra=ra,
        dec=dec,
        energy=primary.energy,
        **({} if vertex is None else {axis: getattr(vertex, axis) for axis in _POINT}),
    )


_POINT = ("x", "y", "z", "time")


def _direction_in(info: object) -> tuple[float, float]:
    """Return ra and dec of the JSON object of a simulated event; NaN if it has none."""
    if not isinstance(info, str):
        return nan, nan
    try:
        values = parse_json(info)
    except ValueError:
        return nan, nan
    if not isinstance(values, dict):
        return nan, nan
    ra, dec = values.get("ra_rad", ""), values.get("dec_rad", "")
    return (float(ra), float(dec)) if is_of([ra, dec], list[float]) else (nan, nan)
