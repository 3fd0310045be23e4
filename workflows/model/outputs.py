"""The stdout and stderr of jobs: which files there are, and their last lines."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from skyscan.errors import printable
from skyscan.job.progress import read_progress

if TYPE_CHECKING:
    from pathlib import Path

_NAME = re.compile(r"(\d+|[a-z_]+)((?:\.\d+)*)\.(out|err)", re.ASCII)
TAIL = 16384  # bytes from the end of a file that are read
LONGEST = 400  # characters of a line that are shown
_PROGRESS = 256  # bytes from the end of an output that hold its last progress line

#: {(step or batch, "out" or "err"): files, the newest last}
Outputs = dict[tuple[str, str], list[str]]


def outputs_in(folder: Path) -> Outputs:
    """Return the output files of the jobs in a folder of logs, oldest try first."""
    found: dict[tuple[str, str], list[tuple[tuple[int, ...], str]]] = {}
    try:
        names = os.listdir(folder)  # noqa: PTH208  one call for thousands of files
    except OSError:
        return {}
    for name in names:
        match = _NAME.fullmatch(name)
        if match:
            tries = tuple(int(it) for it in match[2].split(".")[1:])
            found.setdefault((match[1], match[3]), []).append((tries, name))
    return {key: [name for _, name in sorted(files)] for key, files in found.items()}


def tail_of(path: Path, size: int = TAIL) -> str:
    """Return the end of a file as text; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def last_lines(text: str, n: int) -> tuple[str, ...]:
    """Return the last lines of a text that are not empty, printable and not too long."""
    lines = (line.rstrip() for line in text.splitlines())
    return tuple(printable(line)[:LONGEST] for line in lines if line)[-n:]


def progress_in(path: str) -> tuple[int, float]:
    """Return the pixels done by a job's output, and when it was written last."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return 0, 0.0
    try:
        status = os.fstat(descriptor)
        content = os.pread(descriptor, _PROGRESS, max(0, status.st_size - _PROGRESS))
    except OSError:
        return 0, 0.0
    finally:
        os.close(descriptor)
    return read_progress(content.decode("utf-8", "replace")) or 0, status.st_mtime
