"""Real scans on a real pool, and what tests do to them while they run."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from plans_support import accept_changes

from condor.logs.dagman import log_events
from skyscan.job.worker import TALLY_VARIABLE
from skyscan.layout import JOB_SH, SCAN_JSON, ScanFolder
from workflows.engines.dagman.scripts import OPEN_BATCH_SH, OPEN_ROUND_SH
from workflows.options import Options
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.reports.stored import read_report
from workflows.submission import submit
from workflows.watch import is_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from condor.contact import Pool
    from workflows.reports.value import Report

PATIENCE = 600.0  # seconds; a machine may be busy, so this is a limit and not a measurement

#: Attributes of a job that show why it does not continue.
ATTRIBUTES = (
    *("JobStatus", "RequestMemory", "MemoryUsage", "ResidentSetSize", "NumShadowStarts"),
    *("NumHolds", "EnteredCurrentStatus", "RemoteHost", "HoldReason"),
)

Fit = tuple[int, int, int]  # nside, pixel, variation


@dataclass(frozen=True)
class RunningScan:
    """A scan folder, its pool, and the file that lists every fit that was started."""

    folder: ScanFolder
    pool: Pool
    tally: Path

    def submit(self) -> RunningScan:
        submit(self.folder, self.pool)
        return self

    def finish(self) -> Report:
        wait_until(lambda: is_over(self.folder), "the scan to end", state=self.state)
        report = read_report(self.folder)
        assert report is not None, f"the scan wrote no report\n{self.state()}"
        return report

    def state(self) -> str:
        """Return the state of the scan according to queue and logs."""
        mine = self.is_mine()
        parts = [
            self.pool.run("condor_q", "-allusers", "-const", mine, "-af:jh", *ATTRIBUTES).stdout
        ]
        for kind in ("nodes.log", "dagman.log", "dagman.out"):
            for log in sorted(self.folder.workflow.glob(f"*.dag.{kind}")):
                lines = log.read_text(errors="replace").splitlines()
                parts += [f"{log.name}:", *lines[-30:]]
        return "\n".join(parts)

    def is_mine(self) -> str:
        """Return a constraint for the scan's jobs in the queue.

        They include the DAGMans of rounds, but not that of the scan, whose folder may be any.
        """
        workflow = self.folder.workflow
        return f'(Iwd == "{workflow}" || Iwd == "{workflow / ".."}")'

    def fits(self) -> Counter[Fit]:
        """Return how often each fit was started."""
        lines = self.tally.read_text().splitlines() if self.tally.exists() else []
        return Counter(tuple(int(word) for word in line.split()[:3]) for line in lines)

    def npz(self) -> bytes:
        (path,) = self.folder.path.glob("run*.npz")
        return path.read_bytes()

    def pause_at(self, number: int, *, opened: bool = False) -> None:
        """Let DAGMan wait in the PRE script of a round until `go_on`.

        It waits before the round is opened, or afterwards and before its jobs are submitted.
        """
        wait = "while [ ! -e go-on ]; do touch paused; sleep 0.1; done"
        gate = f'[ "$1" -ne {number} ] || {wait}'
        end = ["code=$?", gate, 'exit "$code"']
        script = self.folder.workflow / OPEN_ROUND_SH
        *lines, last = script.read_text().splitlines()
        after = [last.removeprefix("exec "), *end]
        script.write_text("\n".join([*lines, *(after if opened else [gate, last]), ""]))
        self._pause_jobs(number, wait, opened=opened)
        accept_changes(self.folder)

    def _pause_jobs(self, number: int, wait: str, *, opened: bool) -> None:
        """Let the scripts of jobs wait that are nodes of the outer DAG, if there are any."""
        script = self.folder.workflow / OPEN_BATCH_SH
        if script.exists():
            gate = f'case "$1" in reco_{number:03d}_*) {wait};; esac'
            shebang, *lines = script.read_text().splitlines()
            text = [*lines, gate] if opened else [gate, *lines]
            script.write_text("\n".join([shebang, *text, ""]))

    def at_start(self, *lines: str) -> None:
        """Let reco jobs run some lines of shell before they start Python."""
        path = self.folder.workflow / JOB_SH
        text = path.read_text()
        here = "\npython=${SKYSCAN_PYTHON"
        assert here in text
        more = "\n".join(["", 'case "$1" in reco)', *lines, ";; esac"])
        path.write_text(text.replace(here, more + here))
        accept_changes(self.folder)

    def wait_until_paused(self) -> None:
        paused = self.folder.workflow / "paused"
        wait_until(lambda: paused.exists() or is_over(self.folder), "the PRE script to wait")
        assert not is_over(self.folder), f"the scan ended: {read_report(self.folder)}"

    @property
    def go_on_file(self) -> Path:
        """The file for which paused processes wait."""
        return self.folder.workflow / "go-on"

    def go_on(self) -> None:
        self.go_on_file.touch()

    def processes(self, step: str) -> list[int]:
        """Return the ids of this scan's own processes that run a step (reco, worker)."""
        return [
            pid
            for pid in (int(path.name) for path in Path("/proc").glob("[0-9]*"))
            if f"\0-m\0skyscan\0{step}\0" in _read(pid, "cmdline")
            and f"{TALLY_VARIABLE}={self.tally}\0" in _read(pid, "environ")
        ]

    def wait_for_fits(self, n: int, nside: int | None = None) -> None:
        """Wait until this number of fits has started (of one nside)."""

        def begun() -> int:
            return sum(nside is None or fit[0] == nside for fit in self.fits())

        wait_until(lambda: begun() >= n or is_over(self.folder), f"{n} fits to begin")
        assert begun() >= n, f"the scan ended after {begun()} fits: {read_report(self.folder)}"

    def kill_a(self, step: str) -> int:
        """Kill one of the scan's processes with SIGKILL; return its id."""
        wait_until(lambda: bool(self.processes(step)), f"a {step} process")
        pid = self.processes(step)[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def running_jobs(self) -> list[str]:
        """Return the ids of the scan's jobs that run on a slot."""
        mine = f"{self.is_mine()} && JobUniverse == 5 && JobStatus == 2"
        queue = self.pool.run("condor_q", "-allusers", "-const", mine, "-af:j", "Cmd")
        return [line.split()[0] for line in queue.stdout.splitlines()]

    def dagman_cluster(self) -> str:
        mine = f'UserLog == "{self.folder.workflow / "scan.dag.dagman.log"}"'
        queue = self.pool.run("condor_q", "-allusers", "-const", mine, "-af", "ClusterId")
        (cluster,) = queue.stdout.split()
        return cluster

    def events(self, dag: str) -> list[str]:
        """Return the names of the events in a DAG's node log, in order."""
        log = self.folder.workflow / f"{dag}.nodes.log"
        return [event.type.name for event in log_events(log)]

    def exits(self, dag: str) -> list[int | None]:
        """Return the exit codes of all tries of jobs (None: killed by a signal), in order."""
        log = self.folder.workflow / f"{dag}.nodes.log"
        ends = [
            event
            for event in log_events(log)
            # a job that failed and is tried again is "evicted"
            if event.type.name == "JOB_TERMINATED" or event.get("TerminatedAndRequeued")
        ]
        # the FINAL node has no job: DAGMan writes its end itself, as of cluster 0
        return [
            e["ReturnValue"] if e["TerminatedNormally"] else None for e in ends if e.cluster
        ]


def make_scan(
    pool: Pool, output_dir: Path, event: Path | None = None, **options: object
) -> RunningScan:
    """Plan a scan of the shipped event; its fits are logged beside it."""
    tally = output_dir / "tally"
    with environment(**{TALLY_VARIABLE: str(tally)}):
        all_options = Options(is_real_event=False, **options)  # type: ignore[arg-type]
        folder = plan(event or simulated_event(), output_dir, all_options)
    return RunningScan(folder, pool, tally)


def copy_of(scan: RunningScan, place: Path) -> RunningScan:
    """Copy the folder of a finished scan; fits of the copy are logged beside it."""
    folder, tally = ScanFolder(place / scan.folder.path.name), place / "tally"
    shutil.copytree(scan.folder.path, folder.path)
    planned = read_planned(folder.scan_json)
    variables = {**planned.environment, TALLY_VARIABLE: str(tally)}
    replace(planned, environment=variables).write(folder.path / SCAN_JSON)
    for submit_file in folder.workflow.glob("*.sub"):
        text = submit_file.read_text()
        submit_file.write_text(text.replace(str(scan.tally), str(tally)))
    accept_changes(folder)
    return RunningScan(folder, scan.pool, tally)


def simulated_event() -> Path:
    """Return the path of the shipped event."""
    return Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))


@contextmanager
def environment(**variables: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


def wait_until(
    condition: Callable[[], bool],
    what: str,
    patience: float = PATIENCE,
    state: Callable[[], str] = lambda: "",
) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {patience:g} s in vain for {what}\n{state()}")
        time.sleep(0.2)


def _read(pid: int, name: str) -> str:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes().decode(errors="replace")
    except OSError:
        return ""
