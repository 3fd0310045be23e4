"""Running a campaign: handing it to DAGMan, and watching it."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

from condor.dagman import dagman_state
from skyscan.errors import WrongUsage
from workflows.campaign import CAMPAIGN_DAG, read_campaign
from workflows.campaign_plan import scans_of
from workflows.campaign_table import campaign_rows, counts, write_table
from workflows.report import duration
from workflows.submission import SubmitFailed

if TYPE_CHECKING:
    from condor.contact import Pool
    from workflows.campaign import CampaignFolder
    from workflows.campaign_table import Row

LOOK_EVERY = 2.0  # seconds
REST = 20  # times what a look took: looking at a thousand scans shall not keep a core busy


def submit_command(folder: CampaignFolder) -> list[str]:
    """Return the command that hands the campaign to DAGMan, for the first time or again.

    Rescue files, its own and its scans', are never used: results say what is left to do.
    """
    again = (folder.path / f"{CAMPAIGN_DAG}.condor.sub").exists()
    return [
        *("condor_submit_dag", "-usedagdir", "-AutoRescue", "0"),
        *(["-update_submit"] if again else []),
        str(folder.dag),
    ]


def submit(folder: CampaignFolder, pool: Pool) -> None:
    """Hand a campaign to DAGMan that is not in the queue.

    Raises
    ------
    WrongUsage
        It lies where DAGMan refuses to run.
    SubmitFailed
        condor_submit_dag refused; the text has its words.
    """
    if folder.path.resolve().is_relative_to("/tmp"):  # noqa: S108  (refused, not used)
        raise WrongUsage(
            f"DAGMan refuses to keep its logs below /tmp, and {folder.path} is there. Move it, "
            f"or choose another --output-dir."
        )
    for scan in scans_of(folder, read_campaign(folder)):
        for stale in (scan.report, scan.report_json):
            stale.unlink(missing_ok=True)
    folder.csv.unlink(missing_ok=True)
    done = pool.run(*submit_command(folder))
    if done.returncode != 0:
        words = " ".join((done.stdout + done.stderr).split())
        raise SubmitFailed(f"condor_submit_dag refused {folder.dag}: {words}")


def is_queued(folder: CampaignFolder, pool: Pool) -> bool:
    """Tell whether the schedd has the campaign."""
    state = dagman_state(folder.dag)
    if state is None or state.is_over:
        return False
    # All users, and by its log: see workflows.submission.is_queued.
    asked = ("condor_q", "-allusers", str(state.cluster), "-af", "UserLog")
    return f"{folder.dag}.dagman.log" in pool.run(*asked).stdout.split("\n")


def is_over(folder: CampaignFolder) -> bool:
    """Tell whether the campaign's DAGMan has left the queue."""
    state = dagman_state(folder.dag)
    return state is not None and state.is_over


def watch(folder: CampaignFolder) -> list[Row]:
    """Print how many scans are how far until the campaign is over; return its table."""
    began, said = time.time(), ""
    while True:
        looked = time.time()
        over = is_over(folder)
        rows = campaign_rows(folder, is_over=over)
        if counts(rows) != said:
            said = counts(rows)
            print(f"{duration(time.time() - began)}  {said}", flush=True)
        if over:
            write_table(folder, rows)
            return rows
        time.sleep(max(LOOK_EVERY, REST * (time.time() - looked)))


def submit_line(folder: CampaignFolder, pool: Pool | None) -> str:
    """Return the line that a user may paste; a personal pool's tools are on nobody's PATH."""
    line = shlex.join(submit_command(folder))
    if pool is None or pool.config is None or pool.is_users_own:
        return line
    tools = f'PATH={shlex.quote(str(pool.bin))}:{shlex.quote(str(pool.sbin))}:"$PATH"'
    return f"CONDOR_CONFIG={shlex.quote(str(pool.config))} {tools} {line}"
