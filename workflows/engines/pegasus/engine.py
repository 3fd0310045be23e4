"""Pegasus as an engine."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, ClassVar

from skyscan.errors import WrongUsage
from skyscan.frames import KEEP_VARIABLE
from workflows.engines.engine import Arriving, Engine, Failure
from workflows.engines.pegasus.folder import PegasusFolder, check_carried
from workflows.steps import ACCESS_POINT_SH

if TYPE_CHECKING:
    from pathlib import Path

    from condor.contact import Pool
    from condor.logs.dagman import DagmanState
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned


class Pegasus(Engine):
    """Pegasus: a workflow in which each job between rounds writes the next workflow.

    Its Python API is imported only where it is used, because the import is slow, and so are the
    modules that most scripts of a scan do not need.
    """

    name: ClassVar[str] = "pegasus"
    echo: ClassVar[tuple[str, ...]] = ("next_round",)

    def is_in(self, folder: ScanFolder) -> bool:
        """Return whether there is a folder of Pegasus' files."""
        return PegasusFolder(folder.path).path.is_dir()

    def check(self, place: Path, scan: Planned, site: Site) -> None:
        """Refuse predictive scanning, and values that Pegasus would change."""
        from workflows.engines.pegasus.staging import check_staging

        if scan.predictive_scanning_threshold < 1:
            raise WrongUsage(
                "--predictive-scanning-threshold: with Pegasus a round starts only when the "
                "one before has ended. Leave it at 1, or use --engine dagman."
            )
        if KEEP_VARIABLE in scan.environment:
            raise WrongUsage(
                "--keep-frames is not supported with Pegasus; use --engine dagman, or leave "
                "it out."
            )
        check_carried(place, scan)
        check_staging(site)

    def write(self, folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
        """Write catalogs, scripts and the top workflow."""
        from workflows.engines.pegasus import outer

        outer.write_workflow(folder, scan, site, python)

    def planned_files(self, folder: ScanFolder) -> list[Path]:
        """Return the scripts; catalogs and the top workflow are written at each submission."""
        pegasus = PegasusFolder(folder.path)
        return [pegasus.carry_sh, pegasus.plan_sh, folder.workflow / ACCESS_POINT_SH]

    def next_round(self, folder: ScanFolder, scan: Planned, number: int, here: Path) -> bool:
        """Write the next workflow into the folder of the job; the last one merges."""
        from workflows.engines.pegasus import rounds

        deadline = self.deadline(folder, scan.deadline)
        rounds.next_round(folder, scan, number, here, deadline)
        self.tidy(folder, scan)
        return True

    def missing(self, pool: Pool | None) -> str:
        """Return a message if pegasus-plan is missing."""
        from workflows.engines.pegasus import submission

        if submission.has_pegasus(pool):
            return ""
        return f"{submission.PLAN} is not on PATH; it needs Pegasus 5.1 or newer."

    def command(self, folder: ScanFolder) -> list[str]:
        """Return the command that plans a run and starts it."""
        return [str(PegasusFolder(folder.path).plan_sh), "--submit"]

    def submit(self, folder: ScanFolder, pool: Pool) -> None:
        """Plan a run and start it."""
        from workflows.engines.pegasus import submission

        submission.submit(folder, pool)

    def dags(self, folder: ScanFolder) -> list[Path]:
        """Return the DAGs of all runs; pegasus-plan makes a new one for each run."""
        return PegasusFolder(folder.path).dags()

    def dag(self, folder: ScanFolder) -> Path:
        """Return the DAG of the last run."""
        place = PegasusFolder(folder.path)
        return next(reversed(place.dags()), place.submit / "none.dag")

    def has_succeeded(self, state: DagmanState) -> bool:  # noqa: ARG002
        """Return False, because the last job of a successful scan has written the report.

        Pegasus' program around DAGMan exits with 0 even if DAGMan failed (seen with 5.1.2).
        """
        return False

    def failed_jobs(self, folder: ScanFolder) -> list[Failure]:
        """Return the failures in the last run and its nested workflows."""
        from workflows.engines.pegasus import failures

        return failures.failed_jobs(self.dag(folder).parent)

    def arriving(self, folder: ScanFolder) -> Arriving:
        """Return the result files in Pegasus' scratch folder."""
        from workflows.engines.pegasus import results

        return results.arriving_results(PegasusFolder(folder.path).scratch)

    def settle(self, folder: ScanFolder) -> None:
        """Collect what ended runs left in Pegasus' scratch folder, and remove the folder."""
        from workflows.engines.pegasus import results

        results.settle(folder)

    def tidy(self, folder: ScanFolder, scan: Planned) -> None:
        """Remove the copies of the worker package that no job reads."""
        from condor.sites import recorded_site
        from workflows.engines.pegasus.worker_package import (
            drop_worker_packages,
            needs_worker_package,
        )

        if not needs_worker_package(scan, recorded_site(scan.site, scan.site_values)):
            drop_worker_packages(folder)

    def more_on_failure(self, folder: ScanFolder) -> str:
        """Return the pegasus-analyzer command."""
        return f"pegasus-analyzer -r {shlex.quote(str(self.dag(folder).parent))}"

    def progress_command(self, folder: ScanFolder) -> list[str]:
        """Return the pegasus-status command."""
        return ["pegasus-status", "-l", str(self.dag(folder).parent)]
