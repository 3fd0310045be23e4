"""What happened to the jobs of a DAG, from its node log."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from condor.logs.joblog import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from condor.logs.joblog import LogEvent

#: The node of a job whose round has no DAG of its own: the round, the batch.
_AT_THE_TOP = re.compile(r"reco_(\d{3})_(\d{5})", re.ASCII)
_NAMING = (Kind.SUBMIT, Kind.PRE_SKIP)
How = Literal["running", "good", "failed", "evicted", "held", "removed"]
State = Literal["idle", "running", "evicted", "held", "ended", "removed"]


def script_of(node: str) -> str:
    """Return the round that the PRE script of a node opens, if it does; else the node."""
    here = _AT_THE_TOP.fullmatch(node)
    return f"round_{here[1]}" if here else node


@dataclass
class Start:
    """One start of a job on a machine."""

    began: float
    machine: str
    slot: str = ""
    ended: float | None = None
    how: How = "running"
    exit_code: int | None = None
    hold_code: int | None = None

    def seconds(self, now: float) -> float:
        """Return how long it lasted, or has lasted."""
        return max(0.0, (now if self.ended is None else self.ended) - self.began)


@dataclass
class Hold:
    """One hold of a job, with its reason."""

    began: float
    reason: str
    code: tuple[int, int]
    ended: float | None = None


@dataclass
class Job:
    """The job of a node; all its submissions count as one job.

    Attributes
    ----------
    node : str
        Name of the node.
    submitted : float
        When it was first submitted.
    state : str
        Its state now.
    changed : float
        Since when.
    starts, holds : list
        Everything that happened to it, in order.
    waits : list of (float, float)
        When it waited for a machine, until ``changed``.
    exit_code, signal : int or None
        How its program ended last.
    reason : str
        Why it was removed.
    memory_mb : tuple of int or None
        Memory used and requested, at its end.
    """

    node: str
    submitted: float
    state: State = "idle"
    changed: float = 0.0
    starts: list[Start] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    exit_code: int | None = None
    signal: int | None = None
    reason: str = ""
    memory_mb: tuple[int, int] | None = None

    @property
    def has_succeeded(self) -> bool:
        """Whether its program ended with 0."""
        return self.state == "ended" and self.exit_code == 0

    @property
    def machine(self) -> str:
        """The machine of its last start."""
        return self.starts[-1].machine if self.starts else ""

    @property
    def is_in_queue(self) -> bool:
        """Whether it has neither ended nor been removed."""
        return self.state not in ("ended", "removed")

    @property
    def waits_after_failure(self) -> bool:
        """Whether its program failed, and HTCondor or DAGMan starts it again."""
        waits = self.state in ("idle", "evicted")
        return waits and bool(self.starts) and self.starts[-1].how == "failed"

    @property
    def has_end(self) -> bool:
        """Whether its program has ended by itself and has not been started again."""
        return self.state == "ended" or self.waits_after_failure

    @property
    def last_hold(self) -> Hold | None:
        """The hold that it is in, or was removed from."""
        in_hold = self.state == "held" or (
            self.state == "removed" and self.holds and self.holds[-1].ended == self.changed
        )
        return self.holds[-1] if in_hold else None

    def waited(self, now: float) -> list[tuple[float, float]]:
        """Return when it waited for a machine, until now."""
        waits = self.state in ("idle", "evicted")
        return [*self.waits, *([(self.changed, max(self.changed, now))] if waits else [])]

    def take(self, event: LogEvent) -> None:
        """Take an event of this job into account."""
        step = _STEPS.get(event.kind)
        if step is not None:
            step(self, event)

    def _become(self, state: State, when: float) -> None:
        if self.state in ("idle", "evicted") and when > self.changed:
            self.waits.append((self.changed, when))
        if self.holds and self.holds[-1].ended is None:
            self.holds[-1].ended = when
        self.state, self.changed = state, when

    def _stop(self, when: float, how: How, hold_code: int | None = None) -> None:
        if self.starts and self.starts[-1].ended is None:
            last = self.starts[-1]
            last.ended, last.how, last.hold_code = when, how, hold_code
            last.exit_code = self.exit_code

    def _submit(self, event: LogEvent) -> None:
        self._stop(event.time, "removed")
        self._become("idle", event.time)

    def _execute(self, event: LogEvent) -> None:
        self._stop(event.time, "evicted")
        self._become("running", event.time)
        self.starts.append(Start(event.time, event.machine, event.slot))
        self.exit_code = self.signal = None

    def _leave(self, event: LogEvent) -> None:
        how: How = "evicted"
        if event.has_ended:
            self.exit_code, self.signal = event.exit_code, event.signal
            how = "evicted" if self.exit_code == _CHECKPOINT else "failed"
        self._stop(event.time, how)
        self._become("evicted" if self.starts else "idle", event.time)

    def _end(self, event: LogEvent) -> None:
        self.exit_code, self.signal = event.exit_code, event.signal
        self.memory_mb = event.memory_mb
        self._stop(event.time, "good" if self.exit_code == 0 else "failed")
        self._become("ended", event.time)

    def _abort(self, event: LogEvent) -> None:
        # A DAGMan that ends removes its jobs, and that may reach one that has just ended.
        if self.state == "ended":
            return
        self.reason = event.reason
        self._stop(event.time, "removed")
        self._become("removed", event.time)

    def _hold(self, event: LogEvent) -> None:
        self._stop(event.time, "held", event.hold_code[0])
        # A job that ran is evicted first.
        last = self.starts[-1] if self.starts else None
        if last and last.how == "evicted" and event.time - (last.ended or 0.0) <= _AT_ONCE:
            last.how, last.hold_code = "held", event.hold_code[0]
        self._become("held", event.time)
        self.holds.append(Hold(event.time, event.reason, event.hold_code))

    def _release(self, event: LogEvent) -> None:
        self._become("evicted" if self.starts else "idle", event.time)


_CHECKPOINT = 85
_AT_ONCE = 1.0  # seconds between the two events of one thing
_STEPS: dict[int, Callable[[Job, LogEvent], None]] = {
    Kind.SUBMIT: Job._submit,  # noqa: SLF001
    Kind.EXECUTE: Job._execute,  # noqa: SLF001
    Kind.EVICTED: Job._leave,  # noqa: SLF001
    Kind.SHADOW_EXCEPTION: Job._leave,  # noqa: SLF001
    Kind.RECONNECT_FAILED: Job._leave,  # noqa: SLF001
    Kind.TERMINATED: Job._end,  # noqa: SLF001
    Kind.ABORTED: Job._abort,  # noqa: SLF001
    Kind.HELD: Job._hold,  # noqa: SLF001
    Kind.RELEASED: Job._release,  # noqa: SLF001
}


@dataclass
class Nodes:
    """The jobs of the nodes of one DAG.

    Attributes
    ----------
    jobs : dict of str to Job
        By the name of the node.
    last : float
        Time of the newest event; 0 without any.
    skipped : dict of str to float
        When the nodes were skipped that a PRE script left nothing to do.
    """

    jobs: dict[str, Job] = field(default_factory=dict)
    last: float = 0.0
    skipped: dict[str, float] = field(default_factory=dict)
    _nodes: dict[int, str] = field(default_factory=dict)

    def take(self, events: Iterable[LogEvent], *, of_round: bool = False) -> None:
        """Take events into account, in the order of the log.

        The jobs of a round without a DAG of its own are nodes of the outer DAG, such as
        reco_002_00013, and have a log of the round as well. Only that counts, and there they
        are called as in other rounds: reco_00013.
        """
        for event in events:
            here = _AT_THE_TOP.fullmatch(event.node) if event.kind in _NAMING else None
            if event.kind == Kind.SUBMIT and event.node and not (here and not of_round):
                self._nodes[event.cluster] = f"reco_{here[2]}" if here else event.node
            elif event.kind == Kind.PRE_SKIP:
                self.skipped[script_of(event.node)] = event.time
            node = self._nodes.get(event.cluster)
            self.last = max(self.last, event.time)
            if node is None:
                continue
            job = self.jobs.get(node)
            if job is None:
                job = self.jobs[node] = Job(node, event.time, changed=event.time)
            job.take(event)

    def batches(self) -> Iterator[tuple[int, Job]]:
        """Yield the number of the batch and the job of each reco node."""
        for node, job in self.jobs.items():
            name, _, number = node.rpartition("_")
            if name == "reco" and number.isdecimal():
                yield int(number), job
