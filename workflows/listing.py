"""Find the scans below a folder, and their states."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zipfile import is_zipfile

from skyscan.errors import BadInput, ExitCode
from skyscan.layout import SCAN_JSON, ScanFolder
from workflows.campaigns.folder import CAMPAIGN_JSON
from workflows.checks.regular import check_regular
from workflows.engines import engine_of
from workflows.model.place import submitted_in
from workflows.planned import read_planned
from workflows.reports.stored import read_report

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workflows.reports.value import Report

PLANNED, DAMAGED, ELSEWHERE, UNKNOWN = "planned", "damaged", "elsewhere", "unknown"


@dataclass(frozen=True)
class Listed:
    """One scan.

    Attributes
    ----------
    folder : str
        Its scan folder.
    campaign : str or None
        Folder of the campaign that it belongs to.
    name : str
        Name of the event; of a damaged scan, the name of the folder.
    state : str
        ``planned`` (not submitted yet), the state of its DAGMan by its log (such as ``queued``
        or ``running``), ``unknown`` (the log is lost), its outcome when it has ended
        (``complete``, ``incomplete``, ``failed``, or ``removed`` without a report),
        ``elsewhere`` (a copy of a scan in the queue), or ``damaged`` (or not readable:
        ``scan.json``, or the map of a complete scan).
    reco : str or None
        The reconstruction; None if ``scan.json`` is damaged.
    site : str or None
        The site; None if ``scan.json`` is damaged.
    planned : float
        When it was planned, seconds since 1970.
    ra_deg, dec_deg : float or None
        The best fit (J2000), if there is one.
    """

    folder: str
    campaign: str | None
    name: str
    state: str
    reco: str | None
    site: str | None
    planned: float
    ra_deg: float | None = None
    dec_deg: float | None = None


def scans_below(place: Path) -> Iterator[Listed]:
    """Yield the scans in a folder and below it, in the order of their paths.

    Only the scan's own files are read in a scan folder. Hidden folders and links are not
    entered; folders that cannot be read are skipped.
    """
    campaigns: list[str] = []
    for here, folders, files in os.walk(place.absolute()):
        if CAMPAIGN_JSON in files:
            campaigns.append(here)
        if SCAN_JSON in files:
            folders.clear()
            inside = (it for it in reversed(campaigns) if Path(here).is_relative_to(it))
            yield _listed(ScanFolder(Path(here)), next(inside, None))
        else:
            folders[:] = sorted(it for it in folders if not it.startswith("."))


def _listed(folder: ScanFolder, campaign: str | None) -> Listed:
    planned = folder.scan_json.stat().st_mtime
    try:
        check_regular(folder.path)
        return _as_read(folder, campaign, planned)
    except (BadInput, OSError):  # of a colleague, perhaps, and not readable
        name = folder.path.name
        return Listed(str(folder.path), campaign, name, DAMAGED, None, None, planned)


def _as_read(folder: ScanFolder, campaign: str | None, planned: float) -> Listed:
    scan = read_planned(folder.scan_json)
    report = read_report(folder)
    best = (report.best if report is not None else None) or {}
    return Listed(
        folder=str(folder.path),
        campaign=campaign,
        name=scan.name,
        state=_state(folder, _outcome(report)),
        reco=scan.reco,
        site=scan.site,
        planned=planned,
        ra_deg=best.get("ra_deg"),
        dec_deg=best.get("dec_deg"),
    )


def _outcome(report: Report | None) -> str | None:
    """Return the outcome of a report; a map that is lost or truncated is not complete.

    Only the end of the file is read: `skyscan result` compares the whole map.
    """
    if report is None or report.exit_code != ExitCode.DONE:
        return None if report is None else report.outcome
    return report.outcome if report.map and is_zipfile(report.map) else DAMAGED


def _state(folder: ScanFolder, outcome: str | None) -> str:
    state = engine_of(folder).state(folder)
    if state is None:
        return outcome or (UNKNOWN if folder.chosen_rounds() else PLANNED)
    if not state.is_over:
        is_here = not submitted_in(engine_of(folder).dag(folder), folder.path)
        return state.state if is_here else ELSEWHERE
    return outcome or ("failed" if state.state == "ended" else state.state)
