"""The report of a scan, complete or failed: what is missing, why, and what to do next."""

from __future__ import annotations

import re
import shlex
import time
from dataclasses import asdict, dataclass, field, replace
from math import degrees
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

from skyscan.errors import Alike, BadInput, ExitCode, SkyscanError, one_line, printable
from skyscan.layout import CHOICE_JSON
from skyscan.merge import reasons_text, write_partial
from skyscan.rounds.collect import collect_partial
from skyscan.skymap import read_skymap
from skyscan.storage import read_json, write_json, write_text
from workflows.answers import Written, placed, write_answer
from workflows.catalogue import catalogue_of, source_lines, sources_of
from workflows.checks.digests import ANEW, NO_DIGESTS, damage
from workflows.checks.whole import map_fault, newest_map
from workflows.engines import engine_of
from workflows.engines.engine import Failure
from workflows.history import commands_of
from workflows.model.causes import CAUSES
from workflows.model.failures import exit_code_of
from workflows.model.reading import ScanReader, read_model
from workflows.model.text import duration, timing_lines
from workflows.planned import read_planned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from condor.dagman import DagmanState
    from skyscan.layout import ScanFolder
    from skyscan.pixels import Pixel
    from skyscan.skymap import SkyMap
    from workflows.model.scan import ScanModel
    from workflows.planned import Planned

__all__ = ["Failure", "Report", "duration", "last_report", "read_report", "write_report"]

SHOWN = 8  # failures in the text; `skyscan why` shows all
#: Causes that only a change of the scan or its runtime removes.
_CHANGE = frozenset(name for name, it in CAUSES.items() if it.can_pass is not True) - {
    "bad-input",
    "limit",
    "deadline",
}
#: Version of the shape of `Report`; ``docs/report.schema.json`` describes it.
REPORT_FORMAT = 1
_RELATIVE = re.compile(r"(?<![\w./-])\./(\.(?![\w./]))?")
_LIMITS = ("--max-rounds", "--max-failed-pixels", "--deadline")
HALTED = 6  # $DAG_STATUS of a DAG that ended because of its halt file


@dataclass(frozen=True)
class Report:
    """The outcome of a scan.

    Attributes
    ----------
    name : str
        Name of the event.
    outcome : str
        ``complete``, ``incomplete`` (a map, but a limit ended the scan) or ``failed``.
    exit_code : int
        Exit code of `skyscan scan`.
    map : str or None
        The ``.npz``, complete or partial.
    best : dict or None
        nside, pixel, ra_deg, dec_deg (J2000) and llh of the best pixel; in a local map
        zenith_deg and azimuth_deg, and the other two are None.
    n_pixels : dict of str to int
        Number of pixels in the map by nside.
    n_failed : int
        Number of pixels without a fit, which are NaN in the map.
    failures : list of Failure
        What went wrong.
    text : str
        The whole report as text.
    bad_machines : list of str
        Machines on which every job failed at once; they may occur in a complete scan too.
    no_fit : str
        Why pixels have no fit.
    missing : list of str
        A line for each round that is not complete.
    repairs : list of str
        What ``dagman.sh`` did to work around faults of DAGMan.
    timing : list of str
        Where the time went, and what would make the scan faster.
    answer : dict or None
        What the map says (`skyscan.answer`), if any of its pixels has a fit.
    answer_lines : list of str
        The same as text.
    kernel : str
        What computed the likelihoods, ``compiled`` or ``numpy``; empty if the reconstruction
        has one way only.
    chosen : str
        Which reconstruction `auto` chose, and why; empty for others.
    page : str or None
        ``report.html``, if it was written.
    no_page : str
        Why it was not.
    sources : list of dict
        The sources of ``--catalogue`` inside the 90 % region, and the nearest others: name,
        ra_deg, dec_deg (J2000), distance_deg from the best fit, containment, is_inside.
    format : int
        Version of this shape. Within one, later versions may add keys.
    """

    name: str
    outcome: str
    exit_code: int
    map: str | None
    best: dict[str, float | None] | None
    n_pixels: dict[str, int]
    n_failed: int
    failures: list[Failure]
    text: str
    bad_machines: list[str] = field(default_factory=list)
    no_fit: str = ""
    missing: list[str] = field(default_factory=list)
    repairs: list[str] = field(default_factory=list)
    timing: list[str] = field(default_factory=list)
    answer: dict[str, Any] | None = None
    answer_lines: list[str] = field(default_factory=list)
    kernel: str = ""
    chosen: str = ""
    page: str | None = None
    no_page: str = ""
    sources: list[dict[str, Any]] = field(default_factory=list)
    format: int = REPORT_FORMAT


