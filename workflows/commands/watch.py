"""`skyscan watch`: scan every event file that comes into a folder."""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from condor import pool as pools
from condor.contact import paste_line
from condor.credentials import RUNTIME_DIR_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE
from condor.submit import quoted_arguments, submit_lines
from skyscan.errors import BadInput, ExitCode, TryAgain, WrongUsage, printable
from skyscan.layout import fixed
from skyscan.locks import locked
from skyscan.storage import make_folder, write_text
from workflows.checks import preflight
from workflows.checks.regular import special_files
from workflows.commands.interrupts import at_interrupt
from workflows.commands.plan import add_scan_options, plan_from
from workflows.commands.scan import submit_scan
from workflows.engines import engine_of
from workflows.inbox import STATE, Inbox
from workflows.options import from_words
from workflows.plan import check_options
from workflows.planning.variables import VARIABLE_PREFIX, declared_by
from workflows.quantities import parse_duration

if TYPE_CHECKING:
    from workflows.commands.plan import Commands
    from workflows.inbox import Taken
    from workflows.options import Options

USAGE = "%(prog)s DIR (--real-event | --simulated-event) [options]"
SUBMIT_FILE = "watch.sub"
CONDOR = "--condor"
LONGEST = 86400.0  #: seconds between two looks
ENDED = (
    "The watch has ended; submitted scans continue, and the same command takes the "
    "remaining files."
)
#: What the job of HTCondor gets of the environment in which it is submitted, besides the
#: variables of the scans' jobs. Everyone can read a job's environment: no token itself.
GETENV = (
    *("HOME", "USER", "PATH", "LANG", "PYTHONPATH", "CONDOR_CONFIG", "_CONDOR_*", "SKYSCAN_*"),
    *(TOKEN_FILE_VARIABLE, RUNTIME_DIR_VARIABLE),
)


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "watch", usage=USAGE, help="scan each event file that arrives in a folder, once"
    )
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="folder in which event files arrive"
    )
    add_scan_options(parser, "scans")
    add = parser.add_argument_group("watching").add_argument
    add(
        "--interval",
        default="5s",
        metavar="DURATION",
        help="time between two checks; a file is complete if it is the same at both (default: "
        "%(default)s)",
    )
    add("--new-only", action="store_true", help="skip the files that are there at the start")
    add(
        "--once",
        action="store_true",
        help="end when no file in the folder can be scanned any more",
    )
    add(
        CONDOR,
        action="store_true",
        help="only write a submit file, to run the watch as a job of HTCondor on this machine",
    )
    parser.set_defaults(run=_watch)


def _watch(options: argparse.Namespace) -> ExitCode:
    of_scans = from_words(options)
    _check_options(of_scans)
    if options.once and options.condor:
        raise WrongUsage(f"--once: a job that {CONDOR} writes has no end; give one of the two.")
    interval = parse_duration(options.interval, "--interval")
    if interval > LONGEST:
        raise WrongUsage(f"--interval {options.interval!r} is longer than a day.")
    for path, what in special_files(fixed(options.output_dir) / STATE):
        raise BadInput(f"{path} is a {what}. Remove it; its event file may be scanned again.")
    inbox = Inbox(fixed(options.folder), fixed(options.output_dir))
    preflight.require([preflight.place(inbox.output_dir)])
    make_folder(inbox.lock.parent)
    if options.condor:
        return _write_submit_file(inbox, options.words, of_scans)

    def refuse() -> None:
        raise TryAgain(  # the other one may end
            f"Another watch uses {inbox.output_dir}; choose another --output-dir, or end that "
            f"watch."
        )

    with locked(inbox.lock, refuse):
        if options.new_only and inbox.is_new:
            inbox.leave_out()
        inbox.begin()  # if the watch is killed before this, the next one leaves out the rest
        with at_interrupt(ENDED):
            _say(f"watching {inbox.folder}; scans are in {inbox.output_dir}")
            return _look(inbox, options, interval)


