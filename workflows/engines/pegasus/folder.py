"""Paths of a Pegasus workflow in a scan folder, and its runs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from skyscan.errors import WrongUsage

if TYPE_CHECKING:
    from pathlib import Path

    from workflows.planned import Planned

#: Sites of the catalog: the access point, the execute machines, and the place of the files that
#: all jobs read, if that is not the access point.
LOCAL, POOL, OSDF = "local", "condorpool", "osdf"
PLAN_SH = "plan.sh"
CARRY_SH = "carry.sh"
FOLDER = "pegasus"
STARTUP_TAR = "startup.tar"
#: Pegasus writes paths into shell lines, URLs and lists with commas, and expands variables.
_PLAIN = re.compile(r"[\w./+@=~-]+", re.ASCII)
_MACRO = re.compile(r"\$[$({]")


@dataclass(frozen=True)
class PegasusFolder:
    """The Pegasus side of the scan in the folder ``scan``."""

    scan: Path

    @property
    def path(self) -> Path:
        """Return the folder of all files of Pegasus except plan.sh."""
        return self.scan / FOLDER

    @property
    def workflow(self) -> Path:
        """Return the top workflow: prep and the workflow after it."""
        return self.path / "workflow.yml"

    @property
    def sites(self) -> Path:
        """Return the site catalog."""
        return self.path / "sites.yml"

    @property
    def transformations(self) -> Path:
        """Return the transformation catalog."""
        return self.path / "transformations.yml"

    @property
    def replicas(self) -> Path:
        """Return the replica catalog of the shared files; rounds have their own catalogs."""
        return self.path / "replicas.yml"

    @property
    def properties(self) -> Path:
        """Return the settings of pegasus-plan."""
        return self.path / "pegasus.properties"

    @property
    def carry_sh(self) -> Path:
        """Return the program of jobs on the execute machines."""
        return self.path / CARRY_SH

    @property
    def startup_tar(self) -> Path:
        """Return the packed output of prep, which the jobs of rounds get."""
        return self.path / STARTUP_TAR

    @property
    def scratch(self) -> Path:
        """Return the folder in which Pegasus keeps the files of its runs."""
        return self.path / "scratch"

    @property
    def storage(self) -> Path:
        """Return the folder of outputs, unused because ours go into the scan folder."""
        return self.path / "outputs"

    @property
    def submit(self) -> Path:
        """Return the folder in which pegasus-plan makes a folder per run."""
        return self.path / "runs"

    @property
    def plan_sh(self) -> Path:
        """Return the script that plans a run."""
        return self.scan / PLAN_SH

    def runs(self) -> list[Path]:
        """Return the folders of the planned runs, oldest first."""
        # USER/pegasus/WORKFLOW/run0001; pegasus-plan increments the number.
        return sorted(self.submit.glob("*/pegasus/*/run[0-9]*"), key=lambda path: path.name)

    def dags(self) -> list[Path]:
        """Return the DAG of each run, oldest first; runs that have none yet are left out.

        pegasus-plan names it after the workflow and its number, such as ``NAME-0.dag``:
        pegasus-status looks for that name. Scans of earlier versions have ``scan.dag``.
        """
        return [dag for run in self.runs() for dag in sorted(run.glob("*.dag"))]


def check_carried(place: Path, scan: Planned) -> None:
    """Refuse values that Pegasus, or HTCondor after it, would change.

    Raises
    ------
    WrongUsage
        The path of the scan folder has characters other than letters, digits and ``._-+@=~``,
        or a variable for the jobs looks like a macro.
    """
    if not _PLAIN.fullmatch(str(place)):
        raise WrongUsage(
            f"{place} has characters that Pegasus does not preserve (such as blanks, quotes, $ "
            f"and commas); choose another --output-dir."
        )
    for name, value in scan.environment.items():
        if _MACRO.search(value):
            raise WrongUsage(
                f"The environment variable {name} contains $$, $( or ${{, which Pegasus does "
                f"not preserve; unset it or change its value."
            )
