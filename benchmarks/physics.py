"""Measure the open reconstructions on real alerts and on simulated events with truth.

    python benchmarks/physics.py [--recos NAME ...] [--events NAME ...] [--most N]
        [--shared FOLDER] [--kernel auto|compiled|numpy] [--page]

Every event is scanned in this process until nothing is left to refine, with nsides 8:0, 64:12
and 512:24; for `cascade` with the first two. Each scan is a row of `physics.csv`, which is
written after every scan: other rows stay. Then the results in docs/physics.md are written
anew from the rows, together with the coverage of the samples in `coverage`; `--page` does only
that. `make physics` runs all of it.

The real events, the official scans and the events of others are not in the repository: FOLDER
has them, by default `../shared` beside it, and what it lacks is left out. The events:

- `bronze`: a track alert, with the official millipede scan, pixel by pixel;
- `hese`: a cascade, with the 12 official pixels of nside 1;
- `numu`: five neutrinos of IceCube's own simulation (graphnet-team/graphnet, data/tests/i3);
- `nue`: ten neutrinos of Prometheus (Harvard-Neutrino/prometheus, examples/output);
- `muons`, `showers`: those of `skyscan simulate`, with the seeds 1 to 5;
- `bulk`: tracks in bulk ice (`skyscan.track.simulation`), with the seeds 1 to 5.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from itertools import islice
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from physics_events import SETS, degrees_between, vector
from physics_table import Row, fill_page, read_rows, table_lines, with_row, write_rows
from scipy.stats import spearmanr

from skyscan import __version__
from skyscan.answer.context import Context
from skyscan.answer.levels import CONTAINMENTS
from skyscan.answer.maps import with_context
from skyscan.compiled.compiler import compiled_kernel
from skyscan.coordinates import equatorial_to_local
from skyscan.coverage.checking import coverage_lines
from skyscan.coverage.local_scan import progression_of
from skyscan.coverage.sample import rows_by_reco
from skyscan.errors import BadInput
from skyscan.layout import KERNEL_SO
from skyscan.light.ice_json import provenance
from skyscan.pixels import directions, parents
from skyscan.records import FIT_DTYPE, PIXEL_DTYPE, SEED_FIELDS
from skyscan.recos import reco_class
from skyscan.rounds.rule import choose
from skyscan.skymap import SKYMAP_DTYPE, SkyMap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from physics_events import Target

    from skyscan.answer.maps import SkyMap as ReadMap
    from skyscan.events.event import Event
    from skyscan.recos import Reco

REPOSITORY = Path(__file__).parents[1]
ROWS = REPOSITORY / "benchmarks" / "physics.csv"
SAMPLES = REPOSITORY / "benchmarks" / "coverage"
PAGE = REPOSITORY / "docs" / "physics.md"
#: The table of light of a reconstruction.
TABLES = {"track": "track", "cascade": "shower"}


class Prepared(NamedTuple):
    """A reconstruction that is set up for an event, and its seed as a row of PIXEL_DTYPE."""

    reco: Reco
    event: Event
    seed: NDArray[np.void]
    kernel: str


class Found(NamedTuple):
    """A scan: {nside: (pixels, fits)}, CPU time in s."""

    fits: dict[int, tuple[NDArray[np.int64], NDArray[np.void]]]
    cpu: float

    @property
    def n_pixels(self) -> int:
        return sum(len(pixels) for pixels, _ in self.fits.values())


def ready(name: str, event: Event, kernel: str) -> Prepared:
    """Set a reconstruction up as prep and a job do."""
    kind, used = reco_class(name), "numpy"
    with tempfile.TemporaryDirectory() as folder:
        if kernel != "numpy" and kind.has_kernel:
            try:
                Path(folder, KERNEL_SO).write_bytes(compiled_kernel())
                used = "compiled"
            except BadInput:
                if kernel == "compiled":
                    raise
        vertex = kind(event.format_version).prepare(event, Path(folder))
        reco = kind(event.format_version)
        reco.setup(Path(folder))
    seed = np.zeros(1, PIXEL_DTYPE)
    for field in SEED_FIELDS:
        seed[field] = getattr(vertex, field)
    return Prepared(reco, event, seed, used)


def fitted(
    ready: Prepared, nside: int, pixels: NDArray[np.int64], coarser: NDArray[np.void] | None
) -> NDArray[np.void]:
    """Fit pixels, from the fits of the coarser pixels around them if there are any."""
    rows = np.repeat(ready.seed, len(pixels))
    rows["nside"], rows["pixel"] = nside, pixels
    if coarser is not None:
        has_fit = np.isfinite(coarser["llh"])
        for field in SEED_FIELDS:
            rows[field][has_fit] = coarser[field][has_fit]
    ra, dec = directions(rows["nside"], rows["pixel"])
    zenith, azimuth = equatorial_to_local(ra, dec, ready.event.mjd)
    size = ready.reco.chunk_size
    chunks = [slice(start, start + size) for start in range(0, len(rows), size)]
    fits = [ready.reco.reconstruct(rows[it], zenith[it], azimuth[it]) for it in chunks]
    return np.concatenate(fits) if fits else np.empty(0, FIT_DTYPE)


def scan(ready: Prepared, name: str) -> Found:
    """Scan the sky as the jobs of a scan do."""
    fits: dict[int, tuple[NDArray[np.int64], NDArray[np.void]]] = {}
    began = time.process_time()
    while True:
        llhs = {nside: (pixels, rows["llh"]) for nside, (pixels, rows) in fits.items()}
        chosen = choose(llhs, progression_of(name))
        if not chosen:
            return Found(fits, time.process_time() - began)
        for nside, pixels in chosen.items():
            coarser = max((other for other in fits if other < nside), default=None)
            seeds = None
            if coarser is not None:
                index = np.searchsorted(fits[coarser][0], parents(nside, coarser, pixels))
                seeds = fits[coarser][1][index]
            new = fitted(ready, nside, pixels, seeds)
            if nside in fits:
                pixels = np.concatenate([fits[nside][0], pixels])  # noqa: PLW2901
                new = np.concatenate([fits[nside][1], new])
            order = np.argsort(pixels)
            fits[nside] = pixels[order], new[order]


def map_of(ready: Prepared, name: str, found: Found) -> ReadMap:
    """Return the map of a scan, which knows its regions."""
    event, columns = ready.event, {"X": "x", "Y": "y", "Z": "z", "T": "time"}
    pixels = {}
    for nside, (index, fits) in found.fits.items():
        rows = np.zeros(len(index), SKYMAP_DTYPE)
        rows["index"] = index
        for field in ("llh", "E_in", "E_tot", *columns):
            rows[field] = fits[columns.get(field, field)]
        pixels[nside] = rows
    numbers = (event.run_id, event.event_id, event.mjd, event.event_type)
    plain = SkyMap(*numbers, is_real_event=False, complete=True, pixels=pixels)
    likelihood = reco_class(name)(event.format_version).likelihood(event)
    return with_context(plain, Context(reco=name, likelihood=likelihood))


def measured(name: str, target: Target, kernel: str) -> Row:
    """Scan an event and compare the result; print it, too."""
    prepared = ready(name, target.event, kernel)
    found = scan(prepared, name)
    skymap = map_of(prepared, name, found)
    answer, likelihood = skymap.answer(), skymap.context.likelihood
    away = there = nan
    inside = -1
    if target.place is not None:
        away = degrees_between(vector(*np.radians(skymap.best_deg)), target.place)
        there = float(skymap.surface.at(target.place[np.newaxis])[0])
        inside = next((round(100 * p) for p in CONTAINMENTS if there <= answer.levels.at(p)), 0)
    rank, n_ranked = nan, 0
    if target.official is not None:
        rank, n_ranked = rank_correlation(prepared, target.official, found)
    light = provenance(None, [TABLES[name]]) if name in TABLES else {}
    row = Row(
        event=target.label,
        reco=name,
        reference=target.reference,
        distance_deg=away,
        two_delta_llh=there,
        inside=inside,
        levels=answer.levels.name,
        level_50=answer.levels.at(0.5),
        level_90=answer.levels.at(0.9),
        area_50_deg2=answer.region(0.5).area_deg2,
        area_90_deg2=answer.region(0.9).area_deg2,
        energy_gev=answer.best.energy_total_gev,
        reference_energy_gev=target.energy,
        rank=rank,
        n_ranked=n_ranked,
        n_fits=found.n_pixels,
        cpu_s=round(found.cpu, 2),
        kernel=prepared.kernel,
        version=__version__,
        ice=light.get("ice", ""),
        ice_sha256=light.get("ice_sha256", ""),
        tables_sha256=" ".join(light.get("tables_sha256", {}).values()),
        likelihood_sha256=likelihood.settings_sha256 if likelihood else "",
    )
    print(
        f"{row.event:22} {name:10} {row.n_fits:5} fits {row.cpu_s:6.1f} CPU-s, best fit"
        f" {away:6.2f} deg from {row.reference}, 2 delta llh there {there:6.2f}; rank"
        f" correlation {rank:.3f} {target.also}",
        flush=True,
    )
    return row


def rank_correlation(ready: Prepared, official: ReadMap, found: Found) -> tuple[float, int]:
    """Return the rank correlation with an official llh in its finest pixels, and their number.

    They are fitted as in the scan: from the fits of the coarser pixels around them.
    """
    nside = max(official.pixels)
    pixels = np.asarray(official.pixels[nside]["index"], np.int64)
    coarser = max((other for other in found.fits if other < nside), default=None)
    seeds = None
    if coarser is not None:
        outer = parents(nside, coarser, pixels)
        known, fits = found.fits[coarser]
        missing = np.setdiff1d(outer, known)
        fits = np.concatenate([fits, fitted(ready, coarser, missing, None)])
        known = np.concatenate([known, missing])
        order = np.argsort(known)
        seeds = fits[order][np.searchsorted(known[order], outer)]
    llh = fitted(ready, nside, pixels, seeds)["llh"]
    value = spearmanr(llh, official.pixels[nside]["llh"], nan_policy="omit")[0]
    return float(value), len(pixels)


def page_lines(rows: list[Row]) -> Iterator[str]:
    """Yield the results of the scans, and the coverage of the validation sample."""
    yield from ["### Scans", "", *table_lines(rows), "", "### Coverage of simulated events"]
    for reco, sample in rows_by_reco(SAMPLES, "validation").items():
        yield from coverage_lines(reco, "validation", sample)


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recos", nargs="+", choices=["track", "track_bulk", "cascade"])
    parser.add_argument("--events", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--most", type=int, help="of each kind of event")
    parser.add_argument("--shared", type=Path, default=REPOSITORY.parent / "shared")
    parser.add_argument("--kernel", choices=["auto", "compiled", "numpy"], default="auto")
    parser.add_argument("--page", action="store_true", help="only write the page anew")
    options = parser.parse_args()
    rows = read_rows(ROWS)
    for name in () if options.page else options.events:
        events, recos = SETS[name]
        for target in islice(events(options.shared), options.most):
            for reco in recos:
                if options.recos is None or reco in options.recos:
                    try:
                        row = measured(reco, target, options.kernel)
                    except BadInput as error:
                        print(f"{target.label}, {reco}: refused ({error})")
                        continue
                    rows = with_row(rows, row)
                    write_rows(ROWS, rows)
    fill_page(PAGE, page_lines(rows))


if __name__ == "__main__":
    main()
