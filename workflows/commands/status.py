"""`skyscan status` and `skyscan result`: the progress of a scan, and its result."""

from __future__ import annotations

import json
import shlex
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from condor.dagman import last_error
from condor.pool import status as pool_status
from skyscan.errors import ExitCode, TryAgain, WrongUsage
from workflows.campaigns.campaign import is_campaign
from workflows.commands.campaign import print_result, print_status
from workflows.commands.plan import FOLDER_HELP
from workflows.engines import engine_of
from workflows.obstacles import cooling_until, obstacles
from workflows.planned import read_planned
from workflows.report import last_report, machine_lines
from workflows.submission import open_scan
from workflows.watch import line, rounds_so_far

if TYPE_CHECKING:
    import argparse

    from condor.dagman import DagmanState
    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands
    from workflows.planned import Planned
    from workflows.progress import RoundProgress


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    status = commands.add_parser("status", help="show the progress of a scan or a campaign")
    status.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    status.set_defaults(run=_status)

    result = commands.add_parser("result", help="show the result of a scan or a campaign")
    result.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    result.add_argument("--json", action="store_true", help="print the result as JSON")
    result.set_defaults(run=_result)


def _status(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        return print_status(options.folder)
    folder = open_scan(options.folder)
    scan = read_planned(folder.scan_json)
    engine = engine_of(folder)
    state = engine.state(folder)
    rounds = rounds_so_far(folder)
    status = (
        "not submitted yet" if state is None else f"DAGMan job {state.cluster}: {state.state}"
    )
    print(f"{scan.name}  {scan.reco}  {status}")
    for progress in rounds:
        print(f"  {progress.line()}")
    if state is not None and state.is_over:
        _print_end(folder)
    else:
        _print_progress(folder, scan, rounds, state)
    more = engine.more_on_progress(folder)
    if state is not None and more:
        print(f"  more      {more}")
    return ExitCode.DONE


def _print_progress(
    folder: ScanFolder,
    scan: Planned,
    rounds: list[RoundProgress],
    state: DagmanState | None,
) -> None:
    """Print the progress of a scan that has not ended, and what it waits for."""
    if state is not None and state.starts > 1:
        place = shlex.quote(str(folder.path))
        print(
            f"  DAGMan died and was restarted {state.starts - 1} times. If this continues, run "
            f"`skyscan abort {place}`, then `skyscan resume {place}`"
        )
    delay = 0.0
    if state is not None:
        pool = pool_status()
        for obstacle in obstacles(folder, pool):
            print(f"  waits     {obstacle}")
        with suppress(TryAgain):  # the obstacles have named it
            delay = max(0.0, (cooling_until(folder, pool) or 0.0) - time.time())
    if rounds:
        print(f"  now       {line(folder, scan, rounds, delay=delay)}")
        for machine in machine_lines(folder):
            print(f"  warning   {machine}")


def _print_end(folder: ScanFolder) -> None:
    """Print the outcome of a scan that has ended."""
    report = last_report(folder)
    if report is not None:
        print(report.text, end="")
        return
    why = last_error(engine_of(folder).dag(folder))
    if why:
        print(f"  why       DAGMan: {why}")
    print(f"  next      skyscan resume {shlex.quote(str(folder.path))}")


def _result(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        return print_result(options.folder, as_json=options.json)
    folder = open_scan(options.folder)
    report = last_report(folder)
    if report is None:
        raise WrongUsage(
            f"{folder.path} has no result yet; `skyscan status` shows the progress of the scan."
        )
    print(json.dumps(asdict(report), indent=1) if options.json else report.text, end="")
    return ExitCode(report.exit_code)
