"""Millipede of the first alert scans: Mie tables, seven seed vertices, two simplex passes.

Parameters and names are those of icecube/skymap_scanner (recos/millipede_original.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from skyscan.icetray import keys
from skyscan.icetray.pulse_cleaning import drop_late_pulses
from skyscan.recos._millipede import (
    FIRST_PASS,
    LAST_PASS,
    LATE,
    LIKELIHOOD,
    Millipede,
    cleaned_key,
    require_keys,
)
from skyscan.recos._variations import mini_test, octahedron

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from skyscan.events.event import Event
    from skyscan.icetray.frames import Tray
    from skyscan.icetray.reco import Fit

AMPLITUDES = "ems_mie_z20_a10.abs.fits"
TIMES = "ems_mie_z20_a10.prob.fits"

#: Jobs: if set, ``millipede_original`` has two seed vertices instead of seven. For quick
#: trials, not for physics.
MINI_TEST_VARIABLE = "SKYSCAN_MINI_TEST"

VARIATION_DISTANCE = 20.0  # m
DOM_EFFICIENCY = 0.99
VETO_THRESHOLD = 2  # PE


class MillipedeOriginal(Millipede):
    """Millipede with Mie cascade tables, fitted from seven seed vertices."""

    summary: ClassVar[str] = "icetray: millipede, Mie tables, seven seed vertices"
    variables: ClassVar[tuple[str, ...]] = (MINI_TEST_VARIABLE,)
    splines: ClassVar[tuple[str, ...]] = (AMPLITUDES, TIMES)

    def variations(self) -> NDArray[np.float64]:
        """Return the seed vertex and six points 20 m around it, shape (7, 3), metres."""
        if os.environ.get(MINI_TEST_VARIABLE):
            return mini_test(VARIATION_DISTANCE)
        return octahedron(VARIATION_DISTANCE)

    def needed_keys(self, event: Event) -> tuple[tuple[str, ...], ...]:
        """Return the keys of the pulses, their time range and a veto's vertex."""
        return (*super().needed_keys(event), (f"{self.pulses_key}TimeRange",))

    def add_preparation(self, tray: Tray) -> None:
        """Add the search for the seed vertex."""
        self.add_veto(tray, VETO_THRESHOLD)

    def load(self, tables: Mapping[str, str]) -> None:
        """Load the tables of cascades."""
        from icecube import photonics_service

        self._cascades = photonics_service.I3PhotoSplineService(
            tables[AMPLITUDES], tables[TIMES], timingSigma=0.0
        )
        self._cascades.SetEfficiencies(DOM_EFFICIENCY)

    def add_fit(self, tray: Tray, fit: Fit) -> None:
        """Add a coarse and a fine simplex pass."""
        cleaned = cleaned_key(self.pulses_key)
        excluded = self.add_exclusions(tray, self.pulses_key)
        tray.AddModule(
            drop_late_pulses,
            "LatePulseCleaning",
            source=self.pulses_key,
            target=cleaned,
            residual=LATE,
        )
        required = [cleaned, f"{cleaned}TimeWindows", f"{cleaned}TimeRange"]
        tray.Add(require_keys, required=required)
        tray.AddService(
            "MillipedeLikelihoodFactory",
            LIKELIHOOD,
            MuonPhotonicsService=None,
            CascadePhotonicsService=self._cascades,
            ShowerRegularization=0,
            PhotonsPerBin=15,
            ExcludedDOMs=[*excluded, f"{cleaned}TimeWindows"],
            PartialExclusion=True,
            ReadoutWindow=f"{cleaned}TimeRange",
            Pulses=cleaned,
            BinSigma=3,
        )
        tray.AddService("I3GSLRandomServiceFactory", "I3RandomService", Seed=fit.random_seed)
        tray.AddService("I3GSLSimplexFactory", "simplex", MaxIterations=20000)
        tray.AddService(
            "MuMillipedeParametrizationFactory",
            "coarseSteps",
            **_steps(vertex=10.0, time=0.0, spacing=5.0),
        )
        self.add_pass(
            tray, ("vetoseed", [keys.SEED_PARTICLE]), FIRST_PASS, "coarseSteps", "simplex"
        )
        tray.AddService(
            "MuMillipedeParametrizationFactory",
            "fineSteps",
            **_steps(vertex=2.0, time=5.0, spacing=2.5),
        )
        self.add_pass(tray, ("firstFitSeed", [FIRST_PASS]), LAST_PASS, "fineSteps", "simplex")


def _steps(vertex: float, time: float, spacing: float) -> dict[str, float]:
    """Return a parametrization: steps of vertex (m) and time (ns), spacing of cascades (m)."""
    return {
        **{f"Step{axis}": vertex for axis in "XYZ"},
        "StepZenith": 0.0,
        "StepAzimuth": 0.0,
        "StepT": time,
        "ShowerSpacing": spacing,
        "MuonSpacing": 0,
    }


RECO_CLASS = MillipedeOriginal
