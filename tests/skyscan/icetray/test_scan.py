"""A scan in the real icetray: prep, rounds of reco jobs, merge, as jobs run them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from icetray_support import needs_icetray
from scans_support import a_scan

from skyscan.coordinates import equatorial_to_local, local_to_equatorial
from skyscan.events.reader import read_event
from skyscan.frames import KEEP_VARIABLE
from skyscan.layout import ScanFolder
from skyscan.records import PIXEL_DTYPE
from skyscan.recos.crash_dummy import MODE_VARIABLE, PROBABILITY_VARIABLE, WHEN_VARIABLE
from skyscan.recos.dummy import dummy_fit
from skyscan.skymap import read_skymap
from skyscan.storage import sha256_of

pytestmark = needs_icetray

ALERTS = (
    "hese_event_00.json",
    "hese_event_01.json",
    "run00136662-evt000035405932-BRONZE.pkl",
)
ROOT = Path(__file__).parents[3]


def step(*words: object, **environment: str) -> str:
    command = [sys.executable, "-m", "skyscan", *map(str, words)]
    seen = {**os.environ, "PYTHONPATH": f"{ROOT}:{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**seen, **environment}
    )
    assert done.returncode in {0, 80}, done.stderr
    return done.stdout


def scan(path: Path, event: Path, reco: str, **environment: str) -> ScanFolder:
    """Scan an event step by step; the last batch of a round runs first."""
    read = read_event(event)
    planned = a_scan(
        name=read.name,
        event_file=event.name,
        event_sha256=sha256_of(event),
        run_id=read.run_id,
        event_id=read.event_id,
        mjd=read.mjd,
        event_type=read.event_type,
        reco=reco,
        progression=((1, 0), (2, 3)),
        jobs_per_round=2,
        environment=environment,
    )
    folder = ScanFolder(path)
    (path / "logs").mkdir(parents=True)
    planned.write(folder.scan_json)
    words = ("--event", event, "--reco", reco, "--scan-id", planned.id)
    step("prep", *words, "--startup", folder.startup, **environment)
    for number in range(planned.max_rounds):
        if " 0 remaining fits" in step("next-round", path, number):
            break
        for batch in sorted(
            (path / f"rounds/{number:03d}/batches").glob("*.npz"), reverse=True
        ):
            result = path / f"rounds/{number:03d}/results/{batch.stem}/{batch.stem}.rec"
            files = ("--startup", folder.startup, "--batch", batch, "--result", result)
            if KEEP_VARIABLE in environment:
                files = (*files, "--frames", result.with_suffix(".frames"))
            step("reco", *files, "--max-pixel-time", 20, **environment)
    step("merge", path)
    return folder


@pytest.mark.parametrize("name", ALERTS)
def test_the_dummy_in_icetray_scans_a_real_alert(shared_events, tmp_path, name):
    event = shared_events / name
    folder = scan(tmp_path / "icetray", event, "icetray_dummy")
    found = read_skymap(next(folder.path.glob("run*.npz")))
    assert found.complete
    for nside, pixels in found.pixels.items():
        for index, llh in zip(pixels["index"], pixels["llh"], strict=True):
            row = np.zeros(1, PIXEL_DTYPE)[0]
            row["nside"], row["pixel"] = nside, index
            # The dummy's llh depends on its seed vertex, here another, in the seventh decimal.
            assert llh == pytest.approx(dummy_fit(row)[0], abs=1e-2)


def test_its_map_does_not_depend_on_failures(shared_events, tmp_path):
    event = shared_events / ALERTS[0]
    undisturbed = scan(tmp_path / "one", event, "icetray_dummy")
    disturbed = scan(
        tmp_path / "two",
        event,
        "icetray_crash_dummy",
        **{PROBABILITY_VARIABLE: "0.3", MODE_VARIABLE: "raise,signal", WHEN_VARIABLE: "first"},
    )
    maps = [next(folder.path.glob("run*.npz")) for folder in (undisturbed, disturbed)]
    assert maps[0].read_bytes() == maps[1].read_bytes()


def test_jobs_get_the_frames_of_the_alert(shared_events, tmp_path):
    from icecube import dataio

    event = shared_events / ALERTS[2]
    folder = scan(tmp_path / "scan", event, "icetray_dummy")
    file = dataio.I3File(str(folder.startup / "GCDQp.i3"))
    frames = [file.pop_frame() for _ in range(5)]
    assert not file.more()
    assert "".join(frame.Stop.id for frame in frames) == "GCDQp"
    header = frames[-1]["I3EventHeader"]
    assert (header.run_id, header.event_id) == (136662, 35405932)
    assert {"OnlineL2_SplineMPE", "SeedVertexPos", "SeedVertexTime"} <= set(frames[-1].keys())
    prepared = json.loads((folder.startup / "icetray.json").read_text())
    assert prepared == {"baseline": None, "gcd_dir": None, "seed": [0, 0, 0, 0]}


def test_kept_frames_are_an_event_for_icetray_and_for_our_own_reader(shared_events, tmp_path):
    from icecube import dataio

    event = shared_events / ALERTS[2]
    folder = scan(tmp_path / "all", event, "icetray_dummy", **{KEEP_VARIABLE: "0"})
    best = read_skymap(next(folder.path.glob("run*.npz"))).best()
    file = dataio.I3File(str(next(folder.path.glob("*_frames.i3"))))
    frames = []
    while file.more():
        frames.append(file.pop_frame())
    n_pixels = sum(map(len, read_skymap(next(folder.path.glob("run*.npz"))).pixels.values()))
    assert "".join(frame.Stop.id for frame in frames) == "GCDQ" + n_pixels * "P"
    ids = [
        tuple(frame[f"SCAN_Healpix{it}"].value for it in ("NSide", "Pixel"))
        for frame in frames[4:]
    ]
    assert ids[0] == tuple(best[0])
    assert len(set(ids)) == n_pixels
    llhs = [frame["Dummy_llh"].value for frame in frames[4:]]
    assert llhs == sorted(llhs)
    folder = scan(tmp_path / "one", event, "icetray_dummy", **{KEEP_VARIABLE: "1"})
    found = read_event(next(folder.path.glob("*_frames.i3")))
    assert found.scalars["Dummy_llh"] == llhs[0]
    assert found.pulses.tobytes() == read_event(event).pulses.tobytes()


def test_coordinates_are_those_of_astro():
    astro = pytest.importorskip("icecube.astro")
    rng = np.random.default_rng(8)
    ra, dec = rng.uniform(0, 2 * np.pi, 1000), np.arcsin(rng.uniform(-1, 1, 1000))
    for mjd in (55_000.25, 57_517.7, 59_723.3205, 61_368.9):
        zenith, azimuth = astro.equa_to_dir(ra, dec, mjd)
        assert_same_place(equatorial_to_local(ra, dec, mjd), (zenith, azimuth))
        assert_same_place(local_to_equatorial(zenith, azimuth, mjd), (ra, dec), is_dec=True)


def assert_same_place(found, expected, *, is_dec=False):
    """Compare (zenith, azimuth), or (ra, dec), to 0.1 arcsec on the sky."""
    polar, around = (1, 0) if is_dec else (0, 1)
    across = np.sin(expected[polar]) if not is_dec else np.cos(expected[polar])
    turn = (found[around] - expected[around] + np.pi) % (2 * np.pi) - np.pi
    apart = np.hypot(found[polar] - expected[polar], turn * across)
    assert np.degrees(apart).max() * 3600 < 0.1
