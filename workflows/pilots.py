"""Pilots: scans of a few pixels, which tell how long the whole scan will take."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import TYPE_CHECKING, Any

from skyscan.recos import reco_class
from workflows.plan import plan, plan_like
from workflows.planned import read_planned
from workflows.planning.values import site_of, usual_rounds

if TYPE_CHECKING:
    from pathlib import Path

    from skyscan.layout import ScanFolder
    from skyscan.progression import Progression
    from workflows.options import Options

#: Where pilots are: of events below ``--output-dir``, of a planned scan in its folder.
OF_EVENTS, OF_SCAN = "pilots", "pilot"
#: Chunks of pixels of a pilot. Most reconstructions fit one pixel at once.
CHUNKS = 24
#: In a job: the fewest that distinguish slow machines from long fits.
CHUNKS_PER_JOB = 2
ALL_SKY = 12  #: pixels of nside 1
CHILDREN = 4  #: pixels that one becomes with twice the nside


def pilot_of_event(
    event: Path, output_dir: Path, options: Options, n: int | None = None
) -> ScanFolder:
    """Plan a pilot of an event, in a folder that no scan has.

    Parameters
    ----------
    event : Path
        The file of the event.
    output_dir : Path
        Where the scan would be.
    options : Options
        The options of the scan.
    n : int, optional
        About how many pixels; default: 24 chunks.
    """
    reco = options.reco.lower().replace("-", "_")
    n = n or usual_number(reco)
    kind = f"{reco}-{site_of(options).name}-{n}"
    small = replace(
        options,
        **_changes(reco, n),
        max_rounds=None,
        keep_frames=None,
        catalogue=None,
        levels=None,
    )
    return plan(event, output_dir / OF_EVENTS / kind, small, check_place=True)


def pilot_of_scan(scan: ScanFolder, n: int | None = None) -> ScanFolder:
    """Plan a pilot of a planned scan, in the scan's own folder."""
    planned = read_planned(scan.scan_json)
    n = n or usual_number(planned.reco)
    changes = _changes(planned.reco, n)
    rounds = usual_rounds(changes["progression"], planned.time_budget, 1.0)
    place = scan.path / OF_SCAN / str(n)
    return plan_like(scan, place, **changes, max_rounds=rounds)


def usual_number(reco: str) -> int:
    """Return how many pixels the pilot of a reconstruction has."""
    return CHUNKS * reco_class(reco).chunk_size


def progression_of(n: int) -> Progression:
    """Return nsides by which a scan fits about ``n`` pixels.

    The whole sky has at most half of them, except nside 1; the others are near the best pixel.

    Parameters
    ----------
    n : int
        Number of pixels; fewer than 12 are 12, and others are rounded up to a multiple of 4.
    """
    nside = 1
    while 2 * ALL_SKY * (2 * nside) ** 2 <= n:
        nside *= 2
    found, left = [(nside, 0)], n - ALL_SKY * nside**2
    while left > 0:
        extension = min(ceil(left / CHILDREN), ALL_SKY * nside**2)
        nside, left = 2 * nside, left - CHILDREN * extension
        found.append((nside, extension))
    return tuple(found)


def _changes(reco: str, n: int) -> dict[str, Any]:
    """Return the values that make a pilot of a scan; its jobs run as those of the scan."""
    return {
        "progression": progression_of(n),
        "batch_size": CHUNKS_PER_JOB * reco_class(reco).chunk_size,
        "jobs_per_round": None,
        "predictive_scanning_threshold": 1.0,
        "notify": (),
    }
