"""Assemble an event from objects that any reader has read: its type, pulses and seed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skyscan.detector import known_doms, places_of
from skyscan.events.event import Vertex
from skyscan.events.place import MalformedError
from skyscan.json_text import parse_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from numpy.typing import NDArray

    from skyscan.detector import Detector
    from skyscan.events.event import Particle

MIN_SPAN_NS = 1.0  #: of the pulses on several strings
#: The same on three strings or more of IceCube, of which DeepCore's are 40 m (180 ns) apart.
MIN_SPAN_OF_MANY_NS = 30.0
MAX_TIME_NS = 1e12  #: a readout lasts some 10 us, the longest exotic one less than a second
HEADER_KEY = "I3EventHeader"
SEED_POSITION_KEY = "HESE_VHESelfVetoVertexPos"
SEED_TIME_KEY = "HESE_VHESelfVetoVertexTime"

#: What determines the type of an event (icecube/skymap_scanner, extract_json_message.py): the
#: keys of the followup message's JSON or, without that message, the physics frame's keys.
FOLLOWUP_KEY = "AlertShortFollowupMsg"
MAX_FOLLOWUP_MARKS = 100_000  #: brackets, commas and colons; messages have some hundreds
TYPES_BY_FOLLOWUP = {"hese": "HESE", "ehe": "EHE", "neutrino": "neutrino", "estres": "ESTRES"}
TYPES_BY_KEY = {
    "HESE_llhratio": "HESE",
    "Estres_p_miss": "ESTRES",
    "PoleEHEOphelia_ImpLF": "EHE",
}


def type_of_event(followup: Mapping[str, object] | None, keys: AbstractSet[str]) -> str | None:
    """Return the type of an event (HESE, EHE, neutrino, ESTRES) by upstream's rule.

    Parameters
    ----------
    followup : mapping or None
        The followup message; if there is one, it alone decides.
    keys : set of str
        The keys that the physics frame sees.
    """
    if followup is not None:
        return next(
            (TYPES_BY_FOLLOWUP[key] for key in TYPES_BY_FOLLOWUP if key in followup), None
        )
    return next((TYPES_BY_KEY[key] for key in TYPES_BY_KEY if key in keys), None)


def parsed_followup(text: str) -> dict[str, object]:
    """Return the followup message from its JSON."""
    try:
        followup = parse_json(text, MAX_FOLLOWUP_MARKS)
    except ValueError as error:
        raise MalformedError("is not JSON that can be read") from error
    if not isinstance(followup, dict):
        raise MalformedError("is not a JSON object")
    return followup


def ordered_pulses(pulses: NDArray[np.void], others: Callable[[], str]) -> NDArray[np.void]:
    """Return pulses ordered by DOM and time.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
    others : callable
        Returns advice about other pulse series, for the message.

    Raises
    ------
    MalformedError
        There are no pulses, or a pulse is not valid.
    """
    if not pulses.size:
        raise MalformedError("holds no pulses", others())
    if not (np.isfinite(pulses["charge"]) & (np.abs(pulses["time"]) < MAX_TIME_NS)).all():
        raise MalformedError("has a pulse with an impossible time or charge")
    order = np.lexsort([pulses[name] for name in ("time", "pmt", "om", "string")])
    return pulses[order]


def impossible_span(
    pulses: NDArray[np.void], detector: Detector | None
) -> tuple[int, float] | None:
    """Return on how many strings pulses are, and their span, if no event has them so close.

    Then their times are in another unit than ns.

    Parameters
    ----------
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
    detector : Detector or None
        The detector, if it is not IceCube-86; its strings may be near to each other.

    Returns
    -------
    tuple of (int, float) or None
        Strings, and the time from the first to the last pulse, ns; None if it can be.
    """
    n = len(np.unique(pulses["string"]))
    span = float(np.ptp(pulses["time"])) if n else 0.0
    least = MIN_SPAN_NS if n <= 2 or detector is not None else MIN_SPAN_OF_MANY_NS  # noqa: PLR2004
    return (n, span) if n > 1 and span < least else None


def seed_vertex(
    veto: Vertex | None,
    fit: Particle | None,
    pulses: NDArray[np.void],
    others: Callable[[], str],
    detector: Detector | None = None,
) -> Vertex:
    """Return the seed: the veto's vertex, else the L2 fit's, else the centre of the pulses.

    Parameters
    ----------
    veto : Vertex or None
        Where and when the event begins according to the HESE veto.
    fit : Particle or None
        The online level 2 fit; one that failed does not count.
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
    others : callable
        Returns advice about other pulse series, for the message.
    detector : Detector or None
        The detector, if it is not IceCube-86.

    Raises
    ------
    MalformedError
        The event has no vertex, no fit and no pulse in the ice.
    """
    if veto is not None and _is_finite(veto):
        return veto
    if fit is not None and fit.fit_status == 0:
        found = Vertex(fit.x, fit.y, fit.z, fit.time, fit.energy)
        if _is_finite(found):
            return found
    return _centre(pulses, others, detector)


def _is_finite(vertex: Vertex) -> bool:
    return bool(np.isfinite([vertex.x, vertex.y, vertex.z, vertex.time]).all())


def _centre(
    pulses: NDArray[np.void], others: Callable[[], str], detector: Detector | None
) -> Vertex:
    """Return the charge-weighted mean of position and time of the in-ice pulses."""
    pulses = pulses[known_doms(detector, pulses["string"], pulses["om"])]
    if not pulses.size:
        raise MalformedError("has no vertex and no pulse of a DOM in the ice", others())
    weights = np.maximum(pulses["charge"], 0.0)
    if not 0 < weights.sum() < np.inf:
        weights = np.ones(pulses.size)
    places = places_of(detector, pulses["string"], pulses["om"])
    x, y, z = np.average(places, axis=0, weights=weights)
    time = np.average(pulses["time"], weights=weights)
    return Vertex(float(x), float(y), float(z), float(time))
