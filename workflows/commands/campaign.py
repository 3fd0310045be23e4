"""`skyscan campaign`: scan many events; and `status`, `resume`, `result` of a campaign."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from condor.logs.dagman import dagman_state
from skyscan.errors import ExitCode, TryAgain, WrongUsage, printable
from skyscan.events.choice import parse_event_id
from skyscan.layout import fixed
from workflows.campaigns.campaign import added, read_campaign, read_list
from workflows.campaigns.events import wanted_events
from workflows.campaigns.folder import CampaignFolder
from workflows.campaigns.plan import plan_campaign, plan_missing
from workflows.campaigns.row import ENDED
from workflows.campaigns.run import is_over, is_queued, submit, submit_line, watch, work_of
from workflows.campaigns.table import (
    campaign_rows,
    counts,
    exit_code_of,
    outcome_of,
    table_text,
    worst,
    write_table,
)
from workflows.checks import preflight
from workflows.commands.interrupts import at_interrupt, it_continues, may_be_submitted
from workflows.commands.plan import add_options, note
from workflows.model.place import submitted_in
from workflows.notify import LOG as NOTIFY_LOG
from workflows.notify import notify
from workflows.options import from_words
from workflows.planning.choices import choice_of
from workflows.planning.event import is_like_data
from workflows.quantities import positive

if TYPE_CHECKING:
    import argparse

    from condor.logs.dagman import DagmanState
    from workflows.campaigns.campaign import Campaign
    from workflows.commands.plan import Commands

USAGE = "%(prog)s (EVENT... | --list FILE) (--real-event | --simulated-event) [options]"


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "campaign",
        usage=USAGE,
        help="scan many events in one workflow; a damaged event does not stop the others",
    )
    add_options(parser, of_campaign=True)
    add = parser.add_argument_group("campaign").add_argument
    add("--list", type=Path, metavar="FILE", help="file with the path of one event per line")
    add(
        "--events",
        dest="named",
        metavar="EVENT,...",
        help="only these events of the files, each RUN:EVENT[:SUB], or EVENT (default: all)",
    )
    add(
        "--max-scans",
        type=positive,
        metavar="N",
        help="scans at a time (default: one per core, or on other sites as many as keep the "
        "queue short)",
    )
    add("--no-submit", action="store_true", help="only plan, and print how to submit")
    add("--no-watch", action="store_true", help="do not wait for the campaign")
    parser.set_defaults(run=_campaign)


def add_to_hidden(commands: Commands) -> None:
    """Add the command that DAGMan calls when all scans have ended."""
    report = commands.add_parser("campaign-report")
    report.add_argument("folder", type=Path)
    report.set_defaults(run=_report)


def _campaign(options: argparse.Namespace) -> ExitCode:
    files = [*options.events, *(read_list(options.list) if options.list else [])]
    events = [parse_event_id(it) for it in (options.named or "").split(",") if it.strip()]
    folder = CampaignFolder(fixed(options.output_dir))
    if folder.json.exists() and is_running(folder):
        of_scans = from_words(options)
        running = read_campaign(folder)
        before = running.entries
        wanted = wanted_events(files, choice_of(of_scans), events)
        if len(added(before, wanted)) > len(before):
            raise WrongUsage(
                f"The campaign in {folder.path} is running; add events when it has ended, "
                f"or choose another --output-dir."
            )
        if options.max_scans not in (None, running.max_scans):
            abort = f"skyscan abort {shlex.quote(str(folder.path))}"
            print(
                f"It goes on with {running.max_scans} scans at a time; for another number, "
                f"run `{abort}`, then this command again.",
                flush=True,
            )
        return resume(folder.path, no_watch=options.no_watch or options.no_submit)
    of_scans = from_words(options)
    with at_interrupt("Nothing was submitted; the same command continues the planning."):
        folder, campaign = plan_campaign(
            files, options.output_dir, of_scans, options.max_scans, events, check_place=True
        )
    print(
        f"Campaign of {len(campaign.entries)} events in {folder.path}, "
        f"{campaign.max_scans} scans at a time",
        flush=True,
    )
    _print_left_out(campaign)
    if options.no_submit:
        pool = pools.status()
        work = work_of(folder.scans, campaign)
        if work is not None:
            usable = pool.pool if pool.is_running else None
            preflight.warn(preflight.look(folder.path, work, usable))
        print(f"Submit it with:\n{submit_line(folder, pool.pool)}")
        return worst(entry.exit_code for entry in campaign.entries)
    return _run(folder, no_watch=options.no_watch)


def _print_left_out(campaign: Campaign) -> None:
    """Print the number of scans, and why each of the other events has none."""
    left_out = [entry for entry in campaign.entries if entry.folder is None]
    refused = sum(1 for entry in left_out if entry.exit_code)
    copies = len(left_out) - refused
    counted = [f"{len(campaign.entries) - len(left_out)} planned"]
    counted += [f"{refused} refused"] if refused else []
    if copies:
        counted.append(f"{copies} copies of others" if copies > 1 else "1 copy of another")
    print(f"  scans     {', '.join(counted)}", flush=True)
    for entry in left_out:
        print(printable(f"  left out  {entry.why}"), flush=True)
    runs = {it.run_id for it in campaign.entries if it.run_id is not None}
    like_data = sorted(filter(is_like_data, runs))
    if like_data and not campaign.options.is_real_event:
        is_one, first = len(like_data) == 1, like_data[0]
        one = f"run {first} has a number of real events, and is"
        many = f"runs such as {first} have numbers of real events, and are"
        note(
            f"{one if is_one else many} scanned as simulated; if this is data, plan it with "
            f"--real-event into another --output-dir."
        )


def resume(path: Path, *, no_watch: bool) -> ExitCode:
    """Continue a campaign: plan what could not be planned before, and keep what is done."""
    folder = CampaignFolder(fixed(path))
    preflight.require([preflight.owner(folder.path)])
    if not is_running(folder):
        _print_left_out(plan_missing(folder, read_campaign(folder)))
    return _run(folder, no_watch=no_watch)


def print_status(path: Path, *, as_json: bool = False) -> ExitCode:
    """Print the progress of a campaign."""
    folder = CampaignFolder(fixed(path))
    state = dagman_state(folder.dag)
    status = "not submitted yet"
    if state is not None:
        place = "" if state.is_over else submitted_in(folder.dag, folder.path)
        was = f"was {state.state} in {place}; this folder is a copy" if place else ""
        status = f"DAGMan job {state.cluster}: {was or _state_text(folder, state)}"
    rows = campaign_rows(folder, is_over=is_over(folder))
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
        return ExitCode.DONE
    print(f"{folder.path.name}  {status}\n  {counts(rows)}")
    if is_over(folder):
        print(table_text(folder, rows), end="")
    return ExitCode.DONE


def _state_text(folder: CampaignFolder, state: DagmanState) -> str:
    """Return the state of a campaign, and if the log does not end, what the queue says."""
    if state.is_over:
        return state.state
    found = pools.status()
    if found.pool is None or not found.is_running:
        return f"{state.state} by its log; {found.text}"
    try:
        if is_queued(folder, found.pool):
            return state.state
    except TryAgain as error:
        return f"{state.state} by its log; {error}"
    place = shlex.quote(str(folder.path))
    return f"not in the queue, although its log does not end; `skyscan resume {place}`"


def print_result(path: Path, *, as_json: bool) -> ExitCode:
    """Print the table of a campaign; return its exit code.

    Raises
    ------
    WrongUsage
        None of its scans has run yet.
    """
    folder = CampaignFolder(fixed(path))
    rows = campaign_rows(folder, is_over=is_over(folder))
    if dagman_state(folder.dag) is None and not any(row.state in ENDED for row in rows):
        raise WrongUsage(
            f"{folder.path} has no result yet: the campaign was not submitted. "
            f"`skyscan resume {shlex.quote(str(folder.path))}` runs it."
        )
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        print(table_text(folder, rows), end="")
    return exit_code_of(rows)


def is_running(folder: CampaignFolder) -> bool:
    """Return whether a campaign is in the queue of the user's pool."""
    found = pools.status()
    return found.pool is not None and found.is_running and is_queued(folder, found.pool)


