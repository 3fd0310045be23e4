"""The command line: `skyscan COMMAND …`."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING

from skyscan import __version__
from skyscan.errors import NO_SUCH_PLACE, ExitCode, SkyscanError, printable, without_middle
from skyscan.program import OUT_OF_MEMORY, cannot_import, is_of_an_import, is_of_memory
from workflows import history
from workflows.commands import HIDDEN, MODULES, examples
from workflows.parser import Parser

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import ModuleType
    from typing import TextIO

    from workflows.commands.plan import Commands


NOWHERE = "the current folder was deleted, or cannot be entered: cd to another one."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Errors are one line on stderr."""
    _escape_what_cannot_be_encoded()
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else list(arguments))
        finally:
            if sys.stdout is not None:  # here, where an error is not a traceback
                sys.stdout.flush()
    except KeyboardInterrupt as end:
        return interrupted(str(end))
    except BrokenPipeError:  # `skyscan status | head`
        _close_outputs()
        return int(ExitCode.DONE)
    except OSError as error:
        _close_outputs()
        _say(f"skyscan: error: the output: {error}")
        return int(ExitCode.TRY_AGAIN)


def _say(text: str) -> None:
    """Write to stderr; where that cannot be written, the exit code says the same."""
    try:
        print(printable(without_middle(text)), file=sys.stderr, flush=True)
    except OSError:  # a full disk, or its reader has ended
        _to_nowhere(sys.stderr)


def _escape_what_cannot_be_encoded() -> None:
    """Let a locale without the characters of a path or a name be no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            with suppress(OSError):  # what is still to be written cannot be
                stream.reconfigure(errors="backslashreplace")


def interrupted(what_goes_on: str = "") -> int:
    """Say that Ctrl-C has ended the command; another one is too late for a traceback."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _say(f"\nskyscan: interrupted. {what_goes_on}".rstrip())
    return int(ExitCode.INTERRUPTED)


def _close_outputs() -> None:
    """Let what is still to be written to stdout go nowhere: its reader has ended."""
    _to_nowhere(sys.stdout)


def _to_nowhere(stream: TextIO | None) -> None:
    with suppress(OSError, ValueError, AttributeError):  # of a test, or closed
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[union-attr]


def _run(words: list[str]) -> int:
    if any("\0" in word for word in words):
        _say("skyscan: error: an argument has a NUL character.")
        return int(ExitCode.WRONG_USAGE)
    options = _parser(words).parse_args(words)
    options.words, options.make_parser = words, user_parser
    history.begin(words)
    of_dagman = bool(_of_dagman(words))
    try:
        if not of_dagman:
            _check_configuration()
        return int(options.run(options))
    except SkyscanError as error:
        _say(f"skyscan: error: {error}")
        return int(error.exit_code)
    except BrokenPipeError:
        raise
    except (OSError, MemoryError) as error:
        return _failed(error, is_of_user=not of_dagman)
    except Exception as error:  # noqa: BLE001  a bug: developers need its traceback
        return _unexpected(error)
    finally:
        history.begin(())


def _failed(error: OSError | MemoryError, *, is_of_user: bool) -> int:
    """Say what the machine refused; return whether another try may help."""
    if _is_nowhere():
        text, code = NOWHERE, ExitCode.WRONG_USAGE
    elif isinstance(error, MemoryError):
        text, code = OUT_OF_MEMORY, ExitCode.TRY_AGAIN
    elif is_of_user and error.errno in NO_SUCH_PLACE:
        text, code = f"{error}; choose another path.", ExitCode.WRONG_USAGE
    else:
        text, code = str(error), ExitCode.TRY_AGAIN
    _say(f"skyscan: error: {text}")
    return int(code)


def _check_configuration() -> None:
    """Check HTCondor's configuration; DAGMan has read it itself before it calls a command."""
    from condor.configuration import check_configuration

    check_configuration()


def _unexpected(error: Exception) -> int:
    if isinstance(error, RuntimeError) and "Symlink loop" in str(error):  # before Python 3.13
        _say(f"skyscan: error: {error}; choose another path.")
        return int(ExitCode.WRONG_USAGE)
    if is_of_memory(error):
        _say(f"skyscan: error: {OUT_OF_MEMORY}")
        return int(ExitCode.TRY_AGAIN)
    if is_of_an_import(error):
        _say(cannot_import(error))
        return int(ExitCode.WRONG_USAGE)
    with suppress(OSError):
        traceback.print_exception(error)
    _say("skyscan: error: this is a bug; please report the lines above.")
    return int(ExitCode.BUG)


def _is_nowhere() -> bool:
    """Return whether the current folder was deleted, so that no relative path works."""
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def load(words: Sequence[str]) -> None:
    """Import the modules of a command line, whose errors may be those of any package."""
    for module in _of_dagman(words) or _of_users(words):
        _module(module)


def _parser(words: Sequence[str]) -> Parser:
    """Return the parser of the users' commands, or of the hidden ones that DAGMan calls."""
    hidden_modules = _of_dagman(words)
    if not hidden_modules:
        return user_parser(_of_users(words))
    of_dagman = Parser(prog="skyscan", description="Commands that DAGMan calls.")
    hidden: Commands = of_dagman.add_subparsers(required=True, metavar="COMMAND")
    for module in hidden_modules:
        _module(module).add_to_hidden(hidden)
    return of_dagman


def _of_dagman(words: Sequence[str]) -> list[str]:
    """Return the module of a command that DAGMan calls; empty for another command."""
    return [module for module, names in HIDDEN.items() if words and words[0] in names]


def _of_users(words: Sequence[str]) -> list[str]:
    """Return the module of a user's command; all of them if the command is not known."""
    if words and words[0] == "--version":
        return []
    found = [module for module, names in MODULES.items() if words and words[0] in names]
    return found or list(MODULES)


def _module(name: str) -> ModuleType:
    return import_module(f"workflows.commands.{name}")


def user_parser(modules: Iterable[str] = MODULES) -> Parser:
    """Return the parser of the users' commands, or of those that some modules add."""
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
    commands: Commands = parser.add_subparsers(
        title="commands",
        description="`skyscan COMMAND --help` lists the options of a command",
        required=True,
        metavar="COMMAND",
    )
    for module in modules:
        _module(module).add_to(commands)
    for name, command in commands.choices.items():
        command.epilog = examples.text(name)
    for action in commands._choices_actions:  # noqa: SLF001  (nothing else keeps the help)
        about = action.help or ""
        command = commands.choices[action.dest]
        command.description = command.description or f"{about[:1].upper()}{about[1:]}."
    return parser


if __name__ == "__main__":
    sys.exit(main())
