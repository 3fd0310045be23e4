"""Commands that engines call on the access point, with the scan folder as argument.

DAGMan discards the output of its scripts, so these commands write errors to ``logs/`` too.
"""

from __future__ import annotations

import os
import shutil
import sys
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from condor.logs.dagman import REMOVED
from skyscan.errors import BadInput, ExitCode, SkyscanError, error_line
from skyscan.layout import ScanFolder
from workflows.checks.regular import check_regular
from workflows.engines import engine_of
from workflows.notify import LOG as NOTIFY_LOG
from workflows.notify import notify
from workflows.planned import read_planned

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from workflows.commands.plan import Commands
    from workflows.planned import Planned


def add_to_hidden(commands: Commands) -> None:
    """Add the commands, which users need not see, to the parser."""
    scan = commands.add_parser("open-scan")
    scan.add_argument("folder", type=Path)
    scan.set_defaults(run=_open_scan)

    opened = commands.add_parser("next-round")
    opened.add_argument("folder", type=Path)
    opened.add_argument("round", type=int)
    opened.set_defaults(run=_next_round)

    gate = commands.add_parser("open-gate")
    gate.add_argument("folder", type=Path)
    gate.add_argument("round", type=int)
    gate.set_defaults(run=_open_gate)

    merge = commands.add_parser("merge")
    merge.add_argument("folder", type=Path)
    merge.set_defaults(run=_merge)

    report = commands.add_parser("report")
    report.add_argument("folder", type=Path)
    report.add_argument("dag_status", type=int)
    report.set_defaults(run=_report)

    ended = commands.add_parser("notify-end")
    ended.add_argument("folder", type=Path)
    ended.set_defaults(run=_ended)


def _scan(options: argparse.Namespace) -> ScanFolder:
    # DAGMan runs in the folder of its DAGs and names the scan from there, "..".
    return ScanFolder(Path(os.path.abspath(options.folder)))  # noqa: PTH100


def _planned(folder: ScanFolder) -> Planned:
    check_regular(folder.path)  # a script that waits for a FIFO would keep DAGMan forever
    return read_planned(folder.scan_json)


def _open_scan(options: argparse.Namespace) -> ExitCode:
    """Skip prep if its work is complete, or can be done here; remove it if it is incomplete."""
    from skyscan.startup import is_whole
    from workflows.preparing import is_quick_here, prepare_here

    folder = _scan(options)
    with errors_kept_in(folder.logs / "open_prep.err"):
        scan = _planned(folder)
        if is_whole(folder.startup, scan.id):
            return ExitCode.NOTHING_TO_DO
        engine_of(folder).deadline(folder, scan.deadline)
        if folder.startup.exists():
            shutil.rmtree(folder.startup)
        if is_quick_here(scan):
            prepare_here(folder, scan)
            return ExitCode.NOTHING_TO_DO
    return ExitCode.DONE


def _open_gate(options: argparse.Namespace) -> ExitCode:
    """Choose the pixels of a round if that is possible by now."""
    from skyscan.rounds.predictive import Gate, look
    from workflows.engines.dagman.dags import rounds_that_ended

    folder = _scan(options)
    with errors_kept_in(folder.logs / f"open_gate_{options.round:03d}.err"):
        scan = _planned(folder)
        gate = look(folder, scan, options.round, rounds_that_ended(folder))
        # An error of an earlier submission of the round is not one of this submission.
        (folder.logs / f"round_{options.round:03d}.err").unlink(missing_ok=True)
    return {
        Gate.OPEN: ExitCode.DONE,
        Gate.SHUT: ExitCode.NOTHING_TO_DO,
        Gate.NOT_YET: ExitCode.NOT_YET,
    }[gate]


def _next_round(options: argparse.Namespace) -> ExitCode:
    """Open a round; skip it if nothing of it is left to do."""
    folder = _scan(options)
    with errors_kept_in(folder.logs / f"round_{options.round:03d}.err"):
        scan = _planned(folder)
        is_open = engine_of(folder).next_round(folder, scan, options.round, Path.cwd())
    return ExitCode.DONE if is_open else ExitCode.NOTHING_TO_DO


def _merge(options: argparse.Namespace) -> ExitCode:
    """Write map and report into the scan folder, and the map into the folder of the job."""
    from workflows.closing import merge_and_report

    folder = _scan(options)
    merge_and_report(folder, _planned(folder), Path.cwd())
    return ExitCode.DONE


@contextmanager
def errors_kept_in(log: Path) -> Iterator[None]:
    """Write an error of the block into ``log``; remove the error of an earlier attempt."""
    log.unlink(missing_ok=True)
    try:
        yield
    except Exception as error:
        with suppress(OSError):  # the disk may be full
            log.parent.mkdir(exist_ok=True)
            log.write_text(_text_of(error), "utf-8")
        raise


def _text_of(error: Exception) -> str:
    """Return the lines that describe an error, with the exit code of its command."""
    if isinstance(error, SkyscanError):
        return f"{error_line(error, error.exit_code)}\n"
    if isinstance(error, OSError | MemoryError):
        return f"{error_line(str(error) or 'out of memory', ExitCode.TRY_AGAIN)}\n"
    bug = error_line("this is a bug in skyscan; please report the lines above.", ExitCode.BUG)
    return f"{''.join(traceback.format_exception(error))}{bug}\n"


def _report(options: argparse.Namespace) -> int:
    """Write the report; return DAGMan's own status, so that a failed DAG stays failed.

    A DAG without a failed node fails too if there is no whole map. Otherwise nothing is left to
    do for the FINAL node.
    """
    from skyscan.storage import write_text
    from workflows.reports.writing import write_report

    folder = _scan(options)
    outcome = "failed"
    try:
        check_regular(folder.path)
        report = write_report(folder, options.dag_status)
        outcome = "removed" if options.dag_status == REMOVED else report.outcome
        print(report.text)
    except SkyscanError as error:
        print(f"skyscan: error: {error}", file=sys.stderr)
        write_text(folder.logs / "report.err", f"{error}\n")
    finally:
        _notify(folder, outcome)
    if options.dag_status == 0 and outcome == "complete":
        return ExitCode.NOTHING_TO_DO
    return int(options.dag_status) or 1


def _ended(options: argparse.Namespace) -> ExitCode:
    """Notify of the end of a scan whose engine has no step that always runs.

    The last step of a successful scan has written the report; that of a scan that failed before
    it is written now.
    """
    from workflows.reports.stored import read_report
    from workflows.reports.writing import write_report

    folder = _scan(options)
    check_regular(folder.path)
    report, state = read_report(folder), engine_of(folder).state(folder)
    began = state.submitted if state is not None else 0.0
    if report is None or folder.report_json.stat().st_mtime < began:
        report = write_report(folder, 1)
    _notify(folder, report.outcome)
    return ExitCode.DONE


def _notify(folder: ScanFolder, outcome: str) -> None:
    try:
        command = _planned(folder).notify
    except BadInput:
        return  # the report, or its absence, shows that scan.json is damaged
    notify(command, outcome, folder.path, folder.logs / NOTIFY_LOG)
