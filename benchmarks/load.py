"""`make load`: one round of very many jobs on a pool of its own, with faults while it runs.

    .venv/bin/python benchmarks/load.py [--jobs N] [--slots N] [--seconds S] [--faults F]

A job fits a few pixels with the dummy, which sleeps. While the round runs, as many jobs as the
fraction ``--faults`` says are vacated, softly or hard, or lose their supervisor, starter or
shadow to SIGKILL. At the end every pixel must have exactly one result, and the map must be
complete: otherwise the exit code is 1. Memory and CPU time are those of the pool's processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

sys.path[:0] = [
    str(Path(__file__).parents[1] / "tests" / it) for it in ("workflows", "skyscan")
]
import soak_faults as faults  # noqa: E402
from scans import RunningScan, is_over, make_scan  # noqa: E402

from condor.personal.daemons import FOLDER_VARIABLE  # noqa: E402
from condor.personal.processes import pool_processes  # noqa: E402
from condor.personal.settings import CPUS_VARIABLE  # noqa: E402
from condor.pool import pool_folder, start, stop  # noqa: E402
from skyscan.records import keys_of  # noqa: E402
from skyscan.results import read_results  # noqa: E402
from skyscan.rounds.collect import batches_of  # noqa: E402
from workflows.planned import read_planned  # noqa: E402
from workflows.reports.stored import read_report  # noqa: E402

RUNS = Path(__file__).parents[1] / ".runs"
FAULTS = (
    *(faults.vacate, faults.vacate_fast),
    *(faults.kill_supervisor, faults.kill_starter, faults.kill_shadow),
)
WATCHED = ("condor_schedd", "condor_shadow", "condor_dagman", "condor_starter", "condor_startd")
LOOK_EVERY, STATUS_EVERY = 2.0, 30.0  # seconds
MEMORY = 150  # MB that a job requests
TICKS = os.sysconf("SC_CLK_TCK")
#: Index of utime in /proc/PID/stat after the name; stime, cutime and cstime follow (proc(5)).
_UTIME = 11


@dataclass
class Load:
    """A round that runs, and what it has needed so far."""

    scan: RunningScan
    random: Random
    n_jobs: int
    share: float
    most_mb: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    most: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    cpu: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    caused: Counter[str] = field(default_factory=Counter)
    status: list[tuple[float, float]] = field(default_factory=list)
    ends: list[tuple[float, int]] = field(default_factory=list)

    def run(self, until: float) -> None:
        """Wait for the scan to end; cause faults, and measure."""
        looked = time.monotonic()
        while not is_over(self.scan.folder) and time.monotonic() < until:
            time.sleep(LOOK_EVERY)
            self.measure()
            done = self.n_ended()
            self.ends.append((time.monotonic(), done))
            due = self.share * min(self.n_jobs, done + self.n_jobs // 20)
            while done and done < self.n_jobs and self.caused.total() < due:
                if not self.disturb():
                    break
            if time.monotonic() - looked > STATUS_EVERY:
                looked = time.monotonic()
                self.status.append(spent_by_status(self.scan))

    def disturb(self) -> bool:
        """Cause a fault; return False if there is no job that it can hit."""
        fault = self.random.choice(FAULTS)
        if fault(self.scan, self.random) is None:
            return False
        self.caused[fault.__name__] += 1
        return True

    def n_ended(self) -> int:
        """Return how many jobs have ended for good."""
        log = self.scan.folder.workflow / "round_000.dag.nodes.log"
        return log.read_bytes().count(b"\n005 (") if log.exists() else 0

    def measure(self) -> None:
        """Keep the largest numbers of the pool's processes."""
        mb: dict[str, float] = defaultdict(float)
        n: Counter[str] = Counter()
        for process in pool_processes(pool_folder()):
            if process.name in WATCHED:
                mb[process.name] += proportional_mb(process.pid)
                n[process.name] += 1
            if process.name == "condor_schedd":
                self.cpu["condor_schedd"], self.cpu["its shadows and DAGMans"] = cpu_of(
                    process.pid
                )
        for name in n:
            self.most_mb[name] = max(self.most_mb[name], mb[name])
            self.most[name] = max(self.most[name], n[name])

    def rate(self) -> float:
        """Return the jobs per second in the middle of the round: from 10 % to 90 % of them."""
        middle = [it for it in self.ends if 0.1 * self.n_jobs <= it[1] <= 0.9 * self.n_jobs]
        if len(middle) < 2:  # noqa: PLR2004
            return float("nan")
        (began, first), (ended, last) = middle[0], middle[-1]
        return (last - first) / (ended - began)


