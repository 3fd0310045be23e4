from importlib import resources

import numpy as np
import pytest

from skyscan import local_to_equatorial, read_event
from skyscan.events.event import LC_FLAG
from skyscan.events.truth import TRUTH_KEY
from skyscan.geometry import positions
from skyscan.track.cleaning import clean_hits
from skyscan.track.simulation import JITTER_NS, main, simulate, truth_of

SHIPPED_SEED = 1


@pytest.fixture(scope="module")
def shipped():
    with resources.as_file(
        resources.files("skyscan") / "data" / "simulated_track.json"
    ) as path:
        return read_event(path)


def test_the_shipped_event_is_the_event_of_its_seed(shipped):
    again = simulate(SHIPPED_SEED)
    assert len(again.pulses) == len(shipped.pulses)
    for name in ("string", "om", "flags"):
        assert (again.pulses[name] == shipped.pulses[name]).all()
    assert again.pulses["time"] == pytest.approx(shipped.pulses["time"], abs=0.11)
    assert again.pulses["charge"] == pytest.approx(shipped.pulses["charge"], abs=0.026)
    assert truth_of(again) == pytest.approx(truth_of(shipped), abs=1e-8)


def test_the_same_seed_writes_the_same_bytes(tmp_path):
    for name in ("a.json", "b.json"):
        main(["--seed", "12", "--out", str(tmp_path / name)])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_another_seed_is_another_event():
    assert truth_of(simulate(3)) != truth_of(simulate(4))


def test_a_negative_seed_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["--seed", "-1", "--out", str(tmp_path / "a.json")])
    assert "--seed" in capsys.readouterr().err


def test_the_truth_is_the_direction_of_the_particle(shipped):
    track = shipped.fits[TRUTH_KEY]
    expected = local_to_equatorial(track.zenith, track.azimuth, shipped.mjd)
    assert truth_of(shipped) == pytest.approx([float(angle) for angle in expected], abs=1e-8)


def test_a_measured_event_has_no_truth(shared_events):
    assert truth_of(read_event(shared_events / "hese_event_00.json")) is None


def test_the_run_is_not_a_real_one(shipped):
    assert not 100_000 <= shipped.run_id < 1_000_000


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_event_looks_like_an_alert(seed):
    hits = clean_hits(simulate(seed).pulses)
    assert 60 < len(hits) < 400
    assert 500 < hits["charge"].sum() < 10000


def test_hits_are_later_than_the_particle_and_bright_ones_are_near(shipped):
    track, hits = shipped.fits[TRUTH_KEY], clean_hits(shipped.pulses)
    along = -np.array(
        [
            np.sin(track.zenith) * np.cos(track.azimuth),
            np.sin(track.zenith) * np.sin(track.azimuth),
            np.cos(track.zenith),
        ]
    )
    away = np.stack([hits[name] for name in "xyz"], axis=-1) - [track.x, track.y, track.z]
    passed = track.time + away @ along / 0.299792458
    distance = np.linalg.norm(np.cross(away, along), axis=-1)
    assert (hits["time"] - passed > -5 * JITTER_NS).mean() > 0.95
    assert distance[hits["charge"] > 50].max() < 40


def test_locally_coincident_pulses_have_a_neighbour(shipped):
    pulses = shipped.pulses
    is_hlc = (pulses["flags"] & LC_FLAG) != 0
    assert 0 < is_hlc.sum() < len(pulses)
    for pulse in pulses[is_hlc]:
        near = (pulses["string"] == pulse["string"]) & (pulses["om"] != pulse["om"])
        near &= np.abs(pulses["time"] - pulse["time"]) <= 1000
        place = positions(pulses["string"][near], pulses["om"][near])
        gap = np.linalg.norm(place - positions(pulse["string"], pulse["om"]), axis=-1)
        assert gap.min() < 36