def write_report(
    folder: ScanFolder, dag_status: int, failures: list[Failure] | None = None
) -> Report:
    """Write the report (text, JSON, page), and the partial map of a scan that failed.

    Paths in ``report.json`` are relative to the scan folder, which may be copied or moved.

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
    if failures is None and dag_status == HALTED:
        failures = [Failure("DAGMan", ExitCode.TRY_AGAIN, "the DAG was halted", "dagman")]
    if failures is None:
        failures = [*_deadline(folder, scan), *model.failures] if dag_status else []
    failures = [*failures, *_faults(folder, scan, ended_well=dag_status == 0 and not failures)]
    failures = [replace(failure, text=one_line(failure.text)) for failure in failures]
    failures = [it for i, it in enumerate(failures) if it not in failures[:i]]
    path = _map_path(folder, scan, failed=bool(failures))
    written = write_answer(path)
    sources = [] if written.shown is None else sources_of(folder, *written.shown[2:])
    written = written._replace(lines=[*written.lines, *source_lines(sources)])
    report = _report(folder, model, path, failures, written)
    report = replace(report, sources=[it.as_dict() for it in sources])
    report = _with_page(report, reader, model, written)
    write_json(folder.report_json, _without_place(asdict(report), folder))
    write_text(folder.report, report.text)
    engine_of(folder).tidy(folder, scan)
    return report


def renew(folder: ScanFolder, report: Report) -> Report:
    """Write a report and its page anew, with what is to be shown beside the same outcome."""
    return write_report(folder, int(report.exit_code != 0), report.failures or None)


def _with_page(
    report: Report, reader: ScanReader, model: ScanModel, written: Written
) -> Report:
    """Write the page of a report; return the report with its place, or why it has none."""
    from workflows.page.content import Ended, write_page_of  # only this needs it

    folder, then = reader.folder, _next(report, reader.folder)
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
    return replace(report, text=_text(report, folder))


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


def read_report(folder: ScanFolder) -> Report | None:
    """Read the report of the last submission; None if it wrote none, or a damaged one."""
    try:
        value = _with_place(read_json(folder.report_json), folder)
        value["exit_code"] = int(ExitCode(value["exit_code"]))
        value["outcome"] = str(value["outcome"])
        value["failures"] = [
            Failure(**{**it, "last_lines": tuple(it.get("last_lines", ()))})
            for it in value["failures"]
        ]
        if value.get("page") is not None and not folder.page.is_file():
            value["page"] = None
        if value["map"] is not None:
            value["map"] = str(_map_here(folder, value["map"]))
        for key in {"answer", "answer_lines"} & set(value):
            value[key] = placed(value[key], folder.path)
        report = Report(**value)
        return replace(report, text=_text(report, folder))
    except (BadInput, OSError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _map_here(folder: ScanFolder, stored: str) -> Path:
    """Return where a map is now; earlier reports have the path at which it was written."""
    path = PurePath(stored)
    if path.is_relative_to(folder.path):
        return folder.path / path
    is_partial = path.parent.name == folder.partial.name
    return (folder.partial if is_partial else folder.path) / path.name


def _each_text(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  (any JSON)
    """Return a JSON value with its texts changed."""
    if isinstance(value, dict):
        return {key: _each_text(it, change) for key, it in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(it, change) for it in value]
    return change(value) if isinstance(value, str) else value


def _without_place(value: Any, folder: ScanFolder) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value with paths relative to the scan folder, which begin with ``./``."""
    place = str(folder.path)
    return _each_text(value, lambda it: it.replace(f"{place}/", "./").replace(place, "./."))


def _with_place(value: Any, folder: ScanFolder) -> Any:  # noqa: ANN401  (any JSON value)
    """Return a JSON value of `_without_place` with the paths of the folder as it is now."""
    place = str(folder.path)
    return _each_text(
        value, lambda it: _RELATIVE.sub(lambda found: place if found[1] else f"{place}/", it)
    )


def last_report(folder: ScanFolder) -> Report | None:
    """Return the report of a submission that has ended.

    The report is written now if DAGMan's own script could not write it (a full disk, damaged
    code), or if the engine is Pegasus, which has no job that always runs. None means that the
    last submission was removed or has not ended, whatever an earlier one reported.
    """
    report = read_report(folder)
    engine = engine_of(folder)
    state = engine.state(folder)
    if state is None or _is_of(folder, report, state):
        return None if report is None else still_true(folder, report)
    if state.state != "ended":
        return None
    return write_report(folder, int(not engine.has_succeeded(state)))


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
    answer = Written(report.answer_lines, report.answer) if path else Written([])
    sources = report.sources if path else []
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
    return replace(report, text=_text(report, folder))


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


