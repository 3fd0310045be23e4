"""The report of a scan, complete or failed: what is missing, why, and what to do next."""

from __future__ import annotations

import errno
import time
from dataclasses import asdict, replace
from math import degrees
from pathlib import Path
from typing import TYPE_CHECKING

from condor.logs.dagman import HALTED, REMOVED
from skyscan.errors import Alike, BadInput, ExitCode, SkyscanError, one_line
from skyscan.layout import CHOICE_JSON
from skyscan.merge import reasons_text, write_partial
from skyscan.rounds.collect import collect_partial
from skyscan.skymap import read_skymap
from skyscan.storage import read_json, write_json, write_text
from workflows.answers import Written, answer_in_report, write_answer_files
from workflows.catalogue import catalogue_of, source_lines, sources_of
from workflows.checks.digests import ANEW, NO_DIGESTS, damage
from workflows.checks.whole import map_fault, newest_map
from workflows.engines import engine_of
from workflows.engines.engine import Failure
from workflows.history import commands_of
from workflows.model.causes import CAUSES
from workflows.model.failures import exit_code_of
from workflows.model.reading import ScanReader, read_model
from workflows.model.text import timing_lines
from workflows.planned import read_planned
from workflows.reports.stored import read_report, without_place
from workflows.reports.text import next_of, text_of
from workflows.reports.value import Report

if TYPE_CHECKING:
    from condor.logs.dagman import DagmanState
    from skyscan.layout import ScanFolder
    from skyscan.pixels import Pixel
    from skyscan.skymap import SkyMap
    from workflows.model.scan import ScanModel
    from workflows.planned import Planned

#: Errors of a folder of somebody else, or of a disk that is read-only or full.
CANNOT_WRITE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


def write_report(
    folder: ScanFolder, dag_status: int, failures: list[Failure] | None = None
) -> Report:
    """Write the report (text, JSON, page), and the partial map of a scan that failed.

    The files of the answer follow, and then the page has them, too. Paths in ``report.json``
    are relative to the scan folder, which may be copied or moved.

    Parameters
    ----------
    folder : ScanFolder
        The scan.
    dag_status : int
        DAGMan's $DAG_STATUS: 0 when all nodes succeeded.
    failures : list of Failure, optional
        Why the scan failed, if no log contains it yet.
    """
    scan = read_planned(folder.scan_json)
    reader = ScanReader(folder)
    model = reader.read(dag_status=dag_status)
    failures = _failures(folder, scan, model, dag_status, failures)
    path = _map_path(folder, scan, failed=bool(failures))
    written = answer_in_report(path)
    sources = [] if written.shown is None else sources_of(folder, *written.shown[2:])
    written = written._replace(lines=[*written.lines, *source_lines(sources)])
    report = _report(folder, model, path, failures, written)
    report = replace(report, sources=[it.as_dict() for it in sources])
    report = _kept(report, reader, model, written)
    if written.shown is not None and path is not None:
        trouble = write_answer_files(written.shown, path.parent)
        report = replace(report, answer_lines=[*report.answer_lines, *trouble])
        report = _kept(report, reader, model, written)
    engine_of(folder).tidy(folder, scan)
    return report


def _kept(report: Report, reader: ScanReader, model: ScanModel, written: Written) -> Report:
    """Write page, JSON and text of a report; return the report with the place of its page."""
    folder = reader.folder
    report = _with_page(report, reader, model, written)
    write_json(folder.report_json, without_place(asdict(report), folder))
    write_text(folder.report, report.text)
    return report


def _failures(
    folder: ScanFolder,
    scan: Planned,
    model: ScanModel,
    dag_status: int,
    failures: list[Failure] | None = None,
) -> list[Failure]:
    """Return why a scan has not succeeded, each reason once; see `write_report`."""
    if failures is None and dag_status == HALTED:
        failures = [Failure("DAGMan", ExitCode.TRY_AGAIN, "the DAG was halted", "dagman")]
    if failures is None:
        failures = [*_deadline(folder, scan), *model.failures] if dag_status else []
    failures = [*failures, *_faults(folder, scan, ended_well=dag_status == 0 and not failures)]
    failures = [replace(failure, text=one_line(failure.text)) for failure in failures]
    return [it for i, it in enumerate(failures) if it not in failures[:i]]


