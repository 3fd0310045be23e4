"""`skyscan calibrate` measures the levels of one event with scans of events like it."""

import json
import shlex
from dataclasses import replace
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from answer_support import gaussian_map
from plans_support import EVENT, options
from scans import make_scan

from skyscan.answer.context import Context
from skyscan.answer.levels.chosen import parse_levels
from skyscan.coverage import around_fit
from skyscan.coverage.around_fit import BestFit, best_fit_of, wanted_like
from skyscan.detector import DOM_DTYPE, Detector
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.reader import read_event
from skyscan.events.truth import TRUTH_INFO_KEY, truth_of
from skyscan.layout import ScanFolder
from skyscan.light.ice_model import shipped_ice
from skyscan.simulation.events import simulate_event
from skyscan.track.cleaning import clean_hits
from workflows.campaigns.calibration import answer_of_scan, check_like, options_like
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign
from workflows.cli import main, user_parser
from workflows.commands.calibrate import again
from workflows.plan import plan
from workflows.planning.values import site_of

SHOWER = Path(str(resources.files("skyscan") / "data" / "simulated_shower.json"))
BEST = BestFit("cascade", 1.2, 3.4, (20.0, -30.0, 40.0), 2000.0, 200.0)


def test_showers_have_place_direction_and_energy_of_the_best_fit():
    wanted = wanted_like(BEST, shipped_ice())
    event = simulate_event(wanted, shipped_ice(), 5)
    info = json.loads(event.scalars[TRUTH_INFO_KEY])
    particle = event.fits["SimulatedTrack"]
    assert (particle.x, particle.y, particle.z) == BEST.vertex
    assert (particle.zenith, particle.azimuth) == pytest.approx((1.2, 3.4), abs=1e-6)
    assert info["energy_gev"] == pytest.approx(2000.0)
    assert simulate_event(wanted, shipped_ice(), 6).pulses.tobytes() != event.pulses.tobytes()


def test_muons_pass_the_vertex_and_are_as_bright_as_the_event():
    best = replace(BEST, reco="track", energy_gev=float("nan"), charge_pe=120.0)
    wanted = wanted_like(best, shipped_ice())
    events = [simulate_event(wanted, shipped_ice(), seed) for seed in range(5)]
    charges = [clean_hits(event.pulses)["charge"].sum() for event in events]
    assert 60 < np.median(charges) < 240
    track = events[0].fits["SimulatedTrack"]
    away = np.array([track.x, track.y, track.z]) - BEST.vertex
    along = np.array([np.sin(1.2) * np.cos(3.4), np.sin(1.2) * np.sin(3.4), np.cos(1.2)])
    assert np.linalg.norm(np.cross(away, along)) < 1e-6


def test_a_muon_outside_of_the_detector_is_bad_input():
    best = replace(BEST, reco="track", vertex=(0.0, 0.0, 2000.0), energy_gev=1e3)
    with pytest.raises(BadInput, match="within 900 m"):
        simulate_event(wanted_like(best, shipped_ice()), shipped_ice(), 1)


def test_scans_have_the_runtime_and_the_site_that_the_event_had(tmp_path):
    pool = {"site": "ospool", "site_changes": ("attributes.ProjectName=Ours",)}
    folder = plan(EVENT, tmp_path, options(runtime="container:/cvmfs/x.org/a:1", **pool))
    like = options_like(folder, "track", None, pool["site_changes"])
    assert site_of(like).runtime == "container:/cvmfs/x.org/a:1"
    assert "Ours" in "".join(site_of(like).submit.values())
    assert options_like(folder, "track", "personal").runtime is None


def test_the_command_that_writes_the_levels_later_has_the_same_options(tmp_path):
    words = ["calibrate", str(tmp_path), "-n", "7", "--seed", "5", "--site", "ospool"]
    words += ["--set", "attributes.ProjectName=Our Own", "--runtime", "host"]
    command = again(ScanFolder(tmp_path), user_parser(["calibrate"]).parse_args(words))
    assert shlex.split(command) == ["skyscan", *words]
    few = ["calibrate", str(tmp_path), "-n", "7"]
    command = again(ScanFolder(tmp_path), user_parser(["calibrate"]).parse_args(few))
    assert shlex.split(command) == ["skyscan", *few]


def test_scans_are_not_added_to_those_with_other_options(tmp_path):
    place = CampaignFolder(tmp_path / "calibration")
    like = options()
    check_like(place, like)
    plan_campaign([EVENT], place.path, like)
    check_like(place, like)
    with pytest.raises(WrongUsage, match=r"progression .*remove that folder"):
        check_like(place, options(progression=((1, 0), (2, 2))))


def test_an_event_in_another_detector_is_refused(tmp_path, monkeypatch):
    detector = Detector(np.zeros(1, DOM_DTYPE))
    skymap = gaussian_map(context=Context("track", detector=detector))
    monkeypatch.setattr("workflows.campaigns.calibration.read_map", lambda _: skymap)
    with pytest.raises(WrongUsage, match="IceCube-86 only"):
        answer_of_scan(ScanFolder(tmp_path))


@pytest.mark.pool
def test_the_levels_of_an_event_are_measured_and_used(pool, run_folder, capsys, monkeypatch):
    monkeypatch.setattr(around_fit, "OVERSIZE", 30.0)
    scan = make_scan(pool, run_folder / "one", SHOWER, reco="cascade", progression=((1, 0),))
    assert scan.submit().finish().exit_code == 0
    folder = scan.folder.path
    assert main(["result", str(folder)]) == 0
    assert "  levels    " in capsys.readouterr().out

    assert main(["calibrate", str(folder), "-n", "2"]) == 0
    out = capsys.readouterr().out
    file = folder / "levels.txt"
    assert f"skyscan result {folder} --levels {file}" in out
    levels = parse_levels(str(file), "cascade")
    (_, low), (_, high) = levels.table
    assert 0 < low < high
    scans = sorted((folder / "calibration").glob("scans/*/*"))
    assert len(scans) == 2
    truths = [truth_of(read_event(it)) for it in (folder / "calibration/events").iterdir()]
    assert len({(round(it.ra, 9), round(it.dec, 9)) for it in truths}) == 1

    for command in ("result", "alert"):
        assert main([command, str(folder), "--levels", str(file)]) == 0
        out = capsys.readouterr().out
        assert "2 events simulated around the best fit of" in out
        assert f"2 delta llh of {low:g} and {high:g}" in out

    made = file.read_bytes()
    file.unlink()
    events = {it: it.stat().st_mtime_ns for it in (folder / "calibration/events").iterdir()}
    assert main(["calibrate", str(folder), "-n", "2"]) == 0  # nothing is done again
    assert file.read_bytes() == made
    assert {it: it.stat().st_mtime_ns for it in events} == events


def test_a_scan_without_a_recorded_likelihood_is_refused():
    with pytest.raises(WrongUsage, match=r"likelihood\.json"):
        best_fit_of(gaussian_map().answer())
