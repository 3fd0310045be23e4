"""Submit a campaign to DAGMan, and watch it."""

from __future__ import annotations

import shlex
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from condor.contact import paste_line
from condor.logs.dagman import dagman_state
from condor.queue import dagman_in_queue, dagmans, jobs, with_their_jobs
from skyscan.errors import BadInput
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.folder import CAMPAIGN_DAG
from workflows.campaigns.plan import scans_of
from workflows.campaigns.table import campaign_rows, counts, write_table
from workflows.checks import preflight
from workflows.engines import engine_of
from workflows.engines.dagman.submission import guard, locks, priority, run_submit_dag
from workflows.model.place import submitted_in
from workflows.model.text import duration
from workflows.planned import read_planned
from workflows.planning.values import site_of
from workflows.submission import AlreadyRuns, only_one

if TYPE_CHECKING:
    from collections.abc import Sequence

    from condor.contact import Pool
    from skyscan.layout import ScanFolder
    from workflows.campaigns.campaign import Campaign
    from workflows.campaigns.folder import CampaignFolder
    from workflows.campaigns.row import Row

LOOK_EVERY = 2.0  # seconds
REST = 20  # pause as a multiple of the time to read all scans, which may be a thousand


def submit_command(folder: CampaignFolder) -> list[str]:
    """Return the command that submits the campaign to DAGMan, for the first time or again.

    Rescue files of the campaign and its scans are never used: the results determine what is
    left to do.
    """
    again = (folder.path / f"{CAMPAIGN_DAG}.condor.sub").exists()
    options = read_campaign(folder).options
    site = site_of(options)
    return [
        *("condor_submit_dag", "-usedagdir", "-AutoRescue", "0"),
        *guard(site, folder.path),
        *(priority(site) if options.urgent else ()),
        *(["-update_submit"] if again else []),
        str(folder.dag),
    ]


def submit(folder: CampaignFolder, pool: Pool) -> None:
    """Submit a campaign that is not in the queue to DAGMan.

    Raises
    ------
    AlreadyRuns
        The campaign or one of its scans is in the queue, or another process is submitting it.
    WrongUsage, TryAgain
        The campaign cannot run, or not now (`workflows.checks.preflight`).
    SubmitFailed
        condor_submit_dag failed; the text has its output.
    """
    campaign = read_campaign(folder)
    with only_one(folder.json, "campaign"):
        _submit(folder, campaign, pool)


def _submit(folder: CampaignFolder, campaign: Campaign, pool: Pool) -> None:
    scans = scans_of(folder, campaign)
    in_queue = queued_dagmans(folder, pool)
    if in_queue:
        place = shlex.quote(str(folder.path))
        raise AlreadyRuns(
            f"Scans of the campaign in {folder.path} are in the queue on their own (jobs "
            f"{', '.join(map(str, in_queue))}); wait for them, or remove them with "
            f"`skyscan abort {place}`."
        )
    work = work_of(scans, campaign)
    if work is None:
        preflight.require([preflight.place(folder.path), preflight.owner(folder.path)])
    else:
        preflight.check(folder.path, work, pool)
    for scan in scans:
        for stale in (scan.report, scan.report_json, scan.page, *locks(scan.workflow)):
            stale.unlink(missing_ok=True)
    for stale in (folder.csv, folder.page, *locks(folder.path)):
        stale.unlink(missing_ok=True)
    run_submit_dag(submit_command(folder), folder.dag, pool)


def work_of(scans: Sequence[ScanFolder], campaign: Campaign) -> preflight.Work | None:
    """Return what a campaign is to run, from the first readable scan; None without one."""
    for scan in scans:
        with suppress(BadInput):  # an unreadable scan fails alone
            like = read_planned(scan.scan_json)
            begun = any(any(it.rounds.glob("*")) for it in scans)
            return preflight.Work(like, len(scans), campaign.max_scans, begun)
    return None


def is_queued(folder: CampaignFolder, pool: Pool) -> bool:
    """Return whether the campaign is in the schedd's queue."""
    return dagman_in_queue(folder.dag, dagmans(pool)) is not None


def queued_dagmans(folder: CampaignFolder, pool: Pool) -> list[int]:
    """Return the job ids of the campaign's DAGMan and of its scans' DAGMans, in this order.

    Scans may be in the queue without the campaign: submitted on their own, or left behind when
    its DAGMan was removed by force.
    """
    in_queue = dagmans(pool)
    dags = [folder.dag, *(engine_of(scan).dag(scan) for scan in folder.scans)]
    found = (dagman_in_queue(dag, in_queue) for dag in dags)
    return [cluster for cluster in found if cluster is not None]


def queued_jobs(folder: CampaignFolder, pool: Pool) -> list[int]:
    """Return the ids of the DAGMans and jobs of a campaign in the schedd's queue."""
    # Jobs run in the scan folder, the DAGMans of rounds in the folder of their DAGs.
    scans = folder.scans
    places = {it.resolve() for scan in scans for it in (scan.path, scan.workflow)}
    found = jobs(pool)
    mine = with_their_jobs(queued_dagmans(folder, pool), found)
    return [it.cluster for it in found if it.cluster in mine or it.folder in places]


def is_over(folder: CampaignFolder) -> bool:
    """Return whether the campaign's DAGMan has left the queue."""
    state = dagman_state(folder.dag)
    return state is not None and state.is_over


def watch(folder: CampaignFolder) -> list[Row]:
    """Print the number of scans in each state until the campaign ends; return its table."""
    began, printed = time.time(), ""
    while True:
        looked = time.time()
        over = is_over(folder)
        rows = campaign_rows(folder, is_over=over)
        if not over and submitted_in(folder.dag, folder.path):
            return rows  # a copy, in which nothing will happen
        if counts(rows) != printed:
            printed = counts(rows)
            print(f"{duration(time.time() - began)}  {printed}", flush=True)
        if over:
            write_table(folder, rows)
            return rows
        time.sleep(max(LOOK_EVERY, REST * (time.time() - looked)))


def submit_line(folder: CampaignFolder, pool: Pool | None) -> str:
    """Return a command line to paste, which works in any shell and folder."""
    return paste_line(submit_command(folder), pool)
