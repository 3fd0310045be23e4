"""Recorded scans, and what was known of them at any time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from condor.joblog import LogEvent, read_log
from workflows.model.jobs import Nodes
from workflows.model.rounds import closing_of
from workflows.model.time_left import BatchWork, RoundWork, Work

PLACE = Path(__file__).parents[1] / "data" / "recorded_scans"
NAMES = sorted(it.name for it in PLACE.iterdir() if it.is_dir())
#: Scans of an earlier workflow, with an eviction, checkpoints, and slow slots.
OF_POOLS = PLACE.with_name("recorded_pools")
POOLS = sorted(it.name for it in OF_POOLS.iterdir() if it.is_dir())
STARTING = 0.7  # the part of a start's time besides fits that comes before them


@dataclass
class Recording:
    """A scan that has ended.

    Its logs give the times of its jobs; its fits follow each other in the job's last start.
    """

    name: str
    value: dict = field(init=False)
    submitted: float = field(init=False)
    ended: float = field(init=False)
    outer: list[LogEvent] = field(init=False)
    rounds: list[list[LogEvent]] = field(init=False)

    def __post_init__(self) -> None:
        place = (OF_POOLS if self.name in POOLS else PLACE) / self.name
        self.value = json.loads((place / "recording.json").read_text())
        dagman = read_log(place / "scan.dag.dagman.log")
        self.submitted, self.ended = dagman[0].time, dagman[-1].time
        self.outer = read_log(place / "scan.dag.nodes.log")
        self.rounds = [
            read_log(place / f"round_{n:03d}.dag.nodes.log")
            for n in range(len(self.value["rounds"]))
        ]
        self.whole = [_nodes(events, self.ended) for events in self.rounds]

    def work(self, now: float) -> Work:
        """Return what was known of the scan at a time."""
        value = self.value
        outer = _nodes(self.outer, now)
        prep = outer.jobs.get("prep")
        opened = [it for it in value["rounds"] if it["opened"] <= now]
        return Work(
            now=now,
            ready=prep.changed if prep and prep.has_succeeded else outer.skipped.get("prep"),
            rounds=[self._round(n, now) for n in range(len(opened))],
            progression=tuple((a, b) for a, b in value["progression"]),
            batch_size=value["batch_size"],
            jobs_per_round=value["jobs_per_round"],
            max_rounds=value["max_rounds"],
            time_budget=value["time_budget"],
            closing=closing_of(outer, len(opened)),
            n_skips=value["n_skips"][len(opened)],
        )

    def _round(self, number: int, now: float) -> RoundWork:
        described = self.value["rounds"][number]
        seen = _nodes(self.rounds[number], now).jobs
        batches = []
        for n, (size, seconds) in enumerate(described["batches"]):
            node = f"reco_{n:05d}"
            job = seen.get(node)
            if job is None or not job.starts or job.state in ("idle", "evicted", "held"):
                batches.append(BatchWork(size))
                continue
            if job.has_succeeded:
                began = job.starts[-1].began
                batches.append(BatchWork(size, len(seconds), sum(seconds), began, job.changed))
                continue
            last = self.whole[number].jobs[node].starts[-1]
            rest = max(0.0, (last.ended or now) - last.began - sum(seconds))
            began = job.starts[-1].began
            at = (began + STARTING * rest + it for it in accumulate(seconds))
            done = sum(it <= now for it in at) if began == last.began else 0
            batches.append(BatchWork(size, done, 0.0, began))
        nsides = tuple(described["nsides"])
        return RoundWork(
            nsides, described["opened"], tuple(batches), is_leftover=bool(described["depth"])
        )


def _nodes(events: list[LogEvent], now: float) -> Nodes:
    nodes = Nodes()
    nodes.take(it for it in events if it.time <= now)
    return nodes
