"""`skyscan scan`, `submit` and `resume`: run a scan and watch it."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from skyscan.errors import ExitCode
from workflows.campaigns.campaign import is_campaign
from workflows.commands import campaign
from workflows.commands.plan import FOLDER_HELP, USAGE, add_options, plan_from
from workflows.submission import AlreadyRuns, open_scan, submit
from workflows.watch import watch

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    scan = commands.add_parser(
        "scan", usage=USAGE, help="plan, submit and watch: one event, start to end"
    )
    add_options(scan)
    scan.set_defaults(run=_scan)

    sub = commands.add_parser("submit", help="submit a planned scan and do not wait for it")
    sub.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    sub.set_defaults(run=_submit)

    resume = commands.add_parser(
        "resume", help="go on with a scan: only what is not done runs; watch it"
    )
    resume.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    resume.add_argument("--no-watch", action="store_true", help="do not wait for it")
    resume.set_defaults(run=_resume)


def _scan(options: argparse.Namespace) -> ExitCode:
    folder = plan_from(options)
    print(f"Scan folder: {folder.path}", flush=True)
    hand_over(folder)
    return follow(folder)


def _submit(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        return campaign.resume(options.folder, no_watch=True)
    folder = open_scan(options.folder)
    hand_over(folder, attach=False)
    print(f"Submitted. `skyscan status {shlex.quote(str(folder.path))}` shows how far it is.")
    return ExitCode.DONE


def _resume(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        return campaign.resume(options.folder, no_watch=options.no_watch)
    folder = open_scan(options.folder)
    hand_over(folder, attach=not options.no_watch)
    return ExitCode.DONE if options.no_watch else follow(folder)


def hand_over(folder: ScanFolder, *, attach: bool = True) -> None:
    """Submit a scan to the user's pool, or to the personal one, started if need be.

    A scan that is in the queue already is only watched when ``attach`` is set.
    """
    pool = pools.start()
    os.environ.update(pool.environment())
    try:
        submit(folder, pool)
    except AlreadyRuns:
        if not attach:
            raise
        print("It is in the queue already; watching it.", flush=True)


def follow(folder: ScanFolder) -> ExitCode:
    """Watch a scan to its end and print its report; Ctrl-C leaves it running."""
    place = shlex.quote(str(folder.path))
    try:
        report = watch(folder)
    except KeyboardInterrupt:
        print(
            f"\nThe scan goes on. `skyscan status {place}` shows how far it is, "
            f"`skyscan resume {place}` watches it again."
        )
        return ExitCode.DONE
    if report is None:
        print(
            f"The scan was removed before it ended; what was done is kept. "
            f"`skyscan resume {place}` goes on with it.",
            file=sys.stderr,
        )
        return ExitCode.TRY_AGAIN
    print(report.text, end="")
    return ExitCode(report.exit_code)
