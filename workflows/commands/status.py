"""`skyscan status` and `skyscan result`: the progress of a scan, and its result."""

from __future__ import annotations

import json
import shlex
import sys
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from condor.contact import paste_line
from condor.logs.dagman import last_error
from condor.pool import status as pool_status
from skyscan.answer.levels import LEVELS_HELP
from skyscan.errors import DamagedFile, ExitCode, WrongUsage, printable
from workflows.answers import answer_of, as_report
from workflows.campaigns.folder import is_campaign
from workflows.catalogue import (
    catalogue_for,
    near,
    place_catalogue,
    source_lines,
    sources_for,
)
from workflows.commands.interrupts import at_interrupt, it_continues
from workflows.engines import engine_of
from workflows.model.schema import as_json
from workflows.model.text import heading, progress_lines, round_lines, timing_lines
from workflows.parser import CATALOGUE_HELP, FOLDER_HELP
from workflows.planned import read_planned
from workflows.reports.value import Report
from workflows.reports.writing import CANNOT_WRITE, last_report, partial_map, renew
from workflows.submission import open_scan
from workflows.watch import model_now, watch

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands
    from workflows.model.scan import ScanModel

#: What the report of a scan says, whatever levels are chosen for its map.
_OF_SCAN = ("name", "outcome", "exit_code", "failures")


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    status = commands.add_parser("status", help="show the progress of a scan or a campaign")
    status.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
    status.add_argument("--json", action="store_true", help="print the scan model as JSON")
    status.add_argument(
        "--watch",
        action="store_true",
        help="show the progress until the scan ends: in a terminal on one live screen, else "
        "line by line",
    )
    status.add_argument(
        "--timing",
        action="store_true",
        help="show where the time went, by machine, and what would make the scan faster",
    )
    status.set_defaults(run=_status)

    result = commands.add_parser("result", help="show the result of a scan or a campaign")
    result.add_argument(
        "folder", type=Path, metavar="FOLDER|MAP", help=f"{FOLDER_HELP}, or a map file"
    )
    result.add_argument("--json", action="store_true", help="print the result as JSON")
    result.add_argument(
        "--partial",
        action="store_true",
        help="make a map of the results so far of a scan that has not ended",
    )
    result.add_argument("--levels", metavar="LEVELS", help=LEVELS_HELP)
    result.add_argument("--catalogue", type=Path, metavar="FILE", help=CATALOGUE_HELP)
    result.set_defaults(run=_result)


def _status(options: argparse.Namespace) -> ExitCode:
    if is_campaign(options.folder):
        from workflows.commands.campaign import print_status

        return print_status(options.folder, as_json=options.json)
    folder = open_scan(options.folder)
    if options.watch and not options.json:
        with at_interrupt(it_continues("scan", folder.path)):
            watch(folder)
    model = model_now(folder)
    if options.json:
        print(as_json(model))
    else:
        print("\n".join(_status_lines(folder, model)))
    if options.timing and not options.json:
        print("\n".join(f"  {it}" for it in timing_lines(model)))
    return ExitCode.DONE


def _status_lines(folder: ScanFolder, model: ScanModel) -> Iterator[str]:
    yield heading(model)
    yield from round_lines(model.rounds)
    # A submission removes the report: if there is one, the scan has ended.
    if model.state in ("ended", "removed") or (
        model.state == "unknown" and folder.report_json.exists()
    ):
        yield from _end_lines(folder)
    else:
        yield from progress_lines(model)
    command = engine_of(folder).progress_command(folder)
    if model.dagman is not None and command:
        yield f"  more      {paste_line(command, pool_status().pool)}"


def _end_lines(folder: ScanFolder) -> Iterator[str]:
    """Yield the outcome of a scan that has ended."""
    report = last_report(folder)
    if report is not None:
        yield report.text.rstrip("\n")
        return
    why = last_error(engine_of(folder).dag(folder))
    if why:
        yield f"  why       DAGMan: {why}"
    yield f"  next      skyscan resume {shlex.quote(str(folder.path))}"


def _result(options: argparse.Namespace) -> ExitCode:
    if options.folder.is_file():
        return _print_answer(options.folder, options)
    if is_campaign(options.folder):
        from workflows.commands.campaign import print_result

        return print_result(options.folder, as_json=options.json)
    folder = open_scan(options.folder)
    report = last_report(folder)
    if report is None and options.partial:
        path = partial_map(folder, read_planned(folder.scan_json))
        if path is not None:
            return _print_answer(path, options)
    if report is None:
        if folder.report_json.exists() and engine_of(folder).state(folder) is None:
            raise DamagedFile(
                f"{folder.report_json} is damaged or cannot be read; run `skyscan resume "
                f"{shlex.quote(str(folder.path))}` to write it again."
            )
        raise WrongUsage(
            f"{folder.path} has no result yet; `skyscan status` shows the progress of the scan."
        )
    sources = catalogue_for(options.catalogue)
    is_kept = sources is None
    if sources is not None:
        with _noted_if_read_only(folder):
            place_catalogue(sources, options.catalogue.name, folder)
            report, is_kept = renew(folder, report), True
    if report.map and (options.levels or not is_kept):
        return _print_answer(Path(report.map), options, report)
    print(json.dumps(asdict(report), indent=1) if options.json else report.text, end="")
    return ExitCode(report.exit_code)


@contextmanager
def _noted_if_read_only(folder: ScanFolder) -> Iterator[None]:
    """Say that the folder, such as a colleague's, cannot keep what the block writes."""
    try:
        yield
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        text = f"{folder.path} cannot be written: it does not keep the catalogue"
        print(printable(f"skyscan: note: {text}."), file=sys.stderr)


def _print_answer(
    path: Path, options: argparse.Namespace, report: Report | None = None
) -> ExitCode:
    """Print the answer of a map file, with the levels that the user chose.

    Outcome and exit code are those of the scan whose ``report`` it is; 0 for a file alone.
    """
    lines, shown = answer_of(path, options.levels)
    known = sources_for(options.catalogue, shown.skymap)
    sources = near(shown.skymap, shown.answer, known or [])
    value = as_report(path, shown.value)
    now = Report(**value, text="")
    if report is not None:
        ours = {key: it for key, it in value.items() if key not in _OF_SCAN}
        now = replace(report, **ours)
        lines[0] = printable(f"{report.name}: {report.outcome}")
    found = [printable(line) for line in source_lines(sources)]
    now = replace(
        now,
        text="".join(f"{line}\n" for line in (*lines, *found)),
        answer_lines=lines[1:],
        sources=[it.as_dict() for it in sources],
    )
    print(json.dumps(asdict(now), indent=1) if options.json else now.text, end="")
    return ExitCode(now.exit_code)
