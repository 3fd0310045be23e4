"""Frames that show the effects of the functions of a tray.

Each scenario tests a rule, with times and charges on both sides of its threshold and on it.
The numbers are small, so that quantiles are exact.
"""

from __future__ import annotations

from event_frames import BASE, SEED, event, geometry, having, particle, pulse_map, without
from icecube import dataclasses, frame_object_diff, icetray
from recording import Scenario

I3Frame = icetray.I3Frame


def event_of_charge(key, charge):
    """Return an event with light on strings beside and in DeepCore, with one SLC pulse."""
    doms = {
        (36, 30): [(0.0, charge / 2)],
        (78, 30): [(50.0, charge / 4), (90.0, charge / 8)],
        (79, 30): [(60.0, charge / 16)],
        (86, 60): [(70.0, charge / 16), (80.0, charge, 0)],
    }
    return event(key, doms)


def self_vetoed(frame):
    """Add the objects that the HESE filter writes."""
    return having(
        frame,
        HESE_VHESelfVeto=icetray.I3Bool(False),
        HESE_VHESelfVetoVertexPos=dataclasses.I3Position(11.0, 22.0, 33.0),
        HESE_VHESelfVetoVertexTime=dataclasses.I3Double(9876.5),
    )


def gcd_frame(stop, **things):
    frame = I3Frame(stop)
    return having(frame, **things)


def prepare(key):
    """Return the scenarios for the preparation of an event with pulses ``key``."""
    diff = frame_object_diff.I3GeometryDiff("baseline.i3")
    compressed = {
        "I3Geometry": dataclasses.I3Geometry(),
        "I3GeometryDiff": diff,
        "LoneDiff": diff,
        "BadDomsList": dataclasses.I3VectorOMKey(),
    }
    best = particle(1.0, 2.0, 3.0)

    def bright():
        return having(event_of_charge(key, 320.0), OnlineL2_BestFit=best)

    frames = {
        "bright": bright(),
        "faint": having(event_of_charge(key, 64.0), OnlineL2_BestFit=best),
        "self-vetoed": self_vetoed(bright()),
        "self-vetoed without vertex": without(
            self_vetoed(bright()), "HESE_VHESelfVetoVertexPos"
        ),
        "self-vetoed without time": without(
            self_vetoed(bright()), "HESE_VHESelfVetoVertexTime"
        ),
        "newer name of the best fit": having(
            without(bright(), "OnlineL2_BestFit"), l2_online_BestFit=particle(4.0, 5.0, 6.0)
        ),
        "both names of the best fit": having(
            bright(), l2_online_BestFit=particle(4.0, 5.0, 6.0)
        ),
        "HLC split already": having(
            bright(), **{key + "HLC": pulse_map({(36, 30): [(0.0, 160.0)]})}
        ),
        "without pulses": without(bright(), key),
        "geometry with differences": gcd_frame("G", **compressed),
        "calibration with differences": gcd_frame("C", **compressed),
        "detector status with differences": gcd_frame("D", **compressed),
        "DAQ frame with differences": gcd_frame("Q", **compressed),
        "event with differences": having(bright(), OddDiff=diff, Odd=diff),
    }
    scenarios = {name: Scenario(frame) for name, frame in frames.items()}
    for missing in ("SplitRTCleanedInIcePulses", "CleanedMuonPulses"):
        scenarios[f"cleaning leaves no {missing}"] = Scenario(bright(), frozenset({missing}))
    return scenarios


#: DOMs whose pulses pass all rules, and end at 2500 ns after BASE.
QUIET = {(4, 1): [(0.0, 20.0), (200.0, 20.0)], (4, 2): [(100.0, 20.0), (2500.0, 9.0)]}

LATE = {
    **QUIET,
    (2, 10): [(0.0, 10.0), (1499.5, 0.5), (1500.0, 0.5), (1500.5, 0.5)],
    (2, 11): [(0.0, 1.0), (100.0, 1.0), (300.0, 2.0), (1600.0, 0.25), (1800.0, 0.25)],
    (2, 12): [(0.0, 1.0), (100.0, 1.0), (300.0, 1.5), (1600.0, 0.25), (1800.0, 0.25)],
    (2, 13): [(2400.0, 1.0)],
    (80, 5): [(0.0, 3.0), (1700.0, 1.0)],
}

