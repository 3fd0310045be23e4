"""The report of a scan, complete or failed: what is missing, why, and what to do next."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict, dataclass, field, replace
from math import degrees
from typing import TYPE_CHECKING, Any

import numpy as np

from condor.machines import bad_machines
from skyscan.errors import BadInput, ExitCode, SkyscanError, printable
from skyscan.merge import reasons, write_partial
from skyscan.rounds.collect import collect_partial
from skyscan.skymap import read_skymap
from skyscan.storage import read_json, write_json, write_text
from workflows.answers import write_answer
from workflows.engines import engine_of
from workflows.engines.engine import Failure
from workflows.failures import find_failures
from workflows.planned import read_planned
from workflows.progress import RoundProgress, round_progress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from condor.dagman import DagmanState
    from skyscan.layout import ScanFolder
    from workflows.planned import Planned

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
        nside, pixel, ra_deg, dec_deg (J2000) and llh of the best pixel.
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
    answer : dict or None
        What the map says (`skyscan.answer`), if any of its pixels has a fit.
    """

    name: str
    outcome: str
    exit_code: int
    map: str | None
    best: dict[str, float] | None
    n_pixels: dict[str, int]
    n_failed: int
    failures: list[Failure]
    text: str
    bad_machines: list[str] = field(default_factory=list)
    answer: dict[str, Any] | None = None