def _check_options(of_scans: Options) -> None:
    """Refuse wrong options now: later they would refuse every event for good."""
    try:
        check_options(of_scans)
    except BadInput as error:  # such as an unknown reconstruction
        raise WrongUsage(str(error)) from error


def _look(inbox: Inbox, options: argparse.Namespace, interval: float) -> ExitCode:
    """Look again and again; with ``--once``, until nothing is new."""
    trouble, inbox_is_read = "", False
    while True:
        found = []
        try:
            found = inbox.whole()
            trouble = ""
        except TryAgain as error:  # a file system may come back
            if options.once or not inbox_is_read:
                raise
            if str(error) != trouble:
                trouble = str(error)
                _say(trouble)
        for path in found:
            _take(inbox, path, options)
        if options.once and inbox_is_read and not found:
            return _left(inbox)
        inbox_is_read = True
        time.sleep(interval)


def _left(inbox: Inbox) -> ExitCode:
    """Say which files ``--once`` leaves: they still change, or are to be tried again."""
    waiting = inbox.waiting()
    if not waiting:
        return ExitCode.DONE
    _say(f"not taken yet: {', '.join(waiting)}; watch again later.")
    return ExitCode.TRY_AGAIN


def _take(inbox: Inbox, path: Path, options: argparse.Namespace) -> None:
    def scan(event: Path) -> Path:
        words = argparse.Namespace(**{**vars(options), "event": event})
        folder = plan_from(words)
        if engine_of(folder).state(folder) is None:  # else a watch that was killed submitted it
            submit_scan(folder)
        return folder.path

    try:
        taken = inbox.take(path, scan)
    except TryAgain as error:
        _say(str(error))
        return
    if taken is not None:
        _say(_line(taken))


def _line(taken: Taken) -> str:
    return f"{taken.file}: {taken.state}: {taken.text}"


def _say(text: str) -> None:
    when = time.strftime("%Y-%m-%d %H:%M:%S")
    print(printable(f"{when}  {text}"), flush=True)


def _getenv(of_scans: Options) -> str:
    """Return the variables that the job needs to plan and submit as this shell would."""
    of_jobs = (*declared_by(of_scans.reco), *of_scans.variables)
    more = [name for name in dict.fromkeys(of_jobs) if not name.startswith(VARIABLE_PREFIX)]
    return ", ".join(dict.fromkeys((*GETENV, *more)))


def _write_submit_file(inbox: Inbox, words: list[str], of_scans: Options) -> ExitCode:
    """Write the submit file of the same watch as a job in the local universe."""
    pool = pools.status()
    path = inbox.output_dir / SUBMIT_FILE
    watched = [word for word in words if word != CONDOR]
    text = "\n".join(
        submit_lines(
            {
                "universe": "local",
                "executable": sys.executable,
                # -P: a folder named condor in the current one is not imported
                "arguments": quoted_arguments(["-u", "-P", "-m", "workflows", *watched]),
                "initialdir": str(Path.cwd()),
                "getenv": _getenv(of_scans),
                "output": str(inbox.lock.with_name("watch.out")),
                "error": str(inbox.lock.with_name("watch.err")),
                "log": str(inbox.lock.with_name("watch.log")),
                # It ends by itself only if its command line is wrong; else it starts again.
                "on_exit_remove": f"ExitCode =?= {ExitCode.WRONG_USAGE:d}",
                "batch_name": f"skyscan watch {inbox.folder.name}",
            }
        )
    )
    write_text(path, f"{text}\n")
    print(f"Written. Submit it with:\n{paste_line(['condor_submit', str(path)], pool.pool)}")
    if TOKEN_VARIABLE in os.environ:
        print(
            f"The job does not get {TOKEN_VARIABLE}, because others can read its environment; "
            f"name a file in {TOKEN_FILE_VARIABLE} instead, and renew it."
        )
    if not pool.is_running:
        print("No pool is running; `skyscan pool start` starts one.")
    return ExitCode.DONE
