"""Time complete scans on a pool: the overhead of a scan, and how busy it keeps the cores.

    .venv/bin/python benchmarks/scan_times.py overhead|efficiency|track|uneven|wide [EVENT]

It needs a pool (`skyscan pool start`) and an otherwise idle machine, and gives the numbers in
README.md beside this file. `uneven` has slots of different speed, and needs four:
`SKYSCAN_POOL_CPUS=4 skyscan pool start`.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from condor.dagman import config_lines
from condor.logs.joblog import Kind, read_log
from condor.pool import start
from workflows.model.reading import read_model
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report
from workflows.submission import submit
from workflows.watch import is_over

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder

SHIPPED = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))


def main() -> None:
    """Run the benchmark that the command line names."""
    which, *rest = sys.argv[1:]
    event = Path(rest[0]) if rest else SHIPPED
    known = {
        "overhead": overhead,
        "efficiency": efficiency,
        "track": track,
        "uneven": uneven,
        "wide": wide,
    }
    known[which](event)


def overhead(event: Path) -> None:
    """Run three rounds of pixels that cost nothing."""
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
    fits = sum(progress.n_fits for progress in read_model(folder).rounds)
    ideal = fits * cost / cores
    print(
        f"{fits} fits of {cost} s on {cores} cores: ideal {ideal:.0f} s, "
        f"{ideal / wall:.1%} of the time computing"
    )


def track(event: Path) -> None:
    """Run a complete scan with the default reconstruction; print the CPU time of its steps.

    The steps run here one after another, as the jobs run them, start-ups included:
    HTCondor samples the CPU time of its jobs, and sees none of a short one.
    """
    folder = planned(event, Options(is_real_event=event != SHIPPED, jobs_per_round=2))
    scan_plan = read_planned(folder.scan_json)
    copy = folder.event / scan_plan.event_file
    step(
        "prep",
        "--event",
        copy,
        "--reco",
        scan_plan.reco,
        "--scan-id",
        scan_plan.id,
        "--startup",
        folder.startup,
    )
    number = 0
    while step("next-round", folder.path, number) == 0:
        here = folder.round(number)
        for batch in sorted(here.path.glob("batches/*.npz")):
            step(
                "reco",
                "--startup",
                folder.startup,
                "--batch",
                batch,
                "--result",
                here.result(int(batch.stem)),
                "--max-pixel-time",
                600,
            )
        number += 1
    step("merge", folder.path)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    for progress in read_model(folder).rounds:
        print(f"  {progress.line()}")
    print(f"CPU time of all steps, start-ups included: {used.ru_utime + used.ru_stime:.1f} s")


def uneven(event: Path) -> None:
    """One round of 192 pixels on four slots, one of which takes four times as long.

    Once in equal batches, once in ones that get smaller, as with ``--urgent``.
    """
    with tempfile.TemporaryDirectory() as place:
        python = Path(place) / "python"
        slow = "case $_CONDOR_SLOT in slot1_1) export SKYSCAN_DUMMY_COST=2 ;; esac"
        python.write_text(f'#!/bin/sh\n{slow}\nexec "{sys.executable}" "$@"\n')
        python.chmod(0o755)
        os.environ["SKYSCAN_DUMMY_COST"] = "0.5"
        for halvings in (0, 2):
            options = Options(
                is_real_event=False,
                reco="dummy",
                progression=((4, 0),),
                jobs_per_round=4,
                runtime=f"host:{python}",
                urgent=True,
                site_changes=(f"urgent_halvings={halvings}",),
            )
            print(f"{halvings} halvings")
            scan(event, options)


def wide(event: Path) -> None:
    """Run a round of 192 jobs of one pixel that costs nothing, and a DAG of 192 /bin/true."""
    os.environ["SKYSCAN_DUMMY_COST"] = "0"
    n_jobs = 192  # 12 · 4², the pixels of nside 4
    folder, _ = scan(
        event,
        Options(
            is_real_event=False, reco="dummy", progression=((4, 0),), jobs_per_round=n_jobs
        ),
    )
    ours = rate(folder.workflow / "round_000.dag.nodes.log")
    bare = rate(bare_dag(n_jobs))
    print(f"{n_jobs} jobs: {ours:.2f} a second, {bare:.2f} of /bin/true: {ours / bare:.2f}")


def bare_dag(n_jobs: int) -> Path:
    """Run a DAG of jobs that do nothing, with a scan's settings; return its job log."""
    place = Path(tempfile.mkdtemp(dir=Path.cwd(), prefix=".benchmark-"))
    job = {"executable": "/bin/true", "should_transfer_files": "YES", "keep_claim_idle": "20"}
    lines = [f"{name} = {value}" for name, value in job.items()]
    request = ["transfer_executable = False", "request_memory = 1000", "request_disk = 512000"]
    (place / "true.sub").write_text("\n".join([*lines, *request, "queue", ""]))
    (place / "dagman.config").write_text("\n".join([*config_lines({}), ""]))
    nodes = [f"JOB n{number} true.sub" for number in range(n_jobs)]
    dag = place / "bare.dag"
    dag.write_text("\n".join(["CONFIG dagman.config", *nodes, ""]))
    log = dag.with_name("bare.dag.nodes.log")
    start().run("condor_submit_dag", "-usedagdir", str(dag))
    while not log.exists() or log.read_bytes().count(b"\n005 (") < n_jobs:
        time.sleep(0.5)
    return log


def rate(log: Path) -> float:
    """Return the jobs per second of a job log, from the first start to the last end."""
    events = read_log(log)
    first = min(event.time for event in events if event.kind == Kind.EXECUTE)
    ends = [event.time for event in events if event.kind == Kind.TERMINATED]
    return len(ends) / (max(ends) - first)


def step(*words: object) -> int:
    """Run one step as a job does; return its exit code."""
    command = [sys.executable, "-m", "skyscan", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        command, stdout=subprocess.DEVNULL, env=environment, check=False
    ).returncode


def planned(event: Path, options: Options) -> ScanFolder:
    """Plan a scan into a new folder below the current one."""
    return plan(event, Path(tempfile.mkdtemp(dir=Path.cwd(), prefix=".benchmark-")), options)


def scan(event: Path, options: Options) -> tuple[ScanFolder, float]:
    """Plan, submit and wait; return the folder and the seconds from submission to end."""
    pool = start()
    pool.use()
    folder = planned(event, options)
    began = time.monotonic()
    submit(folder, pool)
    while not is_over(folder):
        time.sleep(0.5)
    wall = time.monotonic() - began
    report = read_report(folder)
    print(report.text if report else "no report", end="")
    for progress in read_model(folder).rounds:
        print(f"  {progress.line()}")
    print(f"wall time from submission to the end of the DAG: {wall:.1f} s")
    return folder, wall


if __name__ == "__main__":
    main()
