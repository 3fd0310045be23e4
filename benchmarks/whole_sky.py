"""Time the steps between jobs for a round of the whole sky, without a pool.

Usage: python benchmarks/whole_sky.py [NSIDE [BATCHES]]

A scan of one nside is planned in a temporary folder, its results are made up, and the steps of
the access point run over them: open the round, open the next one, merge. Each step runs in a
process of its own, whose CPU time and largest memory are printed.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SUPPORT = Path(__file__).parents[1] / "tests" / "skyscan"
WHO = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
STEPS = ("open", "fit", "gather", "next", "merge")


def step(name: str, place: Path, nside: int, batches: int) -> None:
    sys.path.insert(0, str(SUPPORT))
    from scans_support import a_scan, prepared

    from skyscan.layout import ScanFolder
    from skyscan.merge import merge
    from skyscan.records import FIT_DTYPE, IDS, RECORD_DTYPE, sign
    from skyscan.results import write_results
    from skyscan.rounds.collect import batches_of, gather
    from skyscan.rounds.next_round import open_round

    scan = a_scan(progression=((nside, 0),), jobs_per_round=batches)
    folder = ScanFolder(place / "scan")
    if not folder.path.exists():
        prepared(folder.path, scan)
    if name == "open":
        open_round(folder, scan, 0)
    elif name == "fit":
        random = np.random.default_rng(1)
        for batch, path in batches_of(folder.round(0), scan.id):
            records = np.zeros(len(batch.pixels), RECORD_DTYPE)
            for field in IDS:
                records[field] = batch.pixels[field]
            for field in FIT_DTYPE.names or ():  # all digits, as those of real fits have
                records[field] = random.normal(1000.0, 100.0, len(records))
            records["llh"] = 1000.0 + 1e-3 * batch.pixels["pixel"] + random.random()
            write_results(path, batch, sign(records))
    elif name == "gather":
        began = time.process_time()
        n = len(gather(folder, scan.id, [0]).records)
        seconds = time.process_time() - began
        print(f"{seconds / n * 1e6:.2f} CPU-us a pixel", file=sys.stderr)
    elif name == "next":
        open_round(folder, scan, 1)
    else:
        merge(folder, scan)


def main(nside: int = 512, batches: int = 1000) -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        print(f"{12 * nside**2:,} pixels in {batches} batches")
        for name in STEPS:
            began = time.monotonic()
            command = [sys.executable, __file__, name, place, str(nside), str(batches)]
            one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}  # as the scripts of a scan
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, env=one_thread
            )
            if done.returncode:
                sys.exit(done.stderr)
            used = json.loads(done.stdout)
            wall = time.monotonic() - began
            took = f"{used['cpu']:6.1f} CPU-s {wall:6.1f} s {used['rss']:6.0f} MB"
            print(f"{name:6} {took} {done.stderr.strip()}", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in STEPS:
        step(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
        usages = [resource.getrusage(it) for it in WHO]
        cpu = sum(usage.ru_utime + usage.ru_stime for usage in usages)
        used = {"cpu": cpu, "rss": max(usage.ru_maxrss for usage in usages) / 1024}
        print(json.dumps(used))
    else:
        main(*map(int, sys.argv[1:]))
