"""Run many small scans on a pool, submitted at once or as one campaign.

    .venv/bin/python benchmarks/many_scans.py at-once|campaign [SCANS] [MINUTES]

It needs a pool (`skyscan pool start`). Each scan is of the dummy, with one job of 12 pixels
that cost nothing. It prints how long submission and scans take, and the most memory that the
schedd and all DAGMans had. Scans that have not ended after MINUTES are counted, and removed.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from condor.personal.processes import pool_processes
from condor.pool import pool_folder, start
from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.layout import SCAN_JSON, ScanFolder
from workflows.options import Options
from workflows.plan import plan
from workflows.reports.stored import read_report
from workflows.submission import submit

if TYPE_CHECKING:
    from collections.abc import Sequence

SHIPPED = Path(__file__).parents[1] / "skyscan" / "data" / "simulated_track.json"
SKYSCAN = (sys.executable, "-m", "workflows.cli")
OPTIONS = Options(is_real_event=False, reco="dummy", progression=((1, 0),), jobs_per_round=1)
LOOK_EVERY = 2.0  # seconds
DEFAULTS = ("300", "15")


def main() -> None:
    """Run the benchmark of the command line."""
    kind = sys.argv[1]
    n_scans, minutes = map(int, (*sys.argv[2:], *DEFAULTS[len(sys.argv) - 2 :]))
    place = Path(tempfile.mkdtemp(dir=Path.cwd(), prefix=".benchmark-"))
    events = copies_of(SHIPPED, place / "events", n_scans)
    pool = start()
    pool.use()
    began = time.monotonic()
    if kind == "campaign":
        words = ("--simulated-event", "--reco-algo", "dummy", "--nsides", "1:0", "--no-watch")
        words += ("--jobs-per-round", "1", "--output-dir", str(place / "scans"))
        subprocess.run([*SKYSCAN, "campaign", *map(str, events), *words], check=True)
        folders = [ScanFolder(it.parent) for it in sorted((place / "scans").rglob(SCAN_JSON))]
    else:
        folders = [plan(event, place / "scans", OPTIONS) for event in events]
        print(f"planned in {time.monotonic() - began:.0f} s", flush=True)
        for folder in folders:
            submit(folder, pool)
    print(f"planned and submitted in {time.monotonic() - began:.0f} s", flush=True)
    wait(folders, began, began + 60 * minutes)
    print(f"they are in {shlex.quote(str(place))}")


def copies_of(path: Path, place: Path, number: int) -> list[Path]:
    """Write copies of an event with other ids."""
    place.mkdir()
    event = read_event(path)
    files = [place / f"{i:04d}.json" for i in range(number)]
    for i, file in enumerate(files, 1):
        write_event(file, replace(event, event_id=i))
    return files


def wait(folders: Sequence[ScanFolder], began: float, until: float) -> None:
    """Wait until all scans have a report; print what they and the pool needed."""
    most: dict[str, int] = {}
    reports = []
    while len(reports) < len(folders) and time.monotonic() < until:
        time.sleep(LOOK_EVERY)
        for name, size in memory().items():
            most[name] = max(size, most.get(name, 0))
        reports = [report for it in folders if (report := read_report(it)) is not None]
    outcomes = sorted({report.outcome for report in reports})
    ended = {it: sum(report.outcome == it for report in reports) for it in outcomes}
    left = len(folders) - len(reports)
    print(f"after {time.monotonic() - began:.0f} s: {ended}, {left} not ended")
    for name, size in sorted(most.items()):
        print(f"  {name}: at most {size} MB")
    for folder in folders:
        if read_report(folder) is None:
            subprocess.run([*SKYSCAN, "abort", str(folder.path)], check=False)


def memory() -> dict[str, int]:
    """Return the resident memory of the schedd, and of all DAGMans together, in MB."""
    sizes = {"condor_schedd": 0, "condor_dagman": 0}
    for process in pool_processes(pool_folder()):
        if process.name in sizes:
            pages = Path(f"/proc/{process.pid}/statm").read_text().split()[1]
            sizes[process.name] += int(pages) * 4096 // 2**20
    return sizes


if __name__ == "__main__":
    main()
