"""`skyscan plan`: write a scan folder and print the line that submits it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor.pool import status
from condor.runtimes import parse_runtime
from condor.sites import recorded_site
from skyscan.errors import ExitCode
from workflows.checks import preflight
from workflows.engines import engine_of
from workflows.options import add_to as add_to_parser
from workflows.options import from_words
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.submission import submit_line, work_of
from workflows.variables import declared_by, unsent

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder

    Commands = argparse._SubParsersAction[argparse.ArgumentParser]  # noqa: SLF001

#: The event comes first: after ``--nsides 8:0 64:12`` it would be taken for another nside.
USAGE = "%(prog)s EVENT (--real-event | --simulated-event) [options]"
FOLDER_HELP = "scan folder, or the folder above it if that holds a single scan"


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "plan", usage=USAGE, help="write the scan folder of an event and print how to submit it"
    )
    add_options(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Plan, and print the condor_submit_dag line on stdout."""
    folder = plan_from(options)
    pool = status()
    work = work_of(folder, read_planned(folder.scan_json))
    preflight.warn(preflight.look(folder.path, work, pool.pool if pool.is_running else None))
    print(f"Planned in {folder.path}. Submit it with:")
    print(submit_line(folder, pool.pool))
    if missing := engine_of(folder).missing(pool.pool):
        print(missing)
    if not pool.is_running:
        print(
            "No pool is running; `skyscan pool start` starts one, and so does `skyscan submit`."
        )
    return ExitCode.DONE


def plan_from(options: argparse.Namespace) -> ScanFolder:
    """Plan a scan from the command line; note a runtime that jobs may not find."""
    of_scan = from_words(options)
    folder = plan(options.event, options.output_dir, of_scan)
    left = unsent(os.environ, declared_by(of_scan.reco), of_scan.variables)
    if left:
        print(
            f"skyscan: note: jobs do not get {', '.join(left)}: neither a step nor the "
            f"reconstruction reads it. --env NAME sends a variable.",
            file=sys.stderr,
        )
    scan = read_planned(folder.scan_json)
    this_machine = recorded_site(scan.site, scan.site_values).this_machine
    missing = parse_runtime(scan.runtime).missing(this_machine=this_machine)
    if missing:
        why = "where the jobs run" if this_machine else "which sends it to the jobs"
        print(
            f"skyscan: note: there is no {missing} on this machine, {why} in {scan.runtime}; "
            f"install it before you submit, or plan with another --runtime or --site.",
            file=sys.stderr,
        )
    return folder


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that `plan` and `scan` share."""
    parser.add_argument(
        "event", type=Path, metavar="EVENT", help="event file: i3live .json, .pkl, or .i3"
    )
    kind = parser.add_mutually_exclusive_group(required=True)
    kind.add_argument("--real-event", action="store_true", help="the event is data")
    kind.add_argument("--simulated-event", action="store_true", help="the event is simulated")
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path("scans"),
        metavar="DIR",
        help="where to make the scan folder (default: %(default)s)",
    )
    add_to_parser(parser)
