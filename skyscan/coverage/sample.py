"""Samples of simulated events, each with the 2 delta llh of its true direction."""

from __future__ import annotations

import csv
import json
from dataclasses import asdict, dataclass, fields
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from skyscan.answer.sky.directions import separation, unit_vectors
from skyscan.coverage.local_scan import scan_near
from skyscan.errors import BadInput
from skyscan.events.truth import TRUTH_INFO_KEY
from skyscan.light.ice_model import shipped_ice
from skyscan.simulation.events import Wanted, simulate_event
from skyscan.track.cleaning import clean_hits
from skyscan.track.simulation import truth_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from skyscan.events.event import Event

#: Which particles a reconstruction is for; their energies (GeV) are drawn evenly in the
#: logarithm.
KINDS = {"track": "muon", "track_bulk": "muon", "cascade": "shower"}
ENERGIES_GEV = {"muon": (1e3, 1e5), "shower": (1e3, 3e4)}
#: Of the DOMs' radius: larger than the default of `skyscan simulate`, to have more events.
OVERSIZE = 20.0
#: The first seed of a sample; no two samples share events. Muons from 20,000,000 on were the
#: first validation sample, and are now part of the calibration sample.
FIRST_SEEDS = {
    ("calibration", "muon"): 10_000_000,
    ("validation", "muon"): 25_000_000,
    ("calibration", "shower"): 30_000_000,
    ("validation", "shower"): 40_000_000,
}
SAMPLES = ("calibration", "validation")


@dataclass(frozen=True)
class Row:
    """One event that was simulated and scanned.

    Attributes
    ----------
    reco : str
    seed : int
        Of the simulated event.
    energy_gev : float
        True energy.
    n_hits : int
        DOMs with a hit.
    charge_pe : float
        Their charge.
    two_delta_llh : float
        Of the true direction; NaN if the event was not scanned.
    distance_deg : float
        From the true direction to the lowest pixel.
    truth_nside : int
        The nside of the pixels that the map has at the true direction.
    """

    reco: str
    seed: int
    energy_gev: float
    n_hits: int
    charge_pe: float
    two_delta_llh: float
    distance_deg: float
    truth_nside: int

    @property
    def is_scanned(self) -> bool:
        """Whether the event has enough hits, and the fit a result."""
        return isfinite(self.two_delta_llh)


NAMES = tuple(field.name for field in fields(Row))
_TYPES = {"str": str, "int": int, "float": float}


def simulated(kind: str, seed: int) -> tuple[Event, tuple[float, float], float]:
    """Return an event of a seed, its true RA and Dec (radians), and its energy (GeV)."""
    wanted = Wanted(kind, ENERGIES_GEV[kind], oversize=OVERSIZE)
    event = simulate_event(wanted, shipped_ice(), seed)
    truth = truth_of(event)
    if truth is None:
        raise BadInput(f"{event.name} has no true direction.")
    energy = float(json.loads(str(event.scalars[TRUTH_INFO_KEY]))["energy_gev"])
    return event, truth, round(energy, 1)


def rows_of(kind: str, recos: Iterable[str], seed: int) -> Iterator[Row]:
    """Simulate an event and scan it with reconstructions."""
    event, truth, energy = simulated(kind, seed)
    hits = clean_hits(event.pulses)
    charge = round(float(hits["charge"].sum()), 3)
    for reco in recos:
        try:
            found = scan_near(reco, event, truth)
        except BadInput:  # too few hits, or too few that are not saturated
            yield Row(reco, seed, energy, len(hits), charge, np.nan, np.nan, 0)
            continue
        there, here = (unit_vectors(*np.degrees(it)) for it in (truth, found.best))
        away = round(float(separation(there, here)), 4)
        value, nside = round(found.test_statistic, 4), found.truth_nside
        yield Row(reco, seed, energy, len(hits), charge, value, away, nside)


def read_rows(path: Path) -> list[Row]:
    """Read a table of events; a torn last line, of a run that was stopped, is left out.

    Raises
    ------
    BadInput
        It is not such a table.
    """
    with path.open(encoding="utf-8", newline="") as file:
        lines = list(csv.reader(it for it in file if it.endswith("\n") and it[0] != "#"))
    if not lines or tuple(lines[0]) != NAMES:
        raise BadInput(f"{path} is not a table of a coverage campaign.")
    try:
        return [_row(line) for line in lines[1:]]
    except (ValueError, IndexError) as error:
        raise BadInput(f"{path} is not a table of a coverage campaign ({error}).") from error


def read_folder(folder: Path, sample: str, kind: str) -> list[Row]:
    """Return the events of a sample in a folder's tables, by reconstruction and seed."""
    paths = sorted(folder.glob(f"{sample}-{kind}*.csv"))
    known = {(row.reco, row.seed): row for path in paths for row in read_rows(path)}
    return [known[key] for key in sorted(known)]


def rows_by_reco(folder: Path, sample: str) -> dict[str, list[Row]]:
    """Return the events of a sample by reconstruction."""
    found: dict[str, list[Row]] = {}
    for kind in sorted(ENERGIES_GEV):
        for row in read_folder(folder, sample, kind):
            found.setdefault(row.reco, []).append(row)
    return found


def _row(words: list[str]) -> Row:
    values = [_TYPES[str(it.type)](word) for it, word in zip(fields(Row), words, strict=True)]
    return Row(*values)


def write_rows(path: Path, rows: Iterable[Row], comment: str = "") -> None:
    """Write a table of events."""
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {line}\n" for line in comment.splitlines())
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(NAMES)
        writer.writerows(asdict(row).values() for row in rows)


def append_row(path: Path, row: Row) -> None:
    """Add an event to a table, and begin one if there is none; a torn last line is cut off."""
    if not path.exists():
        write_rows(path, [])
    text = path.read_bytes()
    with path.open("r+b") as file:
        file.seek(text.rfind(b"\n") + 1)
        file.truncate()
        line = ",".join(str(value) for value in asdict(row).values())
        file.write(f"{line}\n".encode())
