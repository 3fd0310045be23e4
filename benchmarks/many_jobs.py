"""What it takes to open a round of very many jobs, without a pool.

    .venv/bin/python benchmarks/many_jobs.py [JOBS [NSIDE]]

The round is opened as its PRE script does it: pixels are chosen, batches, result files and the
DAG are written; then once more, as `skyscan resume` does it; then with the results of all jobs,
which are made up; then the next round is opened. Files and folders are counted.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.records import IDS, RECORD_DTYPE, sign
from skyscan.results import header
from skyscan.rounds.collect import batches_of
from workflows.engines import engine_of
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder

EVENT = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))


def main(jobs: int = 100_000, nside: int = 128) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        chosen = {"reco": "dummy", "progression": ((nside, 0),), "jobs_per_round": jobs}
        folder = plan(EVENT, Path(place), Options(is_real_event=False, **chosen))
        scan = read_planned(folder.scan_json)
        prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), folder.startup)
        for number, what in enumerate(("opened", "opened again", "all done", "the next round")):
            if what == "all done":
                make_results(folder, scan.id)
            began, used = time.monotonic(), time.process_time()
            engine_of(folder).next_round(folder, scan, number // 3, Path(place))
            wall, cpu = time.monotonic() - began, time.process_time() - used
            print(f"{jobs:,} jobs, {what}: {wall:.1f} s, {cpu:.1f} CPU-s", flush=True)
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        n = sum(len(there) + len(names) for _, there, names in os.walk(folder.round(0).path))
        dag = (folder.workflow / "round_000.dag").stat().st_size
        print(
            f"{memory:.0f} MB; {n / jobs:.2f} files and folders a job; DAG {dag / 1e6:.1f} MB"
        )


def make_results(folder: ScanFolder, scan_id: str) -> None:
    """Write the results of all jobs of the first round, each pixel with another llh."""
    for batch, path in batches_of(folder.round(0), scan_id):
        records = np.zeros(len(batch.pixels), RECORD_DTYPE)
        for name in IDS:
            records[name] = batch.pixels[name]
        records["llh"] = 1000.0 + batch.pixels["pixel"]
        path.write_bytes(header(batch) + sign(records).tobytes())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
