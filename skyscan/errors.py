"""The errors of a scan, and the exit codes that tell DAGMan how to react."""

from __future__ import annotations

import errno
import re
from enum import IntEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The error message of a step on stderr; engines indent it in their own records.
_ERROR = re.compile(r"^\s*skyscan: error: (.*?)(?: \(exit (\d+)\))?$", re.MULTILINE)

#: Errors of a path that remain however often it is tried: a file is in the place of a folder, a
#: link leads to itself, or the path is too long.
NO_SUCH_PLACE = frozenset(
    (errno.EEXIST, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.ENOTDIR)
)

MAX_MESSAGE, KEPT = 4000, 1500  # characters of a message, and of each end of a longer one
_NUMBER = re.compile(r"0x[0-9a-fA-F]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", re.ASCII)


class ExitCode(IntEnum):
    """Exit codes of every command and job; DAGMan's RETRY, PRE_SKIP and DEFER use them."""

    #: Done.
    DONE = 0
    #: Wrong usage: an option or a folder that is not valid.
    WRONG_USAGE = 64
    #: Bad input, which would fail again, so it is not tried again.
    BAD_INPUT = 65
    #: A limit was reached (rounds, deadline, failed pixels): a partial map and the reason.
    INCOMPLETE = 69
    #: A bug in skyscan.
    BUG = 70
    #: A temporary failure: another try may succeed.
    TRY_AGAIN = 75
    #: Nothing to do: DAGMan skips the node (PRE_SKIP). DAGMan's scripts only.
    NOTHING_TO_DO = 80
    #: A job wrote a checkpoint and must be started again (checkpoint_exit_code). Jobs only.
    CHECKPOINT = 85
    #: Not yet: DAGMan runs the script again later (DEFER). DAGMan's scripts only.
    NOT_YET = 99
    #: Interrupted by Ctrl-C, which does not stop a scan that was submitted. Commands only.
    INTERRUPTED = 130


class SkyscanError(Exception):
    """Base of all errors that a user reads: what is wrong, where, and what to do next."""

    exit_code = ExitCode.BUG


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, with what goes on, and how to see it."""


class WrongUsage(SkyscanError):
    """The command line is not valid."""

    exit_code = ExitCode.WRONG_USAGE


class BadInput(SkyscanError):
    """An input file is not valid."""

    exit_code = ExitCode.BAD_INPUT


class DamagedFile(BadInput):
    """A file that skyscan wrote is damaged; `skyscan resume` writes it again."""

    exit_code = ExitCode.TRY_AGAIN


class ScanIncomplete(SkyscanError):
    """A limit ended the scan before it converged."""

    exit_code = ExitCode.INCOMPLETE


class TryAgain(SkyscanError):
    """A temporary failure: another try may succeed."""

    exit_code = ExitCode.TRY_AGAIN


def without_middle(text: str) -> str:
    """Return a message that repeats a very long word, such as an option's value, shortened."""
    return text if len(text) <= MAX_MESSAGE else f"{text[:KEPT]} ... {text[-KEPT:]}"


def in_words(error: Exception) -> str:
    """Return the class of an error and its text, without the data that it may hold."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def printable(text: str) -> str:
    """Return text with control characters escaped, except line breaks.

    Errors and reports repeat text from events, jobs and machines, which must not control the
    terminal.
    """
    return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(character: str) -> str:
    if "\udc80" <= character <= "\udcff":  # a byte of a file's name that is not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return ascii(character)[1:-1]


class Alike(NamedTuple):
    """Texts that differ only in numbers: ``text`` has N for these, ``example`` is the first."""

    text: str
    n: int
    example: str


def grouped(texts: Iterable[str]) -> list[Alike]:
    """Return texts by kind, the most frequent first; numbers that differ do not count."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for text in texts:
        alike.setdefault(tuple(_NUMBER.split(text)), []).append(text)
    found = [Alike(_pattern(words, same), len(same), same[0]) for words, same in alike.items()]
    return sorted(found, key=lambda it: (it.n, it.text), reverse=True)


def _pattern(words: tuple[str, ...], texts: list[str]) -> str:
    columns = zip(*(_NUMBER.findall(text) for text in texts), strict=True)
    numbers = ["N" if len(set(column)) > 1 else column[0] for column in columns]
    return "".join(word + number for word, number in zip(words, [*numbers, ""], strict=True))


def one_line(text: str) -> str:
    """Return text as one printable line: what others wrote may not make lines of a report."""
    return printable(" ".join(text.split()))


def error_line(message: object, code: int) -> str:
    """Return the line that a step prints on stderr when it fails."""
    return f"skyscan: error: {one_line(str(message))} (exit {code:d})"


def last_error_in(text: str) -> tuple[str, int | None] | None:
    """Return the message and the exit code of the last `error_line` in a text, or None."""
    errors = _ERROR.findall(text)
    if not errors:
        return None
    message, code = errors[-1]
    return message, int(code) if code else None
