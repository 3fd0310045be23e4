"""Check what scans need: what is there, what is missing, and the remedy."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import platform
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor.errors import CondorError
from condor.find import find_htcondor
from condor.pool import status
from condor.runtimes import ICECUBE_CVMFS
from condor.software.apptainer import find_apptainer
from skyscan.errors import ExitCode
from skyscan.layout import fixed
from workflows import submission
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CampaignFolder, is_campaign
from workflows.campaigns.plan import scans_of
from workflows.campaigns.run import work_of
from workflows.checks import digests, preflight, written
from workflows.checks.findings import Finding, State
from workflows.planned import read_planned
from workflows.reports.stored import read_report

if TYPE_CHECKING:
    from skyscan.layout import ScanFolder

OLDEST_PYTHON = (3, 11)
REINSTALL = "make setup, or pip install -e ."
#: The modules of htcondor2 that write DAGs and start the personal pool, and the first bindings
#: on PyPI that have them.
BINDINGS_USED, BINDINGS = ("dags", "personal"), "htcondor>=24.12.20"


def diagnose() -> list[Finding]:
    """Check everything; install and start nothing."""
    return [
        _python(),
        *(_package(name) for name in ("numpy", "scipy", "healpy")),
        _htcondor(),
        _bindings(),
        _pool(),
        _icetray(),
        _cvmfs(),
        _container_runtime(),
        _run_folder(Path.cwd()),
    ]


def lines(findings: list[Finding]) -> list[str]:
    """Return a line for each finding."""
    return [finding.line() for finding in findings]


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info >= OLDEST_PYTHON:
        return Finding("python", State.OK, f"{version}, {sys.executable}")
    return Finding("python", State.MISSING, version, "install Python 3.11 or newer")


def _package(name: str) -> Finding:
    try:
        importlib.import_module(name)
    except ImportError as error:
        return Finding(name, State.MISSING, str(error), REINSTALL)
    return Finding(name, State.OK, importlib.metadata.version(name))


def _htcondor() -> Finding:
    found = find_htcondor()
    if found:
        return Finding("HTCondor", State.OK, f"{found.version_text}, {found.bin}")
    remedy = "make setup and skyscan pool start install one"
    return Finding("HTCondor", State.MISSING, "no daemons and tools found", remedy)


def _bindings() -> Finding:
    # Not imported, because the bindings read HTCondor's configuration at import.
    what = "HTCondor bindings"
    spec = importlib.util.find_spec("htcondor2")
    if spec is None:
        return Finding(what, State.MISSING, "no module htcondor2", REINSTALL)
    try:
        version = importlib.metadata.version("htcondor")
    except importlib.metadata.PackageNotFoundError:  # not from a wheel
        version = "unknown version"
    folders = list(map(Path, spec.submodule_search_locations or ()))
    for module in BINDINGS_USED:
        if not any((it / module).is_dir() or (it / f"{module}.py").exists() for it in folders):
            detail = f"{version}, without htcondor2.{module}"
            return Finding(what, State.MISSING, detail, f"pip install '{BINDINGS}'")
    return Finding(what, State.OK, version)


def _pool() -> Finding:
    try:
        found = status()
    except CondorError as error:
        return Finding("pool", State.MISSING, "not reachable", str(error))
    if found.is_running:
        return Finding("pool", State.OK, found.text)
    if found.pool and found.pool.is_users_own:
        remedy = "start it, or unset CONDOR_CONFIG to get a personal one"
        return Finding("pool", State.MISSING, found.text, remedy)
    # A scan starts the personal pool by itself.
    return Finding("pool", State.ADVICE, "not running", "skyscan scan or pool start starts it")


def _icetray() -> Finding:
    try:
        importlib.import_module("icecube.icetray")
    except ImportError as error:  # also if one of its libraries is not found
        remedy = (
            "only for icetray reconstructions on this machine: use another --runtime, or run "
            "in IceCube's env-shell"
        )
        return Finding("icetray", State.OPTIONAL, f"not in this Python ({error})", remedy)
    return Finding("icetray", State.OK, "this Python imports icecube.icetray")


def _cvmfs() -> Finding:
    if Path(ICECUBE_CVMFS).is_dir():  # this also mounts it where it is mounted on demand
        return Finding("CVMFS", State.OK, ICECUBE_CVMFS)
    remedy = f"only for jobs that use it on this machine: mount {Path(ICECUBE_CVMFS).name}"
    return Finding("CVMFS", State.OPTIONAL, f"no {ICECUBE_CVMFS}", remedy)


def _container_runtime() -> Finding:
    what = "container runtime"
    there = find_apptainer()
    if there:
        return Finding(what, State.OK, str(there))
    remedy = "only for jobs in images on this machine: install apptainer, then restart the pool"
    return Finding(what, State.OPTIONAL, "no apptainer, no singularity", remedy)


def _run_folder(here: Path) -> Finding:
    found = preflight.place(here)
    if found.is_fatal:  # a scan may be elsewhere
        return Finding("folder for scans", State.ADVICE, found.detail, found.remedy)
    return Finding("folder for scans", State.OK, str(here))


def diagnose_folder(path: Path) -> list[Finding]:
    """Check everything that the submission of a planned scan or campaign depends on.

    Raises
    ------
    SkyscanError
        There is no scan or campaign, or it cannot be read.
    """
    place, work = _planned(path)
    kept = [it for scan in _scans(path) for it in _files_of(scan)]
    kept = [it for it in kept if it.state != State.OK] or kept[:2]
    if work is None:
        return [preflight.place(place), *kept]  # all scans are done
    found = status()
    return [*preflight.look(place, work, found.pool if found.is_running else None), *kept]


def _files_of(folder: ScanFolder) -> list[Finding]:
    """Return whether the files of a scan are undamaged, those of the plan first."""
    scan = read_planned(folder.scan_json)
    report = read_report(folder)
    code = None if report is None else report.exit_code
    return [digests.finding(folder, scan), *written.findings(folder, scan, code)]


def exit_code(findings: list[Finding]) -> ExitCode:
    """Return the exit code of `skyscan doctor`: 65 if something is missing for good."""
    fatal = [finding.exit_code for finding in findings if finding.is_fatal]
    if ExitCode.BAD_INPUT in fatal:
        return ExitCode.BAD_INPUT
    return ExitCode.TRY_AGAIN if fatal else ExitCode.DONE


def _scans(path: Path) -> list[ScanFolder]:
    if is_campaign(path):
        return CampaignFolder(fixed(path)).scans
    return [submission.open_scan(path)]


def _planned(path: Path) -> tuple[Path, preflight.Work | None]:
    if is_campaign(path):
        folder = CampaignFolder(fixed(path))
        campaign = read_campaign(folder)
        return folder.path, work_of(scans_of(folder, campaign), campaign)
    scan = submission.open_scan(path)
    return scan.path, submission.work_of(scan, read_planned(scan.scan_json))
