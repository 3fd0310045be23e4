"""The table of a campaign: one row per event, as CSV and as text."""

from __future__ import annotations

import csv
import io
import shlex
from collections import Counter
from dataclasses import asdict, fields
from math import acos, cos, degrees, radians, sin
from typing import TYPE_CHECKING

from skyscan.errors import BadInput, ExitCode
from skyscan.storage import write_text
from workflows.campaigns.campaign import read_campaign
from workflows.campaigns.row import STATES, Row
from workflows.campaigns.truths import truth_columns, truth_lines
from workflows.engines import engine_of
from workflows.model.place import submitted_in
from workflows.reports.stored import read_report
from workflows.reports.writing import still_true

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from workflows.campaigns.entry import Entry
    from workflows.campaigns.folder import CampaignFolder
    from workflows.reports.value import Report

#: Priority of exit codes when there are several: first those that no retry can fix.
_WORST_FIRST = (
    ExitCode.BAD_INPUT,
    ExitCode.WRONG_USAGE,
    ExitCode.BUG,
    ExitCode.INCOMPLETE,
    ExitCode.TRY_AGAIN,
)
SHOWN = 40  # rows in the text; the CSV has all
_NOT_RUN = "the scan did not run to its end"


def campaign_rows(folder: CampaignFolder, *, is_over: bool) -> list[Row]:
    """Return the row of every event; ``is_over`` means that no more scans will start."""
    return [_row(folder, it, is_over=is_over) for it in read_campaign(folder).entries]


def csv_text(rows: Sequence[Row]) -> str:
    """Return the table as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(Row))
    writer.writerows(asdict(row).values() for row in rows)
    return text.getvalue()


def write_table(folder: CampaignFolder, rows: Sequence[Row]) -> None:
    """Write ``campaign.csv``."""
    write_text(folder.csv, csv_text(rows))


def exit_code_of(rows: Sequence[Row]) -> ExitCode:
    """Return 0 if all events are complete, else the exit code of highest priority."""
    return worst(row.exit_code for row in rows)


def worst(exit_codes: Iterable[int | None]) -> ExitCode:
    """Return 0 if there are no other codes, else the one of highest priority."""
    codes = {code for code in exit_codes if code}
    if not codes:
        return ExitCode.DONE
    return next((code for code in _WORST_FIRST if code in codes), ExitCode.TRY_AGAIN)


def outcome_of(code: ExitCode) -> str:
    """Return the outcome of a campaign, in the words of a scan's report."""
    known = {ExitCode.DONE: "complete", ExitCode.INCOMPLETE: "incomplete"}
    return known.get(code, "failed")


def counts(rows: Sequence[Row]) -> str:
    """Return the number of events in each state: ``2 of 3 scans complete, 1 failed``."""
    number = Counter(row.state for row in rows)
    rest = [f", {number[state]} {state}" for state in STATES[1:] if number[state]]
    return f"{number[STATES[0]]} of {len(rows)} scans complete{''.join(rest)}"


def table_text(folder: CampaignFolder, rows: Sequence[Row]) -> str:
    """Return the table as text; a long one without the complete scans."""
    shown = rows
    if len(rows) > SHOWN:
        shown = [row for row in rows if row.state != STATES[0]][:SHOWN]
    lines = _columns(shown) if shown else []
    lines += [f"  why       {_why(row)}" for row in shown if row.why]
    lines += truth_lines(rows)
    where = f"; {folder.csv} lists all of them" if folder.csv.exists() else ""
    lines.append(f"{counts(rows)}{where}")
    if exit_code_of(rows):
        command = f"skyscan resume {shlex.quote(str(folder.path))}"
        lines.append(f"  next      fix the errors above, then {command}")
    return "\n".join(lines) + "\n"


def _why(row: Row) -> str:
    why = row.why or ""
    return why if row.event in why else f"{row.event}: {why}"


def _row(folder: CampaignFolder, entry: Entry, *, is_over: bool) -> Row:
    event = entry.name or entry.file
    scan = folder.scan(entry)
    if scan is None:
        state = "refused" if entry.exit_code else "copy"
        return Row(event, state, exit_code=entry.exit_code, why=entry.problem)
    report = read_report(scan)
    if report is not None:
        # Reading all maps takes long while scans still end, and tells more when all have.
        try:
            return _reported(entry, still_true(scan, report) if is_over else report)
        except BadInput as error:
            code = int(error.exit_code)
            return Row(event, "failed", exit_code=code, folder=entry.folder, why=str(error))
    if is_over:
        code = int(ExitCode.TRY_AGAIN)
        return Row(event, "failed", exit_code=code, folder=entry.folder, why=_NOT_RUN)
    state_of_dag = engine_of(scan).state(scan)
    is_running = (
        state_of_dag is not None
        and not state_of_dag.is_over
        and not submitted_in(folder.dag, folder.path)
    )
    return Row(event, "running" if is_running else "waiting", folder=entry.folder)


def _reported(entry: Entry, report: Report) -> Row:
    failures = [f"{it.step}: {it.text}" for it in report.failures[:1]]
    best = report.best or {}
    area = report.answer["regions"]["90"]["area_deg2"] if report.answer else None
    nside, pixel = best.get("nside"), best.get("pixel")
    local = (report.answer or {}).get("best") or best
    errors = {"from_truth_deg": _from_truth(entry.truth, best), **truth_columns(report.answer)}
    return Row(
        event=report.name,
        state=report.outcome,
        ra_deg=best.get("ra_deg"),
        dec_deg=best.get("dec_deg"),
        llh=best.get("llh"),
        nside=None if nside is None else int(nside),
        pixel=None if pixel is None else int(pixel),
        pixels=sum(report.n_pixels.values()),
        nan_pixels=report.n_failed,
        exit_code=report.exit_code,
        folder=entry.folder,
        why=failures[0] if failures else None,
        area90_deg2=area,
        zenith_deg=local.get("zenith_deg"),
        azimuth_deg=local.get("azimuth_deg"),
        **errors,
    )


def _from_truth(
    truth: tuple[float, float] | None, best: Mapping[str, float | None]
) -> float | None:
    ra_deg, dec_deg = best.get("ra_deg"), best.get("dec_deg")
    if truth is None or ra_deg is None or dec_deg is None:
        return None
    ra, dec = radians(ra_deg), radians(dec_deg)
    cosine = sin(dec) * sin(truth[1]) + cos(dec) * cos(truth[1]) * cos(ra - truth[0])
    return degrees(acos(max(-1.0, min(1.0, cosine))))


def _columns(rows: Sequence[Row]) -> list[str]:
    # Events without a time have no RA and Dec; these may be in a campaign with others.
    local = any(row.zenith_deg is not None and row.ra_deg is None for row in rows)
    names = ("zenith", "azimuth") if local else ("RA", "Dec")
    head = ("event", "state", *names, "llh", "nside", "pixels", "NaN", "exit", "off truth")
    cells = [
        (
            *(row.event, row.state),
            *(_number(it, 2) for it in _direction(row, local=local)),
            _number(row.llh, 2),
            *(_number(it) for it in (row.nside, row.pixels, row.nan_pixels, row.exit_code)),
            _number(row.from_truth_deg, 2),
        )
        for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)  # noqa: PLR2004
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in (head, *cells)
    ]


def _direction(row: Row, *, local: bool) -> tuple[float | None, float | None]:
    return (row.zenith_deg, row.azimuth_deg) if local else (row.ra_deg, row.dec_deg)


def _number(value: float | None, digits: int = 0) -> str:
    return "" if value is None else f"{value:.{digits}f}"
