"""How often `auto` takes a simulated muon for a track, and a simulated shower for a shower.

    python benchmarks/auto.py 50                 the first 50 events of each kind
    python benchmarks/auto.py 50 --kinds shower  of one kind

Each event has a row in benchmarks/auto.csv; those that are there are not made again. The events
are those of `make coverage`, with seeds of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

from event_table import EventTable

os.environ.setdefault("OMP_NUM_THREADS", "1")
COLUMNS = ("kind", "seed", "energy_gev", "n_hits", "charge_pe", "chosen", "track_minus_cascade")
TABLE = EventTable(Path(__file__).with_suffix(".csv"), COLUMNS)
FIRST_SEEDS = {"muon": 80_000_000, "shower": 90_000_000}
RIGHT = {"muon": "track", "shower": "cascade"}


def main() -> None:
    """Classify the events that are not in the table, and print how many are right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("number", type=int, help="events of each kind")
    parser.add_argument("--kinds", nargs="+", choices=tuple(RIGHT), default=tuple(RIGHT))
    options = parser.parse_args()
    numbers = range(options.number)
    seeds = [(kind, FIRST_SEEDS[kind] + number) for number in numbers for kind in options.kinds]
    TABLE.add(seeds, row_of)
    for kind in RIGHT:
        print(summary(kind))


def row_of(kind: str, seed: int) -> dict[str, object]:
    """Simulate an event, and let `auto` choose."""
    from skyscan.compiled.compiler import compiled_kernel
    from skyscan.coverage.sample import simulated
    from skyscan.errors import BadInput
    from skyscan.layout import CHOICE_JSON, KERNEL_SO
    from skyscan.recos import reco_class
    from skyscan.track.cleaning import clean_hits

    event, _, energy = simulated(kind, seed)
    hits = clean_hits(event.pulses)
    row: dict[str, object] = {
        "kind": kind,
        "seed": seed,
        "energy_gev": energy,
        "n_hits": len(hits),
        "charge_pe": round(float(hits["charge"].sum()), 3),
        "chosen": "refused",
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / KERNEL_SO).write_bytes(compiled_kernel())
        try:
            reco_class("auto")(event.format_version).prepare(event, Path(folder))
        except BadInput:
            return row
        choice = json.loads((Path(folder) / CHOICE_JSON).read_text("utf-8"))
    sums = {name: sum(parts.values()) for name, parts in choice["llh"].items()}
    gain = round(sums["track"] - sums["cascade"], 3)
    return row | {"chosen": choice["chosen"], "track_minus_cascade": gain}


def summary(kind: str) -> str:
    """Return how many events of a kind are classified right, and the smallest difference."""
    found = [row for row in TABLE.rows() if row["kind"] == kind and row["chosen"] != "refused"]
    right = [row for row in found if row["chosen"] == RIGHT[kind]]
    margins = sorted(abs(float(row["track_minus_cascade"])) for row in right)
    wrong = [row["seed"] for row in found if row not in right]
    least = f", smallest difference {margins[0]:.1f}" if margins else ""
    return f"{kind}: {len(right)} of {len(found)} are {RIGHT[kind]}{least}; wrong: {wrong}"


if __name__ == "__main__":
    main()
