"""Plan a campaign: a scan folder for each event, and one DAG that runs all scans."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from condor.dagman import config_lines
from condor.submit import submit_lines
from skyscan.errors import BadInput, ExitCode, SkyscanError, WrongUsage
from skyscan.events.chosen import alone
from skyscan.events.truth import truth_of
from skyscan.layout import CODE_ZIP, DAGMAN_SH, ScanFolder, fixed
from skyscan.prep import read_for
from skyscan.recos import reco_class
from skyscan.storage import sha256_of, write_bytes
from workflows.campaigns.campaign import (
    Campaign,
    added,
    check_same,
    read_campaign,
    write_campaign,
)
from workflows.campaigns.entry import Entry
from workflows.campaigns.events import Taker, wanted_events
from workflows.campaigns.folder import CampaignFolder
from workflows.checks import preflight
from workflows.checks.whole import map_fault
from workflows.engines import ENGINES, engine_of
from workflows.engines.dagman.dags import CONFIG, final_lines
from workflows.engines.scripts import (
    access_point_lines,
    write_lines,
    write_script_lines,
    write_scripts,
)
from workflows.plan import plan_chosen
from workflows.planned import read_planned
from workflows.planning.choices import choice_of
from workflows.planning.code import code_zip
from workflows.planning.folder import cannot_write
from workflows.planning.ice import note_ice
from workflows.planning.values import jobs_of, site_of, source_of
from workflows.reports.stored import read_report
from workflows.steps import ACCESS_POINT_SH

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from condor.sites import Site
    from skyscan.events.choice import EventId
    from skyscan.events.event import Event
    from workflows.options import Options

CATEGORY = "scans"
REPORT_SUB = "report.sub"
GCD = "gcd"  # folder of the detectors that the scans share
#: OSG asks users to queue no more jobs than this.
MAX_QUEUED = 10_000
#: A running scan has two DAGMans, its own and that of its round, and HTCondor runs 500 to 1000
#: on an access point (START_SCHEDULER_UNIVERSE). If the outer ones took all of these, their
#: rounds would wait forever.
MOST_SCANS = 200


def plan_campaign(
    files: Sequence[Path],
    output_dir: Path,
    options: Options,
    max_scans: int | None = None,
    events: Sequence[EventId] = (),
    *,
    check_place: bool = False,
) -> tuple[CampaignFolder, Campaign]:
    """Plan the scans of many events; keep those that are already planned.

    Of each file all events are scanned, or those that are named.

    An event that cannot be planned is recorded with the reason and does not stop the others.

    Raises
    ------
    WrongUsage
        An option is invalid, the folder holds a campaign with other options, or, with
        ``check_place``, DAGMan would not run in it.
    SkyscanError
        No event can be planned; the text gives the reason for the first.
    """
    if not ENGINES[options.engine].has_campaigns:
        raise WrongUsage(
            f"A campaign needs --engine dagman; with --engine {options.engine}, plan and "
            f"submit the events one by one."
        )
    folder = CampaignFolder(fixed(output_dir))
    options = absolute_options(options)
    note_ice(options)
    site = site_of(options)
    scans = check_max_scans(max_scans) if max_scans else None
    campaign = Campaign(options, scans or default_max_scans(site, options))
    if folder.json.exists():
        campaign = read_campaign(folder)
        check_same(folder, campaign.options, options)
        campaign = replace(campaign, max_scans=scans or campaign.max_scans)
    if check_place:
        preflight.require([preflight.place(folder.path), preflight.owner(folder.path)])
    wanted = wanted_events(files, choice_of(options), events)
    campaign = replace(campaign, entries=added(campaign.entries, wanted))
    return folder, plan_missing(folder, campaign)


def plan_missing(folder: CampaignFolder, campaign: Campaign) -> Campaign:
    """Plan the events that have no scan folder, and write the DAG of the campaign."""
    planned = [entry for entry in campaign.entries if _is_planned(folder, entry)]
    by_name = {str(entry.name): entry for entry in planned}
    entries = []
    taker = Taker(choice_of(campaign.options))
    for entry in campaign.entries:
        now = entry
        if not _is_planned(folder, entry):
            now = _planned(folder, entry, campaign.options, by_name, taker)
        if now.folder is not None:
            by_name[str(now.name)] = now
        entries.append(now)
    if not by_name:
        _refuse(entries)
    campaign = replace(campaign, entries=tuple(entries))
    _write(folder, campaign)
    return campaign


def default_max_scans(site: Site, options: Options) -> int:
    """Return how many scans run at a time unless the user chooses.

    On this machine, one per core: a round has as many jobs as there are cores, and other scans
    compute while one opens its next round. Elsewhere, as many as keep the queue short.
    """
    if site.this_machine:
        return max(2, min(os.cpu_count() or 1, MOST_SCANS))
    n_variations = len(reco_class(options.reco)().variations())
    jobs = jobs_of(site, options, n_variations) or site.jobs_per_round or 1
    return max(1, min(MAX_QUEUED // jobs, MOST_SCANS))


def check_max_scans(number: int) -> int:
    """Return the number of scans at a time.

    Raises
    ------
    WrongUsage
        There would be too many DAGMans.
    """
    if number > MOST_SCANS:
        raise WrongUsage(
            f"--max-scans {number} is more than {MOST_SCANS}: each scan runs two DAGMans, and "
            f"HTCondor limits their number on one access point."
        )
    return number


def is_done(folder: CampaignFolder, entry: Entry) -> bool:
    """Return whether an event is done: its map exists and is whole."""
    scan = folder.scan(entry)
    report = None if scan is None else read_report(scan)
    if scan is None or report is None or report.outcome != "complete":
        return False
    try:
        return map_fault(scan, read_planned(scan.scan_json)) is None
    except BadInput:
        return False


def campaign_dag_lines(
    dags: Mapping[Entry, str], done: Container[Entry], max_scans: int
) -> Iterator[str]:
    """Yield the lines of the campaign's DAG: a node for each scan, and one for the table.

    Parameters
    ----------
    dags : mapping of Entry to str
        The DAG of each scan, relative to the campaign's folder.
    done : container of Entry
        Entries that are done.
    max_scans : int
        How many scans run at a time.

    A scan's DAG is named by its path instead of DIR, which DAGMan refuses together with
    ``-usedagdir``; in both cases it runs in its own folder.
    """
    yield f"CONFIG {CONFIG}"
    for entry, dag in dags.items():
        whole = " DONE" if entry in done else ""
        yield f"SUBDAG EXTERNAL {entry.node} {dag}{whole}"
        yield f"CATEGORY {entry.node} {CATEGORY}"
    # htcondor2.dags 25.14 writes CATEGORY for this.
    yield f"MAXJOBS {CATEGORY} {max_scans}"
    yield from final_lines("workflows campaign-report .", REPORT_SUB)


def absolute_options(options: Options) -> Options:
    """Return the options with absolute paths: a campaign may be resumed from any folder."""
    is_file = "/" in options.site or options.site.endswith(".toml")
    return replace(
        options,
        site=str(Path(options.site).absolute()) if is_file else options.site,
        gcd_dir=_absolute_path(options.gcd_dir),
        truth=_absolute_path(options.truth),
        geometry=_absolute_path(options.geometry),
        gcd=_absolute_path(options.gcd),
        ice_model=_absolute_path(options.ice_model),
        catalogue=_absolute_path(options.catalogue),
    )


def _absolute_path(path: Path | None) -> Path | None:
    return None if path is None else path.absolute()


def _is_planned(folder: CampaignFolder, entry: Entry) -> bool:
    scan = folder.scan(entry)
    return scan is not None and scan.scan_json.exists()


def _planned(
    folder: CampaignFolder,
    entry: Entry,
    options: Options,
    by_name: dict[str, Entry],
    taker: Taker,
) -> Entry:
    entry = Entry(entry.number, **entry.wanted._asdict())
    try:
        with alone(Path(entry.file), taker.take(entry)) as chosen:
            reading = read_for(options.reco, source_of(chosen, options))
            event = reading.event
            entry = replace(entry, name=event.name, truth=_truth(event))
            twin = by_name.get(event.name)
            if twin is not None:
                return _copy_of(twin, entry, folder, sha256_of(chosen.path))
            # The campaign notifies of its own end, not of that of each scan.
            of_scan = replace(options, notify=())
            scan = plan_chosen(
                chosen, folder.shard(entry), of_scan, reading, gcd_store=folder.path / GCD
            )
    except SkyscanError as error:
        return replace(entry, exit_code=int(error.exit_code), problem=str(error))
    except OSError as error:
        return replace(entry, exit_code=int(ExitCode.TRY_AGAIN), problem=str(error))
    except Exception as error:  # noqa: BLE001  a bug with one event does not stop the others
        problem = f"a bug: {error!r}; run `skyscan plan` on this event for the traceback"
        return replace(entry, exit_code=int(ExitCode.BUG), problem=problem)
    return replace(entry, folder=str(scan.path.relative_to(folder.path)))


def _copy_of(twin: Entry, entry: Entry, folder: CampaignFolder, event_sha256: str) -> Entry:
    """Return the entry of an event that the campaign already has."""
    scan = folder.scan(twin)
    if scan and read_planned(scan.scan_json).event_sha256 == event_sha256:
        return replace(entry, problem=f"a copy of {twin.origin}, which is scanned")
    raise BadInput(
        f"{entry.origin} and {twin.origin} are of the same event, but differ. "
        f"Scan one of them in another --output-dir."
    )


def _truth(event: Event) -> tuple[float, float] | None:
    truth = truth_of(event)
    return (truth.ra, truth.dec) if truth is not None and truth.has_equatorial else None


def _refuse(entries: Sequence[Entry]) -> None:
    if not entries:
        raise WrongUsage(
            "A campaign needs events: give event files, or a list of them with --list."
        )
    first = entries[0]
    kind = BadInput if first.exit_code == ExitCode.BAD_INPUT else WrongUsage
    if len(entries) == 1:
        raise kind(f"The only event cannot be planned. {first.problem}")
    raise kind(f"None of {len(entries)} events can be planned. The first: {first.problem}")


def _write(folder: CampaignFolder, campaign: Campaign) -> None:
    done = {entry for entry in campaign.entries if is_done(folder, entry)}
    local = {"universe": "local", "executable": ACCESS_POINT_SH}
    site = site_of(campaign.options)
    scans = ((entry, folder.scan(entry)) for entry in campaign.entries)
    dags = {
        entry: str(engine_of(scan).dag(scan).relative_to(folder.path))
        for entry, scan in scans
        if scan is not None
    }
    files = {
        ACCESS_POINT_SH: access_point_lines(sys.executable, sha256(code_zip()).hexdigest()),
        CONFIG: config_lines(site.dagman),
        REPORT_SUB: submit_lines(local),
        folder.dag.name: campaign_dag_lines(dags, done, campaign.max_scans),
    }
    try:
        write_bytes(folder.path / CODE_ZIP, code_zip())
        for name, lines in files.items():
            write = write_script_lines if name == ACCESS_POINT_SH else write_lines
            write(folder.path / name, lines)
        write_scripts(folder.path, DAGMAN_SH)
        write_campaign(folder, campaign)
    except OSError as error:
        raise cannot_write("The campaign's folder", error) from error


def scans_of(folder: CampaignFolder, campaign: Campaign) -> list[ScanFolder]:
    """Return the scan folders of a campaign that are not done."""
    left = (entry for entry in campaign.entries if not is_done(folder, entry))
    return [scan for scan in map(folder.scan, left) if scan is not None]
