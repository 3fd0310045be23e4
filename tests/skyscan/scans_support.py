"""Shared by the tests of a scan's steps: small scans of the dummy, without a pool."""

import numpy as np

from skyscan.batches import read_batch
from skyscan.coordinates import equatorial_to_local
from skyscan.events.event import Vertex
from skyscan.job.worker import seeded
from skyscan.layout import ScanFolder
from skyscan.pixels import directions, parents
from skyscan.records import FIT_DTYPE, IDS, PIXEL_DTYPE, RECORD_DTYPE, sign
from skyscan.recos import reco_class
from skyscan.recos.dummy import VARIATION_STEP_M, dummy_fit
from skyscan.results import read_results, write_results
from skyscan.rounds.next_round import open_round
from skyscan.scan import Scan
from skyscan.startup import Startup

MJD = 59723.3205
SEED = Vertex(10.0, -20.0, 30.0, 10_000.0)
SCAN_ID = "0123456789abcdef" * 2


def a_scan(**changes: object) -> Scan:
    """Return a scan of a few pixels, as `skyscan plan` writes it."""
    made = {
        "name": "run00136662.evt000035405932.neutrino",
        "event_file": "event.json",
        "event_sha256": "0" * 64,
        "run_id": 136662,
        "event_id": 35405932,
        "mjd": MJD,
        "event_type": "neutrino",
        "is_real_event": True,
        "reco": "dummy",
        "progression": ((1, 0), (2, 3), (4, 5)),
        "batch_size": None,
        "jobs_per_round": 3,
        "halvings": 0,
        "max_rounds": 9,
        "predictive_scanning_threshold": 1.0,
        "time_budget": 0.0,
        "max_failed_pixels": 0.01,
        "runtime": "host",
        "environment": {},
    }
    return Scan(**{**made, **changes})


def a_startup(scan_id: str = SCAN_ID, **changes: object) -> Startup:
    """Return the startup file of the dummy."""
    made = {
        "scan_id": scan_id,
        "reco": "dummy",
        "format_version": "2021a",
        "mjd": MJD,
        "seed": SEED,
        "n_variations": 1,
        "pointing": None,
        "files": {},
    }
    return Startup(**{**made, **changes})


def prepared(path, scan: Scan, **changes: object) -> ScanFolder:
    """Return the folder of a scan after prep."""
    folder = ScanFolder(path)
    folder.logs.mkdir(parents=True)
    scan.write(folder.scan_json)
    a_startup(scan.id, **changes).write(folder.startup)
    return folder


def fitted(pixels, reco="dummy"):
    """Return the signed records of PIXEL_DTYPE rows."""
    reco = reco_class(reco)()
    ra, dec = directions(pixels["nside"], pixels["pixel"])
    zenith, azimuth = equatorial_to_local(ra, dec, MJD)
    fits = reco.reconstruct(seeded(pixels, reco, zenith, azimuth), zenith, azimuth)
    records = np.zeros(len(pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = pixels[name]
    for name in FIT_DTYPE.names:
        records[name] = fits[name]
    return sign(records)


def made_up(pixels):
    """Return signed records of PIXEL_DTYPE rows with made-up numbers."""
    records = np.zeros(len(pixels), RECORD_DTYPE)
    for name in IDS:
        records[name] = pixels[name]
    for i, name in enumerate(FIT_DTYPE.names):
        records[name] = 1000.0 * i + np.arange(len(records))
    return sign(records)


def changed(records, number, **values: object):
    """Return records with some fields of one changed, signed."""
    copy = records.copy()
    for name, value in values.items():
        copy[name][number] = value
    return sign(copy)


def do_batch(folder: ScanFolder, number: int, batch: int) -> None:
    """Fit one batch of a round."""
    here = folder.round(number)
    work = read_batch(here.batch(batch))
    write_results(here.result(batch), work, fitted(work.pixels))


def do_round(folder: ScanFolder, scan: Scan, number: int) -> int:
    """Open a round and fit all of it; return its number of fits."""
    batches = open_round(folder, scan, number)
    for batch in batches:
        do_batch(folder, number, batch.number)
    return sum(batch.n_pixels for batch in batches)


def do_scan(folder: ScanFolder, scan: Scan, rounds: int | None = None) -> int:
    """Run rounds until the scan converges or the limit is reached; return their number."""
    for number in range(scan.max_rounds if rounds is None else rounds):
        if not do_round(folder, scan, number):
            return number
    return scan.max_rounds if rounds is None else rounds


def records_of(folder: ScanFolder, number: int, batch: int):
    """Return the batch and the records of one result file."""
    here = folder.round(number)
    work = read_batch(here.batch(batch))
    return work, read_results(here.result(batch), work).records


def best_fits(folder: ScanFolder, rounds):
    """Return {(nside, pixel): the dummy's fit, a row of FIT_DTYPE} for the pixels of batches.

    It is computed from the batch files alone, as a reference for readers of result files.
    """
    best = {}
    for number in rounds:
        for path in sorted(folder.round(number).path.glob("batches/*.npz")):
            for row in read_batch(path).pixels:
                fit = np.array(dummy_fit(seed_of_variation(row)), FIT_DTYPE)
                ids = row.item()[:2]
                if ids not in best or fit["llh"] < best[ids]["llh"]:
                    best[ids] = fit
    return best


def seed_of_variation(row):
    """Return a PIXEL_DTYPE row whose seed is that of a variation of the dummy."""
    moved = row.copy()
    moved["x"] += VARIATION_STEP_M * moved["variation"]
    return moved


def pixel_rows(nside: int, pixels, n_variations: int = 1):
    """Return PIXEL_DTYPE rows with SEED as their seed."""
    rows = np.zeros((len(pixels), n_variations), PIXEL_DTYPE)
    rows["nside"], rows["variation"] = nside, np.arange(n_variations)
    rows["pixel"] = np.reshape(pixels, (-1, 1))
    for name in ("x", "y", "z", "time", "energy"):
        rows[name] = getattr(SEED, name)
    return rows.reshape(-1)


def parent(nside: int, coarser: int, pixel: int) -> int:
    """Return the pixel of ``coarser`` around one pixel of ``nside``."""
    return int(parents(nside, coarser, np.array([pixel]))[0])
