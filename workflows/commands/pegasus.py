"""What Pegasus' jobs on the access point call, with the scan folder as argument."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode
from skyscan.layout import ScanFolder
from skyscan.scan import read_scan
from workflows.commands.inner import telling
from workflows.engines.engine import deadline_of

if TYPE_CHECKING:
    import argparse

    from workflows.commands.plan import Commands


def add_to_hidden(commands: Commands) -> None:
    """Add the commands to the parser, unlisted: they are not for people."""
    opened = commands.add_parser("next-round")
    opened.add_argument("folder", type=Path)
    opened.add_argument("round", type=int)
    opened.set_defaults(run=_next_round)

    merge = commands.add_parser("merge")
    merge.add_argument("folder", type=Path)
    merge.set_defaults(run=_merge)


def _next_round(options: argparse.Namespace) -> ExitCode:
    """Write the workflow that comes next into the job's folder."""
    from workflows.engines.pegasus.rounds import next_round

    folder = ScanFolder(options.folder)
    with telling(folder.logs / f"round_{options.round:03d}.err"):
        scan = read_scan(folder.scan_json)
        deadline = deadline_of(folder, scan.deadline)
        next_round(folder, scan, options.round, Path.cwd(), deadline)
    return ExitCode.DONE


def _merge(options: argparse.Namespace) -> ExitCode:
    """Write the map and the report into the scan folder, and the map into the job's folder."""
    from workflows.engines.pegasus.closing import merge_and_report

    folder = ScanFolder(options.folder)
    merge_and_report(folder, read_scan(folder.scan_json), Path.cwd())
    return ExitCode.DONE
