"""Make the levels that are shipped with the package from a campaign's tables of events."""

from __future__ import annotations

import tempfile
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skyscan import healpix
from skyscan.answer.levels import CONTAINMENTS
from skyscan.coverage.local_scan import progression_of
from skyscan.coverage.quantiles import in_class, level_of
from skyscan.coverage.sample import ENERGIES_GEV, FIRST_SEEDS, KINDS, OVERSIZE
from skyscan.errors import BadInput
from skyscan.events.reader import read_event
from skyscan.light.ice_model import shipped_ice
from skyscan.recos import reco_class

if TYPE_CHECKING:
    from collections.abc import Sequence

    from skyscan.coverage.sample import Row

FORMAT = 1
#: Where classes of events may be divided, by number of hits. Each has at least CLASS_EVENTS, so
#: that the levels of neighbours do not differ by chance.
EDGES = {"track": (6, 40, 80, 150, 220), "track_bulk": (6, 40, 80, 150), "cascade": (6, 40, 80)}
CLASS_EVENTS = 250
#: A calibration sample must not have fewer events than this.
FEWEST_EVENTS = 30
DIGITS = 2  #: of a level


def calibration_of(reco: str, rows: Sequence[Row]) -> dict[str, Any]:
    """Return the levels of a reconstruction, for ``levels.json``.

    Parameters
    ----------
    reco : str
    rows : sequence of Row
        Of the calibration sample.

    Raises
    ------
    BadInput
        A class has too few events.
    """
    kind = KINDS[reco]
    seeds = [row.seed for row in rows]
    return {
        "settings_sha256": settings_digest(reco),
        "llh_of_shipped_event": llh_of_shipped(reco),
        "progression": " ".join(f"{nside}:{n}" for nside, n in progression_of(reco)),
        "simulation": {
            "kind": kind,
            "energies_gev": list(ENERGIES_GEV[kind]),
            "oversize": OVERSIZE,
            "first_seed": FIRST_SEEDS["calibration", kind],
            "last_seed": max(seeds),
            "events": len(rows),
            "too_few_hits": sum(not row.is_scanned for row in rows),
            "ice": shipped_ice().name,
            "ice_sha256": shipped_ice().digest,
        },
        "classes": [_class(reco, rows, *ends) for ends in _ends(reco, rows)],
    }


def _ends(reco: str, rows: Sequence[Row]) -> list[tuple[int, int | None]]:
    """Return the fewest and the most hits of each class."""
    low, *inner = EDGES[reco]
    ends: list[tuple[int, int | None]] = []
    for edge in inner:
        sides = in_class(rows, low, edge - 1), in_class(rows, edge, None)
        if min(map(len, sides)) >= CLASS_EVENTS:
            ends.append((low, edge - 1))
            low = edge
    return [*ends, (low, None)]


def _class(reco: str, rows: Sequence[Row], fewest: int, most: int | None) -> dict[str, Any]:
    chosen = in_class(rows, fewest, most)
    if len(chosen) < FEWEST_EVENTS:
        raise BadInput(
            f"{reco}: {len(chosen)} events of the calibration sample have {fewest} hits or "
            f"more, and {FEWEST_EVENTS} are needed; simulate more."
        )
    values = np.array([row.two_delta_llh for row in chosen])
    made: dict[str, Any] = {"hits": [fewest, most], "events": len(chosen)}
    for containment in CONTAINMENTS:
        level = level_of(values, containment)
        made[f"{100 * containment:g}"] = {
            "level": round(level.value, DIGITS),
            "error": round(level.error, DIGITS),
        }
    return made


def settings_digest(reco: str) -> str:
    """Return the digest of a likelihood's settings, as prep records it."""
    event = read_event(_shipped(reco))
    likelihood = reco_class(reco)(event.format_version).likelihood(event)
    if likelihood is None:
        raise BadInput(f"{reco} does not describe its likelihood.")
    return likelihood.settings_sha256


def llh_of_shipped(reco: str) -> list[float]:
    """Return the llh of a shipped event in 12 directions, with the event's own seed as vertex.

    It changes with the likelihood, also where no setting says so; it does not change with the
    search.
    """
    event = read_event(_shipped(reco))
    fit = reco_class(reco)(event.format_version)
    with tempfile.TemporaryDirectory() as name:
        seed = fit.prepare(event, Path(name))
        fit.setup(Path(name))
    theta, phi = healpix.pix2ang(1, np.arange(12))
    vertex = np.tile([seed.x, seed.y, seed.z], (12, 1))
    llh = fit.llh_at(vertex, np.full(12, seed.time), np.asarray(theta), np.asarray(phi))
    return [round(value, 4) for value in llh.tolist()]


def _shipped(reco: str) -> Path:
    name = f"simulated_{'shower' if KINDS[reco] == 'shower' else 'track'}.json"
    return Path(str(resources.files("skyscan").joinpath("data", name)))