#: Of 1000 PE, the pulse at 0 ns completes 100, and that at 900 ns 950.
WINDOW = {
    (1, 10): [(-2000.0, 99.0), (-1000.5, 0.0), (-1000.0, 0.0)],
    (1, 11): [(0.0, 1.0), *((10.0 * i, 53.0) for i in range(1, 9))],
    (1, 12): [(100.0, 54.0), *((100.0 + 10.0 * i, 53.0) for i in range(1, 8))],
    (1, 13): [(900.0, 1.0), (1899.5, 0.0), (1900.0, 0.0), (1900.5, 0.0)],
    (1, 14): [(2500.0, 50.0)],
}

#: Two late pulses that are equal.
TWINS = {**QUIET, (8, 8): [(0.0, 3.0), (1600.0,), (1600.0,)]}

NOISE = {
    **QUIET,
    (5, 1): [(-500.0,), (701.0,), (2001.0,)],
    (5, 2): [(-500.0,), (700.0,), (1900.0,)],
    (5, 3): [(-500.0,), (2000.0,)],
    (5, 4): [(-200.0,), (-100.0,), (1101.0,), (2303.0,)],
    (5, 5): [(-200.0,), (-100.0,), (1100.0,), (2302.0,)],
}

EMPTY = {**QUIET, (7, 7): []}

#: All strings, two of them with all their DOMs and tanks.
SPARSE = [
    (string, om) for string in range(1, 87) for om in ((1, 2) if string > 2 else range(1, 65))
]


def cleaned_for_fit(frame, key):
    """Add the objects that the preparation writes for the fits."""
    if key in frame:
        for name in (key + "IC", "CleanedMuonPulsesIC"):
            frame[name] = dataclasses.I3RecoPulseSeriesMapMask(
                frame, key, lambda dom, _index, _pulse: dom.string < 79
            )
    return having(
        frame,
        OnlineL2_BestFit=particle(1.0, 2.0, 3.0),
        OnlineL2_BestFit_MuEx=particle(1.0, 2.0, 3.0, energy=1e5),
        MillipedeSeedParticle=particle(7.0, 8.0, 9.0, zenith=1.1, azimuth=0.3),
    )


def leftovers(frame, key):
    """Add objects that the fit of an earlier pixel may leave under the names that it uses."""
    for name in (key + "LatePulseCleaned", key + "ICLatePulseCleaned"):
        for ending in ("", "TimeWindows", "TimeRange"):
            frame[name + ending] = dataclasses.I3TimeWindow(1.0, 2.0)
    for name in ("BrightDOMs", "SaturatedDOMs", "DeepCoreDOMs"):
        frame[name] = dataclasses.I3VectorOMKey([icetray.OMKey(9, 9)])
    return frame


def millipede(key):
    """Return the scenarios of a millipede fit with pulses ``key``."""

    def fitted(doms, unhit=()):
        return cleaned_for_fit(event(key, doms, unhit), key)

    bright = {**QUIET, (3, 3): [(0.0, 150.0), (40.0, 1.0)]}
    frames = {
        "quiet": fitted(QUIET, [(1, 1), (1, 2), (6, 1)]),
        "late pulses": fitted(LATE),
        "window by quantiles": fitted(WINDOW),
        "twins": fitted(TWINS),
        "correlated noise": fitted(NOISE, [(5, 6)]),
        "DOM without pulses": fitted(EMPTY),
        "one pulse": fitted({(2, 10): [(0.0, 1.0)]}),
        "two pulses": fitted({(2, 10): [(0.0, 1.0)], (2, 11): [(300.0, 1.0)]}),
        "no pulse": fitted({}),
        "bright DOM": fitted(bright),
        "unhit DOMs": fitted({**NOISE, (1, 2): [(0.0,)], (2, 2): [(0.0,)]}, SPARSE),
        "leftovers": leftovers(fitted(QUIET), key),
        "without pulses": cleaned_for_fit(without(event(key, QUIET), key), key),
        "without time range": without(fitted(QUIET), key + "TimeRange"),
    }
    return {name: Scenario(frame) for name, frame in frames.items()}


def splinempe(key):
    """Return the scenarios of a SplineMPE fit of an event with pulses ``key``."""

    def fitted():
        return cleaned_for_fit(event(key, QUIET), key)

    scenarios = {"quiet": Scenario(fitted())}
    for missing in (key, "OnlineL2_BestFit", "OnlineL2_BestFit_MuEx", SEED):
        name = "pulses" if missing == key else missing
        scenarios[f"without {name}"] = Scenario(without(fitted(), missing))
    result = "splinempe-recoFitParams"
    scenarios["fit leaves no result"] = Scenario(fitted(), frozenset({result}))
    return scenarios
