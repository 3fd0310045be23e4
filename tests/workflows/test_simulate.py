import json
import re
from importlib import resources
from math import degrees
from pathlib import Path

import numpy as np
import pytest

from skyscan import read_event
from skyscan.errors import ExitCode
from skyscan.events.event import LC_FLAG
from skyscan.events.truth import TRUTH_INFO_KEY, TRUTH_KEY
from skyscan.track.cleaning import clean_hits
from skyscan.track.simulation import truth_of
from workflows.cli import main

SHOWER = ["simulate", "--kind", "shower", "--energy", "1500", "--oversize", "20"]


def test_simulated_events_open_like_measured_ones_and_have_their_truth(tmp_path, capsys):
    words = [*SHOWER, "--direction", "77.5", "-12", "--number", "2", "--seed", "5"]
    assert main([*words, "--output", str(tmp_path)]) == ExitCode.DONE
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == [
        f"run00000001.evt{seed:012d}.neutrino.json" for seed in (5, 6)
    ]
    assert capsys.readouterr().out.count("1500 GeV, RA 77.50 deg, Dec -12.00 deg") == 2
    event = read_event(files[0])
    ra, dec = truth_of(event)
    assert (degrees(ra), degrees(dec)) == pytest.approx((77.5, -12.0), abs=1e-6)
    assert event.fits[TRUTH_KEY].energy == 1500
    assert (event.pulses["flags"] & LC_FLAG).any()
    # the light is where and when the shower is
    hits, truth = clean_hits(event.pulses), event.fits[TRUTH_KEY]
    centre = np.array([np.average(hits[name], weights=hits["charge"]) for name in "xyz"])
    assert np.linalg.norm(centre - [truth.x, truth.y, truth.z]) < 80
    assert (hits["time"] > truth.time - 50).all()


def test_the_same_seed_writes_the_same_bytes_whatever_comes_before(tmp_path):
    assert main([*SHOWER, "--seed", "6", "--output", str(tmp_path / "one.json")]) == 0
    words = [*SHOWER, "--seed", "5", "--number", "2", "--output", str(tmp_path / "two")]
    assert main(words) == 0
    again = tmp_path / "two" / "run00000001.evt000000000006.neutrino.json"
    assert again.read_bytes() == (tmp_path / "one.json").read_bytes()


def test_the_event_of_the_demo_is_simulated_with_the_options_of_the_docs(tmp_path):
    shipped = Path(str(resources.files("skyscan") / "data" / "simulated_muon.json"))
    page = (Path(__file__).parents[2] / "docs" / "simulate.md").read_text("utf-8")
    (command,) = re.findall(r"`skyscan (simulate --kind muon [^`]+)`", page)
    made = tmp_path / "muon.json"
    assert main([*command.split(), "--output", str(made)]) == ExitCode.DONE
    ours, theirs = read_event(made), read_event(shipped)
    assert ours.name == theirs.name
    truth = json.loads(theirs.scalars[TRUTH_INFO_KEY])
    assert json.loads(ours.scalars[TRUTH_INFO_KEY])["ra_rad"] == pytest.approx(truth["ra_rad"])
    # A few photons, and with numpy all, have other random numbers.
    seen, expected = (event.pulses["charge"].sum() for event in (ours, theirs))
    assert seen == pytest.approx(expected, rel=0.3)


def test_a_muon_is_a_track_through_the_detector(tmp_path):
    words = ["simulate", "--kind", "muon", "--energy", "3000", "--oversize", "20"]
    assert main([*words, "--seed", "3", "--output", str(tmp_path / "muon.json")]) == 0
    event = read_event(tmp_path / "muon.json")
    truth = event.fits[TRUTH_KEY]
    assert truth.shape == 40  # an infinite track
    hits = clean_hits(event.pulses)
    assert len(hits) > 15
    away = np.stack([hits[name] for name in "xyz"], axis=-1) - [truth.x, truth.y, truth.z]
    travels = -np.array(
        [
            np.sin(truth.zenith) * np.cos(truth.azimuth),
            np.sin(truth.zenith) * np.sin(truth.azimuth),
            np.cos(truth.zenith),
        ]
    )
    distance = np.linalg.norm(np.cross(away, travels), axis=-1)
    assert np.average(distance, weights=hits["charge"]) < 60


