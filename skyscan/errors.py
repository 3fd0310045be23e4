"""What can go wrong, and the exit code that tells DAGMan what to do about it."""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: How a step says on stderr why it fails; engines indent it in records of their own.
_ERROR = re.compile(r"^\s*skyscan: error: (.*?)(?: \(exit (\d+)\))?$", re.MULTILINE)


class ExitCode(IntEnum):
    """Exit codes of every command and job; DAGMan's RETRY, PRE_SKIP and DEFER use them."""

    #: Done. After Ctrl-C: the scan goes on.
    DONE = 0
    #: Wrong usage: an option or a folder that cannot be.
    WRONG_USAGE = 64
    #: Bad input. The same input fails again, so nothing tries it again.
    BAD_INPUT = 65
    #: A limit was reached (rounds, deadline, failed pixels): a partial map and the reason.
    INCOMPLETE = 69
    #: A bug in skyscan.
    BUG = 70
    #: A failure that another try may not meet.
    TRY_AGAIN = 75
    #: Nothing to do: DAGMan skips the node (PRE_SKIP). DAGMan's scripts only.
    NOTHING_TO_DO = 80
    #: A job wrote a checkpoint and is to be started again (checkpoint_exit_code). Jobs only.
    CHECKPOINT = 85
    #: Not yet: DAGMan runs the script again later (DEFER). DAGMan's scripts only.
    NOT_YET = 99


class SkyscanError(Exception):
    """Root of all errors that a user should read; its text says what, where, what next."""

    exit_code = ExitCode.BUG


class WrongUsage(SkyscanError):
    """The command line asks for something that cannot be."""

    exit_code = ExitCode.WRONG_USAGE


class BadInput(SkyscanError):
    """An input file is not what it should be."""

    exit_code = ExitCode.BAD_INPUT


class DamagedFile(BadInput):
    """A file that skyscan wrote, and that `skyscan resume` has written again."""

    exit_code = ExitCode.TRY_AGAIN


class ScanIncomplete(SkyscanError):
    """A limit ended the scan before it converged."""

    exit_code = ExitCode.INCOMPLETE


class TryAgain(SkyscanError):
    """A failure that another try may not meet."""

    exit_code = ExitCode.TRY_AGAIN


def printable(text: str) -> str:
    """Return text that a terminal only shows: control characters are written out.

    What events, jobs and machines say is repeated in errors and reports; line breaks stay.
    """
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def error_line(message: object, code: int) -> str:
    """Return what a step says on stderr when it fails."""
    return f"skyscan: error: {message} (exit {code:d})"


def last_error_line(log: Path) -> tuple[str, int | None] | None:
    """Return the message and the exit code of the last `error_line` in a file.

    The code is None where the line has none; None alone: there is no such line.
    """
    errors = _ERROR.findall(log.read_text(errors="replace"))
    if not errors:
        return None
    text, code = errors[-1]
    return text, int(code) if code else None
