"""Job logs in HTCondor's format, for DAGs that did not run."""

from pathlib import Path

SUBMITTED = "000 ({:03d}.000.000) 2026-01-01 10:00:00 Job submitted from host: <127.0.0.1:9618>"
STARTED = "001 ({:03d}.000.000) 2026-01-01 10:01:00 Job executing on host: <127.0.0.1:9618>"
EVICTED = (
    "004 ({:03d}.000.000) 2026-01-01 10:02:00 Job was evicted.\n\t(0) CPU times\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage\n"
    "\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage\n"
    "\t0  -  Run Bytes Sent By Job\n\t0  -  Run Bytes Received By Job"
)
ENDED = "005 ({:03d}.000.000) 2026-01-01 10:03:00 Job terminated.\n\t(1) Normal termination"
KILLED = (
    "005 ({:03d}.000.000) 2026-01-01 10:03:00 Job terminated.\n"
    "\t(0) Abnormal termination (signal 9)\n\t(0) No core file"
)
USAGE = (
    "\n\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Remote Usage"
    "\n\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Run Local Usage"
    "\n\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Remote Usage"
    "\n\t\tUsr 0 00:00:00, Sys 0 00:00:00  -  Total Local Usage"
)
REMOVED = (
    "009 ({:03d}.000.000) 2026-01-01 10:04:00 Job was aborted.\n\tvia condor_rm (by user u)"
)
HELD = (
    "012 ({:03d}.000.000) 2026-01-01 10:05:00 Job was held.\n"
    "\tno such file\n\tCode 13 Subcode 2"
)
RELEASED = "013 ({:03d}.000.000) 2026-01-01 10:06:00 Job was released.\n\tvia condor_release"


#: Job logs that real DAGMans wrote, by version of HTCondor.
RECORDED = Path(__file__).parent / "data" / "job_logs"
#: The schedd's notes in a submit event: until 25.10, and from 25.11 on.
OLD_NOTES = "    DAG Node: {}"
NEW_NOTES = '    [ DAGNodeName = "{}"; JobBatchName = "run00000001.evt000000000001.neutrino" ]'


def submitted(cluster: int, node: str = "", notes: str = OLD_NOTES) -> str:
    """Return the event of a job that was submitted, for a node of a DAG."""
    return SUBMITTED.format(cluster) + (f"\n{notes.format(node)}" if node else "")


def ended(cluster: int, code: int) -> str:
    """Return the event of a job that exited."""
    return f"{ENDED.format(cluster)} (return value {code}){USAGE}"


def killed(cluster: int) -> str:
    """Return the event of a job that was killed by a signal."""
    return KILLED.format(cluster) + USAGE


def write_log(path: Path, *events: str) -> None:
    """Write a job log."""
    path.write_text("".join(f"{event}\n...\n" for event in events))