def direction_text(best: Mapping[str, float | None]) -> str:
    """Return the direction of a report's best fit."""
    if best.get("ra_deg") is None:
        zenith, azimuth = best["zenith_deg"], best["azimuth_deg"]
        return f"zenith {zenith:.2f} deg, azimuth {azimuth:.2f} deg (IceCube's local frame)"
    return f"RA {best['ra_deg']:.2f} deg, Dec {best['dec_deg']:+.2f} deg (J2000)"


def _text(report: Report, folder: ScanFolder) -> str:
    """Return the report as text, with the place where the folder is now."""
    lines = [*_lines(report), *_advice(report, folder, shlex.quote(str(folder.path)))]
    return printable("\n".join(lines) + "\n")


def _lines(report: Report) -> list[str]:
    lines = [f"{report.name}: {report.outcome}"]
    if report.best:
        best = report.best
        lines.append(
            f"  best fit  {direction_text(best)}; "
            f"nside {best['nside']:.0f}, pixel {best['pixel']:.0f}, llh {best['llh']:.2f}"
        )
    lines += report.answer_lines  # which begin with more on the best fit
    if report.chosen:
        lines.append(f"  chosen    {report.chosen}")
    if report.kernel:
        lines.append(f"  kernel    {report.kernel}")
    if report.n_pixels:
        by_nside = sorted(report.n_pixels.items(), key=lambda it: int(it[0]))
        counts = ", ".join(f"{count} of nside {n}" for n, count in by_nside)
        lines.append(f"  pixels    {counts}; {report.n_failed} without a fit")
    if report.n_failed:
        lines.append(f"  no fit    {report.no_fit}")
    if report.map:
        lines.append(f"  map       {report.map} (and .json)")
    if report.page:
        lines.append(f"  page      {report.page}")
    elif report.no_page:
        lines.append(f"  page      not written: {report.no_page}")
    lines += [f"  warning   {machine}" for machine in report.bad_machines]
    return [*lines, *(f"  repaired  {it}" for it in report.repairs)]


def _advice(report: Report, folder: ScanFolder, place: str) -> list[str]:
    if report.exit_code == 0:
        return []
    lines = [
        f"  why       {f.step}: {f.text} (exit {f.exit_code})" for f in report.failures[:SHOWN]
    ]
    if len(report.failures) > SHOWN:
        lines.append(
            f"            and {len(report.failures) - SHOWN} more, see `skyscan why {place}`"
        )
    lines += [f"  missing   {line}" for line in report.missing]
    if then := _next(report, folder):
        lines.append(f"  next      {then.line}")
    lines.append(f"  more      skyscan why {place}")
    more = engine_of(folder).more_on_failure(folder)
    return [*lines, f"  more      {more}"] if more else lines


class Next(NamedTuple):
    """What to do about a scan that is not complete.

    Attributes
    ----------
    line : str
        The advice with the command in it, as one line.
    text : str
        The advice.
    command : str
        The command.
    """

    line: str
    text: str
    command: str


def _next(report: Report, folder: ScanFolder) -> Next | None:
    """Return what to do next; None for a scan that is complete."""
    if report.exit_code == 0:
        return None
    place = shlex.quote(str(folder.path))
    command = f"skyscan resume {place}"
    lead = next((it for it in report.failures if it.exit_code == report.exit_code), None)
    if lead is not None and lead.advice and not lead.can_pass and lead.cause in _CHANGE:
        return Next(f"{lead.advice}; then `{command}`", f"{lead.advice}; then", command)
    if report.exit_code == ExitCode.BAD_INPUT:
        line = f"fix the input, then `{command}`; or plan the scan again"
        return Next(line, "fix the input (or plan the scan again), then", command)
    if report.outcome == "incomplete":
        line = (
            f"skyscan extend {place} with a higher limit (--max-rounds, --max-failed-pixels, "
            f"--deadline), or skyscan retry --failed {place}"
        )
        text = lead.text if lead is not None else ""
        limit = next((it for it in _LIMITS if it in text), _LIMITS[0])
        return Next(line, "scan on with a higher limit", f"skyscan extend {place} {limit} …")
    return Next(
        f"{command}    (only what is missing runs again)",
        "only what is missing runs again with",
        command,
    )
