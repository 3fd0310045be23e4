"""Events of other simulations with their truth: `pytest -m truth -s`.

They are in `../shared/truth` beside the repository; nothing is ever tuned on them. Each line
shows the best fit beside IceCube's own fits in the file.
"""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from skyscan.answer.levels.calibration import shipped_calibrations
from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.coordinates import local_to_equatorial
from skyscan.coverage.local_scan import scan_near, scan_whole_sky
from skyscan.errors import BadInput
from skyscan.events.choice import Choice, parse_event_id
from skyscan.events.chosen import alone
from skyscan.events.files import take_event
from skyscan.events.reader import read_event
from skyscan.events.truth import truth_of
from skyscan.recos import reco_class

REPOSITORY = Path(__file__).parents[3]
TRUTH = REPOSITORY.parent / "shared" / "truth"
NUMU = TRUTH / "wBDT_wDNN_L345_IC86-2016_NuMu-021220-009993_first_5_frames.i3.gz"
NUE = TRUTH / "example_photons.parquet"
MJD = 60310.25

pytestmark = pytest.mark.truth


def events_of_benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "physics_events", REPOSITORY / "benchmarks/physics_events.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def found(reco, event, truth):
    """Return the distance of the best fit (deg), TS of the truth, and levels of the event."""
    whole, near = scan_whole_sky(reco, event), scan_near(reco, event, truth)
    here, there = (unit_vectors(*np.degrees(it)) for it in (whole.best, truth))
    n_hits = reco_class(reco)(event.format_version).likelihood(event).n_hits
    value = 2.0 * (near.truth_llh - min(whole.llh, near.llh))
    return float(separation(here, there)), value, shipped_calibrations()[reco].levels(n_hits)


@pytest.mark.skipif(not NUMU.exists(), reason=f"needs {NUMU}")
def test_icecubes_simulated_muons():
    distances, inside = [], []
    for number, (event, vector, others) in enumerate(events_of_benchmark().numu_events(NUMU)):
        truth = (
            float(np.arctan2(vector[1], vector[0])) % (2 * np.pi),
            float(np.arcsin(vector[2])),
        )
        away, value, levels = found("track", event, truth)
        distances.append(away)
        inside.append(value <= levels.at(0.9))
        beside = ", ".join(f"{key} {error:.2f} deg" for key, error in others.items())
        print(
            f"numu {number}: {away:.2f} deg, TS {value:.1f} (90 %: {levels.at(0.9):.1f});"
            f" {beside}"
        )
    print(f"median {np.median(distances):.2f} deg, {sum(inside)} inside 90 %")
    assert len(distances) == 5
    assert np.median(distances) < 0.6
    assert sum(inside) >= 3


@pytest.mark.skipif(not NUE.exists(), reason=f"needs {NUE}")
def test_electron_neutrinos_of_prometheus():
    pytest.importorskip("pyarrow")
    distances = []
    for number in range(10):
        choice = Choice(event=parse_event_id(str(number)), run_id=1, mjd=MJD)
        try:
            with alone(NUE, take_event(NUE, choice)) as chosen:
                event = read_event(chosen.path)
            truth = truth_of(event)
            place = local_to_equatorial(truth.zenith, truth.azimuth, event.mjd)
            away, value, levels = found("cascade", event, tuple(map(float, place)))
        except BadInput as error:
            print(f"nue {number}: refused ({error})")
            continue
        distances.append(away)
        print(
            f"nue {number}: {truth.energy:.0f} GeV, {away:.1f} deg, TS {value:.1f} "
            f"(90 %: {levels.at(0.9):.1f})"
        )
    print(f"median {np.median(distances):.1f} deg of {len(distances)}")
    assert len(distances) >= 8
