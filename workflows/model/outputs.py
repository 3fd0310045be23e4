"""The stdout and stderr of jobs: which files there are, and their last lines."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from skyscan.errors import printable
from skyscan.job.progress import read_progress

if TYPE_CHECKING:
    from pathlib import Path

TAIL = 16384  # bytes from the end of a file that are read
LONGEST = 400  # characters of a line that are shown
_PROGRESS = 512  # bytes from the end of an output that hold its last progress line


class Outputs:
    """The output files in a folder of logs, such as ``STEP.0.1.out``.

    It has both stdout and stderr of a job; merge, and jobs of scans that earlier versions
    planned, have a file ``.err`` of their own for stderr.

    Parameters
    ----------
    folder : Path
        The folder; it may be missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._place = str(folder)
        try:
            self.names = os.listdir(folder)  # noqa: PTH208  one call for thousands of files
        except OSError:
            self.names = []
        self._newest: dict[str, dict[str, tuple[list[int], str]]] = {}

    def newest(self, step: str, kind: str) -> str | None:
        """Return the path of the newest output of a step; ``kind`` is ``out`` or ``err``."""
        if kind not in self._newest:
            self._newest[kind] = self._newest_of(f".{kind}")
        found = self._newest[kind].get(step)
        return None if found is None else f"{self._place}/{found[1]}"

    def newest_errors(self, step: str) -> str | None:
        """Return the path of the newest file that has the stderr of a step."""
        return self.newest(step, "err") or self.newest(step, "out")

    def _newest_of(self, ending: str) -> dict[str, tuple[list[int], str]]:
        newest: dict[str, tuple[list[int], str]] = {}
        for name in self.names:
            if not name.endswith(ending):
                continue
            step, *tries = name[: -len(ending)].split(".")
            try:
                found = ([int(it) for it in tries], name)
            except ValueError:  # not of a job
                continue
            if step not in newest or found > newest[step]:
                newest[step] = found
        return newest


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
