"""`skyscan why` and `skyscan logs`: why a scan failed, and what its steps wrote."""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode, WrongUsage, printable
from workflows.campaigns.folder import CampaignFolder, is_campaign
from workflows.commands.interrupts import at_interrupt, it_continues
from workflows.engines import engine_of
from workflows.model.outputs import Outputs, tail_of
from workflows.model.reading import read_model
from workflows.model.text import why_lines
from workflows.parser import SCAN_HELP
from workflows.quantities import not_negative
from workflows.reports.writing import last_report
from workflows.submission import open_scan
from workflows.watch import is_over, model_now

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands

LINES = 20  # of each file, unless --failed shows all
LOOK_EVERY = 1.0  # seconds


def add_to(commands: Commands) -> None:
    """Add the commands to the parser."""
    why = commands.add_parser(
        "why", help="show why a scan failed, and whether another try can help"
    )
    why.add_argument("folder", type=Path, metavar="FOLDER", help=SCAN_HELP)
    why.add_argument("--all", action="store_true", help="show every failed step")
    why.set_defaults(run=_why)

    logs = commands.add_parser("logs", help="show the end of what the steps of a scan wrote")
    logs.add_argument("folder", type=Path, metavar="FOLDER", help=SCAN_HELP)
    logs.add_argument(
        "--failed", action="store_true", help="only of steps that failed, from the beginning"
    )
    logs.add_argument(
        "--round", type=not_negative, metavar="N", help="only of the jobs of this round"
    )
    logs.add_argument(
        "--follow", action="store_true", help="keep printing what is added, until the scan ends"
    )
    logs.set_defaults(run=_logs)


def _why(options: argparse.Namespace) -> ExitCode:
    folder = _scan(options.folder)
    model = model_now(folder)
    # A submission removes the report: if there is one, the scan has ended.
    is_lost = model.state == "unknown"
    is_over = model.state in ("ended", "removed") or (is_lost and folder.report_json.exists())
    report = last_report(folder) if is_over else None
    if report is not None:  # it also has what only the whole scan shows, such as damaged files
        model = replace(model, failures=tuple(report.failures))
    print("\n".join(printable(it) for it in why_lines(model, show_all=options.all)))
    if report is not None:
        return ExitCode(report.exit_code)
    is_well = model.outcome == "complete" or not (is_over or model.in_queue is False)
    return ExitCode.DONE if is_well else ExitCode.TRY_AGAIN


def _scan(path: Path) -> ScanFolder:
    if is_campaign(path):
        first = next(iter(CampaignFolder(path).scans), None)
        example = shlex.quote(str(first.path if first else path))
        raise WrongUsage(
            f"{path} is a campaign; `skyscan result` says which of its scans failed. Name one "
            f"of them, such as {example}."
        )
    return open_scan(path)


def _logs(options: argparse.Namespace) -> ExitCode:
    folder = _scan(options.folder)
    chosen = folder.chosen_rounds()
    if options.round is not None and options.round not in chosen:
        raise WrongUsage(f"--round {options.round}: the scan has rounds {chosen}.")
    ends = {}
    for path in _files(folder, options):
        ends[path] = _show(folder, path, whole=options.failed)
    if options.follow:
        with at_interrupt("" if is_over(folder) else it_continues("scan", folder.path)):
            _follow(folder, options, ends)
    elif not any(ends.values()):
        print("Nothing has been written.")
    return ExitCode.DONE


def _follow(folder: ScanFolder, options: argparse.Namespace, ends: dict[Path, int]) -> None:
    """Print what is added to the files until the scan ends."""
    while not is_over(folder):
        time.sleep(LOOK_EVERY)
        for path in _files(folder, options):
            ends[path] = _show_more(folder, path, ends.get(path, 0))


def _files(folder: ScanFolder, options: argparse.Namespace) -> Iterator[Path]:
    """Yield the output files of the steps that the options choose."""
    if options.failed:
        for failure in read_model(folder).failures:
            within = f"rounds/{options.round:03d}/" if options.round is not None else ""
            if failure.file and failure.file.startswith(within):
                yield folder.path / failure.file
        return
    if options.round is None:
        yield from sorted(it for it in folder.logs.glob("*") if it.suffix in (".out", ".err"))
        dag = engine_of(folder).dag(folder)
        yield dag.with_name(f"{dag.name}.lib.err")
    for number in folder.chosen_rounds():
        if options.round in (None, number):
            place = folder.round(number).logs
            yield from (place / name for name in sorted(Outputs(place).names))


def _show(folder: ScanFolder, path: Path, *, whole: bool) -> int:
    """Print the end of a file with its name; return how far it was read."""
    size = _size(path)
    lines = tail_of(path, size if whole else 16384).splitlines()
    if not any(lines):
        return size
    cut = "" if whole or len(lines) <= LINES else f" (the last {LINES} lines)"
    print(f"==> {path.relative_to(folder.path)}{cut}")
    print("\n".join(printable(line) for line in (lines if whole else lines[-LINES:])))
    return size


def _show_more(folder: ScanFolder, path: Path, since: int) -> int:
    """Print what was added to a file; return how far it was read."""
    size = _size(path)
    if size <= since:
        return min(size, since)
    for line in tail_of(path, size - since).splitlines():
        print(f"{path.relative_to(folder.path)}: {printable(line)}", flush=True)
    return size


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
