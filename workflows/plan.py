"""Planning: an event and options become a scan folder that DAGMan can run."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
from dataclasses import asdict, dataclass, fields
from importlib import resources
from importlib.metadata import version
from typing import TYPE_CHECKING

from condor.sites import Site, read_site
from condor.submit import quoted_environment
from skyscan.errors import BadInput, WrongUsage
from skyscan.events.reader import read_event
from skyscan.layout import JOB_SH, ScanFolder
from skyscan.progression import DEFAULT_PROGRESSION, Progression
from skyscan.recos import reco_class
from skyscan.scan import Scan, read_scan
from skyscan.storage import sha256_of, write_bytes
from workflows.code import code_zip
from workflows.dagman import write_workflow

if TYPE_CHECKING:
    from pathlib import Path

#: Run numbers that real events have (skyreader.event_metadata).
REAL_RUNS = range(100_000, 1_000_000)
ROUNDS_BEYOND_LEVELS = 6
MAX_ROUNDS = 1000  # the folders of rounds have three digits
VARIABLE_PREFIX = "SKYSCAN_"
#: Of this machine and this shell, or not for a file that others read.
_NOT_FOR_JOBS = re.compile(
    r"^SKYSCAN_POOL|TOKEN|SECRET|PASSW|AUTH|CREDENTIAL|PRIVATE|API_?KEY|ACCESS_?KEY",
    re.IGNORECASE,
)
_NOT_AN_OPTION = ("versions", "code_sha256")


@dataclass(frozen=True)
class Options:
    """What a user may ask of a scan; the defaults are those of the command line."""

    is_real_event: bool
    reco: str = "track"
    progression: Progression = DEFAULT_PROGRESSION
    batch_size: int | None = None
    jobs_per_round: int | None = None
    max_rounds: int | None = None
    max_pixel_time: float = 600.0
    max_failed_pixels: float = 0.01
    max_retries: int = 3
    deadline: float | None = None
    request_memory: int = 1000
    request_disk: int = 500
    site: str = "personal"


def plan(event_path: Path, output_dir: Path, options: Options) -> ScanFolder:
    """Write the scan folder of an event; one that is there with the same options is kept.

    Raises
    ------
    BadInput
        The event cannot be read or lacks what the reconstruction needs.
    WrongUsage
        An option means nothing, or the folder holds the same event's scan with others.
    """
    site = read_site(options.site)
    scan = _resolve(event_path, options, site)
    folder = ScanFolder(output_dir.absolute() / scan.name)
    if folder.scan_json.exists():
        _refuse_other_options(read_scan(folder.scan_json), scan, folder)
        return folder
    _refuse_foreign(folder.path)
    _write(folder, scan, site, event_path)
    return folder


def _resolve(event_path: Path, options: Options, site: Site) -> Scan:
    event = read_event(event_path)
    _check_run(event.run_id, event_path, is_real=options.is_real_event)
    reco_class(options.reco)
    max_rounds = options.max_rounds or len(options.progression) + ROUNDS_BEYOND_LEVELS
    if max_rounds > MAX_ROUNDS:
        raise WrongUsage(f"--max-rounds {max_rounds} is more than {MAX_ROUNDS}.")
    jobs = options.jobs_per_round or site.jobs_per_round or os.cpu_count() or 1
    given = {field.name: getattr(options, field.name) for field in fields(options)}
    return Scan(
        **{
            **given,
            "reco": options.reco.lower().replace("-", "_"),
            "jobs_per_round": None if options.batch_size else jobs,
            "max_rounds": max_rounds,
        },
        name=event.name,
        event_file="event.pkl" if event_path.suffix.lower() == ".pkl" else "event.json",
        event_sha256=sha256_of(event_path),
        run_id=event.run_id,
        event_id=event.event_id,
        mjd=event.mjd,
        event_type=event.event_type,
        environment=job_environment(os.environ),
        versions=versions(),
        code_sha256="",
    )


def job_environment(environment: os._Environ[str] | dict[str, str]) -> dict[str, str]:
    """Return the ``SKYSCAN_`` variables for the jobs, without secrets.

    Raises
    ------
    WrongUsage
        A value has a line break or the like, which no submit file can hold.
    """
    chosen = {
        name: value
        for name, value in environment.items()
        if name.startswith(VARIABLE_PREFIX) and not _NOT_FOR_JOBS.search(name)
    }
    for name, value in chosen.items():
        if not re.fullmatch(r"\w+", name, re.ASCII) or not value.isprintable():
            raise WrongUsage(
                f"The environment variable {name!r} would go to the jobs, but holds characters "
                f"that no submit file can carry; unset it or make it one printable line."
            )
    quoted_environment(chosen)  # refuses what else cannot be written
    return chosen


def versions() -> dict[str, str]:
    """Return what made the scan: this project, Python and the packages."""
    packages = ("skyscan", "numpy", "scipy", "healpy", "htcondor")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _check_run(run_id: int, path: Path, *, is_real: bool) -> None:
    if is_real and run_id not in REAL_RUNS:
        raise WrongUsage(
            f"{path} is of run {run_id}, which no real event has ({REAL_RUNS.start} to "
            f"{REAL_RUNS.stop - 1}); say --simulated-event."
        )


def _refuse_other_options(planned: Scan, asked: Scan, folder: ScanFolder) -> None:
    old, new = asdict(planned), asdict(asked)
    differing = [name for name in old if name not in _NOT_AN_OPTION and old[name] != new[name]]
    if differing:
        changes = ", ".join(f"{name} {old[name]!r} -> {new[name]!r}" for name in differing)
        raise WrongUsage(
            f"{folder.path} already holds a scan of this event with other options ({changes}). "
            f"Choose another --output-dir, or the same options to go on with it."
        )


def _refuse_foreign(path: Path) -> None:
    if path.exists() and not path.is_dir():
        raise WrongUsage(f"{path} is in the way: it is no folder. Choose another --output-dir.")
    if any(path.glob("rounds/*")):  # the folder alone is what a plan that was cut off leaves
        raise BadInput(
            f"{path} has rounds but no scan.json: it was a scan folder and is damaged. "
            f"Restore scan.json or move the folder away."
        )


def _write(folder: ScanFolder, scan: Scan, site: Site, event_path: Path) -> None:
    try:
        for path in (folder.event, folder.logs, folder.path / "rounds"):
            path.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(event_path, folder.event / scan.event_file)
        write_bytes(folder.code, code_zip())
        job = resources.files("condor").joinpath(JOB_SH).read_bytes()
        write_bytes(folder.path / JOB_SH, job)
        (folder.path / JOB_SH).chmod(0o755)
        planned = Scan(**{**vars(scan), "code_sha256": sha256_of(folder.code)})
        write_workflow(folder, planned, site, sys.executable)
        planned.write(folder.scan_json)
    except OSError as error:
        raise WrongUsage(
            f"The scan folder cannot be written: {error}. Choose another --output-dir."
        ) from error
