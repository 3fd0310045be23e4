"""Shared by the tests of planning: the simulated event, and a package with a reconstruction."""

from __future__ import annotations

from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from skyscan.layout import WORKFLOW
from workflows.checks.digests import digests_of
from workflows.options import Options
from workflows.planned import read_planned

if TYPE_CHECKING:
    from condor.contact import Pool
    from skyscan.layout import ScanFolder

EVENT = Path(str(resources.files("skyscan").joinpath("data", "simulated_track.json")))

PLUGIN = """
from skyscan.recos.dummy import Dummy
from visiting_reco_parts.numbers import SUMMARY


class Visiting(Dummy):
    summary = SUMMARY
"""


def options(**changes: object) -> Options:
    """Return options of a small scan of the simulated event by the dummy."""
    made = {
        "is_real_event": False,
        "reco": "dummy",
        "progression": ((1, 0), (2, 1)),
        "jobs_per_round": 1,
    }
    return Options(**{**made, **changes})


def accept_changes(folder: ScanFolder) -> None:
    """Take the plan of a scan as it is now, with what a test has changed, for undamaged."""
    scan = read_planned(folder.scan_json)
    files = digests_of(folder, [folder.path / name for name in scan.files])
    replace(scan, files=files).write(folder.scan_json)


def without_digests(folder: ScanFolder) -> None:
    """Have scan.json as it was before it had the digests of files."""
    replace(read_planned(folder.scan_json), files={}).write(folder.scan_json)


def lay_out_as_before(folder: ScanFolder) -> None:
    """Move the files of workflow/ to the top, as in the layout of skyscan 0.1.0."""
    without_digests(folder)
    for path in folder.workflow.iterdir():
        path.replace(folder.path / path.name)
    (folder.path / WORKFLOW).rmdir()


def dry_run(pool: Pool, folder: ScanFolder, name: str) -> dict[str, str]:
    """Return what condor_submit would send to the schedd: {attribute: expression}."""
    values = ("retry=0", "RETRY=0", "round=000", "batch=00000", "deadline=0")
    done = pool.run(
        *("env", "-C", str(folder.workflow), "condor_submit", "-dry-run", "-", *values),
        str(folder.workflow / name),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    pairs = (line.partition("=")[::2] for line in done.stdout.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, value in pairs}


def install_plugin(place: Path) -> None:
    """Write a distribution like pip, with a reconstruction in each of two modules."""
    parts = place / "visiting_reco_parts"
    metadata = place / "visiting_reco-1.2.dist-info"
    for folder in (parts / "__pycache__", metadata):
        folder.mkdir(parents=True)
    (place / "visiting_reco.py").write_text(PLUGIN)
    (parts / "__init__.py").write_text("")
    (parts / "numbers.py").write_text('SUMMARY = "a reconstruction on a visit"\n')
    (parts / "other.py").write_text(f"{PLUGIN}\nRECO_CLASS = Visiting\n")
    (parts / "__pycache__" / "numbers.cpython-311.pyc").write_bytes(b"stale")
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: visiting-reco\nVersion: 1.2\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[skyscan.recos]\n"
        "Visiting-Reco = visiting_reco:Visiting\n"
        "other-visiting = visiting_reco_parts.other\n"
    )


def write_events(folder: Path, n: int) -> list[Path]:
    """Write the simulated event under n ids."""
    folder.mkdir(parents=True)
    event = read_event(EVENT)
    files = [folder / f"{number}.json" for number in range(n)]
    for number, file in enumerate(files):
        write_event(file, replace(event, event_id=number + 1))
    return files
