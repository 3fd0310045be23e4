"""The input and output of a pixel's fit, and packets by their GCD."""

from __future__ import annotations

from event_frames import BASE, event, geometry, having, particle, pulse_map
from icecube import dataclasses, frame_object_diff, icetray
from icecube.gulliver import I3LogLikelihoodFitParams

I3Frame = icetray.I3Frame

#: A track through the origin, down along z except for the rounding of sin(pi).
DOWN = {"zenith": 0.0, "azimuth": 1.0}
INTO, OUT_OF = dataclasses.I3Position(0, 0, 300.0), dataclasses.I3Position(0, 0, -400.0)
C = dataclasses.I3Constants.c


def losses():
    """Return energy losses at and around the ends of the instrumented volume."""
    shapes = dataclasses.I3Particle.ParticleShape
    kinds = dataclasses.I3Particle.ParticleType
    enters, leaves = -300.0 / C + BASE - 60.0 / C, 400.0 / C + BASE + 60.0 / C
    made = dataclasses.I3VectorI3Particle()
    for time, energy, shape in (
        (enters - 1e-6, 1.0, shapes.Cascade),
        (enters, 2.0, shapes.Cascade),
        (enters + 1e-6, 4.0, shapes.Cascade),
        (BASE, 0.0, shapes.Cascade),
        (BASE, 8.0, shapes.Cascade),
        (BASE, 16.0, shapes.InfiniteTrack),
        (leaves, 32.0, shapes.CascadeSegment),
        (leaves + 1e-6, 64.0, shapes.Cascade),
    ):
        one = particle(0.0, 0.0, 0.0, **DOWN, time=time, energy=energy)
        one.shape = shape
        made.append(one)
    made.append(dataclasses.I3Particle(shapes.MCTrack, kinds.Brems))
    made[-1].time, made[-1].energy = BASE, 128.0
    return made


def fitted_pixel(**things):
    frame = I3Frame(I3Frame.Physics)
    frame["SCAN_HealpixNSide"] = icetray.I3Int(8)
    frame["SCAN_HealpixPixel"] = icetray.I3Int(123)
    frame["SCAN_PositionVariationIndex"] = icetray.I3Int(2)
    return having(frame, **things)


def geometry_met_at(*points):
    frame = I3Frame(I3Frame.Geometry)
    met = geometry([(1, 1)])
    met.intersections = list(points)
    return having(frame, I3Geometry=met)


def millipede_results():
    """Return (physics frame, geometry frame) after fits."""
    name = "MillipedeStarting2ndPass"
    fitted = {
        name: particle(0.0, 0.0, 0.0, **DOWN, energy=5678.0),
        name + "Params": losses(),
        name + "_millipedellh": I3LogLikelihoodFitParams(321.5),
    }
    through = geometry_met_at(OUT_OF, INTO)

    def but(key):
        return fitted_pixel(**{k: v for k, v in fitted.items() if k != key})

    return {
        "fitted": (but(None), through),
        "many intersections": (
            but(None),
            geometry_met_at(dataclasses.I3Position(0, 0, 100.0), OUT_OF, INTO),
        ),
        "track misses the volume": (but(None), geometry_met_at()),
        "track touches the volume": (but(None), geometry_met_at(INTO)),
        "no llh": (but(name + "_millipedellh"), through),
        "no losses": (but(name + "Params"), through),
        "no fit": (fitted_pixel(), through),
    }


def splinempe_results():
    name = "splinempe-reco"
    fit = particle(1.5, -2.5, 3.5, energy=float("nan"))
    through = geometry_met_at(OUT_OF, INTO)
    return {
        "fitted": (
            fitted_pixel(**{name: fit, name + "FitParams": I3LogLikelihoodFitParams(88.25)}),
            through,
        ),
        "no llh": (fitted_pixel(**{name: fit}), through),
        "no fit": (fitted_pixel(), through),
    }


#: DOMs with light in local coincidence, {(string, om): times after BASE}.
FIRST_LIGHT = {
    (36, 30): [(120.0, 2.0), (300.0, 9.0)],
    (37, 28): [(-40.0, 1.0)],
    (45, 33): [(410.0, 3.0)],
    (46, 31): [(230.0, 1.0), (240.0, 1.0)],
    (86, 20): [(700.0, 1.0)],
}


