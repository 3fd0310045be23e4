"""Millipede of today's alert scans: ftp-v1 ice, one seed vertex, simplex and MIGRAD.

Parameters and names are those of icecube/skymap_scanner (recos/millipede_wilks.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.icetray import keys
from skyscan.icetray.pulse_cleaning import keep_event_window, list_unhit, mask_deepcore
from skyscan.recos._millipede import (
    FIRST_PASS,
    LAST_PASS,
    LATE,
    LIKELIHOOD,
    VETO,
    Millipede,
    cleaned_key,
    require_keys,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skyscan.icetray.frames import Tray
    from skyscan.icetray.reco import Fit

AMPLITUDES = "cascade_single_spice_ftp-v1_flat_z20_a5.abs.fits"
TIMES = "cascade_single_spice_ftp-v1_flat_z20_a5.prob.v2.fits"
DISTANCES = "cascade_effectivedistance_spice_ftp-v1_z20.eff.fits"
DISTANCE_TIMES = "cascade_effectivedistance_spice_ftp-v1_z20.prob.fits"
DISTANCE_MODES = "cascade_effectivedistance_spice_ftp-v1_z20.tmod.fits"
#: The tilt of the ice layers comes with icetray.
TILT = "$I3_BUILD/ice-models/resources/models/ICEMODEL/spice_ftp-v1/"

VETO_THRESHOLD = 250  # PE
LOW_VETO_THRESHOLD = 5  # PE, for events below VETO_THRESHOLD
BRIGHT_DOM_THRESHOLD = 2  # in units of the mean charge
BOUNDARY = 650.0  # m
UNHIT = "OtherUnhits"


class MillipedeWilks(Millipede):
    """Millipede with spice_ftp-v1 cascade tables and steps across the direction of travel."""

    summary: ClassVar[str] = "icetray: millipede, ftp-v1 ice, for today's alerts"
    splines: ClassVar[tuple[str, ...]] = (
        *(AMPLITUDES, TIMES, DISTANCES),
        *(DISTANCE_TIMES, DISTANCE_MODES),
    )
    rotate_vertex: ClassVar[bool] = True
    refine_time: ClassVar[bool] = True
    add_fallback_position: ClassVar[bool] = True

    @property
    def fitted_pulses(self) -> str:
        """The frame key of the pulses without DeepCore's."""
        return f"{self.pulses_key}IC"

    def add_preparation(self, tray: Tray) -> None:
        """Add the search for the seed vertex and the removal of DeepCore's pulses."""
        self.add_veto(tray, VETO_THRESHOLD)
        tray.AddModule(
            "VHESelfVeto",
            "selfveto-emergency-lowen-settings",
            VertexThreshold=LOW_VETO_THRESHOLD,
            Pulses=self.pulses_key + "HLC",
            OutputBool="VHESelfVeto_meaningless_lowen",
            OutputVertexTime=keys.SEED_TIME,
            OutputVertexPos=keys.SEED_POSITION,
            If=lambda frame: not frame.Has(VETO),
        )
        tray.Add(mask_deepcore, source=self.pulses_key, target=self.fitted_pulses)

    def load(self, tables: Mapping[str, str]) -> None:
        """Load the tables of cascades."""
        from icecube import photonics_service

        self._cascades = photonics_service.I3PhotoSplineService(
            tables[AMPLITUDES],
            tables[TIMES],
            timingSigma=0.0,
            effectivedistancetable=tables[DISTANCES],
            tiltTableDir=os.path.expandvars(TILT),
            quantileEpsilon=1,
            effectivedistancetableprob=tables[DISTANCE_TIMES],
            effectivedistancetabletmod=tables[DISTANCE_MODES],
        )

    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add a coarse simplex pass, a fine one, and MIGRAD."""
        self._add_likelihood(tray)
        tray.AddService("I3GSLRandomServiceFactory", "I3RandomService", Seed=fit.random_seed)
        _add_minimizers(tray)
        tray.AddService(
            "MuMillipedeParametrizationFactory",
            "coarseSteps",
            **_steps(fit.direction, vertex=150.0, time=250.0, spacing=5.0),
        )
        first_guesses = [keys.SEED_PARTICLE, keys.FALLBACK_PARTICLE]
        self.add_pass(tray, ("vetoseed", first_guesses), FIRST_PASS, "coarseSteps", "isimplex")
        tray.AddService(
            "MuMillipedeParametrizationFactory",
            "fineSteps",
            **_steps(fit.direction, vertex=3.0, time=5.0, spacing=2.5),
        )
        fine_simplex = f"{LAST_PASS}_simplex"
        self.add_pass(
            tray, ("firstFitSeed", [FIRST_PASS]), fine_simplex, "fineSteps", "isimplex"
        )
        self.add_pass(
            tray, ("secondsimplexseed", [fine_simplex]), LAST_PASS, "fineSteps", "imigrad"
        )

    def _add_likelihood(self, tray: Tray) -> None:
        cleaned = cleaned_key(self.fitted_pulses)
        excluded = self.add_exclusions(
            tray, self.fitted_pulses, BrightDOMThreshold=BRIGHT_DOM_THRESHOLD
        )
        tray.AddModule(
            keep_event_window,
            "LatePulseCleaning",
            source=self.fitted_pulses,
            target=cleaned,
            residual=LATE,
        )
        tray.Add(list_unhit, pulses=cleaned, target=UNHIT)
        required = [cleaned, f"{cleaned}TimeWindows", f"{cleaned}TimeRange"]
        tray.Add(require_keys, required=required)
        tray.AddService(
            "MillipedeLikelihoodFactory",
            LIKELIHOOD,
            MuonPhotonicsService=None,
            CascadePhotonicsService=self._cascades,
            ShowerRegularization=1e-14,
            ExcludedDOMs=[*excluded, f"{cleaned}TimeWindows", UNHIT],
            PartialExclusion=True,
            ReadoutWindow=f"{cleaned}TimeRange",
            Pulses=cleaned,
            BinSigma=2,
            MinTimeWidth=25,
            RelUncertainty=1,
        )


def _add_minimizers(tray: Tray) -> None:
    from icecube import lilliput

    tray.context["isimplex"] = lilliput.IMinuitMinimizer(
        MaxIterations=2000,
        Tolerance=0.01,
        Algorithm="SIMPLEX",
        MinuitPrintLevel=2,
        MinuitPrecision=np.finfo("float32").eps,
    )
    tray.context["imigrad"] = lilliput.IMinuitMinimizer(
        MaxIterations=1000,
        Tolerance=0.01,
        Algorithm="MIGRAD",
        WithGradients=True,
        FlatnessCheck=False,
        IgnoreEDM=True,  # a fit that has not converged is still used
        CheckGradient=False,
        MinuitStrategy=0,  # the curvature is not used
        MinuitPrintLevel=2,
    )


def _steps(
    direction: NDArray[np.float64], vertex: float, time: float, spacing: float
) -> dict[str, float]:
    """Return a parametrization with vertex steps (m) across the direction of travel."""
    across = np.sqrt(np.maximum(1 - direction**2, 0.0)) * vertex
    return {
        **{f"Step{axis}": step for axis, step in zip("XYZ", across, strict=True)},
        "StepZenith": 0.0,
        "StepAzimuth": 0.0,
        "StepT": time,
        "ShowerSpacing": spacing,
        "MuonSpacing": 0,
        "Boundary": BOUNDARY,
    }


RECO_CLASS = MillipedeWilks
