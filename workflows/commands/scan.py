"""`skyscan scan`, `submit` and `resume`: run a scan and watch it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from skyscan.errors import ExitCode
from workflows.campaigns.folder import is_campaign
from workflows.checks import preflight
from workflows.commands import campaign
from workflows.commands.interrupts import at_interrupt, it_continues, may_be_submitted
from workflows.commands.plan import USAGE, add_options, plan_from
from workflows.parser import FOLDER_HELP
from workflows.submission import AlreadyRuns, open_scan, submit
from workflows.watch import watch

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands
    from workflows.reports.value import Report


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    scan = commands.add_parser(
        "scan", usage=USAGE, help="plan, submit and watch the scan of one event"
    )
    add_options(scan)
    scan.add_argument("--no-watch", action="store_true", help="do not wait for the scan")
    scan.set_defaults(run=_scan)

    sub = commands.add_parser(
        "submit", help="submit a planned scan or campaign without waiting for it"
    )
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    sub.set_defaults(run=_submit)

    resume = commands.add_parser(
        "resume", help="continue a scan or a campaign and watch it; only what is missing runs"
    )
    resume.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    resume.add_argument("--no-watch", action="store_true", help="do not wait for the scan")
    resume.set_defaults(run=_resume)


def _scan(options: argparse.Namespace) -> ExitCode:
    with at_interrupt("Nothing was submitted; the same command begins again."):
        folder = plan_from(options)
    print(f"Scan folder: {folder.path}", flush=True)
    return _submitted(folder) if options.no_watch else _watched(folder)


def _submit(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        return campaign.resume(options.folder, no_watch=True)
    return _submitted(open_scan(options.folder))


def _resume(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        return campaign.resume(options.folder, no_watch=options.no_watch)
    folder = open_scan(options.folder)
    return _submitted(folder) if options.no_watch else _watched(folder)


def _submitted(folder: ScanFolder) -> ExitCode:
    submit_scan(folder, attach=False)
    print(f"Submitted. `skyscan status {shlex.quote(str(folder.path))}` shows its progress.")
    return ExitCode.DONE


def _watched(folder: ScanFolder) -> ExitCode:
    submit_scan(folder)
    return follow(folder)


def submit_scan(folder: ScanFolder, *, attach: bool = True) -> None:
    """Submit a scan to the user's pool, or to the personal one, which is started if needed.

    With ``attach``, a scan that is already in the queue is not an error.
    """
    try:
        preflight.require([preflight.owner(folder.path)])  # before a pool is started for it
        with at_interrupt(may_be_submitted("scan", folder.path)):
            pool = pools.start()
            pool.use()
            submit(folder, pool)
    except AlreadyRuns:
        if not attach:
            raise
        print("The scan is already in the queue; watching it.", flush=True)


def follow(folder: ScanFolder) -> ExitCode:
    """Watch a scan to its end and print its report; Ctrl-C leaves it running."""
    report = watch_to_end(folder)
    if report is None:
        return ExitCode.TRY_AGAIN
    print(report.text, end="")
    return ExitCode(report.exit_code)


def watch_to_end(folder: ScanFolder, what: str = "scan") -> Report | None:
    """Watch a scan to its end; None, and a line on stderr, if the queue has lost it."""
    with at_interrupt(it_continues(what, folder.path)):
        report = watch(folder)
    if report is None:
        place = shlex.quote(str(folder.path))
        print(
            f"The {what} is no longer in the queue, although its log does not end; its results "
            f"are kept. `skyscan resume {place}` continues it.",
            file=sys.stderr,
        )
    return report
