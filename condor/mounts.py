"""The file system that a folder is on, from Linux's ``/proc/self/mountinfo``."""

from __future__ import annotations

import re
from pathlib import Path

MOUNTINFO = Path("/proc/self/mountinfo")


def file_system(path: Path, mountinfo: str | None = None) -> str:
    """Return the type of the file system of a path, such as ``ext4``; empty if unknown.

    Parameters
    ----------
    path : Path
        It need not exist: the file system is then that of its folder.
    mountinfo : str, optional
        The content of ``/proc/self/mountinfo``.
    """
    place = path.resolve()  # looking it up also mounts what is mounted on demand
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
        # A later mount hides an earlier one at the same place.
        if depth >= best and place.is_relative_to(mounted):
            best, kind = depth, after.split()[0]
    return kind


def _plain(word: str) -> str:
    """Replace the kernel's escapes (a backslash and three octal digits) by their characters."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), word)
