"""The command line: `skyscan COMMAND …`."""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from typing import TYPE_CHECKING, NoReturn

from skyscan.errors import ExitCode, SkyscanError
from workflows.commands import demo, inner, plan, scan, status, tools

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """End with our exit code for wrong usage, not argparse's."""
        self.print_usage(sys.stderr)
        self.exit(int(ExitCode.WRONG_USAGE), f"skyscan: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Errors are one line on stderr."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except SkyscanError as error:
        print(f"skyscan: error: {error}", file=sys.stderr)
        return int(error.exit_code)
    except BrokenPipeError:  # `skyscan status | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.DONE)
    except OSError as error:
        print(f"skyscan: error: {error}", file=sys.stderr)
        return int(ExitCode.TRY_AGAIN)
    except Exception:  # noqa: BLE001  a bug: its traceback is what the developers need
        traceback.print_exc()
        print("skyscan: error: this is a bug; please report the lines above.", file=sys.stderr)
        return int(ExitCode.BUG)


def _parser() -> argparse.ArgumentParser:
    from importlib.metadata import version

    parser = _Parser(
        prog="skyscan",
        description="Scan the sky for the origin of an IceCube event, on HTCondor.",
        epilog="Exit codes: 0 done, 64 wrong usage, 65 bad input, 69 a limit was reached "
        "(partial map), 70 bug, 75 try again.",
    )
    parser.add_argument("--version", action="version", version=f"skyscan {version('skyscan')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    for module in (scan, plan, status, tools, demo, inner):
        module.add_to(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
