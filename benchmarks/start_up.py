"""CPU time that a reco job and the script of a round cost besides their fits.

    .venv/bin/python benchmarks/start_up.py [ZIP]

They run from the zip of a scan's code, as in jobs and DAGMan's scripts: that of this code, or
ZIP, such as the ``workflow/skyscan.zip`` of a scan that another version planned. The fits are
those of the dummy, and cost nothing.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

from skyscan.events.source import Source
from skyscan.prep import prepare
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning.code import code_zip

EVENT = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))
TRIES = 5


def main() -> None:
    """Plan and prepare a scan, and time its steps."""
    code = Path(sys.argv[1]).read_bytes() if len(sys.argv) > 1 else code_zip()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as place:
        options = Options(is_real_event=False, reco="dummy", progression=((8, 0),))
        folder = plan(EVENT, Path(place), options)
        scan = read_planned(folder.scan_json)
        prepare(scan.id, scan.reco, Source(EVENT, is_real_event=False), folder.startup)
        folder.code.write_bytes(code)
        here = folder.round(0)
        spent("open a round", folder.code, "workflows", "next-round", folder.path, 0)
        job = ("--startup", folder.startup, "--batch", here.batch(0), "--max-pixel-time", 600)
        for _ in range(TRIES):
            result = Path(place) / "00000.rec"
            result.unlink(missing_ok=True)
            spent("a job of 1 batch", folder.code, "skyscan", "reco", *job, "--result", result)
        for _ in range(TRIES):
            spent("look at a round", folder.code, "workflows", "next-round", folder.path, 0)


def spent(what: str, code: Path, *words: object) -> None:
    """Run a step; print its CPU time, with that of its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    subprocess.run(
        [sys.executable, "-m", *map(str, words)],
        env={**os.environ, **one_core, "PYTHONPATH": str(code), "PYTHONDONTWRITEBYTECODE": "1"},
        cwd=code.parent,  # Python looks for modules in the current folder first
        stdout=subprocess.DEVNULL,
        check=True,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(f"{what}: {seconds:.2f} s CPU", flush=True)


if __name__ == "__main__":
    main()
