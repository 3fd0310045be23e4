"""`skyscan retry` and `skyscan extend`: repeat parts of a scan, or take it further."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from condor.logs.dagman import dagman_state
from skyscan.errors import ExitCode, WrongUsage
from skyscan.layout import fixed
from skyscan.progression import parse_progression
from workflows.campaigns.folder import CampaignFolder, is_campaign
from workflows.campaigns.run import is_queued
from workflows.checks import preflight
from workflows.commands import campaign
from workflows.commands.scan import follow, submit_scan
from workflows.parser import SCAN_HELP
from workflows.quantities import not_negative, parse_duration, parse_fraction, positive
from workflows.rerun import (
    Selection,
    extend,
    forget,
    forget_failed,
    nothing_failed,
    nothing_to_repeat,
    parse_pixels,
)
from workflows.submission import AlreadyRuns, open_scan

if TYPE_CHECKING:
    import argparse

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    retry = commands.add_parser(
        "retry", help="repeat some fits of a scan and what follows from them, and watch it"
    )
    retry.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help=f"{SCAN_HELP}; with --failed also a campaign",
    )
    retry.add_argument("--no-watch", action="store_true", help="do not wait for the scan")
    which = retry.add_argument_group("which fits").add_argument
    which("--failed", action="store_true", help="repeat the fits without a result (NaN)")
    which(
        "--round",
        type=not_negative,
        action="append",
        default=[],
        metavar="N",
        help="repeat the fits of a round; may be repeated",
    )
    which(
        "--pixels",
        nargs="+",
        default=[],
        metavar="NSIDE:PIXEL",
        help="repeat the fits of pixels (RING), such as 64:17 or 512:100-120",
    )
    which("--anew", action="store_true", help="choose all rounds again, but keep every fit")
    retry.set_defaults(run=_retry)

    further = commands.add_parser(
        "extend", help="extend a scan: finer pixels, more of them, or higher limits"
    )
    further.add_argument("folder", type=Path, metavar="FOLDER", help=SCAN_HELP)
    further.add_argument("--no-watch", action="store_true", help="do not wait for the scan")
    what = further.add_argument_group("what is extended").add_argument
    what(
        "--nsides",
        nargs="+",
        metavar="NSIDE:EXTENSION",
        help="all nsides of the scan, and new ones between or after them",
    )
    what("--max-rounds", type=positive, metavar="N", help="stop after N rounds")
    what(
        "--max-failed-pixels",
        metavar="FRACTION",
        help="a scan in which more pixels have no fit ends with exit code 69; such as 0.05 or "
        "5%%",
    )
    what(
        "--deadline",
        metavar="DURATION",
        help="time after this submission at which the scan ends; such as 30m or 2h",
    )
    further.set_defaults(run=_extend)


def _retry(options: argparse.Namespace) -> ExitCode:
    pixels = parse_pixels(options.pixels)
    selection = Selection(options.failed, tuple(options.round), pixels)
    if is_campaign(options.folder) and selection == Selection(failed=True):
        return _retry_campaign(options)
    folder = _one_scan(options.folder, "; only `retry --failed` takes a campaign")
    if selection == Selection() and not options.anew:
        raise WrongUsage(
            "Choose the fits to repeat: --failed, --round N, --pixels NSIDE:PIXEL, or --anew."
        )
    _refuse_place(folder.path)
    if not options.anew and nothing_to_repeat(folder, selection):
        return _nothing_to_retry(folder)
    n = forget(folder, _pool(), selection, anew=options.anew)
    if not n and not options.anew:
        return _nothing_to_retry(folder)
    print(f"Repeating {n} fits and what follows from them.", flush=True)
    return _resume(folder, options)


def _nothing_to_retry(folder: ScanFolder) -> ExitCode:
    place = shlex.quote(str(folder.path))
    if not folder.chosen_rounds():
        print(f"Nothing to retry: the scan has no fits yet. `skyscan resume {place}` runs it.")
    else:
        print(
            f"Nothing to retry: no fit of the scan has failed. `skyscan resume {place}` runs "
            f"what is missing, if anything is."
        )
    return ExitCode.DONE


def _refuse_place(path: Path) -> None:
    """Refuse a folder where nothing can be submitted, before anything in it is changed."""
    preflight.require([preflight.place(path), preflight.owner(path)])


def _retry_campaign(options: argparse.Namespace) -> ExitCode:
    folder = CampaignFolder(fixed(options.folder))
    _refuse_place(folder.path)
    place = shlex.quote(str(folder.path))
    nothing = (
        f"Nothing to retry: no fit of its scans has failed. `skyscan resume {place}` runs what "
        f"is missing, if anything is."
    )
    state = dagman_state(folder.dag)
    if (state is None or state.is_over) and nothing_failed(folder.scans):
        print(nothing)
        return ExitCode.DONE
    pool = _pool()
    if is_queued(folder, pool):
        raise AlreadyRuns(
            f"The campaign in {folder.path} is in the queue; retry when it has ended, or after "
            f"`skyscan abort {place}`."
        )
    counts = forget_failed(folder.scans, pool)
    if not counts:
        print(nothing)
        return ExitCode.DONE
    print(
        f"Repeating {sum(counts)} fits of {len(counts)} scans and what follows from them.",
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
            "Choose what to extend: --nsides, --max-rounds, --max-failed-pixels or --deadline."
        )
    _refuse_place(folder.path)
    extend(folder, _pool(), changes)
    print("All fits are kept.", flush=True)
    return _resume(folder, options)


def _one_scan(path: Path, but: str = "") -> ScanFolder:
    if is_campaign(path):
        place = shlex.quote(f"{path}/scans/000/run…")
        raise WrongUsage(f"{path} is a campaign: name one of its scans, {place}{but}.")
    return open_scan(path)


def _pool() -> Pool:
    pool = pools.start()
    pool.use()
    return pool


def _resume(folder: ScanFolder, options: argparse.Namespace) -> ExitCode:
    submit_scan(folder, attach=not options.no_watch)
    return ExitCode.DONE if options.no_watch else follow(folder)