def proportional_mb(pid: int) -> float:
    """Return the memory of a process, with its part of what it shares."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(it.split()[1]) / 1024 for it in lines if it.startswith("Pss:")), 0.0)


def cpu_of(pid: int) -> tuple[float, float]:
    """Return the CPU seconds of a process, and of its children that have ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, of_children, in_kernel = map(int, fields[_UTIME : _UTIME + 4])
    return (user + system) / TICKS, (of_children + in_kernel) / TICKS


def spent_by_status(scan: RunningScan) -> tuple[float, float]:
    """Return the seconds that `skyscan status` takes now, and its CPU seconds."""
    before, began = os.times(), time.monotonic()
    command = [sys.executable, "-m", "workflows", "status", "--json", str(scan.folder.path)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    after = os.times()
    cpu = after.children_user + after.children_system
    return time.monotonic() - began, cpu - before.children_user - before.children_system


def check(scan: RunningScan, n_pixels: int) -> list[str]:
    """Return what is wrong with the results: nothing may be lost or doubled."""
    planned = read_planned(scan.folder.scan_json)
    wrong, seen = [], Counter[int]()
    for batch, path in batches_of(scan.folder.round(0), planned.id):
        found = read_results(path, batch)
        wrong += found.complaints
        seen.update(keys_of(found.records).tolist())
    wrong += [f"{n_pixels - len(seen)} fits are lost"] if len(seen) != n_pixels else []
    wrong += [f"{len([it for it in seen.values() if it > 1])} fits are doubled"] * (
        max(seen.values(), default=0) > 1
    )
    report = read_report(scan.folder)
    if report is None or report.outcome != "complete":
        wrong.append("the scan is not complete")
    return wrong


def nside_for(jobs: int) -> int:
    """Return the nside of a sky with at least as many pixels as jobs."""
    return next(1 << i for i in range(14) if 12 * (1 << i) ** 2 >= jobs)


def main() -> int:
    """Run the benchmark of the command line."""
    parser = argparse.ArgumentParser(prog="make load")
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--slots", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0, help="a job's fits, together")
    parser.add_argument("--faults", type=float, default=0.05, help="jobs that have one")
    parser.add_argument("--minutes", type=float, default=120.0)
    asked = parser.parse_args()
    folder = RUNS / f"load-{time.strftime('%m%d-%H%M%S')}"
    folder.mkdir(parents=True)
    os.environ.pop("CONDOR_CONFIG", None)
    os.environ[FOLDER_VARIABLE] = str(folder / "pool")
    os.environ[CPUS_VARIABLE] = str(asked.slots)
    nside = nside_for(asked.jobs)
    n_pixels = 12 * nside**2
    cost = asked.seconds * asked.jobs / n_pixels
    os.environ["SKYSCAN_DUMMY_COST"] = f"{cost:.3f}"
    try:
        pool = start()
        scan = make_scan(
            *(pool, folder),
            reco="dummy",
            progression=((nside, 0),),
            jobs_per_round=asked.jobs,
            request_memory=MEMORY,
        )
        began = time.monotonic()
        load = Load(scan.submit(), Random(1), asked.jobs, asked.faults)  # noqa: S311
        load.run(began + 60 * asked.minutes)
        wall = time.monotonic() - began
        wrong = check(scan, n_pixels)
    finally:
        stop()
    print(
        f"{asked.jobs} jobs of {asked.seconds:g} s on {asked.slots} slots: {wall:.0f} s, ideal"
    )
    print(
        f"  {asked.jobs * asked.seconds / asked.slots:.0f} s; {load.rate():.2f} jobs a second"
    )
    print(f"  faults: {dict(load.caused)}; fits: {scan.fits().total()} of {n_pixels} pixels")
    for name, n in sorted(load.most.items()):
        print(f"  {name}: at most {n}, together {load.most_mb[name]:.0f} MB")
    for name, seconds in load.cpu.items():
        print(f"  {name}: {seconds:.1f} CPU-s")
    sizes = {it.name: it.stat().st_size for it in scan.folder.workflow.glob("round_000.dag.*")}
    print(f"  logs in kB: { {name: size // 1024 for name, size in sorted(sizes.items())} }")
    print(f"  skyscan status, s and CPU-s: {[f'{a:.1f} {b:.1f}' for a, b in load.status]}")
    print(f"  in {folder}: {'; '.join(wrong) or 'nothing lost, nothing doubled'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
