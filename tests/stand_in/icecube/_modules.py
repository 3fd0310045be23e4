"""The C++ modules and services, their projects, and what they write.

A tray finds a module or service by name only if its project was imported. The frame objects of
closed-source modules have the real names but made-up values, with which the Python functions
after them can work.
"""

from __future__ import annotations

import sys

from . import _pulses
from ._particle import I3Particle, I3VectorI3Particle
from ._vectors import I3Position

#: Project of each service.
SERVICES = {
    "I3GSLRandomServiceFactory": "phys_services",
    "I3SPRNGRandomServiceFactory": "phys_services",
    "I3GSLSimplexFactory": "lilliput",
    "I3BasicSeedServiceFactory": "lilliput",
    "I3SimpleParametrizationFactory": "lilliput",
    "MillipedeLikelihoodFactory": "millipede",
    "MuMillipedeParametrizationFactory": "millipede",
    "I3SplineRecoLikelihoodFactory": "spline_reco",
}

#: Projects that importing one also imports, as far as the reconstructions need them.
BRINGS = {
    "lilliput": ("gulliver", "phys_services"),
    "millipede": ("gulliver", "phys_services", "photonics_service"),
    "gulliver_modules": ("gulliver",),
    "spline_reco": ("gulliver", "photonics_service"),
}


def available():
    """Return the names of the projects that are imported, directly or with others."""
    imported = {name.split(".")[1] for name in sys.modules if name.startswith("icecube.")}
    for _ in BRINGS:
        imported |= {brought for one in imported for brought in BRINGS.get(one, ())}
    return imported


def is_module(name):
    return name in MODULES and MODULES[name][0] in available()


def is_service(name):
    return name in SERVICES and SERVICES[name] in available()


def delete(frame, keys=(), **_):
    for key in keys:
        frame.Delete(key)


def copy(frame, keys=(), **_):
    for source, target in zip(keys[::2], keys[1::2], strict=True):
        if source in frame:
            frame[target] = frame[source]


def nothing(frame, **_):
    """Leave the frame unchanged."""


def split_local_coincidences(frame, input, outputhlc="", outputslc="", **_):  # noqa: A002
    if input not in frame:
        return

    def is_local(_dom, _index, pulse):
        return bool(pulse.flags & _pulses.I3RecoPulse.PulseFlags.LC)

    if outputhlc:
        frame[outputhlc] = _pulses.I3RecoPulseSeriesMapMask(frame, input, is_local)
    if outputslc:
        frame[outputslc] = _pulses.I3RecoPulseSeriesMapMask(
            frame, input, lambda *one: not is_local(*one)
        )


def find_vertex(
    frame, pulses, vertexthreshold, outputbool, outputvertextime, outputvertexpos, **_
):
    """Write a vertex if the charge reaches the threshold; its height shows which threshold."""
    from .dataclasses import I3Double
    from .icetray import I3Bool

    if pulses not in frame:
        return
    series = _pulses.I3RecoPulseSeriesMap.from_frame(frame, pulses).values()
    if sum(pulse.charge for one in series for pulse in one) >= vertexthreshold:
        frame[outputbool] = I3Bool(True)
        frame[outputvertextime] = I3Double(10000.0)
        frame[outputvertexpos] = I3Position(0.0, 0.0, vertexthreshold)


def keep_all_pulses(frame, source, target):
    if source in frame:
        frame[target] = _pulses.I3RecoPulseSeriesMapMask(frame, source)


def clean_by_seeds(frame, inputhitseriesmapname, outputhitseriesmapname, **_):
    keep_all_pulses(frame, inputhitseriesmapname, outputhitseriesmapname)


def clean_by_window(frame, inputresponse, outputresponse, **_):
    keep_all_pulses(frame, inputresponse, outputresponse)


def estimate_energy(frame, rectrk, result, **_):
    if rectrk in frame:
        particle = I3Particle(frame[rectrk])
        particle.energy = 1000.0
        frame[result] = particle


def fit(frame, outputname, loglikelihood, **_):
    """Write a "fit": the seed of the pixel, with an llh of 1 under both of its names."""
    from .gulliver import I3LogLikelihoodFitParams

    if "MillipedeSeedParticle" in frame:
        frame[outputname] = I3Particle(frame["MillipedeSeedParticle"])
        frame[outputname + "FitParams"] = I3LogLikelihoodFitParams(1.0)
        frame[f"{outputname}_{loglikelihood}"] = I3LogLikelihoodFitParams(1.0)
        frame[outputname + "Params"] = I3VectorI3Particle()


#: Project of each module, and its effect on a frame.
MODULES = {
    "Delete": ("icetray", delete),
    "Copy": ("icetray", copy),
    "TrashCan": ("icetray", nothing),
    "Dump": ("icetray", nothing),
    "I3Reader": ("dataio", nothing),
    "I3Writer": ("dataio", nothing),
    "I3LCPulseCleaning": ("DomTools", split_local_coincidences),
    "VHESelfVeto": ("VHESelfVeto", find_vertex),
    "I3SeededRTCleaning_RecoPulseMask_Module": ("STTools", clean_by_seeds),
    "I3TimeWindowCleaning<I3RecoPulse>": ("DomTools", clean_by_window),
    "muex": ("mue", estimate_energy),
    "I3SimpleFitter": ("gulliver_modules", fit),
}


def run(what, frame, parameters):
    """Do what a C++ module or an opaque segment does; names are not case-sensitive."""
    leave = MODULES[what][1] if isinstance(what, str) else getattr(what, "leave", nothing)
    leave(frame, **{key.lower(): value for key, value in parameters.items()})