@pytest.mark.parametrize(("kind", "shape", "side"), [("starting", 50, 1), ("stopping", 60, -1)])
def test_a_muon_that_starts_or_stops_lights_one_side_of_that_place(kind, shape, side, tmp_path):
    words = ["simulate", "--kind", kind, "--oversize", "20", "--seed", "2"]
    assert main([*words, "--output", str(tmp_path / "event.json")]) == 0
    event = read_event(tmp_path / "event.json")
    truth, hits = event.fits[TRUTH_KEY], clean_hits(event.pulses)
    assert truth.shape == shape
    away = np.stack([hits[name] for name in "xyz"], axis=-1) - [truth.x, truth.y, truth.z]
    source = np.array(
        [
            np.sin(truth.zenith) * np.cos(truth.azimuth),
            np.sin(truth.zenith) * np.sin(truth.azimuth),
            np.cos(truth.zenith),
        ]
    )
    assert np.average(-side * (away @ source) > -60, weights=hits["charge"]) > 0.9


def test_the_truth_has_both_of_two_muons_and_each_is_seen(tmp_path):
    words = ["simulate", "--kind", "coincident", "--energy", "2000", "--oversize", "20"]
    assert main([*words, "--output", str(tmp_path / "event.json")]) == 0
    event = read_event(tmp_path / "event.json")
    facts = json.loads(event.scalars[TRUTH_INFO_KEY])
    assert facts["kind"] == "coincident"
    second = facts["second"]
    assert second["n_doms"] >= 8
    assert 0 <= second["zenith"] <= np.pi / 2  # it comes from above
    assert abs(second["time"] - event.fits[TRUTH_KEY].time) <= 2000


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--kind", "stopping", "--energy", "5000"], "at most 1000 GeV"),
        (["--energy", "1"], "--energy"),
        (["--energy", "100", "200", "300"], "--energy"),
        (["--number", "0"], "--number"),
        (["--seed", "-1"], "--seed"),
        (["--oversize", "100"], "--oversize"),
        (["--direction", "10", "95"], "--direction"),
        (["--number", "2", "--output", "event.json"], "event.json"),
    ],
)
def test_what_cannot_be_simulated_is_refused(words, named, capsys):
    try:
        code = main(["simulate", "--kind", "shower", *words])
    except SystemExit as error:
        code = error.code
    assert code == ExitCode.WRONG_USAGE
    assert named in capsys.readouterr().err


@pytest.mark.parametrize("output", ["d.json", "file", "file/events", "file/event.json"])
def test_an_output_that_cannot_be_written_is_refused(output, tmp_path, capsys):
    (tmp_path / "d.json").mkdir()
    (tmp_path / "file").touch()
    assert main([*SHOWER, "--output", str(tmp_path / output)]) == ExitCode.WRONG_USAGE
    assert f"--output {tmp_path / output}" in capsys.readouterr().err


@pytest.mark.parametrize("depths", [(1700, 2000, 2300), (2000, 2300, 2600)])
def test_ice_that_does_not_reach_all_doms_is_refused(depths, tmp_path, capsys):
    ice = tmp_path / "ice"
    ice.mkdir()
    (ice / "icemodel.par").write_text("0.9 0.03\n1.08 0.01\n6954.09 900\n6617.75 70\n")
    (ice / "cfg.txt").write_text("5\n1\n0.35\n0.9\n")
    (ice / "icemodel.dat").write_text("".join(f"{d} 0.04 0.009 -30\n" for d in depths))
    words = [*SHOWER, "--ice-model", str(ice), "--output", str(tmp_path / "events")]
    assert main(words) == ExitCode.BAD_INPUT
    assert "layers reach from" in capsys.readouterr().err


def test_a_particle_too_faint_for_the_trigger_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("skyscan.simulation.events.MOST_TRIES", 3)
    words = ["simulate", "--kind", "shower", "--energy", "10", "--oversize", "20"]
    assert main([*words, "--output", str(tmp_path)]) == ExitCode.BAD_INPUT
    assert "higher energy" in capsys.readouterr().err
