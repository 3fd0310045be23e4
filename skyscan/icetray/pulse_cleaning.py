"""Removal of pulses that a fit should not see: late ones, DeepCore's, correlated noise.

The rules and numbers are those of icecube/skymap_scanner (recos/common/pulse_proc.py and
recos/millipede_wilks.py). Each function changes one physics frame.
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

#: Quantiles of the charge in time that bound an event, and the margin around them (ns).
WINDOW_QUANTILES = (0.1, 0.95)
WINDOW_MARGIN = 1000.0
#: A DOM sees correlated noise if the median interval between its pulses is longer (ns).
NOISE_INTERVAL = 1200.0

#: DOMs without pulses that a fit takes into account: every fifth DOM on these strings. To
#: take all of them costs too much time.
KEPT_STRINGS = frozenset(
    (1, 3, 5, 14, 16, 18, 20, 31, 33, 35, 37, 39, 51, 53, 55, 57, 59, 68, 70, 72, 74)
)
KEPT_OMS = frozenset(range(1, 60, 5))


def mask_deepcore(frame: Frame, source: str, target: str) -> None:
    """Store a mask of ``source`` without the pulses on DeepCore's strings as ``target``."""
    from icecube import dataclasses

    frame[target] = dataclasses.I3RecoPulseSeriesMapMask(
        frame, source, lambda dom, _index, _pulse: dom.string < FIRST_DEEPCORE_STRING
    )


def drop_late_pulses(frame: Frame, source: str, target: str, residual: float) -> None:
    """Remove pulses that come ``residual`` (ns) or more after their DOM's median charge.

    ``target`` becomes a mask of ``source``, ``targetTimeWindows`` has the excluded time of
    each DOM, ``targetTimeRange`` the range of ``source``.
    """
    from icecube import dataclasses

    mask = dataclasses.I3RecoPulseSeriesMapMask(frame, source)
    excluded = dataclasses.I3TimeWindowSeriesMap()
    for dom, series in _pulses(frame, source).items():
        if len(series) > 1:
            latest = weighted_quantile(_times(series), _charges(series), 0.5) + residual
            late = [pulse for pulse in series if pulse.time >= latest]
            _exclude(mask, dom, late)
            if late:
                excluded[dom] = _from(latest)
    time_range = frame[source + "TimeRange"]
    frame[target] = mask
    frame[target + "TimeWindows"] = excluded
    frame[target + "TimeRange"] = dataclasses.I3TimeWindow(time_range.start, time_range.stop)


def keep_event_window(frame: Frame, source: str, target: str, residual: float) -> None:
    """Remove late pulses, those outside of the event's time window, and correlated noise.

    Writes the same keys as `drop_late_pulses`, but ``targetTimeRange`` is the time window.
    """
    from icecube import dataclasses

    pulses = _pulses(frame, source)
    begin, end = event_window(pulses)
    mask = dataclasses.I3RecoPulseSeriesMapMask(frame, source)
    excluded = dataclasses.I3TimeWindowSeriesMap()
    for dom, series in pulses.items():
        if _is_noise(series):
            _exclude(mask, dom, series)
            continue
        median = weighted_quantile(_times(series), _charges(series), 0.5)
        latest = min(median + residual, end)
        outside = [pulse for pulse in series if pulse.time >= latest or pulse.time < begin]
        _exclude(mask, dom, outside)
        if outside:
            excluded[dom] = _from(latest)
    frame[target] = mask
    frame[target + "TimeWindows"] = excluded
    frame[target + "TimeRange"] = dataclasses.I3TimeWindow(begin, end)


def event_window(pulses: Pulses) -> tuple[float, float]:
    """Return the start and the end of an event (ns), from all its pulses."""
    times = np.concatenate([_times(series) for series in pulses.values()])
    charges = np.concatenate([_charges(series) for series in pulses.values()])
    first, last = (weighted_quantile(times, charges, q) for q in WINDOW_QUANTILES)
    begin = max(first - WINDOW_MARGIN, float(times.min()))
    end = min(last + WINDOW_MARGIN, float(times.max()))
    return begin, end


def list_unhit(frame: Frame, pulses: str, target: str) -> None:
    """Store the list of DOMs without pulses, except a coarse grid, as ``target``."""
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
    """Return the first value at which the cumulative weight reaches ``quantile``.

    NaN if none does, for instance if there are no values.
    """
    order = np.argsort(values)
    cumulative = weights[order].cumsum()
    with np.errstate(invalid="ignore", divide="ignore"):
        index = int((cumulative / weights[order].sum()).searchsorted(quantile))
    return float(values[order][index]) if index < len(values) else math.nan


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


def _exclude(mask: Frame, dom: object, series: Series) -> None:
    for pulse in series:
        mask.set(dom, pulse, False)  # noqa: FBT003  (icetray's signature)


def _from(time: float) -> Frame:
    """Return a series with one time window, from ``time`` (ns) to infinity."""
    from icecube import dataclasses

    windows = dataclasses.I3TimeWindowSeries()
    windows.append(dataclasses.I3TimeWindow(time, math.inf))
    return windows
