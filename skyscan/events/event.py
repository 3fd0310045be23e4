"""The data of one event."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, nan
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skyscan.detector import Detector
    from skyscan.events.daqtime import DaqTime

#: One pulse per row: DOM (string, om, pmt), time (ns since the start of the event),
#: charge (PE), width (ns), flags (bit 0: local coincidence; see I3RecoPulse).
PULSE_DTYPE = np.dtype(
    [
        ("string", "<i4"),
        ("om", "<i4"),
        ("pmt", "<i4"),
        ("time", "<f8"),
        ("charge", "<f8"),
        ("width", "<f8"),
        ("flags", "<i4"),
    ]
)

LC_FLAG = 1  #: bit of ``flags`` set when a neighbouring DOM saw light too (HLC)


#: In names and maps, of an event whose source does not say its type.
NO_TYPE = "unknown"


def type_text(event_type: str | None) -> str:
    """Return the type of an event as names and maps have it."""
    return event_type or NO_TYPE


def type_in(text: object) -> str | None:
    """Return the type of an event from a map; upstream, and skyscan before, write ``None``."""
    return None if text in (None, "None", NO_TYPE) else str(text)


@dataclass(frozen=True)
class Vertex:
    """A point on a hypothesis: IceCube coordinates in metres, time in ns, energy in GeV."""

    x: float
    y: float
    z: float
    time: float
    energy: float = nan


@dataclass(frozen=True)
class Particle:
    """A fit stored with the event (I3Particle): position in m, time in ns, energy in GeV.

    ``zenith`` and ``azimuth`` (radians, IceCube's local frame) point to where the
    particle came from.
    """

    x: float
    y: float
    z: float
    time: float
    zenith: float
    azimuth: float
    energy: float
    length: float = nan
    speed: float = nan
    shape: int = 0
    fit_status: int = 0


@dataclass(frozen=True)
class Truth:
    """What was simulated; whatever is unknown is NaN.

    Attributes
    ----------
    zenith, azimuth : float
        Where the particle came from, radians, IceCube's local frame.
    ra, dec : float
        The same on the sky, radians, J2000, if the source has it.
    energy : float
        Energy of the primary particle, GeV.
    x, y, z : float
        A point on the particle's path in or near the detector: of a neutrino, where it
        interacted. IceCube coordinates, m.
    time : float
        Time at that point, ns since the start of the event.
    """

    zenith: float = nan
    azimuth: float = nan
    ra: float = nan
    dec: float = nan
    energy: float = nan
    x: float = nan
    y: float = nan
    z: float = nan
    time: float = nan

    @property
    def has_local(self) -> bool:
        """Whether the direction is known in the local frame."""
        return isfinite(self.zenith) and isfinite(self.azimuth)

    @property
    def has_equatorial(self) -> bool:
        """Whether the direction is known on the sky."""
        return isfinite(self.ra) and isfinite(self.dec)


@dataclass(frozen=True)
class Event:
    """The parts of an IceCube event that a scan needs.

    Attributes
    ----------
    run_id, event_id, sub_event_id : int
        From the I3EventHeader.
    mjd : float
        Start time of the event, modified Julian date (UTC); NaN if it has none. Directions are
        then known in IceCube's local frame only.
    event_type : str or None
        HESE, EHE, neutrino, ESTRES, or None if the frames do not determine it.
    format_version : str
        Realtime format (2021a, 2023a, 2024a, or "" if the packet names none).
    pulses_key : str
        Frame key that ``pulses`` were read from.
    pulses : ndarray, shape (n_pulses,), dtype PULSE_DTYPE
        Ordered by DOM, then by time.
    seed : Vertex
        A starting point for reconstructions.
    fits : mapping of str to Particle
        Fits that came with the event, by frame key.
    scalars : mapping of str to (float, bool or str)
        I3Double, I3Bool and I3String objects of the physics frame, by frame key.
    start_time : DaqTime or None
        Start time of the event to 0.1 ns; ``mjd`` is the same to about 1 us.
    keys : frozenset of str
        All frame keys that the physics frame sees.
    baseline_gcd : str or None
        Name of the baseline GCD file to which the G, C and D frames hold differences; None
        if they hold no differences, or if only icetray can read the name.
    truth : Truth or None
        What was simulated, if the source of the event says so apart from ``fits``
        (`skyscan.events.truth.truth_of` knows all places).
    detector : Detector or None
        The detector, if it is not IceCube-86.
    has_frames : bool
        Whether the event's file holds icetray frames, which reconstructions in icetray need.
    """

    run_id: int
    event_id: int
    sub_event_id: int
    mjd: float
    event_type: str | None
    format_version: str
    pulses_key: str
    pulses: NDArray[np.void]
    seed: Vertex
    fits: Mapping[str, Particle] = field(default_factory=dict)
    scalars: Mapping[str, float | bool | str] = field(default_factory=dict)
    start_time: DaqTime | None = None
    keys: frozenset[str] = frozenset()
    baseline_gcd: str | None = None
    truth: Truth | None = None
    detector: Detector | None = None
    has_frames: bool = True

    @property
    def name(self) -> str:
        """Name of the event in files, as upstream writes it (run….evt….TYPE).

        A sub-event that is not the first has its number in it (run….evt….sub001.TYPE):
        upstream gives all sub-events of an event the same name.
        """
        sub = f".sub{self.sub_event_id:03d}" if self.sub_event_id else ""
        kind = type_text(self.event_type)
        return f"run{self.run_id:08d}.evt{self.event_id:012d}{sub}.{kind}"
