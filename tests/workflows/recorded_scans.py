"""Recorded scans, and what was known of them at any time."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path

from condor.logs.joblog import LogEvent, read_log
from workflows.model.jobs import Nodes
from workflows.model.rounds import closing_of
from workflows.model.time_left import BatchWork, RoundWork, Work

PLACE = Path(__file__).parents[1] / "data" / "recorded_scans"
NAMES = sorted(it.name for it in PLACE.iterdir() if it.is_dir())
#: Scans of an earlier workflow, in which merge was a job, and often prep.
OLD_PLACE = PLACE.with_name("recorded_old")
OLD_NAMES = sorted(it.name for it in OLD_PLACE.iterdir() if it.is_dir())
STARTING = 0.7  # the part of a start's time besides fits that comes before them


@dataclass
class Recording:
    """A scan that has ended.

    Its logs give the times of its jobs; its fits follow each other in the job's last start. If
    that was too short for some, they had come home from the starts before.
    """

    name: str
    place: Path = PLACE
    value: dict = field(init=False)
    submitted: float = field(init=False)
    ended: float = field(init=False)
    outer: list[LogEvent] = field(init=False)
    rounds: list[list[LogEvent]] = field(init=False)

    def __post_init__(self) -> None:
        place = self.place / self.name
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
            length = (last.ended or now) - last.began
            home = next(n for n in range(len(seconds) + 1) if sum(seconds[n:]) <= length)
            rest = length - sum(seconds[home:])
            began = job.starts[-1].began
            at = (began + STARTING * rest + it for it in accumulate(seconds[home:]))
            done = home + sum(it <= now for it in at) if began == last.began else 0
            batches.append(BatchWork(size, done, 0.0, began))
        nsides = tuple(described["nsides"])
        return RoundWork(
            nsides, described["opened"], tuple(batches), is_leftover=bool(described["depth"])
        )


def _nodes(events: list[LogEvent], now: float) -> Nodes:
    nodes = Nodes()
    nodes.take(it for it in events if it.time <= now)
    return nodes
