"""What an engine does for a scan: the one place where engines differ.

An engine is a folder beside this file with one object of `Engine` in it, and a line in
`workflows.engines.ENGINES`. All of them hand a DAG to DAGMan in the end, so what its logs
say is read in one way (`condor.dagman`).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from condor.dagman import dagman_state
from skyscan.errors import ScanIncomplete

if TYPE_CHECKING:
    from condor.contact import Pool
    from condor.dagman import DagmanState
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

#: {round: {batch: its result files}}
Arriving = Mapping[int, Mapping[int, list[Path]]]


@dataclass(frozen=True)
class Failure:
    """Something that went wrong: which step, its exit code, and what it said."""

    step: str
    exit_code: int
    text: str


class Engine(ABC):
    """What runs the steps of a scan."""

    #: Of ``--engine``.
    name: ClassVar[str]
    #: Whether many scans can be one DAG.
    has_campaigns: ClassVar[bool] = False
    #: Steps whose names begin so fail because another step did: that is the cause to report.
    echo: ClassVar[str]

    @abstractmethod
    def is_in(self, folder: ScanFolder) -> bool:
        """Tell whether a scan was planned for this engine."""

    def check(self, place: Path, scan: Planned, site: Site) -> None:  # noqa: B027
        """Refuse what the engine cannot do or carry.

        Parameters
        ----------
        place : Path
            Where the scan folder will be.
        scan : Planned
            What is asked.
        site : Site
            Where its jobs are to run.

        Raises
        ------
        WrongUsage
            Says what, and what to do instead.
        """

    @abstractmethod
    def write(self, folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
        """Write what the engine runs into a scan folder.

        Parameters
        ----------
        folder : ScanFolder
            The scan.
        scan : Planned
            What is asked, with the digest of its code.
        site : Site
            Where its jobs are to run.
        python : str
            The interpreter of the steps on the access point.
        """

    @abstractmethod
    def next_round(self, folder: ScanFolder, scan: Planned, number: int, here: Path) -> bool:
        """Open a round: choose its pixels, and write what the engine runs of it.

        Parameters
        ----------
        folder : ScanFolder
            The scan.
        scan : Planned
            What it was asked.
        number : int
            The round, from 0.
        here : Path
            The folder in which the step that asks this runs.

        Returns
        -------
        bool
            Whether there is anything to run.
        """

    def rewrite(self, folder: ScanFolder, scan: Planned, site: Site) -> None:  # noqa: B027
        """Write again what depends on how far a scan is to go."""

    def missing(self, pool: Pool | None) -> str:  # noqa: ARG002
        """Return what the engine needs and this machine lacks; empty when there is nothing."""
        return ""

    @abstractmethod
    def command(self, folder: ScanFolder) -> list[str]:
        """Return the command that hands the scan over, for the first time or again."""

    @abstractmethod
    def submit(self, folder: ScanFolder, pool: Pool) -> None:
        """Hand over a scan that is not in the queue.

        Raises
        ------
        TryAgain
            The engine refuses; the text has its words.
        """

    @abstractmethod
    def dags(self, folder: ScanFolder) -> list[Path]:
        """Return the DAG of each submission, oldest first; one may serve several."""

    @abstractmethod
    def dag(self, folder: ScanFolder) -> Path:
        """Return the DAG of the last submission; it need not be there yet."""

    def state(self, folder: ScanFolder) -> DagmanState | None:
        """Return what became of the last submission; None when there was none."""
        return dagman_state(self.dag(folder))

    def node_logs(self, folder: ScanFolder) -> list[Path]:  # noqa: ARG002
        """Return the logs that say on which machines the jobs ran."""
        return []

    @abstractmethod
    def has_succeeded(self, state: DagmanState) -> bool:
        """Tell whether a submission that has ended and left no report ended well."""

    @abstractmethod
    def failed_jobs(self, folder: ScanFolder) -> list[Failure]:
        """Return the jobs of the last submission that failed at their last try."""

    def arriving(self, folder: ScanFolder) -> Arriving:  # noqa: ARG002
        """Return result files that are on their way into the scan folder."""
        return {}

    def settle(self, folder: ScanFolder) -> None:  # noqa: B027
        """Take in what is on its way, of a scan that is not in the queue."""

    def more_on_failure(self, folder: ScanFolder) -> str:  # noqa: ARG002
        """Return the engine's own command that says why a scan failed, if it has one."""
        return ""

    def more_on_progress(self, folder: ScanFolder) -> str:  # noqa: ARG002
        """Return the engine's own command that says how far a scan is, if it has one."""
        return ""

    def deadline(self, folder: ScanFolder, seconds: float | None) -> int:
        """Return when the scan must end, in seconds since 1970; 0 when that is not said.

        Raises
        ------
        ScanIncomplete
            That has passed.
        """
        if seconds is None:
            return 0
        state = self.state(folder)
        begun = time.time() if state is None else state.submitted
        if time.time() > begun + seconds:
            raise ScanIncomplete(f"the deadline of {seconds:g} s (--deadline) has passed.")
        return int(begun + seconds)
