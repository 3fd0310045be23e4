"""Facts about icetray's classes, computed with the real one and with the stand-in.

Run as a program, it prints the facts about the ``icecube`` that can be imported.
"""

# Names and signatures are icetray's.
# ruff: noqa: ANN002, ANN202, ANN204, FBT003, N802

import json
import math

from icecube import dataclasses, icetray

I3Frame = icetray.I3Frame


def facts():
    """Return values by question, as JSON represents them."""
    answers = {}
    for ask in (vectors, particles, constants, times, frames, masks, windows, a_tray):
        answers[ask.__name__] = ask()
    return json.loads(json.dumps(answers))


def raises(function, *arguments):
    """Return whether a call raises."""
    try:
        function(*arguments)
    except Exception:  # noqa: BLE001
        return True
    return False


def xyz(vector):
    return [vector.x, vector.y, vector.z]


def vectors():
    one, other = dataclasses.I3Position(1.0, -2.0, 3.0), dataclasses.I3Position(0.5, 4.0, -1.0)
    turned = []
    for name in ("rotate_x", "rotate_y", "rotate_z"):
        copy = dataclasses.I3Position(one)
        getattr(copy, name)(0.7)
        turned.append(xyz(copy))
    directions = []
    for zenith, azimuth in ((0.3, 1.2), (2.2, 4.5), (1.57, 0.0), (3.0, 6.2), (0.0, 1.0)):
        way = dataclasses.I3Direction(zenith, azimuth)
        numbers = [way.theta, way.phi, one * way, -other * way]
        directions.append([*xyz(way), *numbers, *xyz(-way), *xyz(way * 2.5)])
    from_vector = dataclasses.I3Direction(0.1, -0.2, 0.3)
    nan = dataclasses.I3Position(math.nan, 0.0, 0.0)
    return {
        "turned": turned,
        "directions": directions,
        "from vector": [from_vector.zenith, from_vector.azimuth],
        "from position": dataclasses.I3Direction(one).zenith,
        "from direction": xyz(dataclasses.I3Position(way)),
        "sums": [xyz(one + other), xyz(one - other), xyz(-one), xyz(2.0 * one), xyz(one / 4.0)],
        "products": [one * other, one.mag2, one.magnitude, abs(one), xyz(one.cross(other))],
        "spherical": [one.r, one.theta, one.phi, one.rho],
        "equal": [one == other, one != other, one == dataclasses.I3Position(one), nan == nan],  # noqa: PLR0124
        "items": [len(one), one[1], list(one)],
    }


def particles():
    kind, shape = dataclasses.I3Particle.ParticleType, dataclasses.I3Particle.ParticleShape
    kinds = "unknown Gamma EPlus MuMinus Pi0 PPlus NuMu Brems DeltaE PairProd NuclInt Hadrons"
    shapes = "Null Primary Cascade CascadeSegment InfiniteTrack MCTrack ContainedTrack"
    cascades = []
    for name in kinds.split():
        for form in shapes.split():
            one = dataclasses.I3Particle(getattr(shape, form), getattr(kind, name))
            cascades.append(one.is_cascade)
    new = dataclasses.I3Particle()
    whole = dataclasses.I3Particle(
        dataclasses.I3Position(1, 2, 3), dataclasses.I3Direction(0.5, 0.6), 7.0, shape.Cascade
    )
    whole.fit_status = dataclasses.I3Particle.FitStatus.OK
    copy = dataclasses.I3Particle(whole)
    copy.pos.x = 99.0
    shared = dataclasses.I3Position(4, 5, 6)
    whole.pos = shared
    shared.x = 77.0
    return {
        "cascades": cascades,
        "new": [math.isnan(new.time), math.isnan(new.energy), math.isnan(new.pos.x)],
        "new kind": [new.fit_status.name, new.shape.name, new.type.name, new.speed],
        "whole": [xyz(whole.pos), whole.dir.zenith, whole.time, int(whole.shape)],
        "copy": [xyz(copy.pos), copy.fit_status.name, copy == whole],
        "numbers": [int(kind.Brems), int(shape.InfiniteTrack), int(new.fit_status)],
    }


