"""Measure the open track reconstructions on real alerts and on simulated events with truth.

    python benchmarks/physics.py [--recos NAME ...] [--events NAME ...] [--shared FOLDER]
        [--kernel numpy|compiled]

Every event is scanned in this process with nsides 8:0, 64:12 and 512:24, until nothing is left
to refine. The events and the official scans are not in the repository: FOLDER has them, by
default `../shared` beside it, and what it lacks is left out. `make physics` runs all of it.

BRONZE is compared with the official millipede scan, pixel by pixel; the five neutrinos of
IceCube's own simulation (graphnet-team/graphnet, tests/data/i3) with the truth; `track SEED` is
an event of `skyscan.track.simulation`.
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.stats import spearmanr

from skyscan import healpix, read_event
from skyscan.compiled.compiler import compiled_kernel
from skyscan.coordinates import equatorial_to_local, local_to_equatorial
from skyscan.events.frame import COUNT_BYTES, HEAD, parse_frame
from skyscan.events.objects import read_particle
from skyscan.layout import KERNEL_SO
from skyscan.pixels import directions, parents
from skyscan.progression import DEFAULT_PROGRESSION
from skyscan.records import FIT_DTYPE, PIXEL_DTYPE
from skyscan.recos import reco_class
from skyscan.rounds.rule import choose
from skyscan.track.simulation import simulate, truth_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from skyscan.events.event import Event
    from skyscan.recos import Reco

BRONZE = "run00136662-evt000035405932-BRONZE"
OFFICIAL = f"official/{BRONZE}-8_64_512.npz"
NUMU = "wBDT_wDNN_L345_IC86-2016_NuMu-021220-009993_first_5_frames.i3.gz"
N_SIMULATED = 5
SEEDS = ("x", "y", "z", "time")
IS_COMPILED = False  # set by --kernel
WILKS = (1.39, 4.61)  # 2 delta llh


class Found(NamedTuple):
    """A scan: {nside: (pixels, fits)}, CPU time in s, evaluations."""

    fits: dict[int, tuple[NDArray[np.int64], NDArray[np.void]]]
    cpu: float

    @property
    def n_pixels(self) -> int:
        return sum(len(pixels) for pixels, _ in self.fits.values())


def ready(name: str, event: Event) -> tuple[Reco, NDArray[np.void]]:
    """Return a reconstruction that is set up, and its seed as a row of PIXEL_DTYPE."""
    with tempfile.TemporaryDirectory() as folder:
        if IS_COMPILED and reco_class(name).has_kernel:
            Path(folder, KERNEL_SO).write_bytes(compiled_kernel())
        seed = reco_class(name)(event.format_version).prepare(event, Path(folder))
        reco = reco_class(name)(event.format_version)
        reco.setup(Path(folder))
    row = np.zeros(1, PIXEL_DTYPE)
    for field in SEEDS:
        row[field] = getattr(seed, field)
    return reco, row


def fitted(
    reco: Reco, event: Event, nside: int, pixels: NDArray[np.int64], seeds: NDArray[np.void]
) -> NDArray[np.void]:
    """Fit pixels from rows that have their seeds."""
    rows = np.zeros(len(pixels), PIXEL_DTYPE)
    rows["nside"], rows["pixel"] = nside, pixels
    for field in SEEDS:
        rows[field] = seeds[field]
    zenith, azimuth = equatorial_to_local(*directions(rows["nside"], rows["pixel"]), event.mjd)
    size = reco.chunk_size
    chunks = [slice(start, start + size) for start in range(0, len(rows), size)]
    fits = [reco.reconstruct(rows[here], zenith[here], azimuth[here]) for here in chunks]
    return np.concatenate(fits) if fits else np.empty(0, FIT_DTYPE)


def scan(name: str, event: Event) -> Found:
    """Scan the sky as the jobs of a scan do."""
    reco, seed = ready(name, event)
    fits: dict[int, tuple[NDArray[np.int64], NDArray[np.void]]] = {}
    began = time.process_time()
    while True:
        llhs = {nside: (pixels, rows["llh"]) for nside, (pixels, rows) in fits.items()}
        chosen = choose(llhs, DEFAULT_PROGRESSION)
        if not chosen:
            return Found(fits, time.process_time() - began)
        for nside, pixels in chosen.items():
            seeds = np.repeat(seed, len(pixels))
            coarser = max((other for other in fits if other < nside), default=None)
            if coarser is not None:
                index = np.searchsorted(fits[coarser][0], parents(nside, coarser, pixels))
                seeds = fits[coarser][1][index]
            new = fitted(reco, event, nside, pixels, seeds)
            if nside in fits:
                pixels = np.concatenate([fits[nside][0], pixels])  # noqa: PLW2901
                new = np.concatenate([fits[nside][1], new])
            order = np.argsort(pixels)
            fits[nside] = pixels[order], new[order]


def best(found: Found) -> tuple[NDArray[np.float64], float]:
    """Return the direction of the best pixel (a unit vector) and its llh."""
    options = []
    for nside, (pixels, fits) in found.fits.items():
        index = int(np.nanargmin(fits["llh"]))
        options.append((float(fits["llh"][index]), nside, int(pixels[index])))
    llh, nside, pixel = min(options)
    return vector(*directions(np.array([nside]), np.array([pixel]))[:, 0]), llh


def vector(ra: float, dec: float) -> NDArray[np.float64]:
    """Return a unit vector; radians."""
    return np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])


def degrees_between(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    return float(np.degrees(2 * np.arcsin(min(1.0, float(np.linalg.norm(a - b)) / 2))))


def report(name: str, label: str, event: Event, place: NDArray[np.float64]) -> Found:
    """Scan an event and print how far its best fit is from a direction."""
    found = scan(name, event)
    direction, llh = best(found)
    ra, dec = np.arctan2(place[1], place[0]), np.arcsin(place[2])
    nside, (pixels, fits) = max(found.fits.items())
    pixel = int(healpix.ang2pix(nside, np.pi / 2 - dec, ra % (2 * np.pi)))
    here = fits["llh"][pixels == pixel]
    apart = f"{2 * (float(here[0]) - llh):6.2f}" if len(here) else "  none"
    print(
        f"{label:14} {name:12} {found.n_pixels:6} pixels {found.cpu:6.1f} CPU-s, best fit"
        f" {degrees_between(direction, place):6.2f} deg away, 2 delta llh there {apart}",
        flush=True,
    )
    return found


def compare_with_official(name: str, event: Event, official: Path, found: Found) -> None:
    """Print the rank correlation with the official llh, seeded as in the scan.

    The official indices use an old convention: their declination is theta - pi/2.
    """
    reco, seed = ready(name, event)
    with np.load(official) as old:
        for nside in (64, 512):
            rows = old[f"nside-{nside}"]
            theta, phi = healpix.pix2ang(nside, rows["index"])
            pixels = np.asarray(healpix.ang2pix(nside, np.pi - theta, phi), np.int64)
            coarser = nside // 8
            outer = parents(nside, coarser, pixels)
            known, fits = found.fits[coarser]
            missing = np.setdiff1d(outer, known)
            if len(missing):
                seeds = np.repeat(seed, len(missing))
                fits = np.concatenate([fits, fitted(reco, event, coarser, missing, seeds)])
                known = np.concatenate([known, missing])
                order = np.argsort(known)
                known, fits = known[order], fits[order]
            seeds = fits[np.searchsorted(known, outer)]
            llh = fitted(reco, event, nside, pixels, seeds)["llh"]
            rank = spearmanr(llh, rows["llh"])[0]
            text = f"rank correlation with the official llh {rank:.3f} of {len(rows)} pixels"
            print(f"{'':14} {name:12} nside {nside}: {text}", flush=True)


def numu_events(path: Path) -> Iterator[tuple[Event, NDArray[np.float64], dict[str, float]]]:
    """Yield IceCube's simulated events, their true directions, and errors of IceCube's fits."""
    data = gzip.decompress(path.read_bytes())
    before: dict[str, bytes] = {}
    with tempfile.TemporaryDirectory() as folder:
        while data:
            length = frame_length(data)
            raw, data = data[:length], data[length:]
            stop = chr(raw[len(HEAD)])
            if stop != "P":
                before[stop] = raw
                continue
            file = Path(folder, "event.i3")
            file.write_bytes(b"".join(before[key] for key in "GCDQ" if key in before) + raw)
            event = read_event(file, "InIcePulses")
            objects = {**parse_frame(before["Q"]).objects, **parse_frame(raw).objects}
            truth = of_particle(objects["MCMostEnergeticTrack"].buffer, event)
            others = {
                key: degrees_between(of_particle(objects[key].buffer, event), truth)
                for key in ("SplineMPE", "MPEFit_HV")
                if key in objects
            }
            yield event, truth, others


def frame_length(data: bytes) -> int:
    """Return the length of the frame that begins here."""
    at = len(HEAD) + 1
    n_keys = int.from_bytes(data[at : at + COUNT_BYTES], "little")
    at += COUNT_BYTES
    for _ in range(3 * n_keys):
        at += 4 + int.from_bytes(data[at : at + 4], "little")
    return at + 4  # a checksum


def of_particle(buffer: bytes, event: Event) -> NDArray[np.float64]:
    particle = read_particle(buffer)
    ra, dec = local_to_equatorial(particle.zenith, particle.azimuth, event.mjd)
    return vector(float(ra), float(dec))


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recos", nargs="+", default=["track", "track_bulk"])
    parser.add_argument("--events", nargs="+", default=["bronze", "numu", "tracks"])
    parser.add_argument("--shared", type=Path, default=Path(__file__).parents[2] / "shared")
    parser.add_argument("--kernel", choices=["numpy", "compiled"], default="numpy")
    options = parser.parse_args()
    global IS_COMPILED  # noqa: PLW0603  (a program, not a library)
    IS_COMPILED = options.kernel == "compiled"
    official = options.shared / "events" / OFFICIAL
    for name in options.recos:
        if "bronze" in options.events and official.exists():
            event = read_event(options.shared / "events" / f"{BRONZE}.pkl")
            found = report(name, "BRONZE", event, vector(*np.radians([47.20, -3.28])))
            compare_with_official(name, event, official, found)
        numu = options.shared / "truth" / NUMU
        if "numu" in options.events and numu.exists():
            for number, (event, truth, others) in enumerate(numu_events(numu)):
                report(name, f"IceCube numu {number}", event, truth)
                print(f"{'':14} {', '.join(f'{k} {v:.2f} deg' for k, v in others.items())}")
        if "tracks" in options.events:
            for number in range(1, N_SIMULATED + 1):
                event = simulate(number)
                report(name, f"track {number}", event, vector(*(truth_of(event) or (0, 0))))


if __name__ == "__main__":
    main()
