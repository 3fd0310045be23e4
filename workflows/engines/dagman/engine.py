"""DAGMan as an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from skyscan.rounds.next_round import open_round
from workflows.engines.dagman import dags, scripts
from workflows.engines.engine import Engine
from workflows.steps import MORE_ROUNDS, n_skips

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool
    from condor.logs.dagman import DagmanState
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


class Dagman(Engine):
    """HTCondor's DAGMan: an outer DAG, in which each round is a sub-DAG."""

    name: ClassVar[str] = "dagman"
    has_campaigns: ClassVar[bool] = True
    echo: ClassVar[tuple[str, ...]] = ("round_", MORE_ROUNDS)

    def is_in(self, folder: ScanFolder) -> bool:
        """Return whether the outer DAG exists."""
        return self.dag(folder).exists()

    def write(self, folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
        """Write submit files, scripts and the outer DAG."""
        dags.write_workflow(folder, scan, site, python)

    def planned_files(self, folder: ScanFolder) -> list[Path]:
        """Return submit files, scripts, settings and the outer DAG."""
        return dags.planned_files(folder)

    def next_round(self, folder: ScanFolder, scan: Planned, number: int, here: Path) -> bool:  # noqa: ARG002
        """Write the DAG of a round, unless nothing of the round is left to do."""
        batches = open_round(folder, scan, number)
        if not any(batch.n_missing for batch in batches):
            return False
        deadline = self.deadline(folder, scan.deadline)
        dags.write_round_dag(folder, scan, number, batches, deadline)
        return True

    def rewrite(self, folder: ScanFolder, scan: Planned, site: Site) -> list[Path]:
        """Write the outer DAG again, and what belongs to it."""
        dags.write_scan_dag(folder, scan, this_machine=site.this_machine)
        more = folder.workflow / dags.MORE_ROUNDS_DAG
        own = [self.dag(folder), folder.workflow / scripts.MERGE_HERE_SH]
        return [*own, *([more] if more.exists() else [])]

    def command(self, folder: ScanFolder) -> list[str]:
        """Return the condor_submit_dag command."""
        from workflows.engines.dagman import submission

        again = submission.was_submitted(folder)
        return submission.submit_command(folder, again=again)

    def submit(self, folder: ScanFolder, pool: Pool) -> None:
        """Run condor_submit_dag."""
        from workflows.engines.dagman import submission

        submission.submit(folder, pool)

    def dags(self, folder: ScanFolder) -> list[Path]:
        """Return the outer DAG, which all submissions share."""
        return [self.dag(folder)]

    def dag(self, folder: ScanFolder) -> Path:
        """Return the outer DAG."""
        return folder.workflow / dags.SCAN_DAG

    def node_logs(self, folder: ScanFolder) -> list[Path]:
        """Return the logs of the outer DAG, of its later rounds, and of the rounds' DAGs."""
        outer = (dags.SCAN_DAG, dags.MORE_ROUNDS_DAG)
        names = [*outer, *map(dags.round_dag, folder.chosen_rounds())]
        return [folder.workflow / f"{name}.nodes.log" for name in names]

    def n_skips(self, folder: ScanFolder, scan: Planned, n_rounds: int) -> int:
        """Return the number of further rounds at the top, and the node of all others."""
        # Scans planned by earlier versions have all their rounds at the top.
        has_more = (folder.workflow / dags.MORE_ROUNDS_DAG).exists()
        top = dags.n_at_the_top(scan) if has_more else scan.max_rounds
        return n_skips(top, scan.max_rounds, n_rounds)

    def has_succeeded(self, state: DagmanState) -> bool:
        """Return whether DAGMan exited with 0."""
        return state.exit_code == 0