def renew(folder: ScanFolder, report: Report) -> Report:
    """Write a report and its page again, with the same outcome and what is shown beside it."""
    return write_report(folder, int(report.exit_code != 0), report.failures or None)


def _with_page(
    report: Report, reader: ScanReader, model: ScanModel, written: Written
) -> Report:
    """Write the page of a report; return the report with its place, or why it has none."""
    from workflows.page.content import Ended, write_page_of  # only this needs it

    folder, then = reader.folder, next_of(report, reader.folder)
    ended = Ended(
        *(folder, reader.scan, model, reader.timeline(model), asdict(report)),
        commands=commands_of(folder),
        catalogue=catalogue_of(folder)[0],
    )
    if then is not None:
        ended = replace(ended, next=then.text, command=then.command)
    if written.shown is not None:
        ended = replace(ended, skymap=written.shown.skymap, answer=written.shown.answer)
    trouble = write_page_of(ended)
    page = None if trouble else str(folder.page)
    report = replace(report, page=page, no_page=trouble)
    return replace(report, text=text_of(report, folder))


def _faults(folder: ScanFolder, scan: Planned, *, ended_well: bool) -> list[Failure]:
    """Return damage to what planning wrote, and why a scan that ended well has no whole map."""
    faults = []
    if text := damage(folder, scan):
        advice = CAUSES["missing-input"].advice
        faults.append(
            Failure(
                *("plan", ExitCode.BAD_INPUT, text, "missing-input"),
                can_pass=False,
                advice=advice,
            )
        )
    if ended_well:
        found = collect_partial(folder, scan.id, engine_of(folder).arriving(folder))
        if fault := map_fault(folder, scan, found.best):
            faults.append(_of_map(fault if scan.files else f"{fault}; {NO_DIGESTS}, {ANEW}"))
    return faults


def _of_map(fault: str) -> Failure:
    """Return the failure of a scan that has no whole map though all its steps succeeded."""
    advice = CAUSES["damaged-file"].advice
    return Failure(*("map", ExitCode.TRY_AGAIN, fault, "damaged-file"), advice=advice)


def last_report(folder: ScanFolder) -> Report | None:
    """Return the report of a submission that has ended.

    The report is written now if DAGMan's own script could not write it (a full disk, damaged
    code, a DAGMan that was removed while it was held or that died of its removal), or if the
    engine is Pegasus, which has no job that always runs. In a folder that cannot be written to,
    it is made without being kept. None means that the last submission has not ended, whatever
    an earlier one reported.
    """
    report = read_report(folder)
    engine = engine_of(folder)
    state = engine.state(folder)
    if state is None or _is_of(folder, report, state):
        return None if report is None else still_true(folder, report)
    if not state.is_over:
        return None
    is_removed = state.state == "removed"
    status = REMOVED if is_removed else int(not engine.has_succeeded(state))
    try:
        return write_report(folder, status)
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        return _unwritten(folder, status)


def _unwritten(folder: ScanFolder, dag_status: int) -> Report:
    """Return the report of a scan whose folder cannot be written to."""
    scan = read_planned(folder.scan_json)
    model = read_model(folder, dag_status=dag_status)
    failures = _failures(folder, scan, model, dag_status)
    path = _map_path(folder, scan, failed=bool(failures))
    return _report(folder, model, path, failures, Written([]))


def still_true(folder: ScanFolder, report: Report) -> Report:
    """Return a report as it is if its map is whole and in this folder, else a new one.

    The folder may have been copied or moved since, and the map deleted.

    Raises
    ------
    BadInput
        scan.json is damaged.
    """
    scan = read_planned(folder.scan_json)
    is_success = report.exit_code == ExitCode.DONE
    fault = map_fault(folder, scan) if is_success else None
    if not fault and (report.map is None or Path(report.map).exists()):
        return report
    failures = [_of_map(fault)] if fault else report.failures
    path = _map_path(folder, scan, failed=bool(failures))
    is_same = path is not None and not fault  # else the answer is that of a map that is lost
    answer = Written(report.answer_lines, report.answer) if is_same else Written([])
    sources = report.sources if is_same else []
    renewed = _report(folder, read_model(folder), path, failures, answer)
    return replace(renewed, sources=sources)


