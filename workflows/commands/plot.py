"""`skyscan plot`: draw the pictures of a map and its event."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.answer.levels import LEVELS_HELP
from skyscan.errors import BadInput, ExitCode, WrongUsage
from skyscan.layout import ScanFolder
from workflows.catalogue import sources_for
from workflows.model.reading import ScanReader
from workflows.parser import CATALOGUE_HELP, SCAN_HELP
from workflows.submission import open_scan

if TYPE_CHECKING:
    import argparse

    from workflows.commands.plan import Commands

TIMELINE = "timeline"


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    plot = commands.add_parser("plot", help="draw the map, its profile, the event and the jobs")
    plot.add_argument(
        "folder", type=Path, metavar="FOLDER|MAP", help=f"{SCAN_HELP}, or a map file"
    )
    plot.add_argument("--levels", metavar="LEVELS", help=LEVELS_HELP)
    plot.add_argument(
        "--kind",
        nargs="+",
        choices=("zoom", "sky", "profile", "event", "residuals", TIMELINE),
        metavar="KIND",
        help="only these pictures: zoom, sky, profile, event, residuals, timeline",
    )
    plot.add_argument("--catalogue", type=Path, metavar="FILE", help=CATALOGUE_HELP)
    plot.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="where to write (default: beside the map)",
    )
    plot.set_defaults(run=run)


def map_at(path: Path) -> Path:
    """Return the map that a command was given: a file, or that of a scan folder.

    Raises
    ------
    WrongUsage
        There is no scan.
    BadInput
        The scan has no map.
    """
    from skyscan.answer.read import map_in

    return path if path.is_file() else map_in(open_scan(path).path)


def place_beside(path: Path, chosen: Path | None) -> Path:
    """Return where to write about a map: the folder that the user chose, or the map's own.

    Raises
    ------
    WrongUsage
        It is a folder of someone else, or on a read-only file system.
    """
    place = chosen or path.parent
    if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
        raise WrongUsage(f"You cannot write to {place}; choose another folder: --output-dir.")
    return place


def run(options: argparse.Namespace) -> ExitCode:
    """Write the pictures and print their names."""
    from skyscan.answer.context import event_of
    from skyscan.answer.pictures.files import KINDS, write_pictures
    from skyscan.answer.pictures.style import usual_style
    from skyscan.answer.read import read_map

    kinds = options.kind or [*KINDS, TIMELINE]
    path = map_at(options.folder)
    skymap = read_map(path)
    place = place_beside(path, options.output_dir)
    if options.catalogue and skymap.is_local:
        raise WrongUsage(
            "--catalogue: the map is in IceCube's local frame, because the event has no time: "
            "where sources are in it is unknown."
        )
    with usual_style():
        paths = write_pictures(
            skymap,
            place,
            event=event_of(skymap.context.folder),
            levels=options.levels,
            sources=sources_for(options.catalogue, skymap) or (),
            kinds=kinds,
        )
        if TIMELINE in kinds and skymap.context.folder is not None:
            paths += _timeline(ScanFolder(skymap.context.folder), place / skymap.name)
    if not paths:
        raise BadInput(
            f"{path} is not in a scan folder with what {' or '.join(kinds)} needs; name the "
            f"folder of a scan."
        )
    for made in paths:
        print(made)
    return ExitCode.DONE


def _timeline(folder: ScanFolder, stem: Path) -> list[Path]:
    """Write the picture of the jobs of a scan, if there are any."""
    from skyscan.answer.pictures.files import save
    from skyscan.answer.pictures.style import figure_of
    from workflows.page.picture import draw_timeline

    reader = ScanReader(folder)
    timeline = reader.timeline(reader.read())
    if not timeline.bars:
        return []
    return save(figure_of(draw_timeline(timeline)), stem.with_name(f"{stem.name}.{TIMELINE}"))
