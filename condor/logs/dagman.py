"""The state of a DAG, and of its jobs, from the logs of DAGMan."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from condor.logs.joblog import Kind, read_log
from skyscan.regular import open_to_append, read_tail

if TYPE_CHECKING:
    from collections.abc import Container, Iterator
    from pathlib import Path

    import htcondor2 as htcondor

#: $DAG_STATUS of a DAG that was removed from the queue, or ended because of its halt file.
REMOVED, HALTED = 4, 6


@dataclass(frozen=True)
class DagmanState:
    """The state of the last submission of a DAG.

    Attributes
    ----------
    cluster : int
        Job id of DAGMan in the schedd.
    submissions : int
        How often the DAG was submitted.
    state : str
        ``queued``, ``running``, ``held``, ``removed``, ``ended``.
    submitted : float
        When it was submitted, seconds since 1970.
    exit_code : int or None
        DAGMan's exit code, once it has ended.
    starts : int
        How often the schedd started it: more than once if it died while it ran.
    """

    cluster: int
    submissions: int
    state: str
    submitted: float
    exit_code: int | None = None
    starts: int = 0

    @property
    def is_over(self) -> bool:
        """Whether DAGMan has left the queue."""
        return self.state in ("removed", "ended")


def log_of(dag: Path) -> Path:
    """Return the path of the job log of DAGMan itself."""
    return dag.with_name(f"{dag.name}.dagman.log")


def dag_of(log: Path) -> Path:
    """Return the path of the DAG whose DAGMan has a job log, the reverse of `log_of`."""
    return log.with_name(log.name.removesuffix(".dagman.log"))


def dagman_state(dag: Path) -> DagmanState | None:
    """Return the state of a DAG from DAGMan's own job log; None if it was never submitted."""
    states = {
        Kind.EXECUTE: "running",
        Kind.HELD: "held",
        Kind.RELEASED: "queued",
        Kind.EVICTED: "queued",
        Kind.ABORTED: "removed",
        Kind.TERMINATED: "ended",
    }
    known: dict[int, DagmanState] = {}
    last = newest = None
    for event in read_log(log_of(dag)):
        if event.kind == Kind.SUBMIT:
            newest = event.cluster
            known[newest] = DagmanState(newest, len(known) + 1, "queued", event.time)
        elif event.cluster in known and event.kind in states:
            found = known[event.cluster]
            if found.state == "ended" and event.kind == Kind.ABORTED:  # as it left the queue
                continue
            code = event.exit_code if event.kind == Kind.TERMINATED else None
            starts = found.starts + (event.kind == Kind.EXECUTE)
            known[event.cluster] = replace(
                found, state=states[Kind(event.kind)], exit_code=code, starts=starts
            )
            last = event.cluster
    if newest is None or last is None or not known[newest].is_over:
        return known.get(newest or 0)
    # A DAGMan that finds another one running the DAG ends at once and leaves the lock alone.
    alive = [it.cluster for it in known.values() if not it.is_over]
    locked = dag.with_name(f"{dag.name}.lock").exists()
    return replace(known[alive[-1] if alive and locked else last], submissions=len(known))


def note_removal(dag: Path, clusters: Container[int]) -> None:
    """Record in DAGMan's own job log that it was removed, unless the log has its end.

    The schedd writes the end of a job to the path that the log had at submission: if the folder
    was moved since, the log in it would have none.

    Parameters
    ----------
    dag : Path
        The DAG.
    clusters : container of int
        Ids of jobs that were removed and have left the queue; nothing is recorded of others.
    """
    state = dagman_state(dag)
    if state is None or state.is_over or state.cluster not in clusters:
        return
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    event = f"{Kind.ABORTED:03d} ({state.cluster:03d}.000.000) {when} Job was aborted.\n"
    with open_to_append(log_of(dag)) as log:
        log.write(f"{event}\tby skyscan abort, from a folder that was moved\n...\n")


#: A line of DAGMan's own log: its time, and an error at the beginning or after its source
#: (``From submit: ERROR: ...``). Settings and folders have the word in their names, too.
_ERROR = re.compile(
    r"(?:\d\d/\d\d/\d\d \d\d:\d\d:\d\d )?\s*(?:[\w ]+: )*(?:ERROR\b|Error:)[\s:]*(.*)"
)


