"""`skyscan demo`: scan the simulated track that is part of the project."""

from __future__ import annotations

from importlib import resources
from math import degrees
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from skyscan.events.reader import read_event
from workflows.commands.scan import follow, submit_scan
from workflows.options import Options
from workflows.plan import plan
from workflows.report import read_report

if TYPE_CHECKING:
    import argparse

    from skyscan.errors import ExitCode
    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    demo = commands.add_parser("demo", help="scan a simulated track that is part of skyscan")
    demo.add_argument(
        "--output-dir",
        type=Path,
        default=Path("scans"),
        metavar="DIR",
        help="where to make the scan folder (default: %(default)s)",
    )
    demo.set_defaults(run=_demo)


def _demo(options: argparse.Namespace) -> ExitCode:
    from skyscan.track.simulation import truth_of  # imports scipy, which is slow

    packed = resources.files("skyscan").joinpath("data", "simulated_track.json")
    with resources.as_file(packed) as path:
        event = read_event(path)
        # in the bulk ice that the track was simulated in
        how = Options(is_real_event=False, reco="track_bulk")
        folder = plan(path, options.output_dir, how, check_place=True)
    print(f"Scanning a simulated track in {folder.path}", flush=True)
    submit_scan(folder)
    code = follow(folder)
    report, truth = read_report(folder), truth_of(event)
    if truth is not None and report is not None and report.best is not None:
        ra_deg, dec_deg = np.degrees(truth)
        away = distance_deg(
            *truth, *np.radians([report.best["ra_deg"], report.best["dec_deg"]])
        )
        print(
            f"  truth     RA {ra_deg:.2f} deg, Dec {dec_deg:+.2f} deg (J2000); "
            f"{away:.2f} deg from the best fit"
        )
    return code


def distance_deg(ra: float, dec: float, ra0: float, dec0: float) -> float:
    """Return the angle between two directions given in radians, in degrees."""
    cosine = np.sin(dec) * np.sin(dec0) + np.cos(dec) * np.cos(dec0) * np.cos(ra - ra0)
    return degrees(np.arccos(np.clip(cosine, -1.0, 1.0)))
