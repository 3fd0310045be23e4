"""Time the generation of a Pegasus workflow for 21,504 variations: no pool, no Pegasus.

    .venv/bin/python benchmarks/pegasus_plan.py [JOBS]

The workflow has 3,072 pixels (nside 16) with 7 seed variations each, in JOBS jobs (300 by
default). The numbers in README.md beside this file are CPU times, because these depend less on
the machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.recos.dummy import VARIATIONS_VARIABLE
from skyscan.rounds.next_round import open_round
from workflows.engines.pegasus.rounds import round_graph
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENT = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))


def main() -> None:
    """Plan a scan, choose its first round, write the workflow of that round."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    os.environ[VARIATIONS_VARIABLE] = "7"
    options = Options(
        is_real_event=False,
        reco="dummy",
        progression=((16, 0), (32, 12)),
        jobs_per_round=jobs,
        engine="pegasus",
    )
    with tempfile.TemporaryDirectory() as place:
        with timed("plan"):
            folder = plan(EVENT, Path(place), options)
        scan = read_planned(folder.scan_json)
        prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), folder.startup)
        pack(folder.path)
        with timed("choose the pixels, write the batches"):
            batches = open_round(folder, scan, 0)
        with timed("write the workflow"):
            round_graph(folder, scan, 0, batches, 0).write(folder.path / "round_000.yml")
        fits = sum(batch.n_pixels for batch in batches)
        size = (folder.path / "round_000.yml").stat().st_size
        print(f"{fits} fits in {len(batches)} jobs: round_000.yml has {size / 1e6:.1f} MB")


def pack(folder: Path) -> None:
    """Stand in for prep's archive, which a workflow only names."""
    (folder / "pegasus" / "startup.tar").write_bytes(b"")


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Print how long something took."""
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what}: {wall:.1f} s, {cpu:.1f} s of CPU", flush=True)


if __name__ == "__main__":
    main()
