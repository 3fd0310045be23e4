"""Scan folders for the tests of the scan model, in any state, that no DAGMan ran."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
from job_log_support import submitted, write_log
from plans_support import EVENT, options

from skyscan.batches import read_batch
from skyscan.events.source import Source
from skyscan.layout import ScanFolder
from skyscan.prep import prepare
from skyscan.records import FIT_DTYPE, IDS, RECORD_DTYPE, sign
from skyscan.results import write_results
from skyscan.rounds.next_round import open_round
from workflows.plan import plan
from workflows.planned import read_planned

if TYPE_CHECKING:
    from pathlib import Path

STARTED_ON = (
    "001 ({:03d}.000.000) 2026-01-01 10:01:00 Job executing on host: <127.0.0.1:9618?alias=m>\n"
    "\tSlotName: slot1_1@{}\n\tCpus = 1"
)
DAGMAN_RUNS = (
    "000 (001.000.000) 2026-01-01 09:59:00 Job submitted from host: <127.0.0.1:9618>",
    "001 (001.000.000) 2026-01-01 09:59:01 Job executing on host: <127.0.0.1:9618>",
)
DAGMAN_ENDED = (
    "005 (001.000.000) 2026-01-01 10:30:00 Job terminated.\n"
    "\t(1) Normal termination (return value {})\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Remote Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Local Usage"
)


def opened_scan(place: Path, **changes: object) -> ScanFolder:
    """Return a planned scan whose first round has been chosen: three batches of four pixels."""
    made = plan(EVENT, place, options(jobs_per_round=3, progression=((1, 0),), **changes))
    scan = read_planned(made.scan_json)
    prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), made.startup)
    open_round(made, scan, 0)
    made.round(0).logs.mkdir(exist_ok=True)
    return made


def fit(folder: ScanFolder, *batches: int, n: int | None = None, reason: str = "") -> None:
    """Give batches of round 0 results (of the first ``n`` pixels); NaN with a reason."""
    for number in batches:
        batch = read_batch(folder.round(0).batch(number))
        records = np.zeros(len(batch.pixels), RECORD_DTYPE)
        for name in IDS:
            records[name] = batch.pixels[name]
        for name in FIT_DTYPE.names:
            records[name] = np.nan if reason else 100.0
        records["llh"] -= batch.pixels["pixel"]
        records["run_time"] = 2.0 + batch.pixels["pixel"]
        records["reason"] = [reason.format(it).encode() for it in batch.pixels["pixel"]]
        write_results(folder.round(0).result(number), batch, sign(records)[:n])


def logs(folder: ScanFolder, dag: str, *events: str) -> None:
    """Write the node log of a DAG."""
    write_log(folder.workflow / f"{dag}.nodes.log", *events)


def dagman(folder: ScanFolder, *events: str, place: Path | None = None) -> None:
    """Write what submission from a place and DAGMan's own log leave."""
    log = folder.workflow / "scan.dag.dagman.log"
    write_log(log, *(events or DAGMAN_RUNS))
    named = (place or folder.path) / log.relative_to(folder.path)
    (folder.workflow / "scan.dag.condor.sub").write_text(
        f"universe = scheduler\nlog = {named}\n"
    )


def ended_dagman(folder: ScanFolder, code: int) -> None:
    """Write the log of a DAGMan that has ended."""
    dagman(folder, *DAGMAN_RUNS, DAGMAN_ENDED.format(code))


def started(cluster: int, machine: str = "node1") -> str:
    """Return the event of a job that starts on a machine."""
    return STARTED_ON.format(cluster, machine)


def reco_jobs(n: int = 3) -> list[str]:
    """Return the submit events of the jobs of round 0, clusters from 10."""
    return [submitted(10 + it, f"reco_{it:05d}") for it in range(n)]


def write_output(folder: ScanFolder, name: str, text: str, age: float = 0.0) -> None:
    """Write an output file of a job of round 0."""
    path = folder.round(0).logs / name
    path.write_text(text)
    if age:
        then = path.stat().st_mtime - age
        os.utime(path, (then, then))


def copy_of(folder: ScanFolder, place: Path) -> ScanFolder:
    """Copy a scan folder."""
    shutil.copytree(folder.path, place / folder.path.name)
    return ScanFolder(place / folder.path.name)
