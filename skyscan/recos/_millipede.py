"""Base class of the millipede fits: the seed vertex of the veto, exclusions and losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.icetray import keys
from skyscan.icetray.losses import losses
from skyscan.icetray.reco import IceTrayReco

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skyscan.events.event import Event
    from skyscan.icetray.frames import Frame, Tray

#: Frame key of the veto's result, in events whose filter has run the veto.
VETO = "HESE_VHESelfVeto"
LIKELIHOOD = "millipedellh"
FIRST_PASS = "MillipedeStarting1stPass"  # noqa: S105  (a frame key)
LAST_PASS = "MillipedeStarting2ndPass"  # noqa: S105

#: A pulse is late if it comes this much (ns) after its DOM's median charge.
LATE = 1500.0


class Millipede(IceTrayReco):
    """A fit of a track through the seed vertex as a series of cascades.

    At the energies of alerts nearly all light comes from stochastic losses. The fit therefore
    has tables of cascades, and none of muons.
    """

    projects: ClassVar[tuple[str, ...]] = (
        *("VHESelfVeto", "DomTools", "frame_object_diff", "gulliver", "gulliver_modules"),
        *("lilliput", "millipede", "photonics_service", "recclasses", "simclasses", "astro"),
    )
    tray_per_pixel: ClassVar[bool] = True  # the random service is seeded by the pixel

    def needed_keys(self, event: Event) -> tuple[tuple[str, ...], ...]:
        """Return the keys of the pulses and, if the veto has run, of its vertex."""
        needed = super().needed_keys(event)
        if VETO in event.keys:
            needed = (*needed, (f"{VETO}VertexPos",), (f"{VETO}VertexTime",))
        return needed

    def add_veto(self, tray: Tray, threshold: float) -> None:
        """Add the veto (threshold in PE), or the use of its vertex if it has run already."""

        def take_vertex(frame: Frame) -> None:
            frame[keys.SEED_POSITION] = frame[f"{VETO}VertexPos"]
            frame[keys.SEED_TIME] = frame[f"{VETO}VertexTime"]

        tray.Add(take_vertex, "ExtractSeed", If=lambda frame: frame.Has(VETO))
        tray.AddModule(
            "VHESelfVeto",
            "selfveto",
            VertexThreshold=threshold,
            Pulses=self.pulses_key + "HLC",
            OutputBool=VETO,
            OutputVertexTime=keys.SEED_TIME,
            OutputVertexPos=keys.SEED_POSITION,
            If=lambda frame: VETO not in frame,
        )

    def add_exclusions(self, tray: Tray, pulses: str, **thresholds: float) -> list[str]:
        """Add the search for DOMs to exclude; return the frame keys of the lists."""
        from icecube import dataclasses, millipede

        cleaned = cleaned_key(pulses)
        stale = [cleaned, f"{cleaned}TimeWindows", f"{cleaned}TimeRange"]
        tray.Add("Delete", keys=["BrightDOMs", "SaturatedDOMs", "DeepCoreDOMs", *stale])
        excluded = tray.AddSegment(
            millipede.HighEnergyExclusions,
            "millipede_DOM_exclusions",
            Pulses=pulses,
            ExcludeDeepCore="DeepCoreDOMs",
            ExcludeSaturatedDOMs="SaturatedDOMs",
            ExcludeBrightDOMs="BrightDOMs",
            **thresholds,
            BadDomsList=keys.BAD_DOMS,
            CalibrationErrata="CalibrationErrata",
            SaturationWindows="SaturationWindows",
        )

        def list_bright_doms(frame: Frame) -> None:
            if "BrightDOMs" not in frame:
                frame["BrightDOMs"] = dataclasses.I3VectorOMKey()

        tray.AddModule(list_bright_doms, "createEmptyDOMLists")
        return list(excluded)

    def add_pass(
        self,
        tray: Tray,
        seeds: tuple[str, Sequence[str]],
        output: str,
        parametrization: str,
        minimizer: str,
    ) -> None:
        """Add a fit; ``seeds`` is the name of the seed service and its first guesses."""
        name, guesses = seeds
        tray.AddService(
            "I3BasicSeedServiceFactory",
            name,
            FirstGuesses=list(guesses),
            TimeShiftType="TNone",
            PositionShiftType="None",
        )
        tray.Add(
            "I3SimpleFitter",
            OutputName=output,
            SeedService=name,
            Parametrization=parametrization,
            LogLikelihood=LIKELIHOOD,
            Minimizer=minimizer,
        )

    def fit_of(self, frame: Frame, geometry: Frame) -> tuple[float, ...]:
        """Return the fields of FIT_DTYPE from the last pass, all NaN if it failed."""
        if LAST_PASS not in frame:
            return (np.nan,) * 8
        track = frame[LAST_PASS]
        key = f"{LAST_PASS}_{LIKELIHOOD}"
        llh = frame[key].logl if key in frame else np.nan
        inside, total = _losses(frame, geometry)
        vertex = track.pos
        return llh, inside, total, vertex.x, vertex.y, vertex.z, track.time, track.energy


def cleaned_key(pulses: str) -> str:
    """Return the frame key of a pulse series without its late pulses."""
    return f"{pulses}LatePulseCleaned"


def require_keys(frame: Frame, required: Sequence[str]) -> None:
    """Raise an error if a key that the fit needs is missing in the frame."""
    for key in required:
        if key not in frame:
            raise KeyError(f"{key} is not in the frame, and the fit needs it")


def _losses(frame: Frame, geometry: Frame) -> tuple[float, float]:
    if f"{LAST_PASS}Params" not in frame:
        return np.nan, np.nan
    from icecube import VHESelfVeto

    track = frame[LAST_PASS]
    points = VHESelfVeto.IntersectionsWithInstrumentedVolume(geometry[keys.GEOMETRY], track)
    return losses(track, frame[f"{LAST_PASS}Params"], points)
