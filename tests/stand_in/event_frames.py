"""Frames of made-up events, of which the scenarios are composed."""

from __future__ import annotations

from icecube import dataclasses, icetray

I3Frame = icetray.I3Frame
BASE = 10000.0  # ns
HLC = dataclasses.I3RecoPulse.PulseFlags.LC
SEED = "MillipedeSeedParticle"


def pulse(time, charge=1.0, flags=HLC):
    made = dataclasses.I3RecoPulse()
    made.time, made.charge, made.width, made.flags = time, charge, 8.0, flags
    return made


def pulse_map(doms):
    """Return pulses of {(string, om): [(time after BASE, charge, flags), …]}."""
    made = dataclasses.I3RecoPulseSeriesMap()
    for (string, om), pulses in doms.items():
        series = [pulse(BASE + one[0], *one[1:]) for one in pulses]
        made[icetray.OMKey(string, om)] = dataclasses.I3RecoPulseSeries(series)
    return made


def geometry(doms):
    """Return DOMs on a grid; numbers above 60 are IceTop's."""
    made = dataclasses.I3Geometry()
    for string, om in doms:
        one = dataclasses.I3OMGeo()
        x, y = 100.0 * ((string - 1) % 10 - 4), 100.0 * ((string - 1) // 10 - 4)
        one.position = dataclasses.I3Position(x, y, 500.0 - 17.0 * om)
        is_icetop = om > 60
        one.omtype = dataclasses.I3OMGeo.IceTop if is_icetop else dataclasses.I3OMGeo.IceCube
        made.omgeo[icetray.OMKey(string, om)] = one
    return made


def particle(x, y, z, zenith=0.8, azimuth=2.5, time=BASE, energy=5000.0):
    made = dataclasses.I3Particle()
    made.pos, made.dir = (
        dataclasses.I3Position(x, y, z),
        dataclasses.I3Direction(zenith, azimuth),
    )
    made.time, made.energy = time, energy
    made.shape = dataclasses.I3Particle.ParticleShape.InfiniteTrack
    made.fit_status = dataclasses.I3Particle.FitStatus.OK
    return made


def event(key, doms, unhit=()):
    """Return the physics frame of an event as a tray sees it."""
    frame = I3Frame(I3Frame.Physics)
    header = dataclasses.I3EventHeader()
    header.run_id, header.event_id = 131577, 4242
    header.start_time = dataclasses.I3Time(2023, 123456789012345678)
    frame.Put("I3EventHeader", header)
    frame.Put("I3Geometry", geometry([*doms, *unhit]), I3Frame.Geometry)
    frame.Put("I3Calibration", dataclasses.I3Calibration(), I3Frame.Calibration)
    frame.Put("BadDomsList", dataclasses.I3VectorOMKey(), I3Frame.DetectorStatus)
    frame.Put(key, pulse_map(doms), I3Frame.DAQ)
    frame.Put(key + "TimeRange", dataclasses.I3TimeWindow(9500.0, 23500.0), I3Frame.DAQ)
    return frame


def without(frame, *keys):
    for key in keys:
        frame.Delete(key)
    return frame


def having(frame, **things):
    for key, thing in things.items():
        frame[key] = thing
    return frame
