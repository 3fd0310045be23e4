"""Pegasus as an engine."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from skyscan.errors import WrongUsage
from workflows.engines.engine import Arriving, Engine, Failure
from workflows.engines.pegasus import failures, results, submission
from workflows.engines.pegasus.folder import BASENAME, PegasusFolder, check_carried
from workflows.engines.pegasus.staging import check_staging

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool
    from condor.dagman import DagmanState
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


class Pegasus(Engine):
    """Pegasus: a workflow in which each job between rounds writes the next workflow.

    What needs its Python API is imported where it is used: that takes as long as all the rest.
    """

    name: ClassVar[str] = "pegasus"
    echo: ClassVar[str] = "next_round"

    def is_in(self, folder: ScanFolder) -> bool:
        """Tell whether there is a folder of Pegasus' files."""
        return PegasusFolder(folder.path).path.is_dir()

    def check(self, place: Path, scan: Planned, site: Site) -> None:
        """Refuse predictive scanning, and what Pegasus would change on the way."""
        if scan.predictive_scanning_threshold < 1:
            raise WrongUsage(
                "--predictive-scanning-threshold: with Pegasus a round begins when the one "
                "before has ended. Leave it at 1, or take --engine dagman."
            )
        check_carried(place, scan)
        check_staging(site)

    def write(self, folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
        """Write catalogs, scripts and the top workflow."""
        from workflows.engines.pegasus import outer

        outer.write_workflow(folder, scan, site, python)

    def next_round(self, folder: ScanFolder, scan: Planned, number: int, here: Path) -> bool:
        """Write the workflow that comes next into the job's folder; the last one merges."""
        from workflows.engines.pegasus import rounds

        deadline = self.deadline(folder, scan.deadline)
        rounds.next_round(folder, scan, number, here, deadline)
        return True

    def missing(self, pool: Pool | None) -> str:
        """Return what to say where there is no pegasus-plan."""
        if submission.has_pegasus(pool):
            return ""
        return f"There is no {submission.PLAN} on PATH: it wants Pegasus 5.1 or newer."

    def command(self, folder: ScanFolder) -> list[str]:
        """Return the command that plans a run and starts it."""
        return [str(PegasusFolder(folder.path).plan_sh), "--submit"]

    def submit(self, folder: ScanFolder, pool: Pool) -> None:
        """Plan a run and start it."""
        submission.submit(folder, pool)

    def dags(self, folder: ScanFolder) -> list[Path]:
        """Return the DAGs of all runs: pegasus-plan makes a new one for each."""
        return PegasusFolder(folder.path).dags()

    def dag(self, folder: ScanFolder) -> Path:
        """Return the DAG of the last run."""
        first = PegasusFolder(folder.path).submit / f"{BASENAME}.dag"
        return next(reversed(self.dags(folder)), first)

    def has_succeeded(self, state: DagmanState) -> bool:  # noqa: ARG002
        """Return False: of a scan that ended well, the last job has written the report.

        Pegasus' program around DAGMan ends with 0 also when DAGMan failed (seen with 5.1.2).
        """
        return False

    def failed_jobs(self, folder: ScanFolder) -> list[Failure]:
        """Return what failed in the last run and the workflows in it."""
        return failures.failed_jobs(self.dag(folder).parent)

    def arriving(self, folder: ScanFolder) -> Arriving:
        """Return the result files in Pegasus' scratch folder."""
        return results.arriving_results(PegasusFolder(folder.path).scratch)

    def settle(self, folder: ScanFolder) -> None:
        """Take in what runs that are over left in Pegasus' scratch folder, and remove that."""
        results.settle(folder)

    def more_on_failure(self, folder: ScanFolder) -> str:
        """Return the pegasus-analyzer command."""
        return f"pegasus-analyzer -r {shlex.quote(str(self.dag(folder).parent))}"

    def more_on_progress(self, folder: ScanFolder) -> str:
        """Return the pegasus-status command."""
        return f"pegasus-status -l {shlex.quote(str(self.dag(folder).parent))}"
