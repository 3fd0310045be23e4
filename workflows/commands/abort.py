"""`skyscan abort`: take a scan out of the queue."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from condor.errors import PoolDoesNotAnswer
from skyscan.errors import ExitCode
from workflows.commands.plan import FOLDER_HELP
from workflows.removal import abort
from workflows.submission import open_scan

if TYPE_CHECKING:
    import argparse

    from workflows.commands.plan import Commands


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "abort", help="take a scan and its jobs out of the queue; what was found stays"
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> ExitCode:
    """Abort, and say how to go on; a scan that is not in the queue is left as it is."""
    folder = open_scan(options.folder)
    found = pools.status()
    if found.pool is None or not found.is_running:
        raise PoolDoesNotAnswer(
            f"Nobody knows whether the scan is in the queue: {found.text}. "
            f"A queue goes on when its pool does; start it, then abort again."
        )
    os.environ.update(found.pool.environment())
    cluster = abort(folder, found.pool)
    place = shlex.quote(str(folder.path))
    if cluster is None:
        print(f"Nothing to abort: the scan is not in the queue. `skyscan status {place}`")
    else:
        print(
            f"Removed (job {cluster}); what was found is kept. "
            f"`skyscan resume {place}` goes on with it."
        )
    return ExitCode.DONE