def constants():
    units, numbers = icetray.I3Units, dataclasses.I3Constants
    names = ("m", "cm", "km", "ns", "s", "ms", "microsecond", "hertz", "kilohertz")
    names += ("GeV", "TeV", "PeV", "deg", "rad")
    kinds = ("UnknownType", "AMANDA", "IceCube", "IceTop", "Scintillator", "IceAct")
    kinds += ("PDOM", "DEgg", "mDOM")
    om = dataclasses.I3OMGeo
    return {
        "units": [getattr(units, name) for name in names],
        "constants": [numbers.c, numbers.n_ice_phase, numbers.n_ice_group, numbers.pi],
        "angle": numbers.theta_cherenkov,
        "kinds of DOM": [int(getattr(om.OMType, name)) for name in kinds],
        "kind of a new DOM": om().omtype.name,
        "short name": int(om.IceCube),
    }


def times():
    moments = [(2015, 0), (2015, 10**17), (2015, 15638400 * 10**10), (2015, 15638401 * 10**10)]
    moments += [(2016, 316224000 * 10**10), (2023, 123456789012345678)]
    header = dataclasses.I3EventHeader()
    header.run_id, header.event_id, header.sub_event_stream = 12, 34, "InIceSplit"
    header.start_time = dataclasses.I3Time(*moments[-1])
    copy = dataclasses.I3EventHeader(header)
    copy.sub_event_stream, copy.sub_event_id = "SCAN", 5
    return {
        "mjd": [dataclasses.I3Time(*one).mod_julian_day_double for one in moments],
        "header": [header.sub_event_stream, header.sub_event_id, copy.run_id, copy.event_id],
        "header's time": copy.start_time.mod_julian_day_double,
    }


def frames():
    frame = I3Frame(I3Frame.Physics)
    frame["number"] = icetray.I3Int(3)
    frame.Put("below", dataclasses.I3Double(0.5), I3Frame.Geometry)
    copy = I3Frame(frame)
    stops = [str(frame.get_stop(key)) for key in ("number", "below")]
    copy.purge()
    purged = sorted(copy.keys())
    copy.change_stream("number", I3Frame.Stream("p"))
    other = I3Frame(I3Frame.Stream("p"))
    other["number"] = icetray.I3Int(4)
    other.merge(copy)
    other.merge(frame)
    del other["nothing"]
    return {
        "has": [frame.Has("number"), "number" in frame, "nothing" in frame, len(frame)],
        "stops": stops,
        "purged": purged,
        "merged": [other["number"].value, other["below"].value, str(other.get_stop("below"))],
        "streams": [I3Frame("G").Stop == I3Frame.Geometry, I3Frame("p").Stop.id],
        "put twice": raises(frame.Put, "number", icetray.I3Int(5)),
        "get nothing": raises(frame.Get, "nothing"),
        "put no object": raises(frame.Put, "text", "text"),
        "read back": loaded(frame),
    }


def loaded(frame):
    read = I3Frame()
    read.loads(frame.dumps())
    return [str(read.Stop), read["number"].value]


def pulse(time, charge):
    made = dataclasses.I3RecoPulse()
    made.time, made.charge, made.width = time, charge, 2.0
    made.flags = dataclasses.I3RecoPulse.PulseFlags.LC
    return made


def pulses():
    made = dataclasses.I3RecoPulseSeriesMap()
    for string, om, times in ((2, 1, (5.0, 6.0)), (1, 60, ()), (1, 2, (7.0, 8.0, 9.0))):
        made[icetray.OMKey(string, om)] = dataclasses.I3RecoPulseSeries(
            [pulse(time, 0.1) for time in times]
        )
    return made


def listed(series):
    return [[key.string, key.om, [one.time for one in ones]] for key, ones in series.items()]


