"""`skyscan pilot`: time a few pixels of an event on the pool, and estimate the whole scan."""

from __future__ import annotations

import shlex
import sys
from contextlib import nullcontext, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode, WrongUsage, printable
from workflows.commands import estimate
from workflows.commands.interrupts import at_interrupt
from workflows.commands.plan import OUTPUT_DIR, add_scan_options
from workflows.commands.scan import submit_scan, watch_to_end
from workflows.options import arguments, from_words
from workflows.pilots import CHUNKS, pilot_of_event, pilot_of_scan
from workflows.quantities import positive
from workflows.submission import open_scan

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from skyscan.layout import ScanFolder
    from workflows.commands.plan import Commands
    from workflows.estimates.question import Question

#: Seconds per fit of the question, before the pilot tells.
UNKNOWN = 0.0


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "pilot",
        usage="%(prog)s EVENT (--real-event | --simulated-event) [options]\n"
        "       %(prog)s FOLDER [-n N] [--slots N ...]",
        help="time a few pixels of an event on the pool, and estimate the whole scan",
        description="""Time a few pixels of an event on the pool, and estimate the whole scan.

The pilot is a scan of its own, in a folder of its own: half of its pixels are all over the sky,
the others around the best of these. What its fits, starts and waits took is given to the
estimate. A pilot that has run is not run again.""",
    )
    parser.order = "it comes before the options, because --slots takes what follows it"
    parser.add_argument(
        "what",
        type=Path,
        metavar="EVENT|FOLDER",
        help="event file, or folder of a planned scan",
    )
    parser.add_argument(
        "-n",
        "--number",
        type=positive,
        metavar="N",
        help=f"number of pixels, at least 12, in steps of 4 (default: {CHUNKS}; for "
        f"reconstructions that fit several at once, {CHUNKS} times as many as these)",
    )
    estimate.add_answer(parser)
    add_scan_options(parser, "scan", is_required=False)
    parser.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> ExitCode:
    of = _of_scan if options.what.is_dir() else _of_event
    with redirect_stdout(sys.stderr) if options.json else nullcontext():
        with at_interrupt("Nothing was submitted; the same command begins again."):
            question, pilot = of(options)
        code = _have_run(pilot)
    if code:
        return code
    from workflows.estimates.question import with_pilot

    more = {"pilot": str(pilot.path), "scan": _scan_command(options)}
    estimate.answer(with_pilot(question, pilot), options, more)
    return ExitCode.DONE


def _of_event(options: argparse.Namespace) -> tuple[Question, ScanFolder]:
    from workflows.estimates.question import of_options

    if not (options.real_event or options.simulated_event):
        raise WrongUsage("Say what the event is: --real-event or --simulated-event.")
    of_scan = from_words(options)
    pilot = pilot_of_event(options.what, options.output_dir, of_scan, options.number)
    return of_options(pilot.path.name, of_scan, UNKNOWN), pilot


def _of_scan(options: argparse.Namespace) -> tuple[Question, ScanFolder]:
    from workflows.estimates.question import of_folder

    given = [flag for flag, _ in _given(options)]
    if given:
        raise WrongUsage(
            f"{options.what} is planned with options of its own; {given[0]} is for an event."
        )
    scan = open_scan(options.what)
    return of_folder(scan, UNKNOWN), pilot_of_scan(scan, options.number)


def _have_run(pilot: ScanFolder) -> ExitCode:
    """Run a pilot unless it is complete; return why it is not, or 0."""
    from workflows.reports.writing import last_report

    report = last_report(pilot)
    if report is not None and report.exit_code == ExitCode.DONE:
        print(f"The pilot has run in {pilot.path}; delete it to time the fits again.")
        return ExitCode.DONE
    print(f"Pilot folder: {pilot.path}", flush=True)
    submit_scan(pilot)
    report = watch_to_end(pilot, "pilot")
    if report is None:
        return ExitCode.TRY_AGAIN
    if report.exit_code != ExitCode.DONE:
        print(printable(report.text), end="", file=sys.stderr)
    return ExitCode(report.exit_code)


def _scan_command(options: argparse.Namespace) -> str:
    if options.what.is_dir():
        return shlex.join(["skyscan", "resume", str(open_scan(options.what).path)])
    words = [word for flag, values in _given(options) for word in (flag, *values)]
    return shlex.join(["skyscan", "scan", str(options.what), *words])


def _given(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    """Yield the options of the scan that were given, each as it is written."""
    if options.real_event or options.simulated_event:
        yield "--real-event" if options.real_event else "--simulated-event", []
    if options.output_dir != OUTPUT_DIR:
        yield "--output-dir", [str(options.output_dir)]
    for name, argument in arguments().items():
        value, keywords = getattr(options, name, None), argument.keywords
        if value is None:
            continue
        if keywords.get("action") == "append":
            yield from ((argument.flag, [each]) for each in value)
        elif keywords.get("action") == "store_true" or value == keywords.get("const"):
            yield argument.flag, []
        else:
            yield argument.flag, list(value) if isinstance(value, list) else [str(value)]
