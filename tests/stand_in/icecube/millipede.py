"""The DOMs that millipede excludes from a fit."""

from ._pulses import I3RecoPulseSeriesMap as _I3RecoPulseSeriesMap
from ._pulses import I3VectorOMKey as _I3VectorOMKey
from ._tray import closed_segment as _closed_segment

BRIGHT = 100.0  # PE in one DOM: a threshold of the stand-in


@_closed_segment
def HighEnergyExclusions(
    tray,
    name,
    *,
    Pulses,
    ExcludeDeepCore="DeepCoreDOMs",
    ExcludeSaturatedDOMs="SaturatedDOMs",
    ExcludeBrightDOMs="BrightDOMs",
    BrightDOMThreshold=10,
    SaturationWindows="SaturationWindows",
    BadDomsList="BadDomsList",
    CalibrationErrata="CalibrationErrata",
):
    """Return the frame keys of the excluded DOMs, in an order of the stand-in."""
    _ = tray, name, Pulses, BrightDOMThreshold
    windows = [SaturationWindows, CalibrationErrata]
    return [ExcludeDeepCore, ExcludeSaturatedDOMs, ExcludeBrightDOMs, BadDomsList, *windows]


def _leave_exclusions(frame, pulses, **keys):
    """Do what the modules of `HighEnergyExclusions` do: no list without a bright DOM."""
    if pulses not in frame:
        return
    for key in (keys["excludedeepcore"], keys["excludesaturateddoms"]):
        frame[key] = _I3VectorOMKey()
    series = _I3RecoPulseSeriesMap.from_frame(frame, pulses).items()
    bright = [dom for dom, one in series if sum(pulse.charge for pulse in one) > BRIGHT]
    if bright:
        frame[keys["excludebrightdoms"]] = _I3VectorOMKey(bright)


HighEnergyExclusions.leave = _leave_exclusions
