"""SplineMPE: a fit of a muon track to the times of first photons, with spline tables.

Parameters and names are those of icecube/skymap_scanner (recos/splinempe.py), which follow
the "max" configuration of SplineMPE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from skyscan.icetray import keys
from skyscan.icetray.pulse_cleaning import mask_deepcore
from skyscan.icetray.reco import IceTrayReco
from skyscan.recos._variations import cylinder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from skyscan.events.event import Event
    from skyscan.icetray.frames import Frame, Tray
    from skyscan.icetray.reco import Fit

MUON_TIMES = "InfBareMu_mie_prob_z20a10_V2.fits"
MUON_AMPLITUDES = "InfBareMu_mie_abs_z20a10_V2.fits"
STOCHASTIC_TIMES = "InfHighEStoch_mie_prob_z20a10.fits"
STOCHASTIC_AMPLITUDES = "InfHighEStoch_mie_abs_z20a10.fits"

CLEANED_BY_COINCIDENCE = "SplitRTCleanedInIcePulses"
CLEANED = "CleanedMuonPulses"
CLEANED_IN_ICECUBE = "CleanedMuonPulsesIC"

#: Frame key of the online fit along which MuEx estimates the energy, and its key since 2023.
ENERGY_SEED = "OnlineL2_BestFit"
NEW_ENERGY_SEED = "l2_online_BestFit"
ENERGY = "OnlineL2_BestFit_MuEx"

FIT = "splinempe-reco"
LIKELIHOOD = "splinempe-llh"
PARAMETRIZATION = "splinempe-param"
SEED = "splinempe-seed"

JITTER = 2  # ns, of the tables, and once more after the energy-dependent jitter
NOISE_JITTER = 1000  # ns
NOISE_RATE = 1e-8  # per ns: 10 Hz
MAX_ITERATIONS = 100
STEP = 20.0  # m
BOUND = 2000.0  # m
VETO_THRESHOLD = 250  # PE
LOW_VETO_THRESHOLD = 5  # PE


class SplineMPE(IceTrayReco):
    """SplineMPE over the whole sky."""

    summary: ClassVar[str] = "icetray: SplineMPE with MuEx energies, whole sky"
    projects: ClassVar[tuple[str, ...]] = (
        *("DomTools", "frame_object_diff", "gulliver", "gulliver_modules", "lilliput", "mue"),
        *("spline_reco", "photonics_service", "recclasses", "simclasses", "STTools"),
        *("VHESelfVeto", "astro"),
    )
    splines: ClassVar[tuple[str, ...]] = (
        *(MUON_TIMES, MUON_AMPLITUDES),
        *(STOCHASTIC_TIMES, STOCHASTIC_AMPLITUDES),
    )
    rotate_vertex: ClassVar[bool] = True
    refine_time: ClassVar[bool] = True
    add_fallback_position: ClassVar[bool] = True

    def variations(self) -> NDArray[np.float64]:
        """Return the seed vertex and six points on two rings around it, shape (7, 3)."""
        return cylinder()

    def needed_keys(self, event: Event) -> tuple[tuple[str, ...], ...]:
        """Return the keys of the pulses and of the online fit."""
        return (*super().needed_keys(event), (ENERGY_SEED, NEW_ENERGY_SEED))

    def add_preparation(self, tray: Tray) -> None:
        """Add the pulse cleaning, the energy estimate and the search for the seed vertex."""
        self._add_cleaning(tray)
        tray.Add(
            "Copy",
            Keys=[NEW_ENERGY_SEED, ENERGY_SEED],
            If=lambda frame: frame.Has(NEW_ENERGY_SEED) and not frame.Has(ENERGY_SEED),
        )
        tray.AddModule(
            "muex",
            ENERGY,
            pulses=CLEANED,
            rectrk=ENERGY_SEED,
            result=ENERGY,
            energy=True,
            detail=True,
            compat=False,
            lcspan=0,
            If=lambda _frame: True,
        )
        tray.Add(mask_deepcore, source=CLEANED, target=CLEANED_IN_ICECUBE)
        self._add_veto(tray)

    def load(self, tables: Mapping[str, str]) -> None:
        """Load the tables of bare muons, of stochastic losses and of noise."""
        from icecube.photonics_service import I3PhotoSplineService

        muon = tables[MUON_AMPLITUDES], tables[MUON_TIMES]
        stochastic = tables[STOCHASTIC_AMPLITUDES], tables[STOCHASTIC_TIMES]
        self._muon = I3PhotoSplineService(*muon, timingSigma=JITTER)
        self._stochastic = I3PhotoSplineService(*stochastic, timingSigma=JITTER)
        self._noise = I3PhotoSplineService(*muon, timingSigma=NOISE_JITTER)

    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add one simplex fit of the vertex; time and vertex are degenerate."""
        del fit  # the seed in the frame has the direction, and the fit is not random
        from icecube.lilliput import scipymin

        _require(tray, self.pulses_key)
        _require(tray, ENERGY_SEED)
        _require(tray, ENERGY)
        tray.Add(
            "I3SplineRecoLikelihoodFactory",
            LIKELIHOOD,
            PhotonicsService=self._muon,
            PhotonicsServiceStochastics=self._stochastic,
            PhotonicsServiceRandomNoise=self._noise,
            ModelStochastics=False,
            NoiseModel="SRT",
            Pulses=CLEANED_IN_ICECUBE,
            E_Estimators=[ENERGY],
            Likelihood="MPE",
            NoiseRate=NOISE_RATE,
            PreJitter=0,
            PostJitter=JITTER,
            KSConfidenceLevel=0,
            ChargeCalcStep=0,
            CutMode="late",
            EnergyDependentJitter=True,
            EnergyDependentMPE=True,
        )
        tray.context["simplex"] = scipymin.SciPyMinimizer(
            name="scipy_simplex_f",
            method="Nelder-Mead",
            tolerance=0.1,
            max_iterations=MAX_ITERATIONS,
        )
        tray.Add(
            "I3SimpleParametrizationFactory",
            PARAMETRIZATION,
            **{f"Step{axis}": STEP for axis in "XYZ"},
            **{f"Bounds{axis}": [-BOUND, BOUND] for axis in "XYZ"},
        )
        _require(tray, keys.SEED_PARTICLE)
        tray.AddService(
            "I3BasicSeedServiceFactory",
            SEED,
            FirstGuesses=[keys.SEED_PARTICLE, keys.FALLBACK_PARTICLE],
            TimeShiftType="TNone",
            PositionShiftType="None",
        )
        tray.Add(
            "I3SimpleFitter",
            OutputName=FIT,
            SeedService=SEED,
            Parametrization=PARAMETRIZATION,
            LogLikelihood=LIKELIHOOD,
            Minimizer="simplex",
        )
        _require(tray, f"{FIT}FitParams")

    def fit_of(self, frame: Frame, geometry: Frame) -> tuple[float, ...]:
        """Return llh, vertex, time and energy; the losses are NaN."""
        del geometry
        track, vertex = frame[FIT], frame[FIT].pos
        llh = frame[f"{FIT}FitParams"].logl
        return llh, np.nan, np.nan, vertex.x, vertex.y, vertex.z, track.time, track.energy

    def _add_cleaning(self, tray: Tray) -> None:
        from icecube.icetray import I3Frame
        from icecube.STTools.seededRT.configuration_services import (
            I3DOMLinkSeededRTConfigurationService,
        )

        links = I3DOMLinkSeededRTConfigurationService(
            ic_ic_RTRadius=150.0,  # m
            ic_ic_RTTime=1000.0,  # ns
            treat_string_36_as_deepcore=False,
            useDustlayerCorrection=False,
            allowSelfCoincidence=True,
        )
        tray.AddModule(
            "I3SeededRTCleaning_RecoPulseMask_Module",
            "BaseProc_RTCleaning",
            InputHitSeriesMapName=self.pulses_key,
            OutputHitSeriesMapName=CLEANED_BY_COINCIDENCE,
            STConfigService=links,
            SeedProcedure="HLCCoreHits",
            NHitsThreshold=2,
            MaxNIterations=3,
            Streams=[I3Frame.Physics],
        )
        _require(tray, CLEANED_BY_COINCIDENCE)
        tray.AddModule(
            "I3TimeWindowCleaning<I3RecoPulse>",
            "BaseProc_TimeWindowCleaning",
            InputResponse=CLEANED_BY_COINCIDENCE,
            OutputResponse=CLEANED,
            TimeWindow=6000.0,  # ns
        )
        _require(tray, CLEANED)

    def _add_veto(self, tray: Tray) -> None:
        """Add the veto, even if the event's filter has run it, so that all seeds are alike."""
        for name, threshold, output, condition in (
            ("selfveto", VETO_THRESHOLD, "VHESelfVeto", {}),
            (
                "selfveto-emergency-lowen-settings",
                LOW_VETO_THRESHOLD,
                "VHESelfVeto-seed-source",
                {"If": lambda frame: not frame.Has("VHESelfVeto")},
            ),
        ):
            tray.AddModule(
                "VHESelfVeto",
                name,
                VertexThreshold=threshold,
                Pulses=self.pulses_key + "HLC",
                OutputBool=output,
                OutputVertexTime=keys.SEED_TIME,
                OutputVertexPos=keys.SEED_POSITION,
                **condition,
            )


def _require(tray: Tray, key: str) -> None:
    """Add a module that raises an error if a key is missing in the frame."""

    def require(frame: Frame) -> None:
        if key not in frame:
            raise KeyError(f"{key} is not in the frame, and the fit needs it")

    tray.Add(require)


RECO_CLASS = SplineMPE
