"""The files and folders of a scan folder, with the only definition of each name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SCAN_JSON = "scan.json"
CODE_ZIP = "skyscan.zip"
JOB_SH = "job.sh"
DAGMAN_SH = "dagman.sh"
STARTUP = "startup"
STARTUP_JSON = "startup.json"
CHOICE_JSON = "choice.json"  #: which hypothesis a reconstruction chose in prep, and why
EVENT = "event"
GCD_FILE = "gcd.i3"
KERNEL_SO = "kernel.so"  #: the compiled kernel of the fits, if a scan has it
ICE_FILE = "ice.json"
LIKELIHOOD_JSON = "likelihood.json"  #: the likelihood of the fits, by which levels are chosen
LIGHT_JSON = "light.json"  #: which ice and tables of light a scan is fitted with
TRACK_NPZ = "track.npz"  #: the hits and the ice of ``track``
ROUND_JSON = "round.json"
WORKFLOW = "workflow"


def fixed(path: Path) -> Path:
    """Return an absolute path that leads to the same place as long as that exists.

    In ``a/../b``, ``a`` may be removed, or be a link: then the links in it are resolved too.
    """
    return path.resolve() if ".." in path.parts else path.absolute()


@dataclass(frozen=True)
class RoundFolder:
    """One round of a scan: the batches that its jobs read, and the results that they write."""

    path: Path

    @property
    def description(self) -> Path:
        """Return the description of the round, the last file written when it is chosen."""
        return self.path / ROUND_JSON

    @property
    def logs(self) -> Path:
        """Return the folder of the jobs' stdout and stderr, one file per attempt."""
        return self.path / "logs"

    def batch(self, number: int) -> Path:
        """Return the file of the pixels of one batch, or of several, named by the first."""
        return self.path / "batches" / f"{number:05d}.npz"

    @property
    def results(self) -> Path:
        """Return the folder of the result files, each in a folder of its own."""
        return self.path / "results"

    def result(self, number: int) -> Path:
        """Return the result file of one batch."""
        return self.path / result_path(number)


def result_path(number: int) -> str:
    """Return the path of the result file of one batch, relative to the folder of its round."""
    return f"results/{number:05d}/{number:05d}.rec"


@dataclass(frozen=True)
class ScanFolder:
    """One scan: its input, its files for the engine, and its results."""

    path: Path

    @property
    def scan_json(self) -> Path:
        """Return the file of all options, including defaults."""
        return self.path / SCAN_JSON

    @property
    def startup(self) -> Path:
        """Return the folder that prep writes and every reco job gets."""
        return self.path / STARTUP

    @property
    def startup_json(self) -> Path:
        """Return the file of the event's data that prep found."""
        return self.startup / STARTUP_JSON

    @property
    def workflow(self) -> Path:
        """Return the folder of the engine's files: DAGs, submit files, scripts, code.

        A scan that was planned by skyscan 0.1.0 has these files in the scan folder itself.
        """
        is_old = any((self.path / name).exists() for name in (CODE_ZIP, JOB_SH))
        return self.path if is_old else self.path / WORKFLOW

    @property
    def code(self) -> Path:
        """Return the archive of the code that this scan runs."""
        return self.workflow / CODE_ZIP

    @property
    def event(self) -> Path:
        """Return the folder of the scan's own copy of the event file."""
        return self.path / EVENT

    @property
    def gcd(self) -> Path:
        """Return the file of the detector's frames, if the scan has one."""
        return self.event / GCD_FILE

    @property
    def kernel(self) -> Path:
        """Return the file of the compiled kernel, if the scan has one."""
        return self.event / KERNEL_SO

    @property
    def ice(self) -> Path:
        """Return the file of the ice model, if the user chose one."""
        return self.event / ICE_FILE

    @property
    def catalogue(self) -> Path:
        """Return the file of the sources that its page shows, if the user gave some."""
        return self.path / "catalogue.json"

    @property
    def commands(self) -> Path:
        """Return the file of the commands that planned and submitted the scan."""
        return self.path / "commands.txt"

    @property
    def rounds(self) -> Path:
        """Return the folder of the rounds' folders."""
        return self.path / "rounds"

    @property
    def earlier(self) -> Path:
        """Return the folder of rounds that were moved aside to be chosen again."""
        return self.path / "earlier"

    @property
    def logs(self) -> Path:
        """Return the folder of prep's and merge's stdout and stderr."""
        return self.path / "logs"

    @property
    def partial(self) -> Path:
        """Return the folder of the map of a scan that is not complete."""
        return self.path / "partial"

    @property
    def report(self) -> Path:
        """Return the report, as text."""
        return self.path / "report.txt"

    @property
    def report_json(self) -> Path:
        """Return the report, for programs."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """Return the report as a page for browsers."""
        return self.path / "report.html"

    def round(self, number: int) -> RoundFolder:
        """Return the folder of one round."""
        return RoundFolder(self.rounds / f"{number:03d}")

    def chosen_rounds(self) -> list[int]:
        """Return the rounds whose pixels have been chosen, in order."""
        found = sorted(self.rounds.glob(f"[0-9][0-9][0-9]/{ROUND_JSON}"))
        return [int(path.parent.name) for path in found]
