"""Real IceCube alerts, with the command line, from the file to the map on a real pool."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

import healpy
import numpy as np
import pytest
from skyreader_support import skyreaders_contours

from skyscan import read_map
from skyscan.batches import read_batch
from skyscan.layout import ScanFolder
from skyscan.pixels import Pixel
from skyscan.progression import DEFAULT_PROGRESSION
from skyscan.records import IDS
from skyscan.rounds.rule import best_pixel, llhs_of, next_pixels
from skyscan.skymap import SkyMap, read_skymap

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool

pytestmark = [pytest.mark.pool, pytest.mark.long]

ALERTS = {
    "BRONZE": "run00136662-evt000035405932-BRONZE.pkl",
    "HESE": "hese_event_01.json",
}
PIXEL_DEG = 0.115  # nside 512
EACH = pytest.mark.parametrize("alert", sorted(ALERTS))


class Scanned(NamedTuple):
    folder: ScanFolder
    skymap: SkyMap
    output: str


@pytest.fixture(scope="module")
def scanned(pool: Pool, session_folder: Path, shared_events: Path) -> dict[str, Scanned]:
    """Return both alerts, scanned with the defaults at the same time."""
    running = {}
    for alert, name in ALERTS.items():
        folder = session_folder / f"alert-{alert}"
        words = ["scan", str(shared_events / name), "--real-event", "--output-dir", str(folder)]
        running[alert] = (
            folder,
            subprocess.Popen(
                [sys.executable, "-m", "workflows", *words],
                env={**os.environ, **pool.environment()},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ),
        )
    ended = {}
    for alert, (folder, process) in running.items():
        output, _ = process.communicate(timeout=600)
        assert process.returncode == 0, output
        (scan,) = folder.iterdir()
        (npz,) = scan.glob("run*_8_64_512.npz")
        ended[alert] = Scanned(ScanFolder(scan), read_skymap(npz), output)
    return ended


def test_the_best_fit_of_the_bronze_alert_is_that_of_the_official_scan(scanned):
    best = scanned["BRONZE"].skymap.best()
    assert best is not None
    _, ra, dec, _ = best
    official = healpy.ang2vec(47.20, -3.28, lonlat=True)
    found = healpy.ang2vec(np.degrees(ra), np.degrees(dec), lonlat=True)
    assert np.degrees(np.arccos(official @ found)) < 1.0
    assert "complete" in scanned["BRONZE"].output


def test_the_bronze_alert_has_the_regions_of_skyreaders_contours(scanned):
    folder = scanned["BRONZE"].folder
    (npz,) = folder.path.glob("run*_8_64_512.npz")
    regions = read_map(folder.path).answer().regions
    theirs = skyreaders_contours(npz, [it.two_delta_llh for it in regions])
    for it in regions:
        ours = (it.ra_plus_deg, it.ra_minus_deg, it.dec_plus_deg, it.dec_minus_deg)
        area, *extents = theirs[it.two_delta_llh]
        assert ours == pytest.approx(extents, abs=PIXEL_DEG)
        assert it.area_deg2 == pytest.approx(area, rel=0.05, abs=2 * PIXEL_DEG**2)
    assert "  90 %      RA +" in scanned["BRONZE"].output


def test_bronze_is_one_track_and_the_hese_alert_was_not_fitted_as_one(scanned):
    checks = {
        alert: {it.name: it for it in read_map(there.folder.path).answer().checks}
        for alert, there in scanned.items()
    }
    assert checks["BRONZE"]["one track"].state == "ok"
    assert "one track" not in checks["HESE"]
    (good,) = (it for it in scanned["BRONZE"].output.splitlines() if it.startswith("  good"))
    assert "one track" in good


@EACH
def test_the_rule_chooses_every_round_from_the_rounds_before(scanned, alert):
    folder, skymap, _ = scanned[alert]
    llhs = {
        nside: {int(row["index"]): float(row["llh"]) for row in rows}
        for nside, rows in skymap.pixels.items()
    }
    finished: dict[int, dict[int, float]] = {}
    for number in folder.chosen_rounds():
        expected = next_pixels(finished, DEFAULT_PROGRESSION)
        assert pixels_of_round(folder, number) == expected
        for nside, pixel in expected:
            finished.setdefault(nside, {})[pixel] = llhs[nside][pixel]
    assert finished == llhs
    assert not next_pixels(finished, DEFAULT_PROGRESSION)
    best = skymap.best()
    assert best is not None
    assert best[0] == best_pixel(llhs_of(finished))
    assert best[0].nside == 512


@EACH
def test_the_map_has_the_metadata_of_the_alert(scanned, alert):
    skymap = scanned[alert].skymap
    assert skymap.complete
    assert skymap.is_real_event
    known = {
        "BRONZE": (136662, 35405932, "neutrino", 59723.32051140454),
        "HESE": (127907, 20178442, "HESE", 57517.64354153215),
    }[alert]
    ids = (skymap.run_id, skymap.event_id, skymap.event_type)
    assert ids == known[:3]
    assert skymap.mjd == pytest.approx(known[3], abs=1e-12)
    assert len(skymap.pixels[8]) == 768


def pixels_of_round(folder: ScanFolder, number: int) -> set[Pixel]:
    pixels = set()
    for path in folder.round(number).path.glob("batches/*.npz"):
        for row in read_batch(path).pixels[list(IDS)]:
            nside, pixel, _ = row.item()
            pixels.add(Pixel(nside, pixel))
    return pixels
