"""`skyscan plan`: write a scan folder and print the line that submits it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor.pool import status
from condor.runtimes import parse_runtime
from condor.sites import recorded_site
from skyscan.errors import ExitCode, printable
from workflows.checks import preflight
from workflows.engines import engine_of
from workflows.options import add_to as add_to_parser
from workflows.options import from_words
from workflows.plan import plan
from workflows.planned import read_planned
from workflows.planning.event import is_like_data
from workflows.planning.variables import declared_by, unsent
from workflows.submission import submit_line, work_of

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder
    from workflows.parser import Parser

    Commands = argparse._SubParsersAction[Parser]  # noqa: SLF001

#: The event comes first: after ``--nsides 8:0 64:12`` it would be taken for another nside.
USAGE = "%(prog)s EVENT (--real-event | --simulated-event) [options]"

OUTPUT_DIR = Path("scans")  #: unless ``--output-dir`` is given


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
    folder = plan(options.event, options.output_dir, of_scan, check_place=True)
    left = unsent(os.environ, declared_by(of_scan.reco), of_scan.variables)
    if left:
        note(
            f"jobs do not get {', '.join(left)}: neither a step nor the reconstruction reads "
            f"it. --env NAME sends a variable."
        )
    scan = read_planned(folder.scan_json)
    if is_like_data(scan.run_id) and not scan.is_real_event:
        note(
            f"run {scan.run_id} is a run number of real events, and this one is scanned as "
            f"simulated; if it is data, plan it with --real-event into another --output-dir."
        )
    this_machine = recorded_site(scan.site, scan.site_values).this_machine
    missing = parse_runtime(scan.runtime).missing(this_machine=this_machine)
    if missing:
        why = "where the jobs run" if this_machine else "which sends it to the jobs"
        note(
            f"there is no {missing} on this machine, {why} in {scan.runtime}; "
            f"install it before you submit, or plan with another --runtime or --site."
        )
    return folder


def note(text: str) -> None:
    """Print on stderr what the user may want to think about."""
    print(printable(f"skyscan: note: {text}"), file=sys.stderr)


def add_options(parser: Parser, *, of_campaign: bool = False) -> None:
    """Add the events and the options that `plan`, `scan` and `campaign` share."""
    parser.order = "it comes before the options, because --nsides takes what follows it"
    about = "event file: i3live .json or .pkl, .i3, or .tar of these (also compressed)"
    if of_campaign:
        parser.add_argument("events", nargs="*", type=Path, metavar="EVENT", help=about)
    else:
        parser.more = "`skyscan campaign` takes several events"
        parser.add_argument("event", type=Path, metavar="EVENT", help=about)
    add_scan_options(parser, "campaign" if of_campaign else "scan", of_campaign=of_campaign)


def add_scan_options(
    parser: Parser, what: str, *, of_campaign: bool = False, is_required: bool = True
) -> None:
    """Add the options of scans, whatever their events are.

    Parameters
    ----------
    parser : Parser
        The parser of a command.
    what : str
        What is made: ``scan``, ``scans`` or ``campaign``.
    of_campaign : bool
        Whether the command runs many scans in one DAG.
    is_required : bool
        Whether the user must say what the event is.
    """
    folder = "scan folders" if what == "scans" else f"{what} folder"
    kind = parser.add_mutually_exclusive_group(required=is_required)
    kind.add_argument("--real-event", action="store_true", help="the event is data")
    kind.add_argument("--simulated-event", action="store_true", help="the event is simulated")
    parser.add_argument(
        "--output-dir",
        type=Path,
        default=Path("campaign") if of_campaign else OUTPUT_DIR,
        metavar="DIR",
        help=f"where to create the {folder} (default: %(default)s)",
    )
    add_to_parser(parser, of_campaign=of_campaign)