def _run(folder: CampaignFolder, *, no_watch: bool) -> ExitCode:
    place = shlex.quote(str(folder.path))
    with at_interrupt(may_be_submitted("campaign", folder.path)):
        pool = pools.start()
        pool.use()
        if is_queued(folder, pool):
            print("The campaign is already in the queue.", flush=True)
        else:
            submit(folder, pool)
    if no_watch:
        print(f"`skyscan status {place}` shows the progress.")
        return worst(entry.exit_code for entry in read_campaign(folder).entries)
    with at_interrupt(it_continues("campaign", folder.path)):
        rows = watch(folder)
    print(table_text(folder, rows), end="")
    return exit_code_of(rows)


def _report(options: argparse.Namespace) -> ExitCode:
    """Write table and page; return the exit code of the campaign, with events not planned.

    If that is 0, nothing is left to do for the FINAL node.
    """
    from workflows.campaigns.page import write_campaign_page

    folder = CampaignFolder(fixed(options.folder))
    rows = campaign_rows(folder, is_over=True)
    write_table(folder, rows)
    write_campaign_page(folder, rows)
    code = exit_code_of(rows)
    command = read_campaign(folder).options.notify
    notify(command, outcome_of(code), folder.path, folder.path / NOTIFY_LOG)
    return code or ExitCode.NOTHING_TO_DO