def last_error(dag: Path) -> str | None:
    """Return the last error in DAGMan's log; None if it has none."""
    log = dag.with_name(f"{dag.name}.dagman.out")
    try:
        lines = read_tail(log).splitlines()
    except OSError:
        return None
    errors = (found.group(1) for line in reversed(lines) if (found := _ERROR.match(line)))
    return next(filter(None, errors), None)


@dataclass(frozen=True)
class JobEnd:
    """How the last job of a node ended.

    Attributes
    ----------
    exit_code : int or None
        None if it was killed by a signal, was removed, or has not ended.
    reason : str
        How it ended, in words.
    """

    exit_code: int | None
    reason: str


def job_ends(log: Path) -> dict[str, JobEnd]:
    """Return how the last job of each node ended, from a DAG's node log: {node: JobEnd}."""
    import htcondor2 as htcondor

    types = htcondor.JobEventType
    nodes: dict[int, str] = {}
    ends: dict[str, JobEnd] = {}
    held: dict[int, str] = {}
    terminated: set[int] = set()
    for event in log_events(log):
        if event.type == types.SUBMIT:
            nodes[event.cluster] = node_of(event)
        if event.type in (types.SUBMIT, types.EXECUTE):
            terminated.discard(event.cluster)
        node = nodes.get(event.cluster, "")
        if not node:
            continue
        if event.type in (types.SUBMIT, types.JOB_RELEASED):
            held.pop(event.cluster, None)
            ends[node] = JobEnd(None, "its job has not ended")
        elif event.type == types.JOB_TERMINATED:
            ends[node] = _terminated(event)
            terminated.add(event.cluster)
        elif event.type == types.JOB_HELD:
            held[event.cluster] = str(event.get("HoldReason", ""))
            ends[node] = JobEnd(None, f"its job was held: {held[event.cluster]}")
        elif event.type == types.JOB_ABORTED and event.cluster not in terminated:
            # A DAGMan that ends removes its jobs, and that may reach one that has just ended.
            ends[node] = _removed(event, held.get(event.cluster))
    return ends


def node_of(event: htcondor.JobEvent) -> str:
    """Return the name of the node of a submit event; empty if it has none.

    From 25.11 on, the schedd writes a ClassAd with the name; older ones write what DAGMan
    still writes itself for nodes without a job.
    """
    import classad2 as classad

    for line in map(str.strip, str(event.get("LogNotes", "")).splitlines()):
        if line.startswith(_NODE):
            return line.removeprefix(_NODE).strip()
        if line.startswith("["):
            try:
                return str(classad.ClassAd(line).get("DAGNodeName", ""))
            except classad.ClassAdException:  # truncated by a full disk
                continue
    return ""


_NODE = "DAG Node: "


def _removed(event: htcondor.JobEvent, held: str | None) -> JobEnd:
    # The reason of the hold says more than that the job's policy then removed it.
    if held:
        return JobEnd(None, f"its job was held and then removed: {held}")
    return JobEnd(None, f"its job was removed: {event.get('Reason', '')}")


def _terminated(event: htcondor.JobEvent) -> JobEnd:
    if event.get("TerminatedNormally"):
        code = int(event["ReturnValue"])
        return JobEnd(code, f"its job ended with exit code {code}")
    return JobEnd(None, f"its job was killed by signal {event.get('TerminatedBySignal')}")


def log_events(log: Path) -> Iterator[htcondor.JobEvent]:
    """Yield the events of a job log so far; nothing if there is no log yet.

    An event that a full disk truncated is left out, together with what the reader takes for
    the rest of it.
    """
    if not log.exists():
        return
    content = log.read_bytes()
    text = content.decode("utf-8", "backslashreplace").encode()
    if text == content:
        yield from _events(log)
        return
    # The bindings raise at a hold reason or a path that is not UTF-8, and lose the event.
    with NamedTemporaryFile() as copy:
        copy.write(text)
        copy.flush()
        yield from _events(copy.name)


def _events(log: Path | str) -> Iterator[htcondor.JobEvent]:
    import htcondor2 as htcondor

    reader = htcondor.JobEventLog(str(log))
    try:
        events = reader.events(stop_after=0)
        while True:
            try:
                event = next(events)
            except StopIteration:
                return
            except htcondor.HTCondorException:
                continue
            yield event
    finally:
        reader.close()
