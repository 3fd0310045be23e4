"""What the tests of planning share: the simulated event, and a package that brings a reco."""

from dataclasses import replace
from importlib import resources
from pathlib import Path

from skyscan.events.reader import read_event
from skyscan.events.writer import write_event
from workflows.plan import Options

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


def install_plugin(place: Path) -> None:
    """Write a distribution as pip would, with a reconstruction in each of two modules."""
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
