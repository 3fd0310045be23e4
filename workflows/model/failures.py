"""What failed in a scan: its jobs, DAGMan's scripts, and DAGMan itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from condor.logs.dagman import last_error
from condor.logs.guard import RESTARTS, guard_actions
from condor.logs.scripts import killed_scripts
from condor.runtimes import Kind, parse_runtime
from condor.sites import recorded_site
from skyscan.errors import ExitCode, SkyscanError, last_error_in
from skyscan.job.progress import read_progress
from workflows.engines import engine_of
from workflows.engines.engine import Failure
from workflows.engines.scripts import missing_python
from workflows.model import outputs
from workflows.model.causes import CAUSES, SHOWN, Evidence, diagnose, with_cause
from workflows.model.jobs import script_of
from workflows.steps import ACCESS_POINT_SH

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from skyscan.layout import ScanFolder
    from workflows.model.jobs import Job, Nodes
    from workflows.model.rounds import ChosenRound
    from workflows.planned import Planned


@dataclass(frozen=True)
class FailureFinder:
    """Finds what failed in the last submission of a scan.

    Attributes
    ----------
    folder : ScanFolder
        The scan.
    scan : Planned
        The planned scan.
    is_over : bool
        Whether it has ended: jobs that have not are failures then.
    is_removed : bool
        Whether it was removed from the queue.
    """

    folder: ScanFolder
    scan: Planned
    is_over: bool
    is_removed: bool = False

    def find(
        self, nodes: Mapping[int | None, Nodes], rounds: Sequence[ChosenRound]
    ) -> list[Failure]:
        """Return the failures, the first cause first.

        Parameters
        ----------
        nodes : mapping of int or None to Nodes
            The jobs of each round's DAG, and of the outer DAG (None).
        rounds : sequence of ChosenRound
            The rounds.
        """
        engine = engine_of(self.folder)
        of_engine = map(with_cause, engine.failed_jobs(self.folder))
        found = [*self._jobs(nodes, rounds), *of_engine]
        if self.is_removed:  # that jobs have no end in a log of theirs is no reason then
            found = [it for it in found if it.cause != "not-ended"]
        causes = [it for it in found if not it.step.startswith(engine.echo)]
        if not self.is_over:
            return causes
        # A DAGMan that is removed kills its scripts.
        scripts = [*self._scripts(), *([] if self.is_removed else self._killed_scripts())]
        return [*causes, *scripts] or found or [self.dagmans_own()]

    def dagmans_own(self) -> Failure:
        """Return DAGMan's own error, for when no step explains why the scan failed."""
        engine = engine_of(self.folder)
        dag, state = engine.dag(self.folder), engine.state(self.folder)
        if self.is_removed:
            # What DAGMan's log says of it is how it ended, such as the failed assertion with
            # which 23.9.6 may die of its removal.
            text, advice = "the scan was removed from the queue", CAUSES["removed"].advice
            return Failure(
                *("DAGMan", ExitCode.TRY_AGAIN, text), cause="removed", advice=advice
            )
        if python := missing_python(self.folder.workflow / ACCESS_POINT_SH):
            text = f"the Python that planned the scan, {python}, is not there any more"
            advice = "`skyscan plan` with the same options, then `skyscan resume`"
            return Failure("DAGMan", ExitCode.BAD_INPUT, text, cause="no-python", advice=advice)
        since = 0.0 if state is None else state.submitted
        gave_up = [
            action.text
            for action in guard_actions(dag)
            if action.fault == RESTARTS and action.time >= since
        ]
        reason = last_error(dag) or f"see {dag.name}.dagman.out"
        text = f"{gave_up[-1]}: {reason}" if gave_up else reason
        return Failure(
            *("DAGMan", ExitCode.TRY_AGAIN, text),
            cause="dagman",
            advice=CAUSES["dagman"].advice,
        )

    def _jobs(
        self, nodes: Mapping[int | None, Nodes], rounds: Sequence[ChosenRound]
    ) -> Iterator[Failure]:
        top = outputs.Outputs(self.folder.logs)
        of_round = {it.number: it for it in rounds}
        everywhere = is_everywhere(self.scan)
        for number, of_dag in nodes.items():
            for node, job in of_dag.jobs.items():
                if job.has_succeeded:
                    continue
                if job.is_in_queue and not (self.is_over or job.waits_after_failure):
                    continue
                path = None
                if number is None:
                    path = top.newest_errors(node)
                elif number in of_round:
                    path = of_round[number].outputs.newest_errors(node.rpartition("_")[2])
                log = None if path is None else Path(path)
                yield self._failure(node, job, log, is_everywhere=everywhere)

    def _scripts(self) -> Iterator[Failure]:
        logs = self.folder.logs
        for log in sorted([*logs.glob("open_*.err"), *logs.glob("round_*.err")]):
            if last_error_in(outputs.tail_of(log)):
                yield self._failure(f"opening {log.stem.removeprefix('open_')}", None, log)

    def _killed_scripts(self) -> Iterator[Failure]:
        """Yield the scripts that were killed at all their tries, which left no error."""
        engine = engine_of(self.folder)
        dags = {
            log.with_name(log.name.removesuffix(".nodes.log"))
            for log in engine.node_logs(self.folder)
        }
        for dag in sorted(dags | {engine.dag(self.folder)}):
            killed = {script_of(it.node): it.description() for it in killed_scripts(dag)}
            for step, text in killed.items():
                yield with_cause(Failure(f"opening {step}", ExitCode.TRY_AGAIN, text))

    def _failure(
        self, step: str, job: Job | None, path: Path | None, *, is_everywhere: bool = False
    ) -> Failure:
        text = "" if path is None else outputs.tail_of(path)
        own = (line for line in text.splitlines() if read_progress(line) is None)
        lines = outputs.last_lines("\n".join(own), 3 * SHOWN)
        return diagnose(
            Evidence(
                step,
                job,
                error=last_error_in(text),
                file=str(path.relative_to(self.folder.path)) if path and lines else "",
                lines=lines,
                is_everywhere=is_everywhere,
            )
        )


def is_everywhere(scan: Planned) -> bool:
    """Return whether a runtime is the same wherever a job runs."""
    try:
        is_image = parse_runtime(scan.runtime).kind == Kind.CONTAINER
        return is_image or recorded_site(scan.site, scan.site_values).this_machine
    except SkyscanError:  # planned by another version
        return False


def exit_code_of(failures: Iterable[Failure]) -> int:
    """Return the exit code of a scan that failed: first the codes that no retry can fix."""
    codes = {failure.exit_code for failure in failures}
    for code in (ExitCode.BAD_INPUT, ExitCode.BUG, ExitCode.INCOMPLETE):
        if code in codes:
            return int(code)
    return int(ExitCode.TRY_AGAIN)
