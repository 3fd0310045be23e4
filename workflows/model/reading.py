"""Read a scan folder, in whatever state it is, into the scan model.

Every log and result file is read once. A `ScanReader` that is kept reads only what is new.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from condor.logs.dagman import REMOVED, log_of
from condor.logs.guard import SKIPPED_NODES, guard_actions
from condor.logs.joblog import LogReader, read_log
from condor.sites import recorded_site
from skyscan.errors import BadInput, ExitCode, SkyscanError, grouped, printable
from skyscan.startup import read_startup
from workflows.engines import engine_of
from workflows.model import fits, timing
from workflows.model.bad_machines import bad_machines
from workflows.model.failures import FailureFinder, exit_code_of
from workflows.model.jobs import Nodes
from workflows.model.place import submitted_in
from workflows.model.results import records_of
from workflows.model.round_reader import RoundReader
from workflows.model.rounds import added, as_round, left_over, work_of
from workflows.model.scan import VERSION, Dagman, Held, ScanModel
from workflows.model.time_left import pace_of, rate, time_left
from workflows.model.timeline import Timeline, make_timeline
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from condor.logs.dagman import DagmanState
    from skyscan.layout import ScanFolder
    from workflows.engines.engine import Failure
    from workflows.model.jobs import Job
    from workflows.model.rounds import Batch, ChosenRound
    from workflows.model.scan import Outcome, State
    from workflows.model.work import Work
    from workflows.planned import Planned

_ROUND_LOG = re.compile(r"round_(\d{3})\.dag\.nodes\.log", re.ASCII)
_IN_QUEUE = ("queued", "running", "held")
_OVER = ("ended", "removed", "unknown")


class Answer(NamedTuple):
    """What the queue says about a scan.

    Attributes
    ----------
    is_queued : bool or None
        Whether it has the scan's DAGMan; None if it was not asked, or does not answer.
    waits : sequence of str
        What the scan waits for.
    n_jobs : int or None
        Number of the scan's jobs that it has, apart from DAGMan; None as above.
    delay : float
        Seconds in which nothing will run: the schedd keeps an interrupted DAGMan waiting.
    """

    is_queued: bool | None = None
    waits: Sequence[str] = ()
    delay: float = 0.0
    n_jobs: int | None = None


NOT_ASKED = Answer()


def read_model(
    folder: ScanFolder,
    *,
    now: float | None = None,
    queue: Answer = NOT_ASKED,
    dag_status: int | None = None,
) -> ScanModel:
    """Return all that is known of a scan.

    Parameters
    ----------
    folder : ScanFolder
        The scan folder: of a scan that runs, has ended or failed; half-written; or a copy.
    now : float, optional
        The time for which it is made; default: the present.
    queue : Answer
        What the queue says about the scan.
    dag_status : int, optional
        DAGMan's $DAG_STATUS of a scan that is ending; its log does not have it yet.

    Raises
    ------
    BadInput
        ``scan.json`` is missing or damaged.
    """
    reader = ScanReader(folder)
    return reader.read(now=now, queue=queue, dag_status=dag_status)


class ScanReader:
    """Reads a scan folder again and again.

    Parameters
    ----------
    folder : ScanFolder
        The scan folder.

    Raises
    ------
    BadInput
        ``scan.json`` is missing or damaged.
    """

    def __init__(self, folder: ScanFolder) -> None:
        self.folder = folder
        self.scan = read_planned(folder.scan_json)
        self._engine = engine_of(folder)
        self._logs: dict[Path, tuple[LogReader, Nodes]] = {}
        self._round_reader = RoundReader(folder, self.scan.id)
        self._n_variations = 1
        self._news = 0.0

    def read(
        self,
        *,
        now: float | None = None,
        queue: Answer = NOT_ASKED,
        dag_status: int | None = None,
    ) -> ScanModel:
        """Return the model of the folder as it is now; see `read_model`."""
        made = time.time() if now is None else now
        state = self._engine.state(self.folder)
        dag = self._engine.dag(self.folder)
        elsewhere = "" if state is None else submitted_in(dag, self.folder.path)
        standing = _standing(state, elsewhere, is_queued=queue.is_queued)
        is_lost = state is None and dag_status is None and bool(self.folder.chosen_rounds())
        if is_lost:  # only DAGMan opens rounds
            standing = "running" if queue.is_queued else "unknown"
        if dag_status is not None:
            standing = "ended"
        status = state.exit_code if dag_status is None and state is not None else dag_status
        is_live = standing in _IN_QUEUE
        nodes = self._nodes()
        counts = state is not None and (is_live or standing == "elsewhere")
        rounds = self._round_reader.read(nodes, state.submitted if state and counts else None)
        later = left_over(rounds)
        shown = tuple(as_round(it, later.get(it.number, 0), is_live=is_live) for it in rounds)
        batches = [batch for it in rounds for batch in it.batches]
        records = records_of(batch.results for batch in batches)
        jobs = [job for it in nodes.values() for job in it.jobs.values()]
        dagman = self._dagman(state)
        self._note_news(batches, nodes.values(), dagman)
        until = made if is_live else (dagman and dagman.ended) or self._news or made
        machines, spent = timing.usage(
            jobs,
            {id(batch.job): batch.results for batch in batches if batch.job is not None},
            None if state is None else state.submitted,
            until,
        )
        work = self._work(nodes, rounds, made)
        pace = pace_of(work) if is_live else None
        found: list[Failure] = []
        if standing != "planned" and not is_lost and not (standing == "ended" and status == 0):
            finder = FailureFinder(
                *(self.folder, self.scan),
                is_over=standing in _OVER,
                is_removed=standing == "removed" or dag_status == REMOVED,
            )
            found = finder.find(nodes, rounds)
        return ScanModel(
            version=VERSION,
            name=self.scan.name,
            reco=self.scan.reco,
            site=self.scan.site,
            engine=self.scan.engine,
            runtime=self.scan.runtime,
            kernel=self.scan.kernel or "",
            folder=str(self.folder.path.absolute()),
            made=made,
            news=self._news or None,
            state=standing,
            outcome=None if is_lost else _outcome(standing, status, found),
            submitted_in=elsewhere,
            dagman=dagman,
            rounds=shown,
            max_rounds=self.scan.max_rounds,
            jobs=added(it.jobs for it in shown),
            held=_held(jobs) if is_live else (),
            n_pixels=fits.n_pixels(records),
            no_fit=fits.no_fits(records),
            best=fits.best(records, is_local=self.scan.mjd is None),
            slowest=fits.slowest(records, batches),
            rate=rate(work, pace),
            machines=machines,
            repairs=self._repairs(),
            bad_machines=self._bad_machines(jobs),
            spent=spent,
            cpu_hours=spent.slots / 3600.0,
            cpu_hours_wasted=(spent.failed + spent.evicted + spent.held) / 3600.0,
            time_left=time_left(work, pace, queue.delay),
            waits=tuple(queue.waits),
            failures=tuple(found),
            in_queue=queue.is_queued,
            n_queued=queue.n_jobs,
        )

    def chosen(self) -> list[ChosenRound]:
        """Return the rounds that have been chosen, with their jobs and results."""
        return self._round_reader.read(self._nodes())

    def prep(self) -> Job | None:
        """Return the job that prepares the scan; None if it was never submitted."""
        return self._nodes().get(None, Nodes()).jobs.get("prep")

    def timeline(self, model: ScanModel) -> Timeline:
        """Return what each job of a scan did until its end, or until the model was made."""
        dagman = model.dagman
        over = (dagman and dagman.ended) or model.news or model.made
        until = model.made if model.state in _IN_QUEUE else over
        submitted = None if dagman is None else dagman.submitted
        return make_timeline(self._nodes(), submitted, until)

    def _nodes(self) -> dict[int | None, Nodes]:
        """Return the jobs of each round's DAG, and of the outer DAGs (None)."""
        found: dict[int | None, Nodes] = {}
        for log in self._engine.node_logs(self.folder):
            of_round = _ROUND_LOG.fullmatch(log.name)
            number = int(of_round[1]) if of_round else None
            here = found.get(number) or Nodes()
            reader, nodes = self._logs.setdefault(log, (LogReader(log), here))
            nodes.take(reader.read(), of_round=number is not None)
            found[number] = nodes
        return found

    def _work(
        self, nodes: Mapping[int | None, Nodes], rounds: Sequence[ChosenRound], now: float
    ) -> Work:
        if rounds and self._n_variations == 1:
            with suppress(BadInput):
                self._n_variations = read_startup(self.folder.startup).n_variations
        return work_of(
            self.scan,
            rounds,
            now,
            outer=nodes.get(None, Nodes()),
            n_variations=self._n_variations,
            n_skips=self._engine.n_skips(self.folder, self.scan, len(rounds)),
        )

    def _bad_machines(self, jobs: Sequence[Job]) -> tuple[str, ...]:
        """Return the machines that fail every job, if there may be others."""
        found = bad_machines(jobs, may_be_the_only_one=_has_one_machine(self.scan))
        return tuple(it.line() for it in found)

    def _repairs(self) -> tuple[str, ...]:
        """Return what ``dagman.sh`` did to the DAGs of the scan that users may want to know."""
        logs = sorted(self.folder.workflow.glob("*.dag.guard.log"))
        dags = (log.with_name(log.name.removesuffix(".guard.log")) for log in logs)
        actions = (it for dag in dags for it in guard_actions(dag))
        return tuple(printable(it.line()) for it in actions if it.fault != SKIPPED_NODES)

    def _dagman(self, state: DagmanState | None) -> Dagman | None:
        if state is None:
            return None
        events = read_log(log_of(self._engine.dag(self.folder)))
        return Dagman(
            cluster=state.cluster,
            state=state.state,
            submissions=state.submissions,
            starts=state.starts,
            submitted=state.submitted,
            ended=events[-1].time if state.is_over and events else None,
            exit_code=state.exit_code,
        )

    def _note_news(
        self, batches: Iterable[Batch], nodes: Iterable[Nodes], dagman: Dagman | None
    ) -> None:
        reader = self._round_reader
        times = [self._news, reader.news, reader.last_opened(), *(it.last for it in nodes)]
        times += [batch.results.written for batch in batches]
        if dagman is not None:
            times += [dagman.submitted, dagman.ended or 0.0]
        self._news = max(times)


def _standing(state: DagmanState | None, submitted_in: str, *, is_queued: bool | None) -> State:
    """Return the state of the scan; a folder that was copied is not the scan that runs."""
    if state is None:
        return "planned"
    if state.is_over:
        return "removed" if state.state == "removed" else "ended"
    if submitted_in and not is_queued:
        return "elsewhere"
    if is_queued is False:
        return "unknown"
    return (
        "running"
        if state.state == "running"
        else ("held" if state.state == "held" else "queued")
    )


def _outcome(
    standing: State, status: int | None, failures: Sequence[Failure]
) -> Outcome | None:
    if standing not in _OVER:
        return None
    if status == 0:
        return "complete"
    return "incomplete" if exit_code_of(failures) == ExitCode.INCOMPLETE else "failed"


def _has_one_machine(scan: Planned) -> bool:
    try:
        return recorded_site(scan.site, scan.site_values).this_machine
    except SkyscanError:  # planned by another version
        return False


def _held(jobs: Iterable[Job]) -> tuple[Held, ...]:
    """Return the reasons of the held jobs."""
    kinds = grouped(job.holds[-1].reason for job in jobs if job.state == "held")
    return tuple(Held(printable(it.text), it.n, printable(it.example)) for it in kinds)
