"""What both millipede fits have in common: the vertex from the veto, segments, losses."""

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

#: The veto's result when the alert's own filter ran it.
VETO = "HESE_VHESelfVeto"
LIKELIHOOD = "millipedellh"
FIRST_PASS = "MillipedeStarting1stPass"  # noqa: S105  (a frame key)
LAST_PASS = "MillipedeStarting2ndPass"  # noqa: S105

#: How much later than a DOM's median charge a pulse is late (ns).
LATE = 1500.0


class Millipede(IceTrayReco):
    """A cascade-segment fit of a track through the seed vertex.

    At the energies of alerts the light is nearly all from stochastic losses, so that tables
    of cascades serve, and there are none of muons.
    """

    projects: ClassVar[tuple[str, ...]] = (
        *("VHESelfVeto", "DomTools", "frame_object_diff", "gulliver", "gulliver_modules"),
        *("lilliput", "millipede", "photonics_service", "recclasses", "simclasses", "astro"),
    )
    tray_per_pixel: ClassVar[bool] = True  # the random service is seeded by the pixel

    def needed_keys(self, event: Event) -> tuple[tuple[str, ...], ...]:
        """Return the pulses; and of a veto that has run, its vertex."""
        wanted = super().needed_keys(event)
        if VETO in event.keys:
            wanted = (*wanted, (f"{VETO}VertexPos",), (f"{VETO}VertexTime",))
        return wanted

    def add_veto(self, tray: Tray, threshold: float) -> None:
        """Take the seed vertex of the alert's own veto, or run it (threshold in PE)."""

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
        """Find the DOMs that a fit cannot use; return the frame keys that list them."""
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
        """Add a fit; ``seeds``: the name of the seed service and its first guesses."""
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
        """Return llh, losses, vertex, time and energy of the last pass; NaN if it failed."""
        if LAST_PASS not in frame:
            return (np.nan,) * 8
        track = frame[LAST_PASS]
        found = f"{LAST_PASS}_{LIKELIHOOD}"
        llh = frame[found].logl if found in frame else np.nan
        inside, total = _losses(frame, geometry)
        place = track.pos
        return llh, inside, total, place.x, place.y, place.z, track.time, track.energy


def cleaned_key(pulses: str) -> str:
    """Return the frame key of a pulse series once its late pulses are left out."""
    return f"{pulses}LatePulseCleaned"


def require_keys(frame: Frame, wanted: Sequence[str]) -> None:
    """Refuse a frame without the keys that the fit reads."""
    for key in wanted:
        if key not in frame:
            raise KeyError(f"{key} is not in the frame, and the fit needs it")


def _losses(frame: Frame, geometry: Frame) -> tuple[float, float]:
    if f"{LAST_PASS}Params" not in frame:
        return np.nan, np.nan
    from icecube import VHESelfVeto

    track = frame[LAST_PASS]
    points = VHESelfVeto.IntersectionsWithInstrumentedVolume(geometry[keys.GEOMETRY], track)
    return losses(track, frame[f"{LAST_PASS}Params"], points)
