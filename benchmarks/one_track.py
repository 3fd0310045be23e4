"""What the check `one track` says of simulated events: how often it is right, and how it fails.

    python benchmarks/one_track.py 100               the first 100 events of each kind
    python benchmarks/one_track.py 900 --kinds muon  of one kind

Each event has a row in benchmarks/one_track.csv; those that are there are not made again. They
are scanned by `track` near the true directions, those of two muons and of showers everywhere.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from math import pi
from pathlib import Path

from event_table import EventTable

os.environ.setdefault("OMP_NUM_THREADS", "1")
COLUMNS = (
    *("kind", "seed", "energy_gev", "n_hits", "distance_deg", "start", "stop", "excess"),
    "cpu_s",
)
TABLE = EventTable(Path(__file__).with_suffix(".csv"), COLUMNS)
#: The first seed, and the energies (GeV): evenly in the logarithm.
KINDS = {
    "muon": (110_000_000, (1e3, 1e5)),
    "starting": (120_000_000, (1e3, 1e5)),
    "stopping": (130_000_000, (200.0, 800.0)),
    "coincident": (140_000_000, (1e3, 3e4)),
    "shower": (150_000_000, (1e3, 3e4)),
}
#: Their lowest pixel may be anywhere.
WHOLE_SKY = ("coincident", "shower")
FEWEST_HITS = 6


def main() -> None:
    """Look at the events that are not in the table, and print what the check says of all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, help="events of each kind")
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=tuple(KINDS))
    options = parser.parse_args()
    numbers = range(options.number)
    seeds = [(kind, KINDS[kind][0] + number) for number in numbers for kind in options.kinds]
    TABLE.add(seeds, row_of)
    for kind in KINDS:
        print(summary(kind))


def row_of(kind: str, seed: int) -> dict[str, object]:
    """Simulate an event, scan it, and look for what speaks against one track."""
    import numpy as np

    from skyscan.alternatives.ends import ends_of
    from skyscan.alternatives.fitted import FittedEvent
    from skyscan.alternatives.second import second_of
    from skyscan.answer.maps import SkyMap
    from skyscan.answer.one_track import tracks_of
    from skyscan.answer.sky.directions import separation, unit_vectors
    from skyscan.light.ice_model import shipped_ice
    from skyscan.track.cleaning import clean_hits

    event, truth = simulated(kind, seed)
    hits = clean_hits(event.pulses)
    row: dict[str, object] = {
        "kind": kind,
        "seed": seed,
        "energy_gev": round(truth["energy_gev"], 1),
        "n_hits": len(hits),
    }
    if len(hits) < FEWEST_HITS:
        return row
    skymap = SkyMap(
        run_id=event.run_id,
        event_id=event.event_id,
        mjd=event.mjd,
        event_type=event.event_type,
        is_real_event=False,
        complete=True,
        pixels=scanned(event, truth, is_whole=kind in WHOLE_SKY),
    )
    there = unit_vectors(*np.degrees([truth["ra_rad"], truth["dec_rad"]]))
    began = time.process_time()
    fitted = FittedEvent(hits, event.pulses, shipped_ice())
    tracks, llh = tracks_of(skymap)
    start, stop = ends_of(fitted, tracks, llh)
    second = second_of(fitted, tracks[0])
    return row | {
        "distance_deg": round(float(separation(unit_vectors(*skymap.best_deg), there)), 3),
        "start": round(start.gain, 2),
        "stop": round(stop.gain, 2),
        "excess": 0.0 if second is None else round(second.excess, 1),
        "cpu_s": round(time.process_time() - began, 3),
    }


def scanned(event, truth, *, is_whole):  # noqa: ANN001, ANN201
    """Return the pixels of a map of `track`, as far as it is needed to find the lowest."""
    import numpy as np

    from skyscan import healpix
    from skyscan.coordinates import local_to_equatorial
    from skyscan.coverage.local_scan import TRACK_STEPS, Fits, samples_of, walked
    from skyscan.progression import DEFAULT_PROGRESSION

    fits = Fits("track", event, DEFAULT_PROGRESSION)
    (nside, steps), truths = TRACK_STEPS[0], [(truth["ra_rad"], truth["dec_rad"])]
    if second := truth.get("second"):
        truths.append(local_to_equatorial(second["zenith"], second["azimuth"], event.mjd))
    starts = [healpix.ang2pix(nside, pi / 2 - float(dec), float(ra)) for ra, dec in truths]
    starts = np.array(starts, np.int64)
    if is_whole:
        steps = (4, 8, 16, *steps)
        starts = np.append(starts, samples_of(nside, 4, np.arange(192)))
    for step in steps:
        starts = walked(fits, nside, step, starts, 3)
    return fits.rows()


def simulated(kind: str, seed: int):  # noqa: ANN201
    """Return an event and its truth."""
    from skyscan.events.truth import TRUTH_INFO_KEY
    from skyscan.light.ice_model import shipped_ice
    from skyscan.simulation.events import Wanted, simulate_event

    event = simulate_event(Wanted(kind, KINDS[kind][1], oversize=20.0), shipped_ice(), seed)
    return event, json.loads(str(event.scalars[TRUTH_INFO_KEY]))


def stops(kind: str, seed: int) -> bool:
    """Return whether a muon that was to pass the detector loses all its energy in it."""
    return bool(simulated(kind, seed)[1].get("stops", False))


def summary(kind: str) -> str:
    """Return what the check says of the events of a kind."""
    from statistics import median

    from skyscan.answer.one_track import LEAST_END_GAIN, LEAST_EXCESS

    found = [row for row in TABLE.rows() if row["kind"] == kind and row["start"]]
    limits = {"start": LEAST_END_GAIN, "stop": LEAST_END_GAIN, "excess": LEAST_EXCESS}
    told = {
        name: {row["seed"] for row in found if float(row[name]) >= limit}
        for name, limit in limits.items()
    }
    any_of = set().union(*told.values())
    away = [
        [float(row["distance_deg"]) for row in found if (row["seed"] in any_of) == is_told]
        for is_told in (True, False)
    ]
    stopped = sum(stops(kind, int(seed)) for seed in any_of) if kind == "muon" else 0
    really = f"; {stopped} of these muons do stop" if stopped else ""
    degrees = ", ".join(f"{median(it):.2f}" if it else "-" for it in away)
    numbers = ", ".join(f"{name} {len(seeds)}" for name, seeds in told.items())
    return (
        f"{kind}: {len(found)} events, {len(any_of)} warnings ({numbers}{really}); median "
        f"distance of those with and without {degrees} deg; largest CPU "
        f"{max((float(row['cpu_s']) for row in found), default=0):.2f} s"
    )


if __name__ == "__main__":
    main()
