"""`skyscan estimate`: what a scan will take, before it is submitted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from skyscan.errors import ExitCode, WrongUsage, printable
from workflows.options import add_to as add_options
from workflows.options import arguments, from_words
from workflows.quantities import not_negative, parse_duration, positive

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from workflows.commands.plan import Commands
    from workflows.estimates.question import Question
    from workflows.parser import Parser

VERSION = 1  #: of the JSON; incremented when a field is removed or changes its meaning


def add_to(commands: Commands) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "estimate",
        usage="%(prog)s EVENT|FOLDER [options]",
        help="estimate what a scan takes: pixels, jobs, CPU hours, time",
    )
    parser.order = "it comes before the options, because --slots takes what follows it"
    parser.add_argument(
        "what",
        type=Path,
        metavar="EVENT|FOLDER",
        help="event file, or folder of a scan: planned, running or ended",
    )
    parser.add_argument(
        "--seconds-per-fit",
        metavar="DURATION",
        help="duration of one fit on a machine of mean speed (default: as measured in the "
        "scan's results, else a known figure of the reconstruction)",
    )
    add_answer(parser)
    add_options(parser)
    parser.set_defaults(run=_run, real_event=False)


def add_answer(parser: Parser) -> None:
    """Add the options of an answer."""
    parser.add_argument(
        "--slots",
        type=positive,
        nargs="+",
        metavar="N",
        help="numbers of slots to compare (default: the cores of this machine; on other sites "
        "100 300 1000; for a scan that has run, as many as it had)",
    )
    parser.add_argument(
        "--seed", type=not_negative, default=0, metavar="N", help="seed (default: %(default)s)"
    )
    parser.add_argument(
        "--no-advice",
        action="store_true",
        help="do not look for better options, which takes longer",
    )
    parser.add_argument("--json", action="store_true", help="print the estimate as JSON")


def _run(options: argparse.Namespace) -> ExitCode:
    answer(_question(options), options)
    return ExitCode.DONE


def answer(
    question: Question,
    options: argparse.Namespace,
    more: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Estimate what a scan takes, and print it as text or as JSON.

    Parameters
    ----------
    question : Question
        The scan and its pool.
    options : Namespace
        The options of `add_answer`.
    more : mapping
        What to print below it, each with its name.
    """
    from workflows.estimates.advice import advise
    from workflows.estimates.estimate import estimate
    from workflows.estimates.text import lines

    setting, behaviour = question.setting, question.behaviour
    slots = options.slots or question.slots
    found = [estimate(setting, behaviour, n, seed=options.seed) for n in slots]
    advice = []
    if not options.no_advice:
        advice = [advise(setting, behaviour, n, seed=options.seed) for n in slots]
    if options.json:
        value = {
            "version": VERSION,
            **asdict(question),
            "estimates": [asdict(it) for it in found],
            "advice": [{**asdict(it), "gain": it.gain} for it in advice],
            **more,
        }
        print(json.dumps(value, indent=1))
        return
    below = [f"  {name:<8}  {text}" for name, text in more.items()]
    print(printable("\n".join([*lines(question, found, advice), *below])))


def _question(options: argparse.Namespace) -> Question:
    from skyscan.prep import read_for
    from workflows.estimates.question import of_folder, of_options
    from workflows.planning.choices import chosen_event
    from workflows.planning.values import source_of
    from workflows.submission import open_scan

    seconds = options.seconds_per_fit
    if seconds is not None:
        seconds = parse_duration(seconds, "--seconds-per-fit")
    if options.what.is_dir():
        given = [
            it.flag for name, it in arguments().items() if getattr(options, name) is not None
        ]
        if given:
            raise WrongUsage(
                f"{options.what} is planned with options of its own; "
                f"{given[0]} is for an event."
            )
        return of_folder(open_scan(options.what), seconds)
    words = from_words(options)
    with chosen_event(options.what, words) as event:
        reading = read_for(words.reco, source_of(event, words))
    return of_options(reading.event.name, words, seconds)
