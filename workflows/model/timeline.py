"""What each job of a scan did when: in the queue, on a machine, held."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from skyscan.errors import ExitCode
from workflows.steps import MORE_ROUNDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from workflows.model.jobs import Job, Nodes, Start

Kind = Literal["queued", "run", "failed", "evicted", "held"]
_SUBDAGS = ("round_", MORE_ROUNDS)  # nodes that are DAGs; the jobs in them count


@dataclass(frozen=True)
class Span:
    """A time, seconds since 1970, in which a job was in one state.

    Attributes
    ----------
    kind : str
        ``queued``, ``run``, ``failed`` (on a machine, without success), ``evicted`` (on a
        machine, until it was evicted or removed) or ``held``.
    began, ended : float
        Its limits.
    where : str
        The machine; empty if it was on none.
    """

    kind: Kind
    began: float
    ended: float
    where: str = ""


@dataclass(frozen=True)
class Bar:
    """One job: its round (None: prep or merge), its node, its spans by time."""

    round: int | None
    node: str
    spans: tuple[Span, ...]

    @property
    def name(self) -> str:
        """Return its name for people."""
        if self.round is None:
            return self.node
        return f"round {self.round}, job {self.node.rpartition('_')[2].lstrip('0') or '0'}"


@dataclass(frozen=True)
class Timeline:
    """The jobs of a scan by the time of their submission.

    Attributes
    ----------
    began, ended : float
        Of the scan, or of what is known of it.
    bars : tuple of Bar
        Its jobs.
    """

    began: float
    ended: float
    bars: tuple[Bar, ...] = ()


def make_timeline(
    nodes: Mapping[int | None, Nodes], submitted: float | None, until: float
) -> Timeline:
    """Return the timeline of a scan.

    Parameters
    ----------
    nodes : {round: Nodes}
        The jobs of each round's DAG, and of the outer DAG (None).
    submitted : float or None
        When the scan was submitted; what its jobs did before counts too.
    until : float
        When it ended, or now.
    """
    bars = sorted(_bars(nodes, until), key=lambda it: (it.spans[0].began, it.name))
    began = min([*(it.spans[0].began for it in bars), submitted or until])
    ended = max([*(it.spans[-1].ended for it in bars), until])
    return Timeline(began, ended, tuple(bars))


def _bars(nodes: Mapping[int | None, Nodes], until: float) -> Iterator[Bar]:
    for number, these in nodes.items():
        for name, job in these.jobs.items():
            spans = tuple(sorted(_spans(job, until), key=lambda it: (it.began, it.ended)))
            if spans and not (number is None and name.startswith(_SUBDAGS)):
                yield Bar(number, name, spans)


def _spans(job: Job, until: float) -> Iterable[Span]:
    for began, ended in job.waited(until):
        yield Span("queued", began, ended)
    for start in job.starts:
        yield Span(_kind(start), start.began, start.began + start.seconds(until), start.machine)
    for hold in job.holds:
        yield Span("held", hold.began, until if hold.ended is None else hold.ended)


def _kind(start: Start) -> Kind:
    if start.how in ("good", "running") or start.exit_code == ExitCode.CHECKPOINT:
        return "run"
    return "failed" if start.how == "failed" else "evicted"
