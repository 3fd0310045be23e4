"""The commands that planned and submitted a scan, kept in its folder."""

from __future__ import annotations

import os
import shlex
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from skyscan.errors import printable
from skyscan.regular import open_to_append

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from skyscan.layout import ScanFolder

#: Their values may have secrets, and a scan folder is shown to others.
_HIDDEN = "--notify"
HIDDEN = "..."
MAX_LINES, MAX_LENGTH = 200, 4000
MAX_BYTES = MAX_LINES * MAX_LENGTH  #: of the file, from its end
#: A command may name thousands of events, and each of their scans records it.
MAX_COMMAND = 3000
_running: list[str] = []  # the words of the command of this process


def begin(words: Sequence[str]) -> None:
    """Remember the command of this process."""
    _running[:] = words


def record(folder: ScanFolder) -> None:
    """Add the command of this process to those of a scan, once; none from Python."""
    if not _running:
        return
    text = command_text(_running)
    lines = commands_of(folder)
    if lines and lines[-1].partition(" ")[2] == text:
        return
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with suppress(OSError), open_to_append(folder.commands) as file:
        file.write(f"{now} {text}\n")


def commands_of(folder: ScanFolder) -> list[str]:
    """Return the recorded commands of a scan, each with its time, the last ones if many."""
    try:
        with folder.commands.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_BYTES))
            text = file.read(MAX_BYTES).decode(errors="replace")
    except OSError:
        return []
    lines = [line for line in text.splitlines() if line.strip()]
    return [printable(line[:MAX_LENGTH]) for line in lines[-MAX_LINES:]]


def command_text(words: Sequence[str]) -> str:
    """Return a command as it can be pasted, without the value of ``--notify``.

    One that is too long is cut.
    """
    text = printable(shlex.join(["skyscan", *_shown(words)]).replace("\n", " "))
    return text if len(text) <= MAX_COMMAND else f"{text[:MAX_COMMAND]} {HIDDEN}"


def _shown(words: Sequence[str]) -> Iterator[str]:
    hide = False
    for word in words:
        if hide:
            yield HIDDEN
        elif word.startswith(f"{_HIDDEN}="):
            yield f"{_HIDDEN}={HIDDEN}"
        else:
            yield word
        hide = word == _HIDDEN