def prepared_packet(key, *, light=True):
    """Return frames G, C, D, Q, p of an event after its preparation."""
    doms = FIRST_LIGHT if light else {}
    frames = [I3Frame(stop) for stop in "GCDQp"]
    frames[0]["I3Geometry"] = geometry(FIRST_LIGHT)
    whole = event(key, doms)
    having(
        frames[-1],
        I3EventHeader=whole["I3EventHeader"],
        SeedVertexPos=dataclasses.I3Position(12.0, -34.0, 56.0),
        SeedVertexTime=dataclasses.I3Double(BASE + 77.0),
        OnlineL2_SplineMPE=particle(1.0, 2.0, 3.0, zenith=1.3, azimuth=0.9),
        l2_online_SplineMPE=particle(1.0, 2.0, 3.0, zenith=1.4, azimuth=0.8),
        **{key: whole[key], key + "HLC": pulse_map(doms)},
    )
    return frames


#: Pixels to seed: (nside, pixel, whether there is light, finished coarser pixels). The first
#: nside is 8; a finished pixel is (nside, pixel, llh, x, y, z, time, energy).
NAN = float("nan")
PIXELS = {
    "first nside, northern sky": (8, 5, True, []),
    "first nside, southern sky": (8, 700, True, []),
    "first nside, without HLC pulses": (8, 300, False, []),
    "coarser pixel fitted": (
        64,
        20000,
        True,
        [(8, 292, 10.0, 60.0, 70.0, -80.0, 10234.0, 4e4)],
    ),
    "coarser pixel without energy": (
        *(64, 20000, True),
        [(8, 292, 10.0, 60.0, 70.0, -80.0, 10234.0, NAN)],
    ),
    "coarser pixel without fit": (
        64,
        20000,
        True,
        [(8, 292, NAN, 60.0, 70.0, -80.0, 10234.0, 4e4)],
    ),
    "coarser pixel not there": (
        64,
        20000,
        True,
        [(8, 293, 10.0, 60.0, 70.0, -80.0, 10234.0, 4e4)],
    ),
    "coarser pixel at the event's vertex": (
        *(64, 20000, True),
        [(8, 292, 10.0, 12.0, -34.0, 56.0, 10234.0, 4e4)],
    ),
    "nearest coarser pixel counts": (
        *(512, 1300000, True),
        [
            (64, 20164, 10.0, 61.0, 71.0, -81.0, 10235.0, 5e4),
            (8, 312, 5.0, 60.0, 70.0, -80.0, 10234.0, 4e4),
        ],
    ),
    "nearest coarser pixel without fit": (
        *(512, 1300000, True),
        [
            (64, 20164, NAN, 61.0, 71.0, -81.0, 10235.0, 5e4),
            (8, 312, 5.0, 60.0, 70.0, -80.0, 10234.0, 4e4),
        ],
    ),
}


def gcd_packet(*differences):
    """Return frames of a packet; differences are (stop of frame, key, base file name, stop)."""
    made = {stop: I3Frame(stop) for stop in "GCDQP"}
    for stop, key, name, own in differences:
        diff = frame_object_diff.I3GeometryDiff(name)
        made[stop].Put(key, diff, I3Frame.Stream(own))
    return list(made.values())


PACKETS = {
    "no differences": [],
    "one difference": [("G", "I3GeometryDiff", "base_1.i3", "G")],
    "three of the same": [
        ("G", "I3GeometryDiff", "base_1.i3", "G"),
        ("C", "I3CalibrationDiff", "base_1.i3", "C"),
        ("D", "I3DetectorStatusDiff", "base_1.i3", "D"),
    ],
    "two files": [
        ("G", "I3GeometryDiff", "base_1.i3", "G"),
        ("D", "I3DetectorStatusDiff", "base_2.i3", "D"),
    ],
    "another file in a frame of other streams": [
        ("G", "I3GeometryDiff", "base_1.i3", "G"),
        ("Q", "I3CalibrationDiff", "base_2.i3", "Q"),
        ("P", "I3CalibrationDiff", "base_2.i3", "P"),
    ],
    "another file in what was mixed in": [
        ("D", "I3GeometryDiff", "base_2.i3", "G"),
        ("D", "I3DetectorStatusDiff", "base_1.i3", "D"),
    ],
    "current-gcd": [("G", "I3GeometryDiff", "current-gcd", "G")],
}

GCD_FILES = (
    "2015_05_18_Run126378.i3",
    "2016_01_08_Run127381.i3",
    "2016_05_20_Run127951.i3",
    "baseline_gcd_131577.i3",
    "baseline_gcd_136897.i3",
    "notes.txt",
)
RUNS = (100000, 126378, 126379, 127381, 127382, 131577, 131578, 136897, 139999)
