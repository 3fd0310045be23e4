"""`skyscan alert`: draft a GCN notice and a circular; nothing is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skyscan.answer.levels import LEVELS_HELP
from skyscan.errors import BadInput, ExitCode, printable
from workflows.catalogue import sources_for
from workflows.commands.plot import map_at, place_beside
from workflows.parser import CATALOGUE_HELP, SCAN_HELP
from workflows.quantities import number, positive

if TYPE_CHECKING:
    import argparse

    from workflows.commands.plan import Commands

NOTICE = re.compile(r"\.notice\.(\d+)\.json$")


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    alert = commands.add_parser(
        "alert", help="draft a GCN notice and a circular of a result; nothing is sent"
    )
    alert.add_argument(
        "folder", type=Path, metavar="FOLDER|MAP", help=f"{SCAN_HELP}, or a map file"
    )
    alert.add_argument("--levels", metavar="LEVELS", help=LEVELS_HELP)
    alert.add_argument("--event-name", metavar="NAME", help="such as IceCube-220524A")
    alert.add_argument(
        "--pipeline", metavar="NAME", help="alert stream: gold, bronze or cascade"
    )
    alert.add_argument(
        "--p-astro", type=number, metavar="P", help="probability of being astrophysical"
    )
    alert.add_argument("--far", type=number, metavar="HZ", help="false alarm rate, in Hz")
    alert.add_argument(
        "--nu-energy", type=number, metavar="TEV", help="most probable neutrino energy, in TeV"
    )
    alert.add_argument("--map-url", metavar="URL", help="where the FITS map can be downloaded")
    alert.add_argument("--catalogue", type=Path, metavar="FILE", help=CATALOGUE_HELP)
    alert.add_argument(
        "--revision",
        type=positive,
        metavar="N",
        help="number of the revision (default: the next one, or the last if nothing changed)",
    )
    alert.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="where to write (default: beside the map)",
    )
    alert.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Write both drafts and print the circular."""
    from skyscan.answer.catalogue import near_sources
    from skyscan.answer.notice import Known, circular_lines, make_notice
    from skyscan.answer.read import read_map
    from skyscan.storage import write_json, write_text

    known = Known(
        pipeline=options.pipeline,
        event_name=options.event_name,
        p_astro=options.p_astro,
        far_hz=options.far,
        nu_energy_tev=options.nu_energy,
        map_url=options.map_url,
    )
    path = map_at(options.folder)
    skymap = read_map(path)
    answer = skymap.answer(options.levels)
    sources = sources_for(options.catalogue, skymap)
    near = None if sources is None else near_sources(skymap, answer, sources)
    folder = place_beside(path, options.output_dir)
    revision = _revision(folder, answer.name, make_notice(answer, known, 1), options.revision)
    notice = folder / f"{answer.name}.notice.{revision}.json"
    circular = folder / f"{answer.name}.circular.{revision}.txt"
    text = printable("\n".join(circular_lines(answer, known, revision, near)) + "\n")
    write_json(notice, make_notice(answer, known, revision))
    write_text(circular, text)
    print(text)
    print(printable(f"Notice (JSON): {notice}\nCircular:      {circular}"))
    return ExitCode.DONE


def _revision(folder: Path, name: str, notice: dict[str, Any], wanted: int | None) -> int:
    """Return the number of the revision: the last one's if nothing has changed."""
    from skyscan.answer.notice import is_revision
    from skyscan.storage import read_json

    if wanted is not None:
        return wanted
    numbers = [
        int(found[1])
        for path in folder.glob(f"{name}.notice.*.json")
        if (found := NOTICE.search(path.name))
    ]
    last = max(numbers, default=0)
    try:
        is_new = not last or is_revision(
            notice, read_json(folder / f"{name}.notice.{last}.json")
        )
    except BadInput:
        is_new = True  # the last one is damaged, and may have been sent
    return last + 1 if is_new else last