def _is_of(folder: ScanFolder, report: Report | None, state: DagmanState) -> bool:
    """Return whether a report is of the last submission, by `skyscan` or by hand."""
    return report is not None and folder.report_json.stat().st_mtime >= state.submitted


def _deadline(folder: ScanFolder, scan: Planned) -> list[Failure]:
    state = engine_of(folder).state(folder)
    if scan.deadline is None or state is None:
        return []
    if time.time() < state.submitted + scan.deadline:
        return []
    text = f"the scan did not end within {scan.deadline:g} s (--deadline)"
    advice = CAUSES["deadline"].advice
    return [
        Failure(
            *("deadline", ExitCode.INCOMPLETE, text, "deadline"), can_pass=False, advice=advice
        )
    ]


def _map_path(folder: ScanFolder, scan: Planned, *, failed: bool) -> Path | None:
    newest = newest_map(folder, scan)
    if newest is not None and _is_readable(newest):
        return newest
    if not failed:
        return None
    try:
        return partial_map(folder, scan)
    except (SkyscanError, OSError):
        return None  # the failures name what is damaged; a folder of others is read-only


def partial_map(folder: ScanFolder, scan: Planned) -> Path | None:
    """Write the map of the results so far; return its path, or None if nothing is fitted."""
    found = collect_partial(folder, scan.id, engine_of(folder).arriving(folder))
    return write_partial(folder, scan, found.best)


def _is_readable(path: Path) -> bool:
    try:
        read_skymap(path)
    except BadInput:
        return False
    return True


def _report(
    folder: ScanFolder,
    model: ScanModel,
    path: Path | None,
    failures: list[Failure],
    answer: Written,
) -> Report:
    skymap = read_skymap(path) if path else None
    best = skymap.best() if skymap else None
    code = exit_code_of(failures) if failures else 0
    outcome = "complete" if code == 0 else "failed"
    if code == ExitCode.INCOMPLETE:
        outcome = "incomplete"
    report = Report(
        name=model.name,
        outcome=outcome,
        exit_code=code,
        map=str(path) if path else None,
        best=None if best is None or skymap is None else _best(skymap, best),
        n_pixels={str(n): len(rows) for n, rows in sorted(skymap.pixels.items())}
        if skymap
        else {},
        n_failed=sum(it.n for it in model.no_fit),
        failures=failures,
        text="",
        bad_machines=list(model.bad_machines),
        no_fit=reasons_text([Alike(it.reason, it.n, it.example) for it in model.no_fit]),
        missing=[it.line() for it in model.rounds if not it.is_done],
        repairs=list(model.repairs),
        timing=timing_lines(model),
        answer_lines=answer.lines,
        answer=answer.value,
        kernel=model.kernel,
        chosen=_chosen(folder),
    )
    return replace(report, text=text_of(report, folder))


def _chosen(folder: ScanFolder) -> str:
    """Return which reconstruction `auto` chose, and why; empty for other reconstructions."""
    try:
        choice = read_json(folder.startup / CHOICE_JSON)
    except BadInput:
        return ""
    return one_line(f"{choice.get('chosen')}: {choice.get('reason')}")


def _best(skymap: SkyMap, found: tuple[Pixel, float, float, float]) -> dict[str, float | None]:
    pixel, ra, dec, llh = found
    if skymap.is_local:
        local = {"zenith_deg": 90.0 - degrees(dec), "azimuth_deg": degrees(ra)}
        return {**pixel._asdict(), "ra_deg": None, "dec_deg": None, **local, "llh": llh}
    return {**pixel._asdict(), "ra_deg": degrees(ra), "dec_deg": degrees(dec), "llh": llh}
