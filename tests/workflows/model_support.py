"""Scan folders for the tests of the scan model, in any state, that no DAGMan ran."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from job_log_support import HELD, REMOVED, ended, killed, submitted, write_log
from plans_support import EVENT, options

from condor.policy import NEVER_RAN
from skyscan.batches import read_batch
from skyscan.events.source import Source
from skyscan.job.progress import progress_line
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


def requeued(cluster: int, code: int) -> str:
    """Return the event of a job whose program failed, and which HTCondor starts again."""
    return (
        f"004 ({cluster:03d}.000.000) 2026-01-01 10:04:00 Job was evicted.\n"
        "\t(0) Job terminated and was requeued\n"
        "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage\n"
        "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
        "\t106  -  Run Bytes Sent By Job\n"
        "\t2153887  -  Run Bytes Received By Job\n"
        f"\t(1) Normal termination (return value {code})"
    )


def copy_of(folder: ScanFolder, place: Path) -> ScanFolder:
    """Copy a scan folder."""
    shutil.copytree(folder.path, place / folder.path.name)
    return ScanFolder(place / folder.path.name)


def running(folder: ScanFolder) -> None:
    """Have one job done, one running that says so, and one held."""
    dagman(folder)
    events = [*reco_jobs(), started(10), started(11, "node2"), ended(10, 0)]
    logs(folder, "round_000.dag", *events, HELD.format(12))
    fit(folder, 0)
    write_output(folder, "00001.0.0.out", progress_line(3, 4) + "\n")


def held(cluster: int, reason: str, code: int, subcode: int = 0) -> tuple[str, ...]:
    """Return the events of a job that was held and then removed by its policy."""
    job = f"({cluster:03d}.000.000) 2026-01-01"
    hold = f"012 {job} 10:05:00 Job was held.\n\t{reason}\n\tCode {code} Subcode {subcode}"
    policy = "The job attribute PeriodicRemove expression evaluated to TRUE"
    return hold, f"009 {job} 10:35:00 Job was aborted.\n\t{policy}"


TRACEBACK = 'Traceback (most recent call last):\n  File "<frozen runpy>", line 112\n'
MEMORY = (
    "\n\tPartitionable Resources :    Usage  Request Allocated"
    "\n\t   Memory (MB)          :      990     1000      1024"
)
BUG = "skyscan: error: this is a bug in skyscan; please report the lines above. (exit 70)\n"
NO_PYTHON = "skyscan: error: there is no python3 on node1; another machine may do (exit 75)\n"
OLD_SYSTEM = "python3: /lib/libc.so.6: version `GLIBC_2.36' not found (required by python3)\n"
NO_SET_UP = (
    "skyscan: error: The reconstruction cannot be set up: the process {}; see stderr above. "
    "(exit 75)\n"
)
DAMAGED = "00001.npz is damaged. Run `skyscan resume` to write it again. (exit 75)"


@dataclass
class Fault:
    """What a failed job left: events after its start, stderr; and what is to be said of it."""

    cause: str
    code: int
    text: str
    end: tuple[str, ...] = (ended(11, 1),)
    stderr: str = ""
    machines: tuple[str, ...] = ("node1",)


FAULTS = {
    "a module is missing": Fault(
        "missing-module",
        65,
        "No module named 'numpy'",
        stderr=f"{TRACEBACK}ModuleNotFoundError: No module named 'numpy'\n",
    ),
    "the job's Python has no numpy": Fault(
        "missing-module",
        65,
        "has no numpy",
        end=(ended(11, 65),),
        stderr="skyscan: error: The Python of the job (/usr/bin/python3, 3.11.2) has no numpy, "
        "scipy. Steps need Python 3.10 with numpy 1.23. (exit 65)\n",
    ),
    "a library of the runtime does not load": Fault(
        "library",
        65,
        "libhealpix.so.3",
        stderr=f"{TRACEBACK}ImportError: libhealpix.so.3: cannot open shared object file\n",
    ),
    "a library that a module opens is missing": Fault(
        "library",
        65,
        "libgsl.so.25",
        stderr=f"{TRACEBACK}OSError: libgsl.so.25: cannot open shared object file: No such "
        "file or directory\n",
    ),
    "a library of a step itself does not load": Fault(
        "library",
        65,
        "libpocketfft.so",
        end=(ended(11, 75),),
        stderr="skyscan: error: The Python of the job (/usr/bin/python3, 3.11.2) cannot load a "
        "module on this machine: libpocketfft.so: undefined symbol: fft (exit 75)\n",
    ),
    "a library of Python is missing": Fault(
        "library",
        65,
        "libpython3.11.so.1.0",
        end=(ended(11, 75),),
        stderr="/x/python3: error while loading shared libraries: libpython3.11.so.1.0: cannot "
        "open shared object file: No such file or directory\nskyscan: error: /x/python3 cannot "
        "be executed on node1; another machine may do (exit 75)\n",
    ),
    "a library cannot be read for now": Fault(
        "machine",
        75,
        "Input/output error",
        stderr=f"{TRACEBACK}ImportError: /cvmfs/icetray.so: cannot read file data: "
        "Input/output error\n",
    ),
    "no memory for a library": Fault(
        "memory",
        75,
        "failed to map segment",
        stderr=f"{TRACEBACK}ImportError: libopenblas.so: failed to map segment from shared "
        "object\n",
    ),
    "a module that a step names itself": Fault(
        "missing-module",
        65,
        "No module named 'healpy'",
        end=(ended(11, 70),),
        stderr=f"{TRACEBACK}ModuleNotFoundError: No module named 'healpy'\n{BUG}",
    ),
    "versions of modules do not fit": Fault(
        "other-module",
        65,
        "numpy.dtype size changed",
        stderr=f"{TRACEBACK}ValueError: numpy.dtype size changed, may indicate binary "
        "incompatibility.\n",
    ),
    "numpy is too new": Fault(
        "other-module",
        65,
        "was removed in the NumPy 2.0",
        stderr=f"{TRACEBACK}AttributeError: `np.float_` was removed in the NumPy 2.0 release. "
        "Use `np.float64` instead.\n",
    ),
    "numpy is too old": Fault(
        "other-module",
        65,
        "numpy 1.19.5",
        end=(ended(11, 65),),
        stderr="skyscan: error: The Python of the job (/usr/bin/python3, 3.11.2) has numpy "
        "1.19.5, which is too old. (exit 65)\n",
    ),
    "Python is known to be too old": Fault(
        "old-python",
        65,
        "Python 3.9.2",
        end=(ended(11, 65),),
        stderr="skyscan: error: python3 is Python 3.9.2 on node1, but jobs need Python 3.10 or "
        "newer: choose another --runtime (exit 65)\n",
    ),
    "Python is too old": Fault(
        "old-python",
        65,
        "SyntaxError: invalid syntax",
        stderr='  File "skyscan/__init__.py", line 3\nSyntaxError: invalid syntax\n',
    ),
    "killed by the kernel": Fault("killed", 75, "killed by signal 9", end=(killed(11),)),
    "killed below a shell": Fault("killed", 75, "exit code 137", end=(ended(11, 137),)),
    "killed for its memory": Fault(
        "memory", 75, "killed by signal 9", end=(f"{killed(11)}{MEMORY}",)
    ),
    "ended by a signal from outside": Fault(
        "stopped", 75, "signal 15", end=(killed(11).replace("signal 9", "signal 15"),)
    ),
    "interrupted": Fault(
        "stopped", 75, "KeyboardInterrupt", stderr=f"{TRACEBACK}KeyboardInterrupt\n"
    ),
    "over its memory, held": Fault(
        "memory",
        75,
        "memory usage exceeded request_memory",
        end=held(11, "Error from slot1_1: memory usage exceeded request_memory", 34),
    ),
    "C++ gets no memory": Fault(
        "memory",
        75,
        "std::bad_alloc",
        end=(killed(11).replace("signal 9", "signal 6"),),
        stderr="terminate called after throwing an instance of 'std::bad_alloc'\n",
    ),
    "a pool's policy of memory": Fault(
        "memory", 75, "memory usage", end=held(11, "policy: memory usage above request", 26)
    ),
    "OpenBLAS gets no memory": Fault(
        "memory",
        75,
        "giving up",
        stderr="OpenBLAS error: Memory allocation still failed after 10 retries, giving up.\n",
    ),
    "killed by Slurm for its memory": Fault(
        "memory",
        75,
        "oom_kill",
        end=(killed(11),),
        stderr="slurmstepd: error: Detected 1 oom_kill event in StepId=1.batch.\n",
    ),
    "exec fails": Fault(
        "exec",
        65,
        "Exec format error",
        end=held(11, "Error from slot1_1: Failed to execute 'job.sh': Exec format error", 6, 8),
    ),
    "a shell does not find the program": Fault(
        "exec",
        65,
        "python3: not found",
        end=(ended(11, 127),),
        stderr="sh: python3: not found\n",
    ),
    "the image has no Python": Fault(
        "no-python",
        65,
        "there is no python3 on node1",
        end=(ended(11, 75),),
        stderr=NO_PYTHON,
    ),
    "the machine has no such interpreter": Fault(
        "no-python",
        65,
        "there is no /opt/env/py3 on node1",
        end=(ended(11, 75),),
        stderr=NO_PYTHON.replace("python3", "/opt/env/py3"),
    ),
    "Python has an unknown instruction": Fault(
        "instruction",
        65,
        "killed by signal 4",
        end=(ended(11, 75),),
        stderr="skyscan: error: python3 was killed by signal 4 on node1; another machine may "
        "do (exit 75)\n",
    ),
    "Python cannot be executed": Fault(
        "exec",
        65,
        "Exec format error",
        end=(ended(11, 75),),
        stderr="job.sh: 94: /x/python3: Exec format error\nskyscan: error: /x/python3 cannot "
        "be executed on node1; another machine may do (exit 75)\n",
    ),
    "Python does not find itself": Fault(
        "no-python",
        65,
        "No module named 'encodings'",
        stderr="Fatal Python error: init_fs_encoding: failed to get the Python codec\n"
        "ModuleNotFoundError: No module named 'encodings'\n",
    ),
    "Apptainer does not open the image": Fault(
        "image",
        65,
        "could not open image",
        end=(ended(11, 255),),
        stderr="FATAL:   could not open image /images/a.sif: image format not recognized\n",
    ),
    "the image does not start": Fault("image", 65, "never ran", end=held(11, NEVER_RAN, 3)),
    "the system is too old": Fault(
        "old-system",
        65,
        "GLIBC_2.36",
        stderr=OLD_SYSTEM,
    ),
    "the kernel is too old": Fault(
        "old-system",
        65,
        "kernel too old",
        end=(killed(11).replace("signal 9", "signal 6"),),
        stderr="FATAL: kernel too old\n",
    ),
    "an instruction is unknown on every machine": Fault(
        "instruction",
        65,
        "signal 4",
        end=(killed(11).replace("signal 9", "signal 4"),),
        machines=("node1", "node2"),
    ),
    "numpy is built for another processor": Fault(
        "instruction",
        65,
        "baseline optimizations",
        stderr=f"{TRACEBACK}RuntimeError: NumPy was built with baseline optimizations: \n"
        "(X86_V2) but your machine doesn't support:\n(X86_V2).\n",
    ),
    "the machine has no processes left": Fault(
        "machine",
        75,
        "Resource temporarily unavailable",
        stderr="OpenBLAS blas_thread_init: pthread_create failed for thread 3 of 64: Resource "
        f"temporarily unavailable\n{TRACEBACK}KeyboardInterrupt\n",
    ),
    "a file system does not answer": Fault(
        "machine",
        75,
        "Input/output error",
        stderr=f"{TRACEBACK}OSError: [Errno 5] Input/output error: '/cvmfs/tables.fits'\n",
    ),
    "the program is being written": Fault(
        "machine",
        75,
        "Text file busy",
        end=held(11, "Error from slot1_1: Failed to execute 'job.sh': Text file busy", 6, 26),
    ),
    "a server is too busy": Fault(
        "machine",
        75,
        "HTTP Error 503",
        stderr=f"{TRACEBACK}urllib.error.HTTPError: HTTP Error 503: Service Unavailable\n",
    ),
    "a server does not answer": Fault(
        "machine", 75, "timed out", stderr=f"{TRACEBACK}TimeoutError: timed out\n"
    ),
    "a registry limits pulls": Fault(
        "machine", 75, "toomanyrequests", end=held(11, "FATAL: toomanyrequests: pulls", 35)
    ),
    "a file is too large for a limit": Fault(
        "limit-of-machine",
        65,
        "File too large",
        stderr=f"{TRACEBACK}OSError: [Errno 27] File too large\n",
    ),
    "Apptainer may not read a file": Fault(
        "no-access",
        65,
        "permission denied",
        end=(ended(11, 255),),
        stderr="FATAL:   while opening image: open /images/a.sif: permission denied\n",
    ),
    "a file may not be read": Fault(
        "no-access",
        65,
        "Permission denied",
        stderr=f"{TRACEBACK}PermissionError: [Errno 13] Permission denied: '/data/a.fits'\n",
    ),
    "a file of the runtime is missing": Fault(
        "no-file",
        65,
        "/cvmfs/tables.fits",
        stderr=f"{TRACEBACK}FileNotFoundError: [Errno 2] No such file or directory: "
        "'/cvmfs/tables.fits'\n",
    ),
    "a file of the runtime is missing, a step says": Fault(
        "no-file",
        65,
        "/cvmfs/tables.fits",
        end=(ended(11, 75),),
        stderr="skyscan: error: [Errno 2] No such file or directory: '/cvmfs/tables.fits' "
        "(exit 75)\n",
    ),
    "a server does not have a file": Fault(
        "no-file",
        65,
        "404",
        stderr=f"{TRACEBACK}urllib.error.HTTPError: HTTP Error 404: Not Found\n",
    ),
    "a file of the scan is missing": Fault(
        "damaged-file",
        75,
        "pixels.npz",
        end=(ended(11, 75),),
        stderr="skyscan: error: [Errno 2] No such file or directory: "
        "'/scans/a/rounds/000/pixels.npz' (exit 75)\n",
    ),
    "the machine's /tmp is full": Fault(
        "disk-full",
        75,
        "No usable temporary directory",
        stderr=f"{TRACEBACK}FileNotFoundError: [Errno 2] No usable temporary directory found "
        "in ['/tmp', '/var/tmp']\n",
    ),
    "no space for an image": Fault(
        "disk-full",
        75,
        "no space left on device",
        end=(ended(11, 255),),
        stderr="FATAL:   while extracting a.sif: write /tmp/x: no space left on device\n",
    ),
    "the worker's disk is full": Fault(
        "disk-full",
        75,
        "No space left on device",
        end=(ended(11, 75),),
        stderr="skyscan: error: [Errno 28] No space left on device: 'x.rec' (exit 75)\n",
    ),
    "held by a policy": Fault(
        "held", 65, "too many jobs", end=held(11, "job_policy: too many jobs", 26)
    ),
    "held by hand": Fault(
        "held-by-user", 75, "via condor_hold", end=held(11, "via condor_hold (by user u)", 1)
    ),
    "transfer failed": Fault(
        "transfer",
        75,
        "Transfer output files failure",
        end=held(11, "Transfer output files failure at node1: connection lost", 12, 104),
    ),
    "the event is missing": Fault(
        "missing-input",
        65,
        "event.json",
        end=held(
            11,
            "Transfer input files failure at access point a while sending files. Details: "
            "reading from file /scan/workflow/../event/event.json: (errno 2) No such file",
            13,
            2,
        ),
    ),
    "longer than the pool allows": Fault(
        "time", 75, "allowed execute duration", end=held(11, "allowed execute duration", 47)
    ),
    "a pool's policy of time": Fault(
        "time", 75, "72 hours", end=held(11, "job ran for more than 72 hours", 26)
    ),
    "longer than Slurm allows": Fault(
        "time",
        75,
        "DUE TO TIME LIMIT",
        end=(killed(11).replace("signal 9", "signal 15"),),
        stderr="slurmstepd: error: *** JOB 1 ON a CANCELLED AT 2026 DUE TO TIME LIMIT ***\n",
    ),
    "a limit of processor time": Fault(
        "time", 75, "signal 24", end=(killed(11).replace("signal 9", "signal 24"),)
    ),
    "ended by timeout": Fault("time", 75, "exit code 124", end=(ended(11, 124),)),
    "removed by hand": Fault("removed", 75, "via condor_rm", end=(REMOVED.format(11),)),
    "a batch is corrupt": Fault(
        "damaged-file",
        75,
        "00001.npz is damaged",
        end=(ended(11, 75),),
        stderr=f"skyscan: error: {DAMAGED}\n",
    ),
    "the event is bad": Fault(
        "bad-input",
        65,
        "the event has no pulses",
        end=(ended(11, 65),),
        stderr="skyscan: error: the event has no pulses (exit 65)\n",
    ),
    "the reconstruction cannot be set up": Fault(
        "bug",
        70,
        "this is a bug",
        end=(ended(11, 70),),
        stderr=f"{TRACEBACK}KeyError: 'spline'\n{BUG}",
    ),
    "the set-up in a worker raises": Fault(
        "bug",
        70,
        "cannot be set up",
        end=(ended(11, 75),),
        stderr=f"{TRACEBACK}KeyError: 'spline'\n{BUG}"
        f"{NO_SET_UP.format('ended with exit code 70')}",
    ),
    "the set-up in a worker may not read a file": Fault(
        "no-access",
        65,
        "cannot be set up",
        end=(ended(11, 75),),
        stderr="skyscan: error: [Errno 13] Permission denied: '/data/a.fits' (exit 75)\n"
        f"{NO_SET_UP.format('ended with exit code 75')}",
    ),
    "the set-up in a worker crashes": Fault(
        "crashed",
        75,
        "signal 11",
        end=(ended(11, 75),),
        stderr=NO_SET_UP.format("was killed by signal 11 (SIGSEGV)"),
    ),
    "an exception outside of skyscan": Fault(
        "exception", 70, "RuntimeError: cvmfs", stderr=f"{TRACEBACK}RuntimeError: cvmfs\n"
    ),
    "a crash below a shell": Fault(
        "crashed",
        75,
        "Segmentation fault",
        end=(ended(11, 139),),
        stderr="env-shell.sh: line 9: 77 Segmentation fault (core dumped) python3\n",
    ),
    "a crash": Fault(
        "crashed", 75, "signal 11", end=(killed(11).replace("signal 9", "signal 11"),)
    ),
    "the end is not in the log": Fault("not-ended", 75, "its job has not ended", end=()),
    "nothing is known": Fault("unknown", 75, "exit code 3", end=(ended(11, 3),)),
}


def break_job(folder: ScanFolder, fault: Fault) -> None:
    """Have the second job of round 0 fail, and the scan with it."""
    starts = [started(11, machine) for machine in fault.machines]
    logs(folder, "round_000.dag", *reco_jobs(2), started(10), ended(10, 0), *starts, *fault.end)
    write_output(folder, "00001.0.1.out", f"{progress_line(0, 4)}\n{fault.stderr}")
    ended_dagman(folder, 1)
