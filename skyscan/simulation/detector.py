"""From detected photons to pulses: the PMT, noise, saturation, launches, HLC and the trigger.

The PMT is that of R. Abbasi et al. (IceCube), NIM A 618 (2010) 139: its jitter, late and after
pulses, and saturation; noise and local coincidence are those of M. G. Aartsen et al. (IceCube),
JINST 12 (2017) P03012. Their curves are replaced by simple forms here.

Random numbers are uniform ones, transformed: only the stream of these is the same in every
version of numpy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import ndtri

from skyscan.doms import are_alive
from skyscan.events.event import LC_FLAG, PULSE_DTYPE
from skyscan.geometry import N_OMS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Doms = NDArray[np.intp]

JITTER_NS = 3.0  #: standard deviation of the time of a photoelectron

#: Photoelectrons whose pulse is late, and how late (ns); photoelectrons that an after pulse
#: follows, and when (ns, evenly in its logarithm).
LATE_SHARE, LATE_NS = 0.035, (25.0, 65.0)
AFTER_SHARE, AFTER_NS = 0.06, (500.0, 10_000.0)

#: Charge of a photoelectron: an exponential (share, PE) and a Gaussian (mean, width); mean 1.
SPE_EXPONENTIAL = (0.2, 0.4)
SPE_GAUSSIAN = (1.15, 0.35)
SMALLEST_PE = 0.05

NOISE_RATE_PER_NS = 560e-9
READOUT_NS = (4000.0, 18_000.0)
PULSE_NS = 8.0  #: photoelectrons of one pulse

#: Current (PE/ns) near which the PMT saturates; it is 5 % too low at a third of this.
SATURATION_PE_PER_NS = 93.0

DISCRIMINATOR_PE = 0.25
LAUNCH_NS = 6400.0  #: what a launch of a locally coincident DOM records
SLC_NS = 75.0  #: what one without coincidence keeps
HLC_OMS, HLC_NS = 2, 1000.0

#: Simple multiplicity trigger: locally coincident launches within a time.
TRIGGER_LAUNCHES, TRIGGER_NS = 8, 5000.0

HLC_FLAGS, SLC_FLAGS = LC_FLAG | 2 | 4, 4  #: I3RecoPulse: LC, ATWD, FADC
CHARGE_STEP_PE, TIME_STEP_NS = 0.025, 0.1

#: Chances lie between these, so that every inverse distribution function is finite.
_LEAST = 2.0**-53


class Launches(NamedTuple):
    """Launches of DOMs in the order of DOM and time: DOM, start (ns), locally coincident."""

    dom: Doms
    time: Array
    is_hlc: NDArray[np.bool_]


def detector_response(
    dom: NDArray[np.int32], time: Array, random: np.random.Generator
) -> tuple[NDArray[np.void], bool]:
    """Return the pulses of an event, and whether it triggers the detector.

    Parameters
    ----------
    dom : ndarray, shape (n,)
        Index in the flattened (86, 60) DOMs of each detected photon.
    time : ndarray, shape (n,), ns
        Arrival; READOUT_NS are the limits of what is read out.
    random : numpy.random.Generator

    Returns
    -------
    pulses : ndarray, dtype PULSE_DTYPE, in the order of DOM and time
    is_triggered : bool
    """
    electrons = photoelectrons(dom.astype(np.intp), time, random)
    merged, time, charge = pulses_of(*electrons)
    charge = saturated(charge)
    launches, owner = launches_of(merged, time, charge)
    return read_out(merged, time, charge, launches, owner), is_triggered(launches)


def photoelectrons(
    dom: Doms, time: Array, random: np.random.Generator
) -> tuple[Doms, Array, Array]:
    """Return DOM, time (ns) and charge (PE) of photoelectrons in the readout, with noise."""
    noise_dom, noise_time = _noise(random)
    late = random.random(len(time)) < LATE_SHARE
    delay = LATE_NS[0] + (LATE_NS[1] - LATE_NS[0]) * random.random(len(time))
    after = random.random(len(time)) < AFTER_SHARE
    ratio = AFTER_NS[1] / AFTER_NS[0]
    after_time = time + AFTER_NS[0] * ratio ** random.random(len(time))
    dom = np.concatenate([dom, dom[after], noise_dom])
    time = np.concatenate([time + late * delay, after_time[after], noise_time])
    time = time + JITTER_NS * ndtri(_chances(len(time), random))
    charge = _charges(random.random(len(time)), _chances(len(time), random))
    order = np.lexsort([time, dom])
    order = order[(time[order] >= READOUT_NS[0]) & (time[order] <= READOUT_NS[1])]
    return dom[order], time[order], charge[order]


def _chances(n: int, random: np.random.Generator) -> Array:
    return np.maximum(random.random(n), _LEAST)


def _charges(kind: Array, chance: Array) -> Array:
    share, scale = SPE_EXPONENTIAL
    mean, width = SPE_GAUSSIAN
    charge = np.where(kind < share, -scale * np.log(chance), mean + width * ndtri(chance))
    return np.maximum(charge, SMALLEST_PE)


def _noise(random: np.random.Generator) -> tuple[Doms, Array]:
    """Draw noise in living DOMs, at a constant rate."""
    alive = np.flatnonzero(are_alive())
    length = READOUT_NS[1] - READOUT_NS[0]
    mean = len(alive) * length * NOISE_RATE_PER_NS
    # the Poisson distribution as a normal one, which it nearly is
    n = max(0, round(mean + np.sqrt(mean) * float(ndtri(_chances(1, random))[0])))
    dom = alive[(len(alive) * random.random(n)).astype(np.intp)]
    return dom, READOUT_NS[0] + length * random.random(n)


def pulses_of(dom: Doms, time: Array, charge: Array) -> tuple[Doms, Array, Array]:
    """Merge photoelectrons of a DOM that come within PULSE_NS, on a grid from the DOM's first.

    Returns
    -------
    dom, time, charge : ndarray
        Of each pulse; ns, PE.
    """
    if len(dom) == 0:
        return dom, time, charge
    begins = np.concatenate([[True], dom[1:] != dom[:-1]])
    origin = time[begins][np.cumsum(begins) - 1]
    cell = np.floor((time - origin) / PULSE_NS)
    new = begins | np.concatenate([[True], cell[1:] != cell[:-1]])
    first = np.flatnonzero(new)
    return dom[first], time[first], np.add.reduceat(charge, first)


def saturated(charge: Array) -> Array:
    """Return the charge (PE) of pulses as the saturating PMT gives it."""
    current = charge / PULSE_NS
    return np.asarray(charge / np.sqrt(1 + (current / SATURATION_PE_PER_NS) ** 2))


def launches_of(dom: Doms, time: Array, charge: Array) -> tuple[Launches, Doms]:
    """Return the launches of DOMs, and the launch of each pulse (-1: of none).

    A pulse above the discriminator starts a launch, unless one of its DOM is still recording.
    """
    owner = np.full(len(dom), -1, np.intp)
    doms: list[int] = []
    starts: list[float] = []
    for i in range(len(dom)):
        is_same = bool(doms) and doms[-1] == dom[i]
        if is_same and time[i] < starts[-1] + LAUNCH_NS:
            owner[i] = len(doms) - 1
        elif charge[i] >= DISCRIMINATOR_PE:
            owner[i] = len(doms)
            doms.append(int(dom[i]))
            starts.append(float(time[i]))
    launched, began = np.array(doms, np.intp), np.array(starts)
    return Launches(launched, began, are_coincident(launched, began)), owner


def are_coincident(dom: Doms, time: Array) -> NDArray[np.bool_]:
    """Return which launches have another one on a near DOM of the string within HLC_NS."""
    found = np.zeros(len(dom), bool)
    order = np.lexsort([time, dom])
    key = dom[order] * 1e6 + time[order]  # times are shorter than 1e6 ns
    for away in (*range(-HLC_OMS, 0), *range(1, HLC_OMS + 1)):
        other = dom + away
        is_string = other // N_OMS == dom // N_OMS
        low = np.searchsorted(key, other * 1e6 + time - HLC_NS)
        high = np.searchsorted(key, other * 1e6 + time + HLC_NS, side="right")
        found |= is_string & (high > low)
    return found


def read_out(
    dom: Doms, time: Array, charge: Array, launches: Launches, owner: Doms
) -> NDArray[np.void]:
    """Return the pulses that launches keep, dtype PULSE_DTYPE.

    All pulses of a locally coincident launch are kept. Of another, those in its first SLC_NS
    become one pulse.
    """
    kept = owner >= 0
    dom, time, charge, owner = dom[kept], time[kept], charge[kept], owner[kept]
    is_hlc = launches.is_hlc[owner]
    in_time = is_hlc | (time <= launches.time[owner] + SLC_NS)
    dom, time, charge = dom[in_time], time[in_time], charge[in_time]
    owner, is_hlc = owner[in_time], is_hlc[in_time]
    new = is_hlc | np.concatenate([[True], owner[1:] != owner[:-1]])[: len(owner)]
    first = np.flatnonzero(new)
    pulses = np.zeros(len(first), PULSE_DTYPE)
    pulses["string"], pulses["om"] = dom[first] // N_OMS + 1, dom[first] % N_OMS + 1
    pulses["time"] = np.round(np.round(time[first] / TIME_STEP_NS) * TIME_STEP_NS, 1)
    summed = np.add.reduceat(charge, first) if len(first) else charge
    steps = np.maximum(np.round(summed / CHARGE_STEP_PE), 1)
    pulses["charge"] = (steps * CHARGE_STEP_PE).astype(np.float32)
    pulses["width"] = PULSE_NS
    pulses["flags"] = np.where(is_hlc[first], HLC_FLAGS, SLC_FLAGS)
    return pulses


def is_triggered(launches: Launches) -> bool:
    """Return whether enough locally coincident launches are close in time."""
    times = np.sort(launches.time[launches.is_hlc])
    if len(times) < TRIGGER_LAUNCHES:
        return False
    spans = times[TRIGGER_LAUNCHES - 1 :] - times[: len(times) - TRIGGER_LAUNCHES + 1]
    return bool((spans <= TRIGGER_NS).any())
