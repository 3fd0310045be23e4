"""What an engine does for a scan: the only place where engines differ.

An engine is a folder beside this file with one subclass of `Engine`, and a line in
`workflows.engines.ENGINES`. All engines submit a DAG to DAGMan in the end, and its logs are
read in the same way for all of them (`condor.logs.dagman`).
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from condor.logs.dagman import dagman_state
from skyscan.errors import ScanIncomplete

if TYPE_CHECKING:
    from condor.contact import Pool
    from condor.logs.dagman import DagmanState
    from condor.sites import Site
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

#: {round: {batch: its result files}}
Arriving = Mapping[int, Mapping[int, list[Path]]]


@dataclass(frozen=True)
class Failure:
    """A failed step.

    Attributes
    ----------
    step : str
        Its name.
    exit_code : int
        Exit code that the failure counts with.
    text : str
        What went wrong.
    cause : str
        The kind of the failure, a key of `workflows.model.causes.CAUSES`.
    can_pass : bool
        Whether another try may succeed without any change.
    advice : str
        What to do about it.
    machine : str
        Machine of the last start; empty if it is unknown, or is the access point.
    file : str
        The file with its stderr, relative to the scan folder; empty if there is none.
    last_lines : tuple of str
        The last lines of that file.
    """

    step: str
    exit_code: int
    text: str
    cause: str = "unknown"
    can_pass: bool = True
    advice: str = ""
    machine: str = ""
    file: str = ""
    last_lines: tuple[str, ...] = ()


class Engine(ABC):
    """Runs the steps of a scan."""

    #: Value of ``--engine``.
    name: ClassVar[str]
    #: Whether one DAG can run many scans.
    has_campaigns: ClassVar[bool] = False
    #: Steps with these prefixes fail because another step failed: the cause to report.
    echo: ClassVar[tuple[str, ...]]

    @abstractmethod
    def is_in(self, folder: ScanFolder) -> bool:
        """Return whether a scan was planned for this engine."""

    def check(self, place: Path, scan: Planned, site: Site) -> None:  # noqa: B027
        """Refuse a scan that the engine cannot run.

        Parameters
        ----------
        place : Path
            Where the scan folder will be.
        scan : Planned
            The scan.
        site : Site
            The site where its jobs run.

        Raises
        ------
        WrongUsage
            The engine cannot run it; the text says why, and what to do instead.
        """

    @abstractmethod
    def write(self, folder: ScanFolder, scan: Planned, site: Site, python: str) -> None:
        """Write the files that the engine runs into a scan folder.

        Parameters
        ----------
        folder : ScanFolder
            The scan.
        scan : Planned
            The planned scan, with the digest of its code.
        site : Site
            The site where its jobs run.
        python : str
            Path of the Python of the steps on the access point.
        """

    @abstractmethod
    def planned_files(self, folder: ScanFolder) -> list[Path]:
        """Return the files that `write` wrote and that stay as they are until `rewrite`."""

    @abstractmethod
    def next_round(self, folder: ScanFolder, scan: Planned, number: int, here: Path) -> bool:
        """Open a round: choose its pixels, and write the files that the engine runs.

        Parameters
        ----------
        folder : ScanFolder
            The scan.
        scan : Planned
            The planned scan.
        number : int
            Number of the round, from 0.
        here : Path
            Folder in which the calling step runs.

        Returns
        -------
        bool
            Whether there is anything to run.
        """

    def rewrite(self, folder: ScanFolder, scan: Planned, site: Site) -> list[Path]:  # noqa: ARG002
        """Write again the files that depend on the limits of a scan; return their paths."""
        return []

    def missing(self, pool: Pool | None) -> str:  # noqa: ARG002
        """Return a message if software of the engine is missing here, else an empty text."""
        return ""

    @abstractmethod
    def command(self, folder: ScanFolder) -> list[str]:
        """Return the command that submits the scan, for the first time or again."""

    @abstractmethod
    def submit(self, folder: ScanFolder, pool: Pool) -> None:
        """Submit a scan that is not in the queue.

        Raises
        ------
        TryAgain
            The engine refuses; the text has its message.
        """

    @abstractmethod
    def dags(self, folder: ScanFolder) -> list[Path]:
        """Return the DAGs of all submissions, oldest first; submissions may share one."""

    @abstractmethod
    def dag(self, folder: ScanFolder) -> Path:
        """Return the DAG of the last submission, which may not exist yet."""

    def state(self, folder: ScanFolder) -> DagmanState | None:
        """Return the state of the last submission; None if there was none."""
        return dagman_state(self.dag(folder))

    def node_logs(self, folder: ScanFolder) -> list[Path]:  # noqa: ARG002
        """Return the logs that record on which machines the jobs ran."""
        return []

    def n_skips(self, folder: ScanFolder, scan: Planned, n_rounds: int) -> int:  # noqa: ARG002
        """Return how many nodes are skipped after the last of ``n_rounds`` rounds."""
        return scan.max_rounds - n_rounds

    @abstractmethod
    def has_succeeded(self, state: DagmanState) -> bool:
        """Return whether a submission that has ended without a report succeeded."""

    def failed_jobs(self, folder: ScanFolder) -> list[Failure]:  # noqa: ARG002
        """Return failed jobs of the last submission that the `node_logs` do not show."""
        return []

    def arriving(self, folder: ScanFolder) -> Arriving:  # noqa: ARG002
        """Return result files that are on their way into the scan folder."""
        return {}

    def settle(self, folder: ScanFolder) -> None:  # noqa: B027
        """Collect results on their way into the folder of a scan that is not in the queue."""

    def tidy(self, folder: ScanFolder, scan: Planned) -> None:  # noqa: B027
        """Remove files that nothing reads; runs when the report of a scan is written."""

    def more_on_failure(self, folder: ScanFolder) -> str:  # noqa: ARG002
        """Return the engine's own command that shows why a scan failed, if it has one."""
        return ""

    def progress_command(self, folder: ScanFolder) -> list[str]:  # noqa: ARG002
        """Return the engine's own command that shows the progress of a scan; empty if none."""
        return []

    def deadline(self, folder: ScanFolder, seconds: float | None) -> int:
        """Return when the scan must end, in seconds since 1970; 0 if it has no deadline.

        Raises
        ------
        ScanIncomplete
            The deadline has passed.
        """
        if seconds is None:
            return 0
        state = self.state(folder)
        start = time.time() if state is None else state.submitted
        if time.time() > start + seconds:
            raise ScanIncomplete(f"the deadline of {seconds:g} s (--deadline) has passed.")
        return int(start + seconds)
