"""Pulses that a fit should not see: late ones, DeepCore's, and those far from the event.

The rules and numbers are those of icecube/skymap_scanner (recos/common/pulse_proc.py and
recos/millipede_wilks.py); each function changes one physics frame.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, TypeAlias

    from numpy.typing import NDArray

    from skyscan.icetray.frames import Frame

    Series: TypeAlias = Sequence[Any]  # of I3RecoPulse
    Pulses: TypeAlias = Mapping[Any, Series]  # by OMKey

FIRST_DEEPCORE_STRING = 79

#: The event's time window: these quantiles of charge in time, widened by the margin (ns).
WINDOW_QUANTILES = (0.1, 0.95)
WINDOW_MARGIN = 1000.0
#: A DOM whose pulses follow each other this slowly (ns, median) sees correlated noise.
NOISE_INTERVAL = 1200.0

#: DOMs without light that are kept, to save time: these strings, and every fifth DOM of them.
KEPT_STRINGS = frozenset(
    (1, 3, 5, 14, 16, 18, 20, 31, 33, 35, 37, 39, 51, 53, 55, 57, 59, 68, 70, 72, 74)
)
KEPT_OMS = frozenset(range(1, 60, 5))


def mask_deepcore(frame: Frame, source: str, target: str) -> None:
    """Put the pulses of all strings but DeepCore's under ``target``."""
    from icecube import dataclasses

    frame[target] = dataclasses.I3RecoPulseSeriesMapMask(
        frame, source, lambda dom, _index, _pulse: dom.string < FIRST_DEEPCORE_STRING
    )


def drop_late_pulses(frame: Frame, source: str, target: str, residual: float) -> None:
    """Leave out pulses later than a DOM's median charge by ``residual`` (ns).

    ``target`` becomes a mask of ``source``, ``targetTimeWindows`` the time that is left out
    in each DOM, ``targetTimeRange`` the range of ``source``.
    """
    from icecube import dataclasses

    mask = dataclasses.I3RecoPulseSeriesMapMask(frame, source)
    excluded = dataclasses.I3TimeWindowSeriesMap()
    for dom, series in _pulses(frame, source).items():
        if len(series) > 1:
            latest = weighted_quantile(_times(series), _charges(series), 0.5) + residual
            late = [pulse for pulse in series if pulse.time >= latest]
            _leave_out(mask, dom, late)
            if late:
                excluded[dom] = _from_then_on(latest)
    whole = frame[source + "TimeRange"]
    frame[target] = mask
    frame[target + "TimeWindows"] = excluded
    frame[target + "TimeRange"] = dataclasses.I3TimeWindow(whole.start, whole.stop)


def keep_event_window(frame: Frame, source: str, target: str, residual: float) -> None:
    """Leave out late pulses, what is outside of the event's window, and correlated noise.

    As `drop_late_pulses`, but ``targetTimeRange`` is the window that is kept.
    """
    from icecube import dataclasses

    pulses = _pulses(frame, source)
    begin, end = event_window(pulses)
    mask = dataclasses.I3RecoPulseSeriesMapMask(frame, source)
    excluded = dataclasses.I3TimeWindowSeriesMap()
    for dom, series in pulses.items():
        if _is_noise(series):
            _leave_out(mask, dom, series)
            continue
        median = weighted_quantile(_times(series), _charges(series), 0.5)
        latest = min(median + residual, end)
        outside = [pulse for pulse in series if pulse.time >= latest or pulse.time < begin]
        _leave_out(mask, dom, outside)
        if outside:
            excluded[dom] = _from_then_on(latest)
    frame[target] = mask
    frame[target + "TimeWindows"] = excluded
    frame[target + "TimeRange"] = dataclasses.I3TimeWindow(begin, end)


def event_window(pulses: Pulses) -> tuple[float, float]:
    """Return when an event begins and ends (ns), from all its pulses."""
    times = np.concatenate([_times(series) for series in pulses.values()])
    charges = np.concatenate([_charges(series) for series in pulses.values()])
    first, last = (weighted_quantile(times, charges, q) for q in WINDOW_QUANTILES)
    begin = max(first - WINDOW_MARGIN, float(times.min()))
    end = min(last + WINDOW_MARGIN, float(times.max()))
    return begin, end


def list_unhit(frame: Frame, pulses: str, target: str) -> None:
    """List DOMs without pulses under ``target``, but for a coarse grid of them."""
    from icecube import dataclasses

    hit = set(_pulses(frame, pulses).keys())
    unhit = dataclasses.I3VectorOMKey()
    for dom, geometry in frame["I3Geometry"].omgeo.items():
        is_kept = dom.string in KEPT_STRINGS and dom.om in KEPT_OMS
        is_icecube = geometry.omtype == dataclasses.I3OMGeo.OMType.IceCube
        if is_icecube and dom not in hit and not is_kept:
            unhit.append(dom)
    frame[target] = unhit


def weighted_quantile(
    values: NDArray[np.float64], weights: NDArray[np.float64], quantile: float
) -> float:
    """Return the first value at which the weights' running share reaches ``quantile``.

    NaN when there is none, as with no values.
    """
    order = np.argsort(values)
    share = weights[order].cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        place = int((share / weights[order].sum()).searchsorted(quantile))
    return float(values[order][place]) if place < len(values) else math.nan


def _pulses(frame: Frame, key: str) -> Pulses:
    from icecube import dataclasses

    found: Pulses = dataclasses.I3RecoPulseSeriesMap.from_frame(frame, key)
    return found


def _times(series: Series) -> NDArray[np.float64]:
    return np.array([pulse.time for pulse in series], np.float64)


def _charges(series: Series) -> NDArray[np.float64]:
    return np.array([pulse.charge for pulse in series], np.float64)


def _is_noise(series: Series) -> bool:
    intervals = np.diff(_times(series))
    return len(intervals) > 1 and float(np.median(intervals)) > NOISE_INTERVAL


def _leave_out(mask: Frame, dom: object, series: Series) -> None:
    for pulse in series:
        mask.set(dom, pulse, False)  # noqa: FBT003  (icetray's signature)


def _from_then_on(time: float) -> Frame:
    """Return the time windows to exclude: from ``time`` (ns) on."""
    from icecube import dataclasses

    windows = dataclasses.I3TimeWindowSeries()
    windows.append(dataclasses.I3TimeWindow(time, math.inf))
    return windows
