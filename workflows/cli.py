"""The command line: `skyscan COMMAND …`."""

from __future__ import annotations

import os
import sys
import traceback
from typing import TYPE_CHECKING

from condor.configuration import check_configuration
from skyscan import __version__
from skyscan.errors import ExitCode, SkyscanError, printable
from workflows.commands import (
    abort,
    alert,
    calibrate,
    campaign,
    compare,
    demo,
    estimate,
    events,
    examples,
    inner,
    listing,
    plan,
    plot,
    rerun,
    scan,
    shells,
    simulate,
    status,
    tools,
    watch,
    why,
)
from workflows.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Sequence


OUT_OF_MEMORY = "out of memory: free some, or raise the limit of this shell (ulimit -v)."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Errors are one line on stderr."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    if any("\0" in word for word in words):
        print("skyscan: error: an argument has a NUL character.", file=sys.stderr)
        return int(ExitCode.WRONG_USAGE)
    options = _parser(words).parse_args(words)
    options.words = words
    try:
        check_configuration()
        return int(options.run(options))
    except SkyscanError as error:
        print(printable(f"skyscan: error: {error}"), file=sys.stderr)
        return int(error.exit_code)
    except BrokenPipeError:  # `skyscan status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except (OSError, MemoryError) as error:
        text = OUT_OF_MEMORY if isinstance(error, MemoryError) else error
        print(printable(f"skyscan: error: {text}"), file=sys.stderr)
        return int(ExitCode.TRY_AGAIN)
    except Exception:  # noqa: BLE001  a bug: developers need its traceback
        traceback.print_exc()
        print("skyscan: error: this is a bug; please report the lines above.", file=sys.stderr)
        return int(ExitCode.BUG)


def _parser(words: Sequence[str]) -> Parser:
    """Return the parser of the users' commands, or of the hidden ones that DAGMan calls."""
    of_dagman = Parser(prog="skyscan", description="Commands that DAGMan calls.")
    hidden: plan.Commands = of_dagman.add_subparsers(required=True, metavar="COMMAND")
    inner.add_to(hidden)
    campaign.add_to_hidden(hidden)
    if words and words[0] in hidden.choices:
        return of_dagman

    return user_parser()


def user_parser() -> Parser:
    """Return the parser of the users' commands."""
    parser = Parser(
        prog="skyscan",
        description="Scan the sky for the origin of an IceCube event, on HTCondor.",
        epilog="Exit codes: 0 done, 64 wrong usage, 65 bad input, 69 a limit was reached\n"
        "(partial map), 70 bug, 75 try again.",
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"skyscan {__version__}",
        help="show the version and exit",
    )
    commands: plan.Commands = parser.add_subparsers(
        title="commands",
        description="`skyscan COMMAND --help` lists the options of a command",
        required=True,
        metavar="COMMAND",
    )
    for module in (
        demo,
        scan,
        campaign,
        watch,
        plan,
        estimate,
        events,
        status,
        why,
        listing,
        plot,
        alert,
        compare,
        calibrate,
        abort,
        rerun,
        simulate,
        tools,
    ):
        module.add_to(commands)
    shells.add_to(commands, user_parser)
    for name, command in commands.choices.items():
        command.epilog = examples.text(name)
    for action in commands._choices_actions:  # noqa: SLF001  (nothing else keeps the help)
        about = action.help or ""
        command = commands.choices[action.dest]
        command.description = command.description or f"{about[:1].upper()}{about[1:]}."
    return parser


if __name__ == "__main__":
    sys.exit(main())
