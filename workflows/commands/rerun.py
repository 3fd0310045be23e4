"""`skyscan retry` and `skyscan extend`: parts of a scan again, or a scan further."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from skyscan.errors import ExitCode, WrongUsage
from skyscan.progression import parse_progression
from workflows.campaigns.campaign import CampaignFolder, is_campaign
from workflows.campaigns.run import is_queued
from workflows.commands import campaign
from workflows.commands.plan import FOLDER_HELP
from workflows.commands.scan import follow, hand_over
from workflows.quantities import parse_duration, parse_fraction
from workflows.rerun import Selection, extend, forget, forget_failed, parse_pixels
from workflows.submission import AlreadyRuns, open_scan

if TYPE_CHECKING:
    import argparse

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    retry = commands.add_parser(
        "retry", help="do some fits of a scan again, and what follows from them; watch it"
    )
    retry.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    retry.add_argument("--failed", action="store_true", help="those that found nothing (NaN)")
    retry.add_argument(
        "--round", type=int, action="append", default=[], help="those of a round"
    )
    retry.add_argument(
        "--pixels",
        nargs="+",
        default=[],
        metavar="NSIDE:PIXEL",
        help="those of pixels (RING), as in 64:17 or 512:100-120",
    )
    retry.add_argument(
        "--anew", action="store_true", help="choose the rounds again, keep every fit"
    )
    retry.add_argument("--no-watch", action="store_true", help="do not wait for it")
    retry.set_defaults(run=_retry)

    further = commands.add_parser(
        "extend", help="take a scan further: finer pixels, more of them, higher limits"
    )
    further.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    further.add_argument("--nsides", nargs="+", metavar="NSIDE:EXTENSION", help="as of plan")
    further.add_argument("--max-rounds", type=int, metavar="N", help="as of plan")
    further.add_argument("--max-failed-pixels", metavar="FRACTION", help="as of plan")
    further.add_argument("--deadline", metavar="DURATION", help="as of plan")
    further.add_argument("--no-watch", action="store_true", help="do not wait for it")
    further.set_defaults(run=_extend)


def _retry(options: argparse.Namespace) -> ExitCode:
    pixels = parse_pixels(options.pixels)
    selection = Selection(options.failed, tuple(options.round), pixels)
    if is_campaign(options.folder) and selection == Selection(failed=True):
        return _retry_campaign(options)
    folder = _one_scan(options.folder, "; `retry --failed` alone is for all of them")
    if selection == Selection() and not options.anew:
        raise WrongUsage(
            "Say which fits: --failed, --round N, --pixels NSIDE:PIXEL, or --anew."
        )
    n = forget(folder, _pool(), selection)
    print(f"{n} fits are done again, and what follows from them.", flush=True)
    return _go_on(folder, options)


def _retry_campaign(options: argparse.Namespace) -> ExitCode:
    folder, pool = CampaignFolder(options.folder.absolute()), _pool()
    place = shlex.quote(str(folder.path))
    if is_queued(folder, pool):
        raise AlreadyRuns(
            f"The campaign in {folder.path} is in the queue; retry when it is over, or after "
            f"`skyscan abort {place}`."
        )
    counts = forget_failed(folder.scans, pool)
    if not counts:
        print("No fit of its scans is to be done again: each found something.")
        return ExitCode.DONE
    print(
        f"{sum(counts)} fits of {len(counts)} scans are done again, "
        "and what follows from them.",
        flush=True,
    )
    return campaign.resume(folder.path, no_watch=options.no_watch)


def _extend(options: argparse.Namespace) -> ExitCode:
    folder = _one_scan(options.folder)
    changes: dict[str, object] = {}
    if options.nsides:
        changes["progression"] = parse_progression(options.nsides)
    if options.max_rounds is not None:
        changes["max_rounds"] = options.max_rounds
    if options.max_failed_pixels is not None:
        changes["max_failed_pixels"] = parse_fraction(
            options.max_failed_pixels, "--max-failed-pixels"
        )
    if options.deadline is not None:
        changes["deadline"] = parse_duration(options.deadline, "--deadline")
    if not changes:
        raise WrongUsage(
            "Say how far: --nsides, --max-rounds, --max-failed-pixels or --deadline."
        )
    extend(folder, _pool(), changes)
    print("Everything that was fitted is kept.", flush=True)
    return _go_on(folder, options)


def _one_scan(path: Path, but: str = "") -> ScanFolder:
    if is_campaign(path):
        place = shlex.quote(f"{path}/scans/000/run…")
        raise WrongUsage(f"{path} is a campaign: name one of its scans, {place}{but}.")
    return open_scan(path)


def _pool() -> Pool:
    pool = pools.start()
    os.environ.update(pool.environment())
    return pool


def _go_on(folder: ScanFolder, options: argparse.Namespace) -> ExitCode:
    hand_over(folder, attach=not options.no_watch)
    return ExitCode.DONE if options.no_watch else follow(folder)
