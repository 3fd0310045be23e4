"""`skyscan list`: the scans below a folder."""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode, WrongUsage, printable
from workflows.listing import Listed, scans_below

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser("list", help="list the scans in a folder and below it")
    parser.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=Path(),
        metavar="FOLDER",
        help="where to look (default: the current folder)",
    )
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    parser.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> ExitCode:
    if not options.folder.is_dir():
        raise WrongUsage(f"{options.folder} is not a folder; name one that holds scans.")
    scans = list(scans_below(options.folder))
    if options.json:
        print(json.dumps([asdict(it) for it in scans], indent=1))
    elif scans:
        print("\n".join(map(printable, lines(scans))))
    else:
        print(f"There are no scans below {options.folder.absolute()}.")
    return ExitCode.DONE


def lines(scans: Sequence[Listed]) -> list[str]:
    """Return a line for each scan, with the path from the current folder, and their number."""
    head = ("event", "state", "reco", "RA", "Dec", "folder")
    cells = [
        (it.name, it.state, it.reco or "", _degrees(it.ra_deg), _degrees(it.dec_deg), _path(it))
        for it in scans
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    aligned = [
        "  ".join(
            cell.rjust(width) if name in ("RA", "Dec") else cell.ljust(width)
            for name, cell, width in zip(head, line, widths, strict=True)
        ).rstrip()
        for line in (head, *cells)
    ]
    numbers = Counter(it.state for it in scans)
    counted = ", ".join(f"{number} {state}" for state, number in numbers.most_common())
    number = "1 scan" if len(scans) == 1 else f"{len(scans)} scans"
    by_log = {"queued", "running", "held"} & set(numbers)
    note = "; by their logs: `skyscan status` asks the queue" if by_log else ""
    return [*aligned, f"{number}: {counted}{note}"]


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _path(scan: Listed) -> str:
    return os.path.relpath(scan.folder)
