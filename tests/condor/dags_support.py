"""A DAG with the structure of a scan, made of shell commands."""

import os
import subprocess
import time
from pathlib import Path

from condor.pool import Pool

OUTER = """
JOB prep prep.sub
SUBDAG EXTERNAL round round.dag
SCRIPT PRE round write_round.sh
JOB merge local.sub
VARS merge what="merge"
PARENT prep CHILD round
PARENT round CHILD merge
FINAL report local.sub
VARS report what="report"
"""

WRITE_ROUND = """#!/bin/sh
echo ran >> pre.txt
for i in $(seq {jobs}); do echo JOB reco_$i reco.sub; echo "VARS reco_$i i=\\"$i\\""; done > new
mv new round.dag
"""

VANILLA = """
universe = vanilla
executable = /bin/sh
transfer_executable = false
should_transfer_files = YES
when_to_transfer_output = ON_EXIT
request_cpus = 1
request_memory = 64MB
request_disk = 1MB
"""

PREP = """
arguments = "-c 'cat input.txt > prep.txt; id -u >> prep.txt; pwd >> prep.txt'"
transfer_input_files = input.txt
transfer_output_files = prep.txt
output = prep.out
error = prep.err
log = outer.log
queue
"""

RECO = """
arguments = "-c 'sleep {seconds}; cat prep.txt > result_$(i).txt'"
transfer_input_files = prep.txt
transfer_output_files = result_$(i).txt
output = reco_$(i).out
error = reco_$(i).err
log = round.log
queue
"""

LOCAL = """
universe = local
executable = /bin/sh
arguments = "-c 'echo * > $(what).txt'"
output = $(what).out
error = $(what).err
log = outer.log
queue
"""


def write_nested_dag(folder: Path, *, jobs: int, seconds: float) -> None:
    files = {
        "outer.dag": OUTER,
        "write_round.sh": WRITE_ROUND.format(jobs=jobs),
        "prep.sub": VANILLA + PREP,
        "reco.sub": VANILLA + RECO.format(seconds=seconds),
        "local.sub": LOCAL,
        "input.txt": "pulses\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "write_round.sh").chmod(0o755)


def submit(pool: Pool, folder: Path) -> None:
    """Submit as a user does in a shell: with the tool and the pool's environment."""
    done = subprocess.run(
        ["condor_submit_dag", "-notification", "never", "outer.dag"],
        cwd=folder,
        env={**os.environ, **pool.environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def wait(pool: Pool, folder: Path, seconds: int) -> str:
    """Return the last event of the DAGMan job."""
    log = folder / "outer.dag.dagman.log"
    pool.run("condor_wait", "-wait", str(seconds), str(log), timeout=seconds + 30)
    return log.read_text().rsplit("\n005 ", 1)[-1]


def wait_until_runs(pool: Pool, seconds: float = 120) -> None:
    """Wait until a vanilla job of a round runs."""
    deadline = time.monotonic() + seconds
    running = ("-constraint", 'JobUniverse == 5 && JobStatus == 2 && Out != "prep.out"')
    while not pool.run("condor_q", *running, "-af", "ClusterId").stdout.strip():
        assert time.monotonic() < deadline, pool.run("condor_q", "-nobatch").stdout
        time.sleep(0.3)
