"""`skyscan abort`: remove a scan or a campaign from the queue."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from condor.errors import PoolDoesNotAnswer
from skyscan.errors import ExitCode
from skyscan.layout import fixed
from workflows.campaigns.folder import CampaignFolder, is_campaign
from workflows.parser import FOLDER_HELP
from workflows.removal import abort, abort_campaign
from workflows.submission import open_scan

if TYPE_CHECKING:
    import argparse

    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "abort", help="remove a scan or a campaign from the queue; its results are kept"
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Abort, and print how to continue; leave a scan that is not in the queue as it is."""
    folder: ScanFolder | CampaignFolder
    if is_campaign(options.folder):
        folder, what = CampaignFolder(fixed(options.folder)), "campaign"
    else:
        folder, what = open_scan(options.folder), "scan"
    found = pools.status()
    if found.pool is None or not found.is_running:
        raise PoolDoesNotAnswer(
            f"It is unknown whether the {what} is in the queue: {found.text}. "
            f"The queue survives until the pool runs again; start the pool, then abort again."
        )
    found.pool.use()
    clusters = _abort(folder, found.pool)
    place = shlex.quote(str(folder.path))
    if not clusters:
        print(f"Nothing to abort: the {what} is not in the queue. `skyscan status {place}`")
    else:
        others = f" and {len(clusters) - 1} more" if len(clusters) > 1 else ""
        print(
            f"Removed (job {clusters[0]}{others}); the results are kept. "
            f"`skyscan resume {place}` continues the {what}."
        )
    return ExitCode.DONE


def _abort(folder: ScanFolder | CampaignFolder, pool: pools.Pool) -> list[int]:
    if isinstance(folder, CampaignFolder):
        return abort_campaign(folder, pool)
    cluster = abort(folder, pool)
    return [] if cluster is None else [cluster]
