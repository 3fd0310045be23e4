"""CPU time of functions whose cost must grow as their input does, without files or a pool.

    .venv/bin/python benchmarks/functions.py [NAME...]

The names are those of the functions below; without any, all are timed.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan.batches import split
from skyscan.coordinates import equatorial_to_local
from skyscan.events.event import LC_FLAG, PULSE_DTYPE, Vertex
from skyscan.records import FOUND_DTYPE, PIXEL_DTYPE
from skyscan.rounds.collect import Found, best_of
from skyscan.rounds.next_round import seed_pixels
from skyscan.rounds.rule import choose
from skyscan.startup import Startup
from skyscan.track.cleaning import clean_hits

if TYPE_CHECKING:
    from collections.abc import Callable

NSIDE = 512
N = 12 * NSIDE**2
MJD = 59000.0


def splits() -> None:
    """Deal the whole sky to 100,000 jobs."""
    pixels = np.zeros(N, PIXEL_DTYPE)
    seconds = timed(lambda: split(pixels, batch_size=None, jobs_per_round=100_000))
    print(f"split: {N:,} pixels to 100,000 jobs {seconds:.2f} CPU-s")


def seeds() -> None:
    """Give each pixel of the sky its seed: the event's own, and the fit of a coarser pixel."""
    startup = Startup("", "dummy", "1", MJD, Vertex(1.0, 2.0, 3.0, 4.0, 5.0), 1, None, {})
    chosen = {NSIDE: np.arange(N)}
    for what, fits in (("first round", 0), ("from a coarser fit", N // 4)):
        best = np.zeros(fits, FOUND_DTYPE)
        best["nside"], best["pixel"] = NSIDE // 2, np.arange(fits)
        found, progression = Found(best, best), ((NSIDE // 2, 0), (NSIDE, 0))
        seconds = timed(lambda f=found, p=progression: seed_pixels(chosen, f, startup, p))
        print(f"seed_pixels, {what}: {seconds / N * 1e6:.2f} CPU-us a pixel")


def choices() -> None:
    """Sort the results of the whole sky, and choose the next pixels."""
    records = np.zeros(N, FOUND_DTYPE)
    records["nside"] = NSIDE
    records["pixel"] = np.random.default_rng(1).permutation(N)
    records["llh"] = 1000.0 + records["pixel"]
    seconds = timed(lambda: best_of(records))
    print(f"best_of: {seconds / N * 1e6:.2f} CPU-us a pixel")
    llhs = best_of(records).llhs()
    seconds = timed(lambda: choose(llhs, ((NSIDE, 0), (2 * NSIDE, 1000))))
    print(f"choose: {seconds / N * 1e6:.2f} CPU-us a pixel, {N:,} pixels with steep ones")


def coordinates() -> None:
    """Convert the directions of one event, one pixel and 48 at once."""
    for n, times in ((1, 2000), (48, 2000)):
        ra, dec = np.linspace(0.0, 6.0, n), np.linspace(-1.5, 1.5, n)
        seconds = timed(lambda t=times, r=ra, d=dec: repeated(t, r, d)) / times
        print(f"equatorial_to_local: {n} pixels at once {seconds * 1e6:.0f} CPU-us")


def repeated(times: int, ra: Any, dec: Any) -> None:  # noqa: ANN401  (arrays)
    """Convert the same directions many times."""
    for _ in range(times):
        equatorial_to_local(ra, dec, MJD)


def cleaning() -> None:
    """Clean the pulses of a bright event of noise."""
    random = np.random.default_rng(1)
    for n in (3_800, 7_600, 15_000, 50_000):
        pulses = np.zeros(n, PULSE_DTYPE)
        pulses["string"], pulses["om"] = random.integers(1, 79, n), random.integers(1, 61, n)
        pulses["time"], pulses["charge"] = random.uniform(0, 6000, n), 1.0
        pulses["flags"] = np.where(random.random(n) < 0.2, LC_FLAG, 0)  # noqa: PLR2004
        seconds = timed(lambda p=pulses: clean_hits(p))
        print(f"clean_hits: {n:,} pulses {seconds:.3f} CPU-s")


def timed(run: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    began = time.process_time()
    run()
    return time.process_time() - began


if __name__ == "__main__":
    known = {it.__name__: it for it in (splits, seeds, choices, coordinates, cleaning)}
    for name in sys.argv[1:] or known:
        known[name]()
