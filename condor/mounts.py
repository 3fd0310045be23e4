"""On what file system a folder lies, as Linux says in ``/proc/self/mountinfo``."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")


def file_system(path: Path, mountinfo: str | None = None) -> str:
    """Return the type of the file system of a path, such as ``ext4``; empty if unknown.

    Parameters
    ----------
    path : Path
        Need not exist: then it is that of the folder in which it would be.
    mountinfo : str, optional
        The content of ``/proc/self/mountinfo``.
    """
    place = path.resolve()  # the look mounts it, where it is mounted on demand
    if mountinfo is None:
        try:
            mountinfo = MOUNTINFO.read_text(errors="surrogateescape")
        except OSError:
            return ""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        words = before.split()
        if len(words) < 5 or not after:  # noqa: PLR2004  (the fifth is where it is mounted)
            continue
        mounted = Path(_plain(words[4]))
        depth = len(mounted.parts)
        # What was mounted last hides what was there before.
        if depth >= best and place.is_relative_to(mounted):
            best, kind = depth, after.split()[0]
    return kind


def _plain(word: str) -> str:
    """Undo how the kernel writes a space and the like: a backslash and three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), word)
