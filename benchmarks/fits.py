"""CPU time of the fits of `track` and `cascade`, without files or a pool.

    .venv/bin/python benchmarks/fits.py [--kernel numpy] [--repeats 3] [track] [cascade]

`track`: all fits of the scan of BRONZE with nsides 8, 64 and 512. `cascade`: 96 pixels of
nside 8 of HESE 127907/20178442 without a first guess, then one of nside 64 in each of them. The
events are those of `physics.py`. The digest is that of all fits: it tells whether a change left
them alone.
"""

from __future__ import annotations

import argparse
import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from physics import REPOSITORY, fitted, ready, scan
from physics_events import bronze, hese

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from physics import Prepared

#: Every eighth pixel of nside 8, and the number of the pixel of nside 64 in each (NESTED).
COARSE, INSIDE = np.arange(0, 768, 8), 21


def track(shared: Path, kernel: str, repeats: int) -> Iterator[str]:
    """Time a scan of BRONZE."""
    prepared = ready("track", next(bronze(shared)).event, kernel)
    found = [scan(prepared, "track") for _ in range(repeats)]
    cpu = min(it.cpu for it in found)
    fits = [rows for _, rows in found[0].fits.values()]
    yield f"{found[0].n_pixels} fits {cpu:.2f} CPU-s, {digest_of(fits)}"


def cascade(shared: Path, kernel: str, repeats: int) -> Iterator[str]:
    """Time fits of HESE 127907/20178442."""
    prepared = ready("cascade", next(hese(shared)).event, kernel)
    coarse, without = timed(prepared, 8, COARSE, None, repeats)
    fine, with_guess = timed(prepared, 64, COARSE * 64 + INSIDE, coarse, repeats)
    n = len(COARSE)
    yield f"{n} fits without a first guess {n / without:.0f} fits/s, {digest_of([coarse])}"
    yield f"{n} fits from a coarser pixel {n / with_guess:.0f} fits/s, {digest_of([fine])}"


def timed(
    prepared: Prepared,
    nside: int,
    pixels: NDArray[np.int64],
    coarser: NDArray[np.void] | None,
    repeats: int,
) -> tuple[NDArray[np.void], float]:
    """Return the fits of pixels, and the shortest CPU time of some repeats, s."""
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        fits = fitted(prepared, nside, pixels, coarser)
        seconds.append(time.process_time() - began)
    return fits, min(seconds)


def digest_of(fits: Sequence[NDArray[np.void]]) -> str:
    """Return the beginning of the SHA-256 of fits."""
    return hashlib.sha256(np.concatenate(fits).tobytes()).hexdigest()[:12]


def main() -> None:
    """Time what is asked for."""
    known = {it.__name__: it for it in (track, cascade)}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="track, cascade; default: both")
    parser.add_argument("--shared", type=Path, default=REPOSITORY.parent / "shared")
    parser.add_argument("--kernel", choices=["compiled", "numpy"], default="compiled")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    for name in options.names or known:
        for line in known[name](options.shared, options.kernel, options.repeats):
            print(f"{name}, {options.kernel}: {line}", flush=True)


if __name__ == "__main__":
    main()
