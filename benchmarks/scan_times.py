"""Time whole scans on the pool: what the machinery costs, and how busy it keeps the cores.

    .venv/bin/python benchmarks/scan_times.py overhead|efficiency|track [EVENT]

Needs a pool (`skyscan pool start`) and a machine that does nothing else; the numbers
in README.md beside this file were made by it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from condor.dagman import log_events
from condor.pool import start
from workflows.plan import Options, plan
from workflows.progress import scan_progress
from workflows.report import read_report
from workflows.submission import submit
from workflows.watch import is_over

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder

SHIPPED = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))


def main() -> None:
    """Run the benchmark that the command line names."""
    which, *rest = sys.argv[1:]
    event = Path(rest[0]) if rest else SHIPPED
    {"overhead": overhead, "efficiency": efficiency, "track": track}[which](event)


def overhead(event: Path) -> None:
    """Three rounds of pixels that cost nothing."""
    os.environ["SKYSCAN_DUMMY_COST"] = "0"
    scan(event, Options(is_real_event=False, reco="dummy"))


def efficiency(event: Path) -> None:
    """About 1,536 pixels of 0.5 s: the share of the ideal time that is spent computing."""
    cost, cores = 0.5, 2
    os.environ["SKYSCAN_DUMMY_COST"] = str(cost)
    options = Options(
        is_real_event=False,
        reco="dummy",
        progression=((8, 0), (16, 192)),
        jobs_per_round=cores,
    )
    folder, wall = scan(event, options)
    fits = sum(progress.n_fits for progress in scan_progress(folder))
    ideal = fits * cost / cores
    print(
        f"{fits} fits of {cost} s on {cores} cores: ideal {ideal:.0f} s, "
        f"{ideal / wall:.1%} of the time computing"
    )


def track(event: Path) -> None:
    """A full scan with the default reconstruction: its CPU time."""
    options = Options(is_real_event=event != SHIPPED)
    folder, _ = scan(event, options)
    logs = folder.path.glob("*.nodes.log")
    print(f"CPU time of all its jobs, start-ups included: {sum(map(cpu_time, logs)):.1f} s")


def scan(event: Path, options: Options) -> tuple[ScanFolder, float]:
    """Plan, submit and wait; return the folder and the seconds from submission to end."""
    pool = start()
    os.environ.update(pool.environment())
    folder = plan(event, Path(tempfile.mkdtemp(dir=Path.cwd(), prefix=".benchmark-")), options)
    began = time.monotonic()
    submit(folder, pool)
    while not is_over(folder):
        time.sleep(0.5)
    wall = time.monotonic() - began
    report = read_report(folder)
    print(report.text if report else "no report", end="")
    for progress in scan_progress(folder):
        print(f"  {progress.line()}")
    print(f"wall time from submission to the end of the DAG: {wall:.1f} s")
    return folder, wall


def cpu_time(log: Path) -> float:
    """Return the user and system time of all jobs of a DAG that ended on a machine, seconds."""
    total = 0.0
    for event in log_events(log):
        if event.type.name == "JOB_TERMINATED" and event.cluster:
            for part in str(event.get("TotalRemoteUsage", "")).split(","):
                # "Usr 0 00:00:03": days, then h:m:s
                days, clock = part.split()[1:3] if len(part.split()) == 3 else ("0", "0:0:0")  # noqa: PLR2004
                hours, minutes, seconds = map(int, clock.split(":"))
                total += ((int(days) * 24 + hours) * 60 + minutes) * 60 + seconds
    return total


if __name__ == "__main__":
    main()
