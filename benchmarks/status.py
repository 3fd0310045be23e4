"""Time `skyscan status` of a scan of many jobs: a folder that is made up, and no pool.

    .venv/bin/python benchmarks/status.py [N_JOBS]

All jobs run and report their progress; then half of them have ended, with results. The reader
of HTCondor's bindings is timed on the same log.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from condor.logs.dagman import log_events
from condor.logs.joblog import read_log
from skyscan.batches import Batch
from skyscan.events.source import Source
from skyscan.prep import prepare
from skyscan.records import IDS, PIXEL_DTYPE, RECORD_DTYPE, sign
from skyscan.results import write_results
from skyscan.rounds.next_round import open_round
from skyscan.storage import read_json, write_json
from workflows.model.reading import ScanReader, read_model
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder

SHIPPED = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))
PIXELS = 12  # of each job
NOW = "2026-01-01 10:00:{:02d}"
SUBMIT = (
    "000 ({0:05d}.000.000) {1} Job submitted from host: <1.2.3.4:9618?alias=ap>\n"
    '    [ DAGNodeName = "{2}"; ]'
)
EXECUTE = (
    "001 ({0:05d}.000.000) {1} Job executing on host: <1.2.3.4:9618?alias=m>\n"
    "\tSlotName: slot1_{0}@node{2}.pool.edu\n\tCpus = 1\n\tDisk = 512000\n\tMemory = 1024"
)
END = (
    "005 ({0:05d}.000.000) {1} Job terminated.\n\t(1) Normal termination (return value 0)\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Remote Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Local Usage"
)


def main() -> None:
    """Make the folder and time its model."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as place:
        folder = running_scan(Path(place), n)
        log = folder.workflow / "round_000.dag.nodes.log"
        timed(f"{2 * n} events by the bindings", lambda: list(log_events(log)))
        timed(f"{2 * n} events by condor.logs.joblog", lambda: read_log(log))
        timed(f"the model of {n} running jobs", lambda: read_model(folder))
        reader = ScanReader(folder)
        reader.read()
        timed("the same again, by the same reader", reader.read)
        status(folder, n)
        end_half(folder, n)
        timed(f"the model with {n // 2} of {n} jobs done", lambda: read_model(folder))


def timed(what: str, run: object) -> None:
    """Print the CPU time of a call."""
    began = time.process_time()
    run()  # type: ignore[operator]
    print(f"{what}: {time.process_time() - began:.2f} s CPU", flush=True)


def status(folder: ScanFolder, n: int) -> None:
    """Print the CPU time of the whole command, with the start of Python and its imports."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "workflows", "status", "--json", str(folder.path)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"`skyscan status --json` of {n} running jobs: {seconds:.2f} s CPU", flush=True)


def running_scan(place: Path, n: int) -> ScanFolder:
    """Return a scan with ``n`` jobs that run."""
    asked = Options(is_real_event=False, reco="dummy", progression=((4, 0),), jobs_per_round=2)
    folder = plan(SHIPPED, place, asked)
    scan = read_planned(folder.scan_json)
    prepare(scan.id, scan.reco, Source(SHIPPED, is_real_event=False), folder.startup)
    open_round(folder, scan, 0)
    here = folder.round(0)
    description = read_json(here.description)
    entry = description["batches"][0]
    description["batches"] = [{**entry, "number": i, "pixels": PIXELS} for i in range(n)]
    write_json(here.description, description)
    here.logs.mkdir(exist_ok=True)
    for i in range(n):
        (here.logs / f"{i:05d}.0.0.out").write_text(f"pixels done: {i % PIXELS} of {PIXELS}\n")
    events = [SUBMIT.format(10 + i, NOW.format(0), f"reco_{i:05d}") for i in range(n)]
    events += [EXECUTE.format(10 + i, NOW.format(9), i % 500) for i in range(n)]
    write_log(folder, "round_000.dag.nodes.log", events)
    dagman = [SUBMIT.format(1, NOW.format(0), "x"), EXECUTE.format(1, NOW.format(1), 0)]
    write_log(folder, "scan.dag.dagman.log", dagman)
    return folder


def write_log(folder: ScanFolder, name: str, events: list[str], mode: str = "w") -> None:
    """Write or append events to a log."""
    with (folder.workflow / name).open(mode) as log:
        log.writelines(f"{event}\n...\n" for event in events)


def end_half(folder: ScanFolder, n: int) -> None:
    """End the first half of the jobs, with results."""
    scan = read_planned(folder.scan_json)
    write_log(
        folder,
        "round_000.dag.nodes.log",
        [END.format(10 + i, NOW.format(59)) for i in range(n // 2)],
        "a",
    )
    for i in range(n // 2):
        pixels = np.zeros(PIXELS, PIXEL_DTYPE)
        pixels["nside"], pixels["pixel"] = 64, np.arange(PIXELS) + PIXELS * i % 49_000
        records = np.zeros(PIXELS, RECORD_DTYPE)
        for name in IDS:
            records[name] = pixels[name]
        records["llh"], records["run_time"] = 500.0 + i, 1.0
        batch = Batch(scan.id, 0, i, pixels)
        path = folder.round(0).result(i)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_results(path, batch, sign(records))


if __name__ == "__main__":
    main()