def write_report(
    folder: ScanFolder, dag_status: int, failures: list[Failure] | None = None
) -> Report:
    """Write ``report.txt`` and ``report.json``, and the partial map of a scan that failed.

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
    if failures is None and dag_status == HALTED:
        failures = [Failure("DAGMan", ExitCode.TRY_AGAIN, "the DAG was halted")]
    if failures is None:
        failures = [*_deadline(folder, scan), *find_failures(folder)] if dag_status else []
    failures = [replace(failure, text=printable(failure.text)) for failure in failures]
    path = _map_path(folder, scan, failed=dag_status != 0)
    answer_lines, answer = write_answer(path)
    report = _report(folder, scan, path, failures, dag_status, answer_lines=answer_lines)
    report = replace(report, answer=answer)
    write_json(folder.report_json, asdict(report))
    write_text(folder.report, report.text)
    return report


def read_report(folder: ScanFolder) -> Report | None:
    """Read the report of the last submission; return None if it wrote none."""
    try:
        value = read_json(folder.report_json)
        value["failures"] = [Failure(**failure) for failure in value["failures"]]
        return Report(**value)
    except (BadInput, KeyError, TypeError):
        return None


def last_report(folder: ScanFolder) -> Report | None:
    """Return the report of a submission that has ended.

    The report is written now if DAGMan's own script could not write it (a full disk, damaged
    code), or if the engine is Pegasus, which has no job that always runs. None means that the
    scan was removed or has not ended.
    """
    report = read_report(folder)
    engine = engine_of(folder)
    state = engine.state(folder)
    if state is None or state.state != "ended" or _is_of(folder, report, state):
        return report
    return write_report(folder, int(not engine.has_succeeded(state)))


def _is_of(folder: ScanFolder, report: Report | None, state: DagmanState) -> bool:
    """Return whether a report is of the last submission, by `skyscan` or by hand."""
    return report is not None and folder.report_json.stat().st_mtime >= state.submitted


def machine_lines(folder: ScanFolder) -> list[str]:
    """Return a line for each machine on which every job of the scan failed at once."""
    return [it.line() for it in bad_machines(engine_of(folder).node_logs(folder))]


def _deadline(folder: ScanFolder, scan: Planned) -> list[Failure]:
    state = engine_of(folder).state(folder)
    if scan.deadline is None or state is None:
        return []
    if time.time() < state.submitted + scan.deadline:
        return []
    text = f"the scan did not end within {scan.deadline:g} s (--deadline)"
    return [Failure("deadline", ExitCode.INCOMPLETE, text)]


def _map_path(folder: ScanFolder, scan: Planned, *, failed: bool) -> Path | None:
    whole = sorted(folder.path.glob(f"{scan.name}_*.npz"), key=lambda p: p.stat().st_mtime)
    if whole and _is_readable(whole[-1]):
        return whole[-1]
    if not failed:
        return None
    try:
        return write_partial(folder, scan)
    except SkyscanError:
        return None  # the failures name what is damaged


def _is_readable(path: Path) -> bool:
    try:
        read_skymap(path)
    except BadInput:
        return False
    return True


def _report(
    folder: ScanFolder,
    scan: Planned,
    path: Path | None,
    failures: list[Failure],
    dag_status: int,
    *,
    answer_lines: list[str],
) -> Report:
    skymap = read_skymap(path) if path else None
    best = skymap.best() if skymap else None
    records = collect_partial(folder, scan.id).best
    failed = records[np.isnan(records["llh"])]
    code = 0 if dag_status == 0 else _exit_code(failures)
    outcome = "complete" if code == 0 else "failed"
    if code == ExitCode.INCOMPLETE:
        outcome = "incomplete"
    report = Report(
        name=scan.name,
        outcome=outcome,
        exit_code=code,
        map=str(path) if path else None,
        best=None
        if best is None
        else {
            **best[0]._asdict(),
            "ra_deg": degrees(best[1]),
            "dec_deg": degrees(best[2]),
            "llh": best[3],
        },
        n_pixels={str(n): len(rows) for n, rows in sorted(skymap.pixels.items())}
        if skymap
        else {},
        n_failed=len(failed),
        failures=failures,
        text="",
        bad_machines=machine_lines(folder),
    )
    lines = [*_lines(report, failed, answer_lines), *_advice(folder, report)]
    return replace(report, text=printable("\n".join(lines) + "\n"))


def _exit_code(failures: list[Failure]) -> int:
    codes = [failure.exit_code for failure in failures]
    known = [code for code in codes if code in set(ExitCode)]
    # First the codes that no retry can fix.
    for code in (ExitCode.BAD_INPUT, ExitCode.BUG, ExitCode.INCOMPLETE):
        if code in known:
            return int(code)
    return int(ExitCode.TRY_AGAIN)


def _lines(report: Report, failed: NDArray[np.void], answer_lines: list[str]) -> list[str]:
    lines = [f"{report.name}: {report.outcome}"]
    if report.best:
        best = report.best
        lines.append(
            f"  best fit  RA {best['ra_deg']:.2f} deg, Dec {best['dec_deg']:+.2f} deg (J2000); "
            f"nside {best['nside']:.0f}, pixel {best['pixel']:.0f}, llh {best['llh']:.2f}"
        )
    lines += answer_lines
    if report.n_pixels:
        counts = ", ".join(f"{count} of nside {n}" for n, count in report.n_pixels.items())
        lines.append(f"  pixels    {counts}; {report.n_failed} without a fit")
    if report.n_failed:
        lines.append(f"  no fit    {reasons(failed)}")
    if report.map:
        lines.append(f"  map       {report.map} (and .json)")
    return [*lines, *(f"  warning   {machine}" for machine in report.bad_machines)]


def _advice(folder: ScanFolder, report: Report) -> list[str]:
    if report.exit_code == 0:
        return []
    lines = [
        f"  why       {f.step}: {f.text} (exit {f.exit_code})" for f in report.failures[:8]
    ]
    if len(report.failures) > 8:  # noqa: PLR2004
        lines.append(
            f"            and {len(report.failures) - 8} more, see {folder.report_json}"
        )
    lines += [f"  missing   {progress.line()}" for progress in _unfinished(folder)]
    command = f"skyscan resume {shlex.quote(str(folder.path))}"
    if report.exit_code == ExitCode.BAD_INPUT:
        lines.append(f"  next      fix the input, then `{command}`; or plan the scan again")
    elif report.outcome == "incomplete":
        place = shlex.quote(str(folder.path))
        lines.append(
            f"  next      skyscan extend {place} with a higher limit "
            f"(--max-rounds, --max-failed-pixels, --deadline), or "
            f"skyscan retry --failed {place}"
        )
    else:
        lines.append(f"  next      {command}    (only what is missing runs again)")
    more = engine_of(folder).more_on_failure(folder)
    return [*lines, f"  more      {more}"] if more else lines


def _unfinished(folder: ScanFolder) -> Iterator[RoundProgress]:
    for number in folder.chosen_rounds():
        try:
            progress = round_progress(folder.round(number), number)
        except (BadInput, KeyError, TypeError):
            continue  # its description is damaged, which the failures report
        if progress.n_done < progress.n_fits:
            yield progress


def duration(seconds: float) -> str:
    """Return a duration as hh:mm:ss; hh may exceed 24."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}"