def masks():
    frame = I3Frame(I3Frame.Physics)
    frame["pulses"] = pulses()
    mask = dataclasses.I3RecoPulseSeriesMapMask(frame, "pulses")
    first, second = icetray.OMKey(1, 2), icetray.OMKey(2, 1)
    mask.set(first, frame["pulses"][first][1], False)
    mask.set(second, 0, False)
    frame["mask"] = mask
    later = dataclasses.I3RecoPulseSeriesMapMask(
        frame, "mask", lambda key, i, pulse: key.string == 1 and i == 1 and pulse.time > 8
    )
    frame["later"] = later
    none = dataclasses.I3RecoPulseSeriesMapMask(frame, "pulses")
    none.set(first, False)
    none.set(second, False)
    frame["twins"] = twins = dataclasses.I3RecoPulseSeriesMap()
    twins[first] = dataclasses.I3RecoPulseSeries([pulse(1.0, 0.5), pulse(1.0, 0.5)])
    one_left = dataclasses.I3RecoPulseSeriesMapMask(frame, "twins")
    for twin in twins[first]:
        one_left.set(first, twin, False)
    from_frame = dataclasses.I3RecoPulseSeriesMap.from_frame
    new = dataclasses.I3RecoPulse()
    return {
        "order": [[key.string, key.om] for key in frame["pulses"].keys()],  # noqa: SIM118
        "whole": listed(from_frame(frame, "pulses")),
        "masked": listed(from_frame(frame, "mask")),
        "mask of mask": listed(from_frame(frame, "later")),
        "applied": listed(later.apply(frame)),
        "sums": [mask.sum(), later.sum(), none.sum(), mask.any(), mask.source],
        "none": listed(none.apply(frame)),
        "one of twins": listed(one_left.apply(frame)),
        "get nothing": raises(from_frame, frame, "nothing"),
        "mask nothing": raises(dataclasses.I3RecoPulseSeriesMapMask, frame, "nothing"),
        "single precision": frame["pulses"][first][0].charge,
        "flags": int(frame["pulses"][first][0].flags),
        "new pulse": [math.isnan(new.time), math.isnan(new.charge), int(new.flags)],
        "keys": [first in frame["pulses"], icetray.OMKey(9, 9) in frame["pulses"]],
    }


def windows():
    series = dataclasses.I3TimeWindowSeries()
    for start, stop in ((30.0, 40.0), (10.0, 20.0), (15.0, 25.0), (40.0, math.inf)):
        series.append(dataclasses.I3TimeWindow(start, stop))
    whole = dataclasses.I3TimeWindowSeriesMap()
    whole[icetray.OMKey(3, 4)] = series
    always = dataclasses.I3TimeWindow()
    return {
        "series": [[one.start, repr(one.stop)] for one in whole[icetray.OMKey(3, 4)]],
        "contains": [10.0 in series[0], 25.0 in series[0]],
        "always": [repr(always.start), repr(always.stop)],
        "cannot change": raises(setattr, always, "start", 1.0),
        "has": [icetray.OMKey(3, 4) in whole, icetray.OMKey(4, 3) in whole],
    }


class Driver(icetray.I3Module):
    """Push frames with made-up content."""

    def __init__(self, context):
        icetray.I3Module.__init__(self, context)
        self.AddParameter("Stops", "one character each", "")
        self.AddOutBox("OutBox")

    def Configure(self):
        self.stops = list(self.GetParameter("stops"))

    def Process(self):
        if not self.stops:
            self.RequestSuspension()
            return
        frame = I3Frame(self.stops.pop(0))
        frame["from" + frame.Stop.id] = icetray.I3Int(len(self.stops))
        self.PushFrame(frame)


def a_tray():
    """Return what modules see of each frame, and the calls of a segment."""
    seen = []

    def look(frame, name="nobody"):
        seen.append([name, str(frame.Stop), sorted(frame.keys())])

    def note(frame, key, value=1):
        frame[key] = icetray.I3Int(value)

    def forget(frame, key):
        del frame[key]

    def last(frame):
        return "fromP" in frame and frame["fromP"].value == 0

    @icetray.traysegment
    def segment(tray, name, text="default"):
        tray.AddModule(note, name + "noted", key="noted", value=7)
        tray.Add(look, name=text)
        return [name, text]

    every = [I3Frame.Geometry, I3Frame.DAQ, I3Frame.Stream("p"), I3Frame.Physics]
    tray = icetray.I3Tray()
    tray.AddModule(Driver, "driver", Stops="GQpPPQP")
    tray.AddModule(look, "first", name="first", Streams=every)
    returned = tray.Add(segment, "segment_", Text="inner", If=last)
    tray.AddModule(forget, key="fromG", Streams=[I3Frame.Geometry])
    tray.AddModule(look, "last", name="last", Streams=every, If=last)
    tray.AddModule("TrashCan", "end")
    tray.Execute()
    fails = icetray.I3Tray()
    return {
        "seen": seen,
        "returned": returned,
        "no such module": raises(fails.AddModule, "NoSuchModule"),
        "segment as module": raises(fails.AddModule, segment),
    }


if __name__ == "__main__":
    print(json.dumps(facts()))
