"""Make recordings of scans that have ended: what their logs and results say, scrubbed.

    .venv/bin/python tests/data/make_recorded_scans.py NAME=SCAN_FOLDER...

Writes a folder of recorded_scans/ for each: the logs of DAGMan and of the nodes, without
addresses, paths and usage, and in recording.json what else the remaining time follows from.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import numpy as np

from skyscan.layout import ScanFolder
from workflows.engines import engine_of
from workflows.model.reading import ScanReader
from workflows.model.results import records_of

PLACE = Path(__file__).parent / "recorded_scans"
KEPT = re.compile(r"^(?:\d{3} \(|\.\.\.|    DAG Node|    \[ DAGNodeName|\tSlotName|\t\(\d\) )")
ADDRESS = re.compile(r"<[^>\n]*>")
BATCH_NAME = re.compile(r'; JobBatchName = "[^"]*"')


def record(name: str, folder: ScanFolder) -> None:
    """Write the recording of a scan."""
    place = PLACE / name
    place.mkdir(parents=True, exist_ok=True)
    logs = sorted(folder.workflow.glob("*.nodes.log"))
    for log in (*logs, folder.workflow / "scan.dag.dagman.log"):
        lines = filter(KEPT.match, log.read_text(errors="replace").splitlines())
        text = "\n".join(lines) + "\n"
        text = BATCH_NAME.sub("", ADDRESS.sub("<127.0.0.1:9618?alias=localhost>", text))
        (place / log.name).write_text(text)
    reader = ScanReader(folder)
    scan = reader.scan
    chosen, engine = reader.chosen(), engine_of(folder)
    value = {
        "versions": scan.versions,
        "progression": scan.progression,
        "batch_size": scan.batch_size,
        "jobs_per_round": scan.jobs_per_round,
        "max_rounds": scan.max_rounds,
        "time_budget": scan.time_budget,
        "rounds": [
            {
                "opened": round(it.opened, 1),
                "depth": it.depth,
                "nsides": it.nsides,
                "batches": [[batch.n, seconds_of(batch.results)] for batch in it.batches],
            }
            for it in chosen
        ],
        "n_skips": [engine.n_skips(folder, scan, n) for n in range(len(chosen) + 1)],
    }
    (place / "recording.json").write_text(json.dumps(value) + "\n")


def seconds_of(results: object) -> list[float]:
    """Return the duration of each fit of a batch."""
    found = np.round(records_of([results])["run_time"], 3)  # type: ignore[list-item]
    return [float(it) for it in found]


if __name__ == "__main__":
    for word in sys.argv[1:]:
        name, _, path = word.partition("=")
        record(name, ScanFolder(Path(path)))
